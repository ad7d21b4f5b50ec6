/* The supervisor's process: what it takes with it, and the loop. */
#include "runtime/supervise/supervisor.h"

#include "lib/daemon.h"
#include "lib/fd.h"
#include "runtime/log.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <unistd.h>

enum { SHRINK_AFTER_MS = 200 };

/* Apart from whoever launched it: his session, his signals, his directory. */
static int leave(struct supervisor *s, const struct supervise_order *o, struct err *e)
{
	sigset_t all, taken;

	/* The descriptors of whoever launched it. */
	log_forget();
	daemon_close_others((const int[]){ o->dir, o->launcher }, 2);
	setsid();
	if (chdir("/") < 0 || prctl(PR_SET_CHILD_SUBREAPER, 1) < 0)
		return err_set(e, errno, "become the parent of what the starter leaves");
	/* Ignored, as some callers leave it, it would never come. */
	signal(SIGCHLD, SIG_DFL);
	sigfillset(&all);
	sigemptyset(&taken);
	sigaddset(&taken, SIGCHLD);
	sigaddset(&taken, SIGTERM);
	if (sigprocmask(SIG_SETMASK, &all, NULL) < 0)
		return err_set(e, errno, "block signals");
	s->signals = signalfd(-1, &taken, SFD_CLOEXEC | SFD_NONBLOCK);
	return s->signals < 0 ? err_set(e, errno, "signalfd") : 0;
}

/* Where what comes and goes is kept: pages of it are touched when something does. */
struct room {
	struct stream_packet chunk, input;
	char health_output[HEALTH_OUTPUT_MAX + 1];
};

/* What is needed for the container's whole life, apart from what is freed. */
static void remember(struct supervisor *s, const struct supervise_order *o, struct room *room)
{
	struct arena *a = &s->rt.arena;

	*s = (struct supervisor){
		.rt = *o->rt,
		.l = {
			.restart = o->l->restart,
			.restart_max = o->l->restart_max,
			.stop_signal = o->l->stop_signal,
			.stop_timeout_ms = o->l->stop_timeout_ms,
			.rm = o->l->rm,
			.terminal = o->l->terminal,
			.stdin_open = o->l->stdin_open,
			.log_max_bytes = o->l->log_max_bytes,
			.log_files = o->l->log_files,
			.health = o->l->health,
		},
		.dir = o->dir,
		.listener = -1,
		.signals = -1,
		.run = RUN_HANDLES_INIT,
		.leaving = NET_LEAVING_INIT,
		.starter_sock = -1,
		.mounts = -1,
		.out = { -1, -1 },
		.in = -1,
		.own_slave = -1,
		.log = { .fd = -1 },
		.kill_at = -1, .restart_at = -1, .drained_at = -1, .reaped_at = -1, .health_at = -1,
		.shrink_at = clock_ms() + SHRINK_AFTER_MS,
		.health_pipe = -1,
		.chunk = &room->chunk,
		.input = &room->input,
		.health_output = room->health_output,
	};
	s->rt.arena = ARENA_INIT;
	s->rt.root_path = arena_strdup(a, o->rt->root_path);
	s->l.id = arena_strdup(a, o->l->id);
	s->l.name = arena_strdup(a, o->l->name);
	s->l.dir = arena_strdup(a, o->l->dir);
	s->l.image = arena_strdup(a, o->l->image);
	if (o->l->image_digest)
		s->l.image_digest = arena_strdup(a, o->l->image_digest);
	s->l.health.command = NULL; /* the check reads it itself */
	s->checks_health = o->l->health.n_command > 0;
	for (int i = 0; i < CLIENTS_MAX; i++)
		s->clients[i].fd = -1;
	s->clients[0] = (struct client){ .fd = o->launcher, .kind = CLIENT_LAUNCHER, .attach = o->attach };
}

/* What was inherited and is not needed any more. Without a /dev/null it stays, which does no harm. */
static void let_go(const struct supervise_order *o)
{
	struct err ignored = ERR_INIT;

	daemon_null(&ignored);
	arena_finish(&o->rt->arena);
}

enum { AT_SIGNALS, AT_LISTENER, AT_STARTER, AT_PIDFD, AT_OUT, AT_ERR, AT_IN, AT_HEALTH, AT_CLIENTS };

static void watch(struct pollfd *p, int fd, short events)
{
	*p = (struct pollfd){ .fd = fd, .events = events };
}

static void watch_client(const struct supervisor *s, const struct client *c, struct pollfd *p)
{
	if (c->behind)
		watch(p, c->fd, POLLOUT);
	else if (c->kind == CLIENT_ATTACHED && s->input_len > 0)
		watch(p, -1, 0); /* even its end has to wait: there is no room for what comes before that */
	else
		watch(p, c->fd, POLLIN);
}

static void watch_all(struct supervisor *s, struct pollfd p[AT_CLIENTS + CLIENTS_MAX])
{
	watch(&p[AT_SIGNALS], s->signals, POLLIN);
	watch(&p[AT_LISTENER], s->listener, POLLIN);
	watch(&p[AT_STARTER], s->starter_sock, POLLIN);
	/* Once it has ended there is but one thing to be heard of it: that it was waited for, POLLHUP. */
	watch(&p[AT_PIDFD], s->is_child ? -1 : s->run.pidfd, s->reaped_at >= 0 ? 0 : POLLIN);
	/* Not before whoever launched it has heard that it runs, and is attached. */
	bool reads = !s->chunk_pending && s->phase != PHASE_STARTING;
	watch(&p[AT_OUT], reads ? s->out[0] : -1, POLLIN);
	watch(&p[AT_ERR], reads ? s->out[1] : -1, POLLIN);
	watch(&p[AT_IN], s->input_len > 0 ? s->in : -1, POLLOUT);
	watch(&p[AT_HEALTH], s->health_pipe, POLLIN);
	for (int i = 0; i < CLIENTS_MAX; i++)
		watch_client(s, &s->clients[i], &p[AT_CLIENTS + i]);
}

static int until(const struct supervisor *s)
{
	const int64_t due[] = { s->kill_at, s->restart_at, s->drained_at, s->reaped_at, s->health_at, s->shrink_at };
	int64_t first = -1, now;

	for (size_t i = 0; i < sizeof(due) / sizeof(due[0]); i++)
		if (due[i] >= 0 && (first < 0 || due[i] < first))
			first = due[i];
	if (first < 0)
		return -1;
	now = clock_ms();
	return first <= now ? 0 : first - now > INT_MAX ? INT_MAX : (int)(first - now);
}

static void serve(struct supervisor *s, const struct pollfd p[AT_CLIENTS + CLIENTS_MAX])
{
	if (p[AT_STARTER].revents && s->starter_sock >= 0)
		life_starter_said(s);
	if (p[AT_SIGNALS].revents) {
		struct signalfd_siginfo info;
		while (read(s->signals, &info, sizeof(info)) > 0)
			if (info.ssi_signo == SIGTERM)
				life_shut_down(s);
		life_reap(s);
	}
	if (p[AT_PIDFD].revents && s->phase == PHASE_RUNNING)
		life_adopted_ended(s, p[AT_PIDFD].revents & POLLHUP);
	if (p[AT_OUT].revents || p[AT_ERR].revents)
		streams_read(s);
	if (p[AT_IN].revents)
		streams_write(s);
	if (p[AT_HEALTH].revents)
		health_read(s);
	for (int i = 0; i < CLIENTS_MAX && s->phase != PHASE_DONE; i++) {
		struct client *c = &s->clients[i];
		if (!p[AT_CLIENTS + i].revents || c->fd != p[AT_CLIENTS + i].fd)
			continue;
		if (c->behind)
			clients_catch_up(s);
		else
			clients_read(s, c);
	}
	if (p[AT_LISTENER].revents && s->phase != PHASE_DONE)
		clients_accept(s);
}

/* After its end: once everything that it printed has been taken. */
static void see_to_the_end(struct supervisor *s)
{
	while (!s->chunk_pending && streams_read(s))
		;
	if (s->chunk_pending)
		return;
	if (s->drained_at < 0 || clock_ms() >= s->drained_at || !streams_open_terminal(s))
		life_after_end(s);
}

static void loop(struct supervisor *s)
{
	struct pollfd p[AT_CLIENTS + CLIENTS_MAX];

	for (;;) {
		if (s->phase == PHASE_ENDED)
			see_to_the_end(s);
		if (s->phase == PHASE_DONE)
			return;
		watch_all(s, p);
		int n = poll(p, AT_CLIENTS + CLIENTS_MAX, until(s));
		if (n < 0 && errno != EINTR)
			return;
		const int64_t now = clock_ms();
		if (n > 0)
			serve(s, p);
		if (s->shrink_at >= 0 && now >= s->shrink_at) {
			s->shrink_at = -1;
			daemon_shrink();
			close_fd(&s->run.late);
		} else if (n > 0 && s->shrink_at < 0)
			s->shrink_at = now + SHRINK_AFTER_MS;
		life_timers(s, now);
		health_timer(s, now);
	}
}

_Noreturn void supervisor_main(const struct supervise_order *o)
{
	struct supervisor s;
	struct room room;
	struct err e = ERR_INIT;

	remember(&s, o, &room);
	if (leave(&s, o, &e) < 0 || clients_listen(&s, &e) < 0 || (!o->request && life_adopt(&s, &e) < 0)) {
		clients_failed(&s, &e);
		_exit(1);
	}
	if (o->request)
		life_begin(&s, o->rt, o->request);
	let_go(o);
	loop(&s);
	_exit(0);
}
