/* health: one health check of a launched container, for its supervisor (runtime/supervise/health.c). */
#include "lib/fd.h"
#include "lib/proc.h"
#include "lib/sys.h"
#include "runtime/cli/commands.h"
#include "runtime/cli/exec.h"
#include "runtime/lifecycle.h"
#include "runtime/supervise/supervise.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>

static const struct cli_option no_options[] = { { 0 } };

/* Its exit code; -ETIMEDOUT when it had to be killed. */
static int wait_for(int pidfd, int64_t timeout_ms, struct err *e)
{
	siginfo_t info = { 0 };
	int timeout = timeout_ms <= 0 ? -1 : timeout_ms > INT_MAX ? INT_MAX : (int)timeout_ms;
	int r = proc_wait_end(pidfd, timeout, e);

	if (r <= 0)
		proc_kill_child(pidfd);
	if (r == 0)
		err_say(e, ETIMEDOUT, "the health check took longer than %lld ms", (long long)timeout_ms);
	if (r <= 0)
		return -e->code;
	if (waitid(P_PIDFD, (id_t)pidfd, &info, WEXITED | __WALL) < 0)
		return err_set(e, errno, "wait for the health check");
	return info.si_code == CLD_EXITED && info.si_status == 0 ? 0 : 1;
}

static int check(struct runtime *rt, const struct launched *l, struct err *e)
{
	cleanup_container struct container c = CONTAINER_INIT;
	static const struct exec_options as_its_own;
	cleanup_close int pidfd = -1;
	struct spec_process process;
	struct spec *s;
	int ignored_exit;

	if (container_open(rt, l->id, false, &c, e) < 0 || container_load_config(&c, &rt->arena, &s, e) < 0 ||
	    exec_process_make(&as_its_own, s, (int)l->health.n_command, (char **)l->health.command, &rt->arena,
			      &process, e) < 0)
		return -e->code;
	const struct exec_request request = {
		.id = l->id,
		.process = &process,
		.detach = true,
		.ret_pidfd = &pidfd,
	};
	int r = lifecycle_exec(rt, &c, s, &request, &ignored_exit, e);
	if (r == -EBUSY)
		return HEALTH_SKIPPED;
	return r < 0 ? r : wait_for(pidfd, l->health.timeout_ms, e);
}

static int run_health(struct runtime *rt, const void *options, int argc, char **argv, struct err *e)
{
	const char *slash = strrchr(argv[0], '/');
	struct launched l = { .id = slash ? slash + 1 : argv[0], .dir = argv[0] };
	cleanup_close int dir = open(l.dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	(void)options, (void)argc;
	if (dir < 0)
		return err_set(e, errno, "open '%s'", l.dir);
	l.name = l.id;
	if (launched_load(dir, &l, &rt->arena, e) < 0)
		return -e->code;
	if (l.health.n_command == 0)
		return err_say(e, EINVAL, "container '%s' has no health check", l.name);
	return check(rt, &l, e);
}

const struct cli_command command_health = {
	.name = "health",
	.arguments = "DIR",
	.summary = "Check a launched container's health",
	.group = CLI_HIDDEN,
	.options = no_options,
	.min_args = 1,
	.max_args = 1,
	.seal = true,
	.run = run_health,
};
