/* ferry's side: starts the program that speaks to the manager, and asks it. */
#include "cgroups/systemd/request.h"

#include "lib/fd.h"
#include "lib/file.h"
#include "lib/message.h"
#include "lib/proc.h"
#include "lib/sys.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

/* embed.S */
extern const char systemd_program[];
extern const uint64_t systemd_program_size;

extern char **environ;

struct systemd_bus {
	int sock;
	pid_t pid;
};

/* ---- where the manager is ---- */

/* The user outside of this user namespace, whose manager it is. */
static uid_t owner_uid(void)
{
	cleanup_buf struct buf b = BUF_INIT;
	struct err ignored;
	unsigned inside, outside;

	if (file_read_at(AT_FDCWD, "/proc/self/uid_map", 4096, &b, &ignored) == 0 &&
	    sscanf(buf_text(&b), "%u %u", &inside, &outside) == 2 && inside == 0)
		return geteuid() + outside;
	return geteuid();
}

/* As sd_bus_open_user, and where a service's environment is bare, the directory that logind makes. */
static void user_address(struct buf *out)
{
	const char *address = getenv("DBUS_SESSION_BUS_ADDRESS"), *dir = getenv("XDG_RUNTIME_DIR");

	if (address && *address) {
		buf_str(out, address);
		return;
	}
	buf_str(out, "unix:path=");
	cleanup_buf struct buf path = BUF_INIT;
	if (dir && *dir)
		buf_printf(&path, "%s/bus", dir);
	else
		buf_printf(&path, "/run/user/%u/bus", (unsigned)owner_uid());
	for (const char *c = buf_text(&path); *c; c++) {
		bool plain = (*c >= 'a' && *c <= 'z') || (*c >= 'A' && *c <= 'Z') || (*c >= '0' && *c <= '9') ||
			     strchr("-_/.", *c);
		if (plain)
			buf_char(out, *c);
		else
			buf_printf(out, "%%%02x", (unsigned char)*c);
	}
}

int systemd_check(bool user_session, struct err *e)
{
	static const char path_prefix[] = "unix:path=";
	cleanup_buf struct buf address = BUF_INIT;

	if (access("/run/systemd/system", F_OK) < 0)
		return err_say(e, ENOTSUP, "--systemd-cgroup: systemd is not running on this host");
	if (!user_session)
		return 0;
	user_address(&address);
	const char *path = buf_text(&address) + strlen(path_prefix);
	if (strncmp(buf_text(&address), path_prefix, strlen(path_prefix)) == 0 && !strpbrk(path, "%,;") &&
	    access(path, F_OK) < 0)
		return err_set(e, errno,
			       "--systemd-cgroup: no user session's bus at '%s'; log in with a session, or set "
			       "DBUS_SESSION_BUS_ADDRESS or XDG_RUNTIME_DIR",
			       path);
	return 0;
}

/* ---- the program ---- */

static int program_in_memory(struct err *e)
{
	/* Kernels before 6.3 do not know MFD_EXEC; newer ones may be told to want it. */
	int fd = memfd_create("ferry-systemd", MFD_CLOEXEC | MFD_EXEC);
	if (fd < 0 && errno == EINVAL)
		fd = memfd_create("ferry-systemd", MFD_CLOEXEC);
	if (fd < 0)
		return err_set(e, errno, "make a file in memory");

	cleanup_close int program = fd;
	if (fd_write_all(program, systemd_program, (size_t)systemd_program_size, e) < 0)
		return err_wrap(e, "copy ferry-systemd to memory");
	return take_fd(&program);
}

/*
 * In the child. The caller's signals may be blocked; those of a terminal are not for it. Standard error stays: the
 * dynamic loader says there what it misses. A signal that ends it is seen as the end of the conversation.
 */
static void execute(int program, int sock, const char *address)
{
	char *argv[] = { "ferry-systemd", (char *)address, NULL };
	struct err e = ERR_INIT;
	sigset_t none;

	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	setsid();
	/* They may be 0 or 1 themselves. */
	sock = fcntl(sock, F_DUPFD_CLOEXEC, 3);
	program = fcntl(program, F_DUPFD_CLOEXEC, 3);
	if (sock >= 0 && program >= 0 && dup2(sock, STDIN_FILENO) >= 0 && dup2(sock, STDOUT_FILENO) >= 0 &&
	    sys_close_range(3, ~0u, CLOSE_RANGE_CLOEXEC) == 0)
		sys_execveat(program, "", argv, environ, AT_EMPTY_PATH);
	if (errno == ENOENT)
		err_say(&e, ENOTSUP, "--systemd-cgroup: this host does not have the C library's dynamic loader, "
				     "which libsystemd needs");
	else
		err_set(&e, errno, "--systemd-cgroup: execute ferry-systemd");
	if (sock >= 0)
		message_send_error(sock, &e);
	_exit(1);
}

/*
 * It ends by no signal to us (exit_signal 0): so it is never reaped but here, whether SIGCHLD is ignored or somebody
 * waits for any child.
 */
static int start_program(const char *address, struct systemd_bus *b, struct err *e)
{
	struct clone_args args = { .exit_signal = 0 };
	int pair[2];

	cleanup_close int program = program_in_memory(e);
	if (program < 0)
		return program;
	if (message_pair(pair, e) < 0)
		return -e->code;
	b->sock = pair[0];
	b->pid = sys_clone3(&args);
	int saved = errno;
	if (b->pid == 0)
		execute(program, pair[1], address);
	close(pair[1]);
	return b->pid < 0 ? err_set(e, saved, "clone") : 0;
}

static int wait_for_end(struct systemd_bus *b)
{
	close_fd(&b->sock);
	int status = b->pid > 0 ? proc_reap(b->pid) : 0;
	b->pid = -1;
	return status;
}

/* An answer came, or the program is gone, which it is not by itself. */
static int receive_answer(struct systemd_bus *b, struct err *e)
{
	enum { LOADER_FAILED = 127 };

	int r = message_receive(b->sock, NULL, NULL, e);
	if (r != 0)
		return r < 0 ? r : 0;
	int status = wait_for_end(b);
	if (WIFEXITED(status) && WEXITSTATUS(status) == LOADER_FAILED)
		return err_say(e, ENOTSUP, "--systemd-cgroup: libsystemd.so.0 cannot be loaded: it is not installed on "
					   "this host, or too old");
	if (WIFSIGNALED(status))
		return err_say(e, EIO, "--systemd-cgroup: ferry-systemd was ended by signal %d", WTERMSIG(status));
	return err_say(e, EIO, "--systemd-cgroup: ferry-systemd ended with status %d", WEXITSTATUS(status));
}

int systemd_connect(bool user_session, struct systemd_bus **ret, struct err *e)
{
	cleanup_buf struct buf address = BUF_INIT;

	if (systemd_check(user_session, e) < 0)
		return -e->code;
	struct systemd_bus *b = malloc(sizeof(*b));
	if (!b)
		return err_set(e, ENOMEM, "connect to systemd");
	*b = (struct systemd_bus){ .sock = -1, .pid = -1 };
	if (user_session)
		user_address(&address);
	int r = start_program(user_session ? buf_text(&address) : NULL, b, e);
	if (r >= 0)
		r = receive_answer(b, e);
	if (r < 0) {
		systemd_disconnect(&b);
		return r;
	}
	*ret = b;
	return 0;
}

void systemd_disconnect(struct systemd_bus **bus)
{
	if (!*bus)
		return;
	wait_for_end(*bus);
	free(*bus);
	*bus = NULL;
}

/* ---- requests ---- */

static int ask(struct systemd_bus *b, enum systemd_method method, const char *unit, const struct systemd_properties *p,
	       struct err *e)
{
	struct systemd_request request = { .method = method, .unit = unit };
	cleanup_buf struct buf packet = BUF_INIT;

	if (p)
		request.properties = *p;
	if (systemd_request_encode(&request, &packet, e) < 0)
		return -e->code;
	/* Where it is gone, the answer says why. */
	while (send(b->sock, packet.data, packet.len, MSG_NOSIGNAL) < 0)
		if (errno == EPIPE)
			break;
		else if (errno != EINTR)
			return err_set(e, errno, "systemd: '%s': ask ferry-systemd", unit);
	return receive_answer(b, e);
}

int systemd_start_unit(struct systemd_bus *b, const char *unit, const struct systemd_properties *p, struct err *e)
{
	return ask(b, SYSTEMD_START, unit, p, e);
}

int systemd_stop_unit(struct systemd_bus *b, const char *unit, struct err *e)
{
	int r = ask(b, SYSTEMD_STOP, unit, NULL, e);
	return r == -ENOENT ? 0 : r;
}

int systemd_reset_failed_unit(struct systemd_bus *b, const char *unit, struct err *e)
{
	int r = ask(b, SYSTEMD_RESET_FAILED, unit, NULL, e);
	return r == -ENOENT ? 0 : r;
}

int systemd_set_properties(struct systemd_bus *b, const char *unit, const struct systemd_properties *p, struct err *e)
{
	return ask(b, SYSTEMD_SET_PROPERTIES, unit, p, e);
}
