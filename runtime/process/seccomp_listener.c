#include "runtime/process/steps.h"

#include "lib/arena.h"
#include "lib/buf.h"
#include "lib/fd.h"
#include "lib/json.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>

int seccomp_listener_connect(const char *path, struct err *e)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };
	cleanup_close int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (strlen(path) >= sizeof(a.sun_path))
		return err_set(e, ENAMETOOLONG, "seccomp listener '%s'", path);
	strcpy(a.sun_path, path);
	if (fd < 0 || connect(fd, (struct sockaddr *)&a, sizeof(a)) < 0)
		return err_set(e, errno, "connect to the seccomp listener '%s'", path);
	return take_fd(&fd);
}

/* ContainerProcessState of config-linux.md. */
int seccomp_listener_document(const struct process_plan *p, const char *state_json, struct buf *out, struct err *e)
{
	static const char *const fds[] = { "seccompFd" };
	struct json_writer w = { .out = out };
	cleanup_arena struct arena a = ARENA_INIT;
	struct json state = { .type = JSON_OBJECT };
	int64_t pid = p->pid;

	if (state_json && json_parse(state_json, strlen(state_json), &a, &state, e) < 0)
		return err_wrap(e, "container state");
	const struct json *in_state = json_get(&state, "pid");
	if (pid == 0 && in_state)
		json_int64(in_state, &pid);

	json_begin_object(&w, NULL);
	json_string(&w, "ociVersion", SPEC_VERSION);
	json_strings(&w, "fds", fds, 1);
	json_int(&w, "pid", pid);
	if (p->listener_metadata)
		json_string(&w, "metadata", p->listener_metadata);
	json_value(&w, "state", &state);
	json_end_object(&w);
	return 0;
}

int seccomp_listener_send(const struct process_plan *p, const struct buf *document, int notify_fd, struct err *e)
{
	union {
		struct cmsghdr align;
		char space[CMSG_SPACE(sizeof(int))];
	} control = { 0 };

	if (p->listener_fd < 0)
		return err_say(e, ENOTCONN, "the seccomp listener '%s' was not opened", p->listener_path);
	struct iovec iov = { document->data, document->len };
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1, .msg_control = &control,
			      .msg_controllen = sizeof(control) };
	struct cmsghdr *c = CMSG_FIRSTHDR(&msg);
	c->cmsg_level = SOL_SOCKET;
	c->cmsg_type = SCM_RIGHTS;
	c->cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(c), &notify_fd, sizeof(int));
	/* By the one call that a profile may not hand to the listener. */
	ssize_t n;
	do
		n = sendmsg(p->listener_fd, &msg, MSG_NOSIGNAL);
	while (n < 0 && errno == EINTR);
	if (n < 0 || (size_t)n != document->len)
		return err_set(e, n < 0 ? errno : EIO, "send to the seccomp listener '%s'", p->listener_path);
	return 0;
}
