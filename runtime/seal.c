#include "runtime/seal.h"

#include "lib/fd.h"
#include "lib/sys.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <link.h>
#include <stdbool.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <unistd.h>

enum { SEALS = F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE };

extern char **environ;

/*
 * How much of the file the kernel loads: what lies behind is symbols for debuggers, often most of it. By the headers
 * of the program as it runs.
 */
static off_t loaded_size(void)
{
	const ElfW(Phdr) *header = (const void *)getauxval(AT_PHDR);
	off_t size = 0;

	for (unsigned long i = 0; header && i < getauxval(AT_PHNUM); i++) {
		off_t end = (off_t)(header[i].p_offset + header[i].p_filesz);
		if (header[i].p_type == PT_LOAD && end > size)
			size = end;
	}
	return size;
}

static int copy_to_memory(int self, off_t size, struct err *e)
{
	/* Kernels before 6.3 do not know MFD_EXEC; newer ones may be told to want it. */
	int fd = memfd_create("ferry", MFD_CLOEXEC | MFD_ALLOW_SEALING | MFD_EXEC);
	if (fd < 0 && errno == EINVAL)
		fd = memfd_create("ferry", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	if (fd < 0)
		return err_set(e, errno, "make a file in memory");

	cleanup_close int copy = fd;
	while (size > 0) {
		ssize_t n = sendfile(copy, self, NULL, (size_t)size);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return err_set(e, n < 0 ? errno : EIO, "copy the program to memory");
		size -= n;
	}
	/* Since 6.3 the mode can be sealed too. */
	if (fcntl(copy, F_ADD_SEALS, SEALS | F_SEAL_EXEC) < 0 && fcntl(copy, F_ADD_SEALS, SEALS) < 0)
		return err_set(e, errno, "seal the program's copy");
	return take_fd(&copy);
}

/*
 * Whether the file is safe as it is: its contents are verified, or whoever runs in a container of ours has no more
 * rights to it than we have, which are none. That is so for an ordinary user, and for root of a user namespace (where
 * unmapped owners are shown as nobody), with a program that the host's root has installed.
 */
static bool out_of_reach(int self, const struct statx *st)
{
	enum { NOBODY = 65534 };
	uid_t owner = geteuid() == 0 ? NOBODY : 0;

	if (st->stx_attributes & STATX_ATTR_VERITY)
		return true;
	if (st->stx_uid != owner || st->stx_mode & 022)
		return false;
	return faccessat(self, "", W_OK, AT_EACCESS | AT_EMPTY_PATH) < 0 && errno == EACCES;
}

/* 1: executed from a sealed copy; 0: not; -errno. */
static int is_sealed(int self)
{
	int seals = fcntl(self, F_GET_SEALS);
	return seals >= 0 && (seals & SEALS) == SEALS;
}

int seal_check(struct err *e)
{
	char path[PATH_MAX];
	struct stat here, self;
	ssize_t n = readlink("/proc/self/exe", path, sizeof(path) - 1);

	if (n < 0)
		return err_set(e, errno, "read '/proc/self/exe' (is /proc mounted?)");
	path[n] = '\0';
	if (stat("/proc/self/exe", &self) < 0)
		return err_set(e, errno, "stat '/proc/self/exe'");
	if (stat(path, &here) == 0 && here.st_dev == self.st_dev && here.st_ino == self.st_ino)
		return 0;
	cleanup_close int fd = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
	if (fd >= 0 && is_sealed(fd))
		return 0;
	return err_say(e, EPERM, "this program's own file is not where it was executed from: refusing to run");
}

int seal_self(char **argv, struct err *e)
{
	struct statx st;
	cleanup_close int self = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);

	if (self < 0)
		return err_set(e, errno, "open '/proc/self/exe'");
	if (is_sealed(self)) {
		/* The kernel names a process executed by descriptor after the number. */
		prctl(PR_SET_NAME, "ferry");
		return 0;
	}
	if (statx(self, "", AT_EMPTY_PATH, STATX_SIZE | STATX_UID | STATX_MODE, &st) < 0)
		return err_set(e, errno, "stat '/proc/self/exe'");
	if (out_of_reach(self, &st))
		return 0;
	off_t size = loaded_size();
	cleanup_close int copy = copy_to_memory(self, size && size < (off_t)st.stx_size ? size : (off_t)st.stx_size, e);
	if (copy < 0)
		return copy;
	sys_execveat(copy, "", argv, environ, AT_EMPTY_PATH);
	return err_set(e, errno, "execute the program's sealed copy");
}
