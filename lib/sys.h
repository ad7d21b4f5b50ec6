/*
 * System calls, structures and constants that the C library does not have yet. The one place for #if: everywhere
 * else the kernel is asked at run time.
 */
#ifndef LIB_SYS_H
#define LIB_SYS_H

#include <fcntl.h>
#include <linux/landlock.h>
#include <linux/openat2.h>
#include <linux/sched.h>
#include <sched.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/pidfd.h>
#include <sys/types.h>

#ifndef PIDFD_SELF_THREAD_GROUP
#define PIDFD_SELF_THREAD_GROUP -10001
#endif
#ifndef MOVE_MOUNT_BENEATH
#define MOVE_MOUNT_BENEATH 0x00000200
#endif
#ifndef MFD_NOEXEC_SEAL
#define MFD_NOEXEC_SEAL 0x0008U
#endif
#ifndef MFD_EXEC
#define MFD_EXEC 0x0010U
#endif
#ifndef F_SEAL_EXEC
#define F_SEAL_EXEC 0x0020
#endif
#ifndef MOUNT_ATTR_NOSYMFOLLOW
#define MOUNT_ATTR_NOSYMFOLLOW 0x00200000
#endif
#ifndef LANDLOCK_ACCESS_FS_TRUNCATE
#define LANDLOCK_ACCESS_FS_TRUNCATE (1ULL << 14)
#endif
#ifndef CLONE_NEWTIME
#define CLONE_NEWTIME 0x00000080
#endif

/*
 * What a system call is made of on this machine, for whoever has a traced thread make one: how many words NT_PRSTATUS has,
 * and which of them are its number, its arguments, its result, the next instruction, the stack, and what has a call made again
 * (-1: nothing); and the instruction. All is 0 where that is not known.
 */
struct sys_call_layout {
	int words, number, arguments[4], result, next, stack, again;
	size_t instruction_len;
	unsigned char instruction[4];
};
#if defined(__x86_64__)
#define SYS_CALL_LAYOUT { 27, 10, { 14, 13, 12, 7 }, 10, 16, 19, 15, 2, { 0x0f, 0x05 } }
#elif defined(__aarch64__)
#define SYS_CALL_LAYOUT { 34, 8, { 0, 1, 2, 3 }, 0, 32, 31, -1, 4, { 0x01, 0x00, 0x00, 0xd4 } }
#else
#define SYS_CALL_LAYOUT { 0 }
#endif

/* What the kernel knows of the process behind a pidfd, also when that has ended; since Linux 6.13. */
struct sys_pidfd_info {
	uint64_t mask;
	uint64_t cgroup_id;
	uint32_t pid, tgid, ppid;
	uint32_t ruid, rgid, euid, egid, suid, sgid, fsuid, fsgid;
	int32_t exit_code; /* a wait status */
};
enum { SYS_PIDFD_INFO_EXIT = 1 << 3 }; /* since 6.15; once it was waited for */
#define SYS_PIDFD_GET_INFO _IOWR(0xff, 11, struct sys_pidfd_info)

/*
 * clone3(2) without a stack of its own: like fork(2), the child continues here. Returns the child's pid, 0 in the
 * child, -1 with errno. The C library's fork handlers do not run.
 */
pid_t sys_clone3(struct clone_args *args);

int sys_openat2(int dirfd, const char *path, uint64_t flags, uint64_t mode, uint64_t resolve);
int sys_pivot_root(const char *new_root, const char *put_old);
int sys_close_range(unsigned first, unsigned last, unsigned flags);
int sys_execveat(int dirfd, const char *path, char *const argv[], char *const envp[], int flags);
int sys_bpf(int cmd, void *attr, size_t size);

#endif
