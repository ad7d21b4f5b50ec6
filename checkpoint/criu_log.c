#include "checkpoint/criu_log.h"

#include "lib/buf.h"
#include "lib/fd.h"
#include "lib/file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>

enum { TAIL_BYTES = 4 << 20 };

/* The first that fits counts; more special ones stand before more general ones. @also may be NULL. */
static const struct {
	const char *part, *also, *words, *advice;
} known[] = {
	/* dumps */
	{ "Connected TCP socket in image", NULL, "the image has established TCP connections",
	  "give --tcp-established, or --tcp-close" },
	{ "Connected TCP socket", NULL, "a process has an established TCP connection", "give --tcp-established" },
	{ "In-flight connection", NULL, "a TCP connection is waiting to be accepted",
	  "give --tcp-skip-in-flight, or try again" },
	{ "External socket is used", NULL, "a unix socket is connected to a process outside of the container",
	  "give --ext-unix-sk, or close it" },
	{ "Can't dump half of stream unix", NULL, "a unix stream socket is connected to a process outside of the container",
	  "close it before the checkpoint" },
	{ "Can't dump name-less external", NULL,
	  "a unix socket is connected to one outside of the container that has no name", "close it before the checkpoint" },
	{ "Unix socket", "without peer", "a unix socket is connected to a process outside of the container",
	  "close it before the checkpoint" },
	{ "on an in-flight socket", NULL, "a process has sent data by a unix socket that nobody has accepted yet",
	  "try again when it is accepted" },
	{ "increase limit", NULL, "a deleted file that is still open is too big",
	  "close it, or allow criu more by 'ghost-limit SIZE' in its configuration file" },
	{ "file locks are hold", NULL, "a process holds a file lock", "give --file-locks" },
	{ "link-remap", NULL, "a file that is open was deleted under its name and has another", "give --link-remap" },
	{ "--shell-job", NULL, "a process belongs to a session that began outside of the container", "give --shell-job" },
	{ "session leader", NULL, "a process belongs to a session that began outside of the container",
	  "give --shell-job" },
	{ "[io_uring]", NULL, "a process uses io_uring", "let the program do without it" },
	/* The kernel lets no descriptor of one be handed over. */
	{ "send_fds failed (-22)", NULL, "a process uses io_uring", "let the program do without it" },
	{ "Unsupported proto 262", NULL, "a process has a socket of multipath TCP",
	  "let it use TCP: with Go 1.24 and newer GODEBUG=multipathtcp=0" },
	{ "Unsupported proto", NULL, "a process has a socket of a protocol that criu does not know", "close it" },
	{ "Unknown socket collected", NULL, "a process has a socket of a protocol that criu does not know", "close it" },
	{ "Can't dump nested", NULL, "a process has a namespace of its own below the container's", "end the process" },
	{ "Can't dump file", NULL, "a process has a device or descriptor open that criu does not know", "close it" },
	{ "non-regular mapping", NULL, "a process has memory of a device mapped", "end what uses the device" },
	{ "Unsupported mapping", NULL, "a process has memory of a device mapped", "end what uses the device" },
	{ "SysVIPC shmem", NULL, "a process uses shared memory of System V that is not the container's own",
	  "give the container an IPC namespace of its own" },
	{ "Unseizable non-zombie", NULL, "a process cannot be stopped: something traces it", "end the debugger or tracer" },
	{ "Timeout reached", NULL, "a process did not stop in time", "try again when it does not wait for a device" },
	{ "proper root mount", NULL, "a part of a file system is mounted that is not mounted as a whole",
	  "unmount it, or make it one of the container's mounts" },
	{ "unreachable sharing", NULL, "a mount is shared with one outside of the container", "make it private" },
	{ "Can't lookup mount", NULL, "a file is open on a mount that is gone or of another namespace", "close it" },
	{ "iptables", NULL, "the network could not be locked by iptables",
	  "install iptables, or give --network-lock nftables" },
	{ "nftables", NULL, "the network could not be locked by nftables", "give --network-lock iptables" },
	{ "Locking network failed", NULL, "the network could not be locked", "give --network-lock nftables or iptables" },
	{ "vdso", NULL, "this criu does not know this kernel", "use a newer criu" },
	{ "vvar", NULL, "this criu does not know this kernel", "use a newer criu" },
	{ "Can't get 1:", "Operation not supported", "this criu does not know this kernel's sockets",
	  "use criu 4.2 or a newer one" },
	/* restores */
	{ "has bad size", NULL, "a file has another size than at the checkpoint", "restore with the files of that moment" },
	{ "has bad mode", NULL, "a file has other permissions than at the checkpoint",
	  "restore with the files of that moment" },
	{ "File exists", "Can't fork", "a process id of the container is in use", "end that process, or restart the machine" },
	{ "Pid ", "do not match expected", "a process id of the container is in use",
	  "end that process, or restart the machine" },
	{ "No mapping for", NULL, "a mount of the checkpoint is not in this configuration",
	  "restore with the mounts of that moment" },
	{ "Can't bind inet socket", NULL, "an address or port of the container is not there, or is in use",
	  "restore with its addresses, and end what uses the port" },
	{ "Can't connect inet socket", NULL, "a connection of the container cannot be made again",
	  "restore with its addresses, or give --tcp-close" },
	{ "cpu:", "do not match", "this machine's processor lacks a feature that the checkpoint needs",
	  "restore on a machine with the same features" },
	{ "cpu:", "not supported", "this machine's processor lacks a feature that the checkpoint needs",
	  "restore on a machine with the same features" },
	{ "CPU", "not supported", "this machine's processor lacks a feature that the checkpoint needs",
	  "restore on a machine with the same features" },
	{ "splice", "Bad file descriptor", "pipes may not be as big as lazy pages need them",
	  "set fs.pipe-max-size to 4194304" },
	{ "lazy-pages", NULL, "the daemon of lazy pages does not answer",
	  "start 'criu lazy-pages' in the same work directory" },
	{ "magic doesn't match", NULL, "an image is damaged", "restore another one" },
	{ "Can't open image", NULL, "an image is missing", "restore another one, with those it is based on" },
	{ "Unable to open", ".img", "an image is missing", "restore another one, with those it is based on" },
	{ "Can't open file", "No such file", "a file that was open is missing", "restore with the files of that moment" },
	/* both */
	{ "Unable to connect a socket", "Network is unreachable", "the loopback of this network namespace is down",
	  "ip link set lo up" },
	{ "connect to server", NULL, "the page server is not reached",
	  "start 'criu page-server' there, and give its address and port by --page-server" },
	{ "Failed to resolve hostname", NULL, "the address of the page server is none", "give another by --page-server" },
	{ "No space left on device", NULL, "the file system is full", "make room" },
	{ "Disk quota exceeded", NULL, "the file system's quota is used up", "make room" },
	{ "Cannot allocate memory", NULL, "there is not enough memory", "make room" },
	{ "CAP_CHECKPOINT_RESTORE", NULL, "criu lacks rights", "become root" },
};

/* What only says that something before has failed; and what CRIU complains of and goes on. */
static const char *const consequences[] = {
	"rlimit: Can't setup", "Dumping FAILED",   "Pre-dumping FAILED", "Restoring FAILED", "exited, status=",
	"killed by signal",    "Can't make ",	   "Dump files (pid:",	 "failed with -1",
	"Unable to detach from",
};

/* Why it fails, and yet not marked as an error. */
static const char unmarked[] = "Can't connect to server ";

static const char *find_in(const char *line, size_t n, const char *part)
{
	return memmem(line, n, part, strlen(part));
}

/* Only the time, a pid and "pie: " stand before it: a name in another message may hold anything. */
static const char *at_begin(const char *line, size_t n, const char *part)
{
	const char *at = find_in(line, n, part);

	return !at || memchr(line, '/', (size_t)(at - line)) || at - line > 48 ? NULL : at;
}

/* CRIU's words in a line like "(00.012345) 17: Error (criu/sk-inet.c:189): words"; NULL: it is no error. */
static const char *error_of(const char *line, size_t n)
{
	const char *at = at_begin(line, n, "Error (");

	if (!at)
		return at_begin(line, n, unmarked);
	const char *end = find_in(at, n - (size_t)(at - line), "): ");
	return end ? end + 3 : NULL;
}

/* A row of the table, or -1. */
static int row_of(const char *words, size_t n)
{
	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
		if (find_in(words, n, known[i].part) && (!known[i].also || find_in(words, n, known[i].also)))
			return (int)i;
	return -1;
}

static bool is_consequence(const char *words, size_t n)
{
	for (size_t i = 0; i < sizeof(consequences) / sizeof(consequences[0]); i++)
		if (find_in(words, n, consequences[i]))
			return true;
	return false;
}

/* Without what would make more than one line of it. */
static void keep_line(struct criu_cause *ret, const char *words, size_t n)
{
	n = n < sizeof(ret->line) ? n : sizeof(ret->line) - 1;
	for (size_t i = 0; i < n; i++)
		ret->line[i] = (unsigned char)words[i] < ' ' ? ' ' : words[i];
	while (n > 0 && (ret->line[n - 1] == ' ' || ret->line[n - 1] == '.'))
		n--;
	ret->line[n] = '\0';
}

bool criu_log_cause(const char *log, struct criu_cause *ret)
{
	bool found = false, real = false;

	*ret = (struct criu_cause){ 0 };
	for (const char *end; *log; log = *end ? end + 1 : end) {
		end = log + strcspn(log, "\n");
		const char *words = error_of(log, (size_t)(end - log));
		if (!words)
			continue;
		size_t n = (size_t)(end - words);
		int row = row_of(words, n);
		if (row >= 0) {
			keep_line(ret, words, n);
			ret->words = known[row].words;
			ret->advice = known[row].advice;
			return true;
		}
		/* Nobody knows it: the first that is no consequence, or else the first. */
		bool better = !is_consequence(words, n);
		if (!found || (better && !real))
			keep_line(ret, words, n);
		found = true;
		real |= better;
	}
	return found;
}

/* The end of the log, where the errors are. *ret_full: there is no room for any. */
static int read_tail(int dir, const char *name, struct buf *b, bool *ret_full, struct err *e)
{
	cleanup_close int fd = openat(dir, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	struct statvfs room;
	struct stat st;

	if (fd < 0 || fstat(fd, &st) < 0)
		return err_set(e, errno, "open '%s'", name);
	if (!S_ISREG(st.st_mode))
		return err_say(e, EINVAL, "'%s' is no file", name);
	if (st.st_size > TAIL_BYTES && lseek(fd, -TAIL_BYTES, SEEK_END) < 0)
		return err_set(e, errno, "read '%s'", name);
	*ret_full = fstatvfs(fd, &room) == 0 && room.f_bavail == 0;
	return fd_read_all(fd, 2 * TAIL_BYTES, b, e);
}

int criu_log_explain(int dir, const char *name, const char *path, struct err *e)
{
	cleanup_buf struct buf b = BUF_INIT;
	struct err ignored = ERR_INIT, before = *e;
	struct criu_cause c;
	bool full = false;

	if (read_tail(dir, name, &b, &full, &ignored) < 0)
		return err_say(e, before.code, "%s; it left no log at '%s'", before.msg, path);
	bool told = criu_log_cause(buf_text(&b), &c);
	if (!told && full)
		return err_say(e, before.code, "%s: the file system of its log '%s' is full: make room", before.msg,
			       path);
	if (!told)
		return err_say(e, before.code, "%s; its log '%s' names no error", before.msg, path);
	if (!c.words)
		return err_say(e, before.code, "%s: %s; see '%s'", before.msg, c.line, path);
	return err_say(e, before.code, "%s: %s: %s (\"%s\"); see '%s'", before.msg, c.words, c.advice, c.line, path);
}
