/*
 * A start of the container: a detached run. The first one is done by the supervisor itself, which has all that the
 * launching command knows in its memory, and lets go of that afterwards. Any later needs memory anew, and is done by a
 * child, the starter, which ends; the container's first process then becomes the supervisor's, who adopts what its
 * children leave.
 */
#include "lib/fd.h"
#include "lib/message.h"
#include "runtime/launch/launched_name.h"
#include "runtime/supervise/supervisor.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* Its one message, with the pidfd and then those others that there are. */
struct starter_message {
	pid_t pid;
	bool cgroup, terminal;
};

/* What is left of the last time: all but the directory. */
static int remove_ended(struct runtime *rt, const struct launched *l, struct err *e)
{
	cleanup_container struct container c = CONTAINER_INIT;
	enum container_status status;

	int r = container_open(rt, l->id, true, &c, e);
	if (r == -ENOENT) {
		*e = ERR_INIT;
		return 0;
	}
	if (r < 0 || container_status(rt, &c, &status, e) < 0)
		return -e->code;
	if (!c.launched || strcmp(c.bundle, l->dir) != 0)
		return err_say(e, EEXIST, "another container '%s' is there now, which was not launched", l->id);
	if (status != STATUS_STOPPED)
		return err_say(e, EBUSY, "container '%s' runs already", l->name);
	return container_remove(rt, &c, NULL, e);
}

static int start(struct supervisor *s, struct runtime *rt, struct create_request *r, struct run_handles *h,
		 struct err *e)
{
	struct launched l = { .id = s->l.id, .name = s->l.name, .dir = s->l.dir };
	struct create_request again;
	int ignored_exit;

	*h = RUN_HANDLES_INIT;
	if (remove_ended(rt, &s->l, e) < 0 || streams_take(s, e) < 0)
		return -e->code;
	if (!r) {
		r = &again;
		l.name = launched_name(rt, &l); /* it may have another by now, and others know it by that */
		if (launched_load(s->dir, &l, &rt->arena, e) < 0 || supervise_request(rt, &l, s->dir, r, e) < 0)
			return -e->code;
	}
	r->run = r->detach = r->keep = true;
	r->launched = true;
	r->ret_handles = h;
	return lifecycle_run(rt, r, &ignored_exit, e);
}

/* Nothing of an image's container but what is in its directory, and in the store, is mounted in it. */
static bool mounts_own_alone(const struct supervisor *s, const struct spec *spec)
{
	const size_t n = strlen(s->l.dir);

	for (size_t i = 0; i < spec->n_mounts; i++) {
		const char *source = spec->mounts[i].source;
		if (source && source[0] == '/' && (strncmp(source, s->l.dir, n) != 0 || source[n] != '/'))
			return false;
	}
	return s->l.image_digest;
}

/*
 * Where the kernel takes mounts down, it waits for all processors, more than once with an overlay. What is thrown away
 * is held until the program's end was told, which then does not wait for that; but not what somebody may want to
 * unmount as soon as he has heard of it.
 */
static void hold_mounts(struct supervisor *s, const struct spec *spec)
{
	char path[32];

	if (!s->l.rm || !mounts_own_alone(s, spec))
		return;
	snprintf(path, sizeof(path), "/proc/%d/ns/mnt", (int)s->run.pid);
	s->mounts = open(path, O_RDONLY | O_CLOEXEC);
}

int starter_run(struct supervisor *s, struct runtime *rt, struct create_request *request, struct err *e)
{
	struct run_handles h;

	if (streams_open(s, e) < 0 || start(s, rt, request, &h, e) < 0)
		return -e->code;
	if (h.master >= 0)
		streams_terminal(s, take_fd(&h.master));
	s->run = h;
	hold_mounts(s, request->spec);
	return 0;
}

static _Noreturn void starter_main(struct supervisor *s, int answer)
{
	struct run_handles h;
	struct err e = ERR_INIT;
	int fds[3], n = 0;

	int result = start(s, &s->rt, NULL, &h, &e);
	if (result == 0) {
		struct starter_message m = { h.pid, h.cgroup >= 0, h.master >= 0 };
		fds[n++] = h.pidfd;
		if (m.cgroup)
			fds[n++] = h.cgroup;
		if (m.terminal)
			fds[n++] = h.master;
		result = message_send_data(answer, ANSWER, &m, sizeof(m), fds, (size_t)n, &e);
	}
	if (result < 0)
		message_send_error(answer, &e);
	_exit(0);
}

int starter_fork(struct supervisor *s, struct err *e)
{
	int sock;

	if (streams_open(s, e) < 0)
		return -e->code;
	pid_t pid = message_fork(&sock, e);
	if (pid < 0)
		return pid;
	if (pid == 0)
		starter_main(s, sock);
	s->starter_sock = sock;
	return 0;
}

int starter_receive(struct supervisor *s, struct err *e)
{
	struct starter_message m;
	int fds[3], n = 0, r = message_receive_data(s->starter_sock, &m, sizeof(m), fds, 3, e);

	close_fd(&s->starter_sock);
	if (r == 0)
		return err_say(e, ECHILD, "the process that starts the container ended unexpectedly");
	if (r < 0)
		return r;
	s->run.pid = m.pid;
	s->run.pidfd = fds[n++];
	s->run.cgroup = m.cgroup ? fds[n++] : -1;
	if (m.terminal)
		streams_terminal(s, fds[n]);
	return 0;
}
