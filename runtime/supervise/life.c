/* The container's life under its supervisor: started, ended, started again or not. */
#include "lib/fd.h"
#include "lib/file.h"
#include "lib/message.h"
#include "lib/proc.h"
#include "lib/sys.h"
#include "runtime/attach.h"
#include "runtime/clone/clone.h"
#include "runtime/launch/launch.h"
#include "runtime/launch/launched_event.h"
#include "runtime/supervise/supervisor.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { BACKOFF_FIRST_MS = 100, BACKOFF_MAX_MS = 60000, RAN_WELL_MS = 10000, TERMINAL_LINGERS_MS = 100, NETWORK_LINGERS_MS = 200 };
enum { EXIT_UNKNOWN = 255, EXIT_NOT_STARTED = 127 };

static int stop(struct supervisor *s, int signal, int64_t timeout_ms, bool restart, struct err *e);

static void started(struct supervisor *s)
{
	struct err ignored = ERR_INIT;

	s->phase = PHASE_RUNNING;
	s->as_before = false;
	s->started_ms = clock_ms();
	s->started_at = clock_now_rfc3339();
	s->status.started_at = s->started_at.text;
	s->status.finished_at = NULL;
	s->status.error = NULL;
	s->status.oom_killed = false;
	health_begin(s);
	clients_started(s);
	if (s->stop_requested)
		stop(s, 0, -1, s->restart_requested, &ignored);
	else
		life_save(s);
	life_event(s, "start", NULL, NULL);
}

/* It was not started: for the launching command an error, for a restart one more end. */
static void failed(struct supervisor *s, const struct err *why)
{
	snprintf(s->error, sizeof(s->error), "%.*s", (int)sizeof(s->error) - 1, why->msg);
	s->status.error = s->error;
	clients_failed(s, why);
	s->started_ms = clock_ms();
	life_ended(s, EXIT_NOT_STARTED << 8);
}

static void starting(struct supervisor *s)
{
	s->phase = PHASE_STARTING;
	s->is_child = true;
	s->restart_at = -1;
	s->run = RUN_HANDLES_INIT;
}

void life_begin(struct supervisor *s, struct runtime *rt, struct create_request *request)
{
	struct err e = ERR_INIT;

	starting(s);
	s->as_before = request->restore;
	if (starter_run(s, rt, request, &e) < 0)
		failed(s, &e);
	else
		started(s);
}

void life_starter_said(struct supervisor *s)
{
	struct err e = ERR_INIT;

	if (starter_receive(s, &e) < 0)
		failed(s, &e);
	else
		started(s);
}

/* For the journal (runtime/launch/launched_event.h). */
void life_event(struct supervisor *s, const char *action, const char *key, const char *value)
{
	struct runtime rt = s->rt;

	rt.arena = ARENA_INIT;
	launched_event_note(&rt, &s->l, action, key, value);
	arena_finish(&rt.arena);
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
	char code[12];

	s->phase = PHASE_ENDED;
	s->wait_status = wait_status;
	s->finished_at = clock_now_rfc3339();
	s->status.finished_at = s->finished_at.text;
	s->status.exit_code = proc_exit_code(wait_status);
	s->status.oom_killed = was_oom_killed(s);
	s->kill_at = s->reaped_at = -1;
	health_end(s);
	snprintf(code, sizeof(code), "%d", s->status.exit_code);
	if (s->status.oom_killed)
		life_event(s, "oom", NULL, NULL);
	if (s->status.started_at)
		life_event(s, "die", "exitCode", code);
	if (s->stop_requested)
		clients_let_go(s);
	/* An empty terminal says so once nobody holds it; somebody may. */
	close_fd(&s->own_slave);
	s->drained_at = s->l.terminal ? clock_ms() + TERMINAL_LINGERS_MS : -1;
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
	s->started_ms = clock_ms();
	s->phase = PHASE_RUNNING;
	s->run.pid = c.pid;
	s->run.pidfd = container_pidfd(&c, e);
	clients_started(s);
	if (s->run.pidfd < 0) {
		unknown_end(s, "its supervisor was killed, and it ended before there was another");
		return 0;
	}
	if (container_cgroup(&s->rt, &c, &s->run.cgroup, e) < 0)
		s->run.cgroup = -1; /* how it will end is known without */
	health_begin(s);
	return 0;
}

enum { REAPED_WITHIN_MS = 10000 };

/* Its parent is another now, who waits for it: only then does the kernel tell us. */
void life_adopted_ended(struct supervisor *s, bool reaped)
{
	int r = proc_ended_how(s->run.pidfd);

	if (r >= 0)
		life_ended(s, r);
	else if (reaped || r != -EAGAIN)
		unknown_end(s, "its supervisor was killed, and this kernel does not say how it ended");
	else if (s->reaped_at < 0)
		s->reaped_at = clock_ms() + REAPED_WITHIN_MS;
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

/*
 * What remains of its networks is for the kernel, which likes to take its time, and for a network that nobody is in any more:
 * soon somebody may be.
 */
static void settle(struct supervisor *s)
{
	struct err ignored = ERR_INIT;

	if (s->leaving.fd < 0)
		return;
	nanosleep(&(struct timespec){ .tv_nsec = NETWORK_LINGERS_MS * 1000000L }, NULL);
	container_settle(&s->rt, &s->leaving, &ignored);
}

/* With clones it stays until the last of them has gone: then the next command removes it. */
static bool may_go(struct supervisor *s, struct snapshots *ret)
{
	struct err ignored = ERR_INIT;

	return clone_check_container(&s->rt, &s->l, ret, &ignored) == 0;
}

/* Who launched it to be removed has its end as soon as nothing knows of it; the files, which may be many, go after that. */
static void finish_throwaway(struct supervisor *s)
{
	struct err ignored = ERR_INIT;
	const char *aside = NULL;

	launched_retire(&s->rt, &s->l, s->dir, &aside, &s->leaving, &ignored);
	life_event(s, "destroy", NULL, NULL);
	clients_ended(s, s->status.exit_code);
	close_fd(&s->mounts);
	if (aside)
		launched_discard(&s->rt, &s->l, s->dir, aside, &ignored);
	close_fd(&s->dir);
	settle(s);
}

static void finish(struct supervisor *s)
{
	cleanup_snapshots struct snapshots snapshots = SNAPSHOTS_INIT;

	if (s->stop_requested && s->status.started_at)
		life_event(s, "stop", NULL, NULL);
	s->phase = PHASE_DONE;
	log_file_close(s);
	close_fd(&s->listener);
	if (s->l.rm && s->status.started_at && may_go(s, &snapshots))
		return finish_throwaway(s);
	unlinkat(s->dir, "supervisor", 0);
	life_save(s);
	/* Those who waited for the end may go on with the container. Closed it is locked while a health check begins. */
	flock(s->dir, LOCK_UN);
	close_fd(&s->dir);
	clients_ended(s, s->status.exit_code);
	settle(s);
}

static void restart_later(struct supervisor *s)
{
	int64_t now = clock_ms();

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
 * noted. Who makes a checkpoint of it likewise: it ended by that. @for_good: what it has of its networks is others' from now
 * on.
 */
static void look_after(struct supervisor *s, bool for_good)
{
	cleanup_container struct container c = CONTAINER_INIT;
	struct runtime rt = s->rt; /* its memory is for now alone */
	struct err gone = ERR_INIT;

	rt.arena = ARENA_INIT;
	if (container_open(&rt, s->l.id, true, &c, &gone) == -ENOENT && !s->status.error)
		s->stop_requested = s->deleted = true;
	if (c.saved)
		s->stop_requested = s->status.stopped = true;
	if ((for_good || c.saved) && c.network)
		container_release(&rt, &c, &s->leaving, &gone);
	arena_finish(&rt.arena);
}

void life_after_end(struct supervisor *s)
{
	close_fd(&s->run.pidfd);
	close_fd(&s->run.cgroup);
	streams_close(s);
	s->run = RUN_HANDLES_INIT;
	s->drained_at = -1;
	if (s->restart_requested) {
		close_fd(&s->mounts);
		life_event(s, "restart", NULL, NULL);
		s->stop_requested = s->restart_requested = s->status.stopped = false;
		s->restart_at = clock_ms();
		s->phase = PHASE_RESTARTING;
		return life_save(s);
	}
	if (!s->status.started_at) /* it never ran: what becomes of it is for the launching command to say */
		s->stop_requested = true;
	if (s->l.rm && (!policy_restarts(s) || s->stop_requested))
		return finish(s);
	read_again(s);
	look_after(s, s->stop_requested || !policy_restarts(s));
	if (!s->stop_requested && policy_restarts(s))
		restart_later(s);
	else
		finish(s);
}

/* ---- what others ask for ---- */

void life_save(struct supervisor *s)
{
	struct err ignored = ERR_INIT;

	if (!s->deleted && !s->as_before)
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

static int stop(struct supervisor *s, int signal, int64_t timeout_ms, bool restart, struct err *e)
{
	s->stop_requested = true;
	s->restart_requested = restart;
	if (s->phase == PHASE_ENDED)
		clients_let_go(s);
	life_save(s);
	if (s->phase == PHASE_RESTARTING) {
		if (restart)
			return life_after_end(s), 0;
		look_after(s, true);
		finish(s);
		return 0;
	}
	if (s->phase != PHASE_RUNNING)
		return 0; /* it has ended, or is stopped as soon as it runs */
	if (send_signal(s, signal ? signal : stop_signal(s), e) < 0)
		return -e->code;
	s->kill_at = clock_ms() + (timeout_ms >= 0 ? timeout_ms : s->l.stop_timeout_ms);
	return 0;
}

int life_stop(struct supervisor *s, int signal, int64_t timeout_ms, bool restart, struct err *e)
{
	s->status.stopped = true;
	return stop(s, signal, timeout_ms, restart, e);
}

/* Nobody has stopped the container for good: after the machine has come up again it runs again. */
void life_shut_down(struct supervisor *s)
{
	struct err ignored = ERR_INIT;

	stop(s, 0, -1, false, &ignored);
}

static const char *signal_name(int signal, char text[12])
{
	snprintf(text, 12, "%d", signal);
	return text;
}

int life_signal(struct supervisor *s, int signal, struct err *e)
{
	char name[12];

	/* Whoever ends it wants it to stay ended. */
	if (s->phase == PHASE_RUNNING && (signal == SIGKILL || signal == stop_signal(s))) {
		s->stop_requested = s->status.stopped = true;
		life_save(s);
	}
	int r = send_signal(s, signal, e);
	if (r == 0)
		life_event(s, "kill", "signal", signal_name(signal, name));
	return r;
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
		starting(s);
		if (starter_fork(s, &e) < 0)
			failed(s, &e);
	}
}
