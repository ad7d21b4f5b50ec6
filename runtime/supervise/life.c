/* The container's life under its supervisor: started, ended, started again or not. */
#include "lib/fd.h"
#include "lib/file.h"
#include "lib/message.h"
#include "lib/proc.h"
#include "lib/sys.h"
#include "runtime/launch/launch.h"
#include "runtime/supervise/supervisor.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum { BACKOFF_FIRST_MS = 100, BACKOFF_MAX_MS = 60000, RAN_WELL_MS = 10000, TERMINAL_LINGERS_MS = 100 };
enum { EXIT_UNKNOWN = 255, EXIT_NOT_STARTED = 127 };

/* ---- the starter: what needs memory, and ends soon. The container's first process becomes ours, who adopt. ---- */

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

static int start(struct supervisor *s, struct runtime *rt, struct create_request *r, struct run_handles *h, struct err *e)
{
	struct launched l = { .id = s->l.id, .name = s->l.name, .dir = s->l.dir };
	struct create_request again;
	int ignored_exit;

	if (remove_ended(rt, &s->l, e) < 0 || streams_take(s, e) < 0)
		return -e->code;
	if (!r) {
		r = &again;
		if (launched_load(s->dir, &l, &rt->arena, e) < 0 || supervise_request(rt, &l, s->dir, r, e) < 0)
			return -e->code;
	}
	r->run = r->detach = r->keep = true;
	r->launched = true;
	r->ret_handles = h;
	return lifecycle_run(rt, r, &ignored_exit, e);
}

static _Noreturn void starter_main(struct supervisor *s, struct runtime *rt, struct create_request *r, int answer)
{
	struct run_handles h = RUN_HANDLES_INIT;
	struct err e = ERR_INIT;
	int fds[3], n = 0;

	int result = start(s, rt, r, &h, &e);
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

int life_start(struct supervisor *s, struct runtime *rt, struct create_request *request, struct err *e)
{
	int pair[2];

	s->phase = PHASE_STARTING;
	s->is_child = true;
	s->restart_at = -1;
	s->run = RUN_HANDLES_INIT;
	if (streams_open(s, e) < 0 || message_pair(pair, e) < 0)
		return -e->code;
	s->starter = fork();
	if (s->starter == 0) {
		close_fd(&pair[0]);
		starter_main(s, rt, request, pair[1]);
	}
	int code = errno;
	close_fd(&pair[1]);
	s->starter_sock = pair[0];
	return s->starter < 0 ? err_set(e, code, "fork") : 0;
}

static void started(struct supervisor *s)
{
	struct err ignored = ERR_INIT;

	s->phase = PHASE_RUNNING;
	s->started_ms = now_ms();
	s->started_at = clock_now_rfc3339();
	s->status.started_at = s->started_at.text;
	s->status.finished_at = NULL;
	s->status.error = NULL;
	s->status.oom_killed = false;
	clients_started(s);
	if (s->stop_requested)
		life_stop(s, 0, -1, s->restart_requested, &ignored);
	else
		life_save(s);
	health_begin(s);
}

/* It was not started: for the launching command an error, for a restart one more end. */
static void failed(struct supervisor *s, const struct err *why)
{
	snprintf(s->error, sizeof(s->error), "%.*s", (int)sizeof(s->error) - 1, why->msg);
	s->status.error = s->error;
	clients_failed(s, why);
	s->started_ms = now_ms();
	life_ended(s, EXIT_NOT_STARTED << 8);
}

void life_starter_said(struct supervisor *s)
{
	struct starter_message m;
	struct err e = ERR_INIT;
	int fds[3], n = 0, r = message_receive_data(s->starter_sock, &m, sizeof(m), fds, 3, &e);

	close_fd(&s->starter_sock);
	if (r == 0)
		err_say(&e, ECHILD, "the process that starts the container ended unexpectedly");
	if (r <= 0)
		return failed(s, &e);
	s->run.pid = m.pid;
	s->run.pidfd = fds[n++];
	s->run.cgroup = m.cgroup ? fds[n++] : -1;
	if (m.terminal)
		streams_terminal(s, fds[n]);
	started(s);
}

/* ---- its end ---- */

/* The kernel says it of the cgroup alone, which does not last. */
static bool was_oom_killed(struct supervisor *s)
{
	cleanup_buf struct buf b = BUF_INIT;
	struct err none = ERR_INIT;

	if (s->run.cgroup < 0 || file_read_once_at(s->run.cgroup, "memory.events", &b, &none) < 0)
		return false;
	const char *at = strstr(buf_text(&b), "oom_kill ");
	return at && atoll(at + strlen("oom_kill ")) > 0;
}

void life_ended(struct supervisor *s, int wait_status)
{
	s->phase = PHASE_ENDED;
	s->wait_status = wait_status;
	s->finished_at = clock_now_rfc3339();
	s->status.finished_at = s->finished_at.text;
	s->status.exit_code = proc_exit_code(wait_status);
	s->status.oom_killed = was_oom_killed(s);
	s->kill_at = s->reaped_at = -1;
	health_end(s);
	if (s->stop_requested)
		clients_let_go(s);
	/* An empty terminal says so once nobody holds it; somebody may. */
	close_fd(&s->own_slave);
	s->drained_at = s->l.terminal ? now_ms() + TERMINAL_LINGERS_MS : -1;
}

static void unknown_end(struct supervisor *s, const char *why)
{
	snprintf(s->error, sizeof(s->error), "%s", why);
	s->status.error = s->error;
	life_ended(s, EXIT_UNKNOWN << 8);
}

/* Everything that has ended: what the container left behind is ours too. */
void life_reap(struct supervisor *s)
{
	int status;

	/* Its word of whom it started comes before its end, and so before that one's. */
	while (s->starter_sock >= 0 && poll(&(struct pollfd){ .fd = s->starter_sock, .events = POLLIN }, 1, 0) > 0)
		life_starter_said(s);
	for (pid_t pid; (pid = waitpid(-1, &status, WNOHANG | __WALL)) > 0;) {
		if (pid == s->run.pid && s->is_child && s->phase == PHASE_RUNNING)
			life_ended(s, status);
		else if (pid == s->health_pid)
			health_reaped(s, status);
	}
}

/* ---- one whose supervisor was killed ---- */

int life_adopt(struct supervisor *s, struct err *e)
{
	cleanup_container struct container c = CONTAINER_INIT;

	if (launched_load_status(s->dir, &s->status, &s->rt.arena, e) < 0 ||
	    container_open(&s->rt, s->l.id, false, &c, e) < 0 || streams_open(s, e) < 0)
		return -e->code;
	s->started_ms = now_ms();
	s->phase = PHASE_RUNNING;
	s->run.pid = c.pid;
	s->run.pidfd = container_pidfd(&c, e);
	clients_started(s);
	if (s->run.pidfd < 0) {
		unknown_end(s, "its supervisor was killed, and it ended before there was another");
		return 0;
	}
	if (container_cgroup(&s->rt, &c, &s->run.cgroup, e) < 0)
		return -e->code;
	health_begin(s);
	return 0;
}

enum { REAPED_WITHIN_MS = 2000 };

/* Its parent is another now, who waits for it: only then does the kernel tell us. */
void life_adopted_ended(struct supervisor *s, bool reaped)
{
	int r = proc_ended_how(s->run.pidfd);

	if (r >= 0)
		life_ended(s, r);
	else if (reaped || r != -EAGAIN)
		unknown_end(s, "its supervisor was killed, and this kernel does not say how it ended");
	else if (s->reaped_at < 0)
		s->reaped_at = now_ms() + REAPED_WITHIN_MS;
}

static bool policy_restarts(const struct supervisor *s)
{
	switch (s->l.restart) {
	case RESTART_NO:
		return false;
	case RESTART_ON_FAILURE:
		return s->status.exit_code != 0 &&
		       (s->l.restart_max == 0 || s->status.restart_count < s->l.restart_max);
	default:
		return true;
	}
}

/* What `update` and `rename` may have changed since. */
static void read_again(struct supervisor *s)
{
	cleanup_arena struct arena a = ARENA_INIT;
	struct err ignored = ERR_INIT;
	struct launched l = { .id = s->l.id };

	if (launched_load(s->dir, &l, &a, &ignored) < 0)
		return;
	s->l.restart = l.restart;
	s->l.restart_max = l.restart_max;
}

static void finish(struct supervisor *s)
{
	struct err ignored = ERR_INIT;

	s->phase = PHASE_DONE;
	log_file_close(s);
	close_fd(&s->listener);
	if (s->l.rm && s->status.started_at) {
		launched_remove(&s->rt, &s->l, s->dir, &ignored);
	} else {
		unlinkat(s->dir, "supervisor", 0);
		life_save(s);
	}
	close_fd(&s->dir); /* those who waited for the end may go on with the container */
	clients_ended(s, s->status.exit_code);
}

static void restart_later(struct supervisor *s)
{
	int64_t now = now_ms();

	if (s->backoff_ms == 0 || now - s->started_ms >= RAN_WELL_MS)
		s->backoff_ms = BACKOFF_FIRST_MS;
	else if ((s->backoff_ms *= 2) > BACKOFF_MAX_MS)
		s->backoff_ms = BACKOFF_MAX_MS;
	s->restart_at = now + s->backoff_ms;
	s->status.restart_count++;
	s->phase = PHASE_RESTARTING;
	life_save(s);
}

/*
 * With the container's lock, so that who deletes it has come to an end with that; then there is nothing left to be
 * noted.
 */
void life_after_end(struct supervisor *s)
{
	cleanup_container struct container c = CONTAINER_INIT;
	struct runtime rt = s->rt; /* its memory is for now alone */
	struct err gone = ERR_INIT;

	close_fd(&s->run.pidfd);
	close_fd(&s->run.cgroup);
	streams_close(s);
	s->run = RUN_HANDLES_INIT;
	s->drained_at = -1;
	if (s->restart_requested) {
		s->stop_requested = s->restart_requested = s->status.stopped = false;
		s->restart_at = now_ms();
		s->phase = PHASE_RESTARTING;
		return life_save(s);
	}
	if (!s->status.started_at) /* it never ran: what becomes of it is for the launching command to say */
		s->stop_requested = true;
	if (s->l.rm && (!policy_restarts(s) || s->stop_requested))
		return finish(s);
	rt.arena = ARENA_INIT;
	if (container_open(&rt, s->l.id, true, &c, &gone) == -ENOENT && !s->status.error)
		s->stop_requested = s->deleted = true;
	arena_finish(&rt.arena);
	read_again(s);
	if (!s->stop_requested && policy_restarts(s))
		restart_later(s);
	else
		finish(s);
}

/* ---- what others ask for ---- */

void life_save(struct supervisor *s)
{
	struct err ignored = ERR_INIT;

	s->grown = true;
	if (!s->deleted)
		launched_save_status(s->dir, &s->status, &ignored);
}

static int send_signal(struct supervisor *s, int signal, struct err *e)
{
	if (s->phase != PHASE_RUNNING)
		return err_say(e, ESRCH, "container not running");
	return pidfd_send_signal(s->run.pidfd, signal, NULL, 0) < 0 && errno != ESRCH ?
	       err_set(e, errno, "signal container '%s'", s->l.name) : 0;
}

static int stop_signal(const struct supervisor *s)
{
	return s->l.stop_signal ? s->l.stop_signal : SIGTERM;
}

int life_stop(struct supervisor *s, int signal, int64_t timeout_ms, bool restart, struct err *e)
{
	s->stop_requested = s->status.stopped = true;
	s->restart_requested = restart;
	if (s->phase == PHASE_ENDED)
		clients_let_go(s);
	life_save(s);
	if (s->phase == PHASE_RESTARTING) {
		if (restart)
			life_after_end(s);
		else
			finish(s);
		return 0;
	}
	if (s->phase != PHASE_RUNNING)
		return 0; /* it has ended, or is stopped as soon as it runs */
	if (send_signal(s, signal ? signal : stop_signal(s), e) < 0)
		return -e->code;
	s->kill_at = now_ms() + (timeout_ms >= 0 ? timeout_ms : s->l.stop_timeout_ms);
	return 0;
}

int life_signal(struct supervisor *s, int signal, struct err *e)
{
	/* Whoever ends it wants it to stay ended. */
	if (s->phase == PHASE_RUNNING && (signal == SIGKILL || signal == stop_signal(s))) {
		s->stop_requested = s->status.stopped = true;
		life_save(s);
	}
	return send_signal(s, signal, e);
}

void life_timers(struct supervisor *s, int64_t now)
{
	struct err e = ERR_INIT;

	if (s->kill_at >= 0 && now >= s->kill_at) {
		s->kill_at = -1;
		send_signal(s, SIGKILL, &e);
	}
	if (s->reaped_at >= 0 && now >= s->reaped_at)
		unknown_end(s, "its supervisor was killed, and nobody has waited for its end");
	if (s->restart_at >= 0 && now >= s->restart_at) {
		if (life_start(s, &s->rt, NULL, &e) < 0)
			failed(s, &e);
	}
}
