/*
 * The health check: a further program in the container, in intervals. It is run by a `ferry health` of its own, which
 * needs the memory that this process shall not have, and which ends it when it takes too long.
 */
#include "lib/fd.h"
#include "runtime/supervise/supervisor.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static bool is_starting(const struct supervisor *s, int64_t now)
{
	return s->status.health == HEALTH_STARTING && now < s->started_ms + s->l.health.start_period_ms;
}

static void next(struct supervisor *s)
{
	int64_t now = clock_ms();
	bool often = is_starting(s, now) && s->l.health.start_interval_ms > 0;

	s->health_at = now + (often ? s->l.health.start_interval_ms : s->l.health.interval_ms);
}

void health_begin(struct supervisor *s)
{
	if (!s->checks_health)
		return;
	s->status.health = HEALTH_STARTING;
	s->status.failing_streak = 0;
	next(s);
}

void health_end(struct supervisor *s)
{
	s->health_at = -1;
	if (s->health_pid > 0)
		kill(s->health_pid, SIGTERM);
	s->health_pid = 0; /* what it says is of the life that has ended */
	close_fd(&s->health_pipe);
}

static _Noreturn void check(const struct supervisor *s, int out)
{
	const char *argv[10];
	sigset_t none;
	int n = 0;

	argv[n++] = "ferry";
	argv[n++] = "--root";
	argv[n++] = s->rt.root_path;
	argv[n++] = s->rt.rootless ? "--rootless=true" : "--rootless=false";
	argv[n++] = "health";
	argv[n++] = s->l.dir;
	argv[n] = NULL;
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	if (dup2(out, 1) >= 0 && dup2(out, 2) >= 0)
		execv("/proc/self/exe", (char **)argv);
	_exit(1);
}

void health_timer(struct supervisor *s, int64_t now)
{
	int pair[2];

	if (s->health_at < 0 || now < s->health_at)
		return;
	s->health_at = -1;
	if (s->health_pid > 0 || pipe2(pair, O_CLOEXEC | O_NONBLOCK) < 0)
		return next(s);
	s->health_pid = fork();
	if (s->health_pid == 0)
		check(s, pair[1]);
	close(pair[1]);
	close_fd(&s->health_pipe);
	s->health_pipe = pair[0];
	s->health_len = 0;
	if (s->health_pid < 0) {
		close_fd(&s->health_pipe);
		next(s);
	}
}

/* The beginning of what it prints; the rest is read and dropped. */
void health_read(struct supervisor *s)
{
	char rest[512];
	size_t room = HEALTH_OUTPUT_MAX - s->health_len;
	ssize_t n = read(s->health_pipe, room ? s->health_output + s->health_len : rest, room ? room : sizeof(rest));

	if (n == 0)
		close_fd(&s->health_pipe);
	if (n > 0 && room)
		s->health_len += (size_t)n;
}

static void become(struct supervisor *s, enum launched_healthiness health)
{
	if (s->status.health == health)
		return;
	s->status.health = health;
	life_event(s, "health_status", "health", launched_health_name(health));
}

static void note(struct supervisor *s, bool healthy)
{
	if (healthy) {
		s->status.failing_streak = 0;
		become(s, HEALTH_HEALTHY);
		return;
	}
	if (is_starting(s, clock_ms()))
		return;
	s->status.failing_streak++;
	if (s->status.failing_streak >= s->l.health.retries)
		become(s, HEALTH_UNHEALTHY);
}

void health_reaped(struct supervisor *s, int wait_status)
{
	s->health_pid = 0;
	while (s->health_pipe >= 0) {
		size_t before = s->health_len;
		health_read(s);
		if (s->health_len == before)
			close_fd(&s->health_pipe);
	}
	/* HEALTH_SKIPPED: the container is paused. */
	if (!WIFEXITED(wait_status) || WEXITSTATUS(wait_status) != HEALTH_SKIPPED) {
		s->health_output[s->health_len] = '\0';
		s->status.health_output = s->health_output;
		note(s, WIFEXITED(wait_status) && WEXITSTATUS(wait_status) == 0);
		life_save(s);
	}
	next(s);
}
