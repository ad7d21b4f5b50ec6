/*
 * What commands ask of a supervisor. One that was killed is replaced first, so that there is always somebody to
 * answer.
 */
#include "lib/fd.h"
#include "lib/message.h"
#include "runtime/supervise/client.h"
#include "runtime/supervise/supervise.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

/* -ECONNREFUSED, -ENOENT: there is none. */
static int connect_to(const struct launched *l, struct err *e)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };
	cleanup_close int dir = open(l->dir, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

	if (dir < 0)
		return err_set(e, errno, "container '%s': open '%s'", l->name, l->dir);
	snprintf(a.sun_path, sizeof(a.sun_path), "%s/supervisor", fd_path(dir).path);
	cleanup_close int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	if (fd < 0 || connect(fd, (struct sockaddr *)&a, sizeof(a)) < 0)
		return err_set(e, errno, "reach the supervisor of container '%s'", l->name);
	return take_fd(&fd);
}

int client_request(struct runtime *rt, const struct launched *l, uint32_t kind, int64_t number, struct err *e)
{
	/* One that has just been started listens a moment later. */
	for (int tries = 0;; tries++) {
		cleanup_close int fd = connect_to(l, e);
		int sent = fd < 0 ? fd : message_send(fd, kind, number, NULL, 0, e);
		if (sent == 0)
			return take_fd(&fd);
		/* It was about to end, and had taken the connection; or had not. */
		bool ends = sent == -EPIPE || sent == -ECONNRESET;
		if (sent != -ENOENT && sent != -ECONNREFUSED && !ends)
			return sent;
		struct err why = ERR_INIT;
		int r = supervise_adopt(rt, l, &why);
		if (r < 0)
			return *e = why, r;
		cleanup_close int lock = launched_lock(l, &why);
		if (lock != -EBUSY || tries > 500)
			return err_say(e, ESRCH, "container '%s' is not running", l->name);
		nanosleep(&(struct timespec){ .tv_nsec = 10000000 }, NULL);
	}
}

/*
 * Asks again when the supervisor was killed before it could answer. -ESRCH: the container has ended meanwhile, or
 * before.
 */
static int ask(struct runtime *rt, const struct launched *l, uint32_t kind, int64_t number, int64_t *ret, struct err *e)
{
	for (;;) {
		cleanup_close int fd = client_request(rt, l, kind, number, e);
		if (fd < 0)
			return fd;
		int r = message_receive(fd, ret, NULL, e);
		if (r != 0)
			return r < 0 ? r : 0;
	}
}

static int noted_exit(struct runtime *rt, const struct launched *l, int *ret_exit, struct err *e)
{
	struct launched_status status;
	int r = launched_status(rt, l, &status, e);

	if (r == 0)
		*ret_exit = status.exit_code;
	return r;
}

int supervise_wait(struct runtime *rt, const struct launched *l, int *ret_exit, struct err *e)
{
	int64_t code = 0;
	int r = ask(rt, l, REQUEST_WAIT, 0, &code, e);

	if (r == -ESRCH)
		return noted_exit(rt, l, ret_exit, e);
	if (r == 0)
		*ret_exit = (int)code;
	return r;
}

int supervise_stop(struct runtime *rt, const struct launched *l, int signal, int64_t timeout_ms, struct err *e)
{
	return ask(rt, l, REQUEST_STOP, STOP_NUMBER(signal, timeout_ms), NULL, e);
}

int supervise_restart(struct runtime *rt, const struct launched *l, int signal, int64_t timeout_ms, struct err *e)
{
	return ask(rt, l, REQUEST_RESTART, STOP_NUMBER(signal, timeout_ms), NULL, e);
}

int supervise_signal(struct runtime *rt, const struct launched *l, int signal, struct err *e)
{
	return ask(rt, l, REQUEST_SIGNAL, signal, NULL, e);
}

int supervise_attach(struct runtime *rt, const struct launched *l, bool input, int *ret_socket, struct err *e)
{
	cleanup_close int fd = client_request(rt, l, REQUEST_ATTACH, input ? ATTACH_INPUT : 0, e);
	int r = fd < 0 ? fd : message_receive(fd, NULL, NULL, e);

	if (r == 0)
		return err_say(e, ESRCH, "container '%s' is not running", l->name);
	if (r > 0)
		*ret_socket = take_fd(&fd);
	return r < 0 ? r : 0;
}
