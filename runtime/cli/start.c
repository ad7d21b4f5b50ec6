/* start, stop, restart, wait, rm: launched containers begin and end; start also those that were created. */
#include "lib/signal.h"
#include "runtime/cli/commands.h"
#include "runtime/lifecycle.h"
#include "runtime/log.h"
#include "runtime/seal.h"
#include "runtime/supervise/supervise.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>

struct stop_options {
	const char *signal;
	struct spec_i64 time;
};

struct start_options {
	bool boot, attach, interactive;
};

struct rm_options {
	bool force;
};

static const struct cli_option start_options[] = {
	CLI_OPTION("attach", 'a', CLI_FLAG, struct start_options, attach, NULL,
		   "of a launched container: follow its output, and exit as it does"),
	CLI_OPTION("interactive", 'i', CLI_FLAG, struct start_options, interactive, NULL,
		   "the same, and type to it"),
	CLI_OPTION("boot", 0, CLI_FLAG, struct start_options, boot, NULL,
		   "all that are to be restarted, after the machine was"),
	{ 0 },
};

static const struct cli_option stop_options[] = {
	CLI_OPTION("signal", 's', CLI_STRING, struct stop_options, signal, "SIGNAL",
		   "what asks it to end (default: its stop signal)"),
	CLI_OPTION("time", 't', CLI_INT, struct stop_options, time, "SECONDS",
		   "kill it when it takes longer (default: 10, or --stop-timeout)"),
	{ 0 },
};

static const struct cli_option rm_options[] = {
	CLI_OPTION("force", 'f', CLI_FLAG, struct rm_options, force, NULL, "kill it first if it runs"),
	{ "volumes", 'v', CLI_IGNORED, .help = "volumes without a name are its own, and always go" },
	{ 0 },
};

static const struct cli_option no_options[] = { { 0 } };

/* The same for each; what goes wrong with one does not keep the others from it. */
static int for_each(struct runtime *rt, int argc, char **argv,
		    int (*act)(struct runtime *rt, const struct launched *l, const void *data, struct err *e),
		    const void *data)
{
	int code = 0;

	for (int i = 0; i < argc; i++) {
		struct err e = ERR_INIT;
		struct launched l;
		if (launched_find(rt, argv[i], &l, &e) < 0 || act(rt, &l, data, &e) < 0) {
			log_error("%s", e.msg);
			code = 1;
		}
	}
	return code;
}

struct stop {
	int signal;
	int64_t timeout_ms;
};

static int read_stop(const struct stop_options *o, struct stop *ret, struct err *e)
{
	*ret = (struct stop){ .timeout_ms = -1 };
	if (o->signal && (ret->signal = signal_number(o->signal, e)) < 0)
		return err_wrap(e, "--signal");
	if (o->time.set && (o->time.v < -1 || o->time.v > INT_MAX / 1000))
		return err_say(e, EINVAL, "--time %lld: expected a number of seconds, or -1 to wait for ever",
			       (long long)o->time.v);
	if (o->time.set)
		ret->timeout_ms = o->time.v < 0 ? INT64_C(1) << 40 : o->time.v * 1000;
	return 0;
}

static int stop(struct runtime *rt, const struct launched *l, const void *data, struct err *e)
{
	const struct stop *s = data;
	int r = supervise_stop(rt, l, s->signal, s->timeout_ms, e);

	if (r < 0 && r != -ESRCH) /* it has ended already */
		return r;
	puts(l->name);
	return 0;
}

static int run_stop(struct runtime *rt, const void *options, int argc, char **argv, struct err *e)
{
	struct stop s;

	return read_stop(options, &s, e) < 0 ? -e->code : for_each(rt, argc, argv, stop, &s);
}

static int restart(struct runtime *rt, const struct launched *l, const void *data, struct err *e)
{
	const struct stop *s = data;
	int r = supervise_restart(rt, l, s->signal, s->timeout_ms, e);

	if (r == -ESRCH) {
		*e = ERR_INIT;
		r = supervise_begin(rt, l, false, NULL, e);
	}
	if (r < 0)
		return r;
	puts(l->name);
	return 0;
}

static int run_restart(struct runtime *rt, const void *options, int argc, char **argv, struct err *e)
{
	struct stop s;

	return read_stop(options, &s, e) < 0 ? -e->code : for_each(rt, argc, argv, restart, &s);
}

static int wait_for(struct runtime *rt, const struct launched *l, const void *data, struct err *e)
{
	int code = 0;

	(void)data;
	if (supervise_wait(rt, l, &code, e) < 0)
		return -e->code;
	printf("%d\n", code);
	return fflush(stdout) < 0 ? err_set(e, errno, "write to standard output") : 0;
}

static int run_wait(struct runtime *rt, const void *options, int argc, char **argv, struct err *e)
{
	(void)options, (void)e;
	return for_each(rt, argc, argv, wait_for, NULL);
}

static int rm(struct runtime *rt, const struct launched *l, const void *data, struct err *e)
{
	const struct rm_options *o = data;

	if (supervise_remove(rt, l, o->force, e) < 0)
		return -e->code;
	puts(l->name);
	return 0;
}

static int run_rm(struct runtime *rt, const void *options, int argc, char **argv, struct err *e)
{
	(void)e;
	return for_each(rt, argc, argv, rm, options);
}

/* After the machine was restarted. One that is stopped on purpose stays so unless it is to run always. */
static int start_all(struct runtime *rt, struct err *e)
{
	struct launched *all;
	size_t n;
	int code = 0;

	if (launched_list(rt, &all, &n, e) < 0)
		return -e->code;
	for (size_t i = 0; i < n; i++) {
		struct launched_status status;
		struct err why = ERR_INIT;
		const struct launched *l = &all[i];
		int r = launched_status(rt, l, &status, &why);
		if (r == 0 && status.pid == 0 && status.state != LAUNCHED_RESTARTING && status.started_at &&
		    (l->restart == RESTART_ALWAYS || (l->restart == RESTART_UNLESS_STOPPED && !status.stopped)))
			r = supervise_begin(rt, l, false, NULL, &why);
		if (r < 0) {
			log_error("start '%s': %s", l->name, why.msg);
			code = 1;
		}
	}
	return code;
}

/* As the command that launched it would have. */
static int start_attached(struct runtime *rt, const struct launched *l, bool input, int *ret_exit, struct err *e)
{
	const struct relay_options relay = {
		.input = input && l->stdin_open,
		.waited_for = true,
		.pass_signals = true,
		.detach_keys = l->terminal ? SUPERVISE_DETACH_KEYS : NULL,
	};
	bool detached;
	int sock = -1;

	if (supervise_begin(rt, l, true, &sock, e) < 0)
		return -e->code;
	return supervise_relay(rt, l, sock, &relay, ret_exit, &detached, e);
}

static int start_one(struct runtime *rt, const struct start_options *o, const char *name, int *ret_exit, struct err *e)
{
	bool attach = o->attach || o->interactive;
	struct err why = ERR_INIT;
	struct launched l;

	int r = attach ? err_say(e, ENOENT, "no container \"%s\" that was launched", name) : lifecycle_start(rt, name, e);
	/* One that has ended, or of which nothing but its files is left: launched ones are started again. */
	if (r != -EINVAL && r != -ENOENT)
		return r;
	int found = launched_find(rt, name, &l, &why);
	if (found == -EINVAL && r == -ENOENT) /* several begin so */
		*e = why;
	if (found < 0)
		return e->code == ENOENT ? container_hint(rt, name, e) : -e->code;
	if (attach)
		return start_attached(rt, &l, o->interactive, ret_exit, e);
	if (supervise_begin(rt, &l, false, NULL, e) < 0)
		return -e->code;
	puts(l.name);
	return 0;
}

static int run_start(struct runtime *rt, const void *options, int argc, char **argv, struct err *e)
{
	const struct start_options *o = options;
	int code = 0;

	if (o->boot)
		return argc == 0 ? start_all(rt, e) : err_say(e, EINVAL, "--boot starts all: name none");
	if (argc == 0)
		return err_say(e, EINVAL, "\"start\" requires a minimum of 1 argument(s)");
	if (argc == 1)
		return start_one(rt, o, argv[0], &code, e) < 0 ? -e->code : code;
	if (o->attach || o->interactive)
		return err_say(e, EINVAL, "--attach and --interactive are for one container");
	/* At once: one of the starts may want it, and would begin the whole command anew. */
	if (seal_self(rt->argv, e) < 0)
		return -e->code;
	for (int i = 0; i < argc; i++) {
		struct err why = ERR_INIT;
		if (start_one(rt, o, argv[i], &code, &why) < 0) {
			log_error("%s", why.msg);
			code = 1;
		}
	}
	return code;
}

const struct cli_command command_start = {
	.name = "start",
	.arguments = "CONTAINER...",
	.summary = "Start a created container's program, or a launched container again",
	.details = "With --boot, no container is named: those launched with --restart always or unless-stopped\n"
		   "start.\n",
	.group = CLI_LIFE,
	.options = start_options,
	.options_size = sizeof(struct start_options),
	.max_args = -1,
	.run = run_start,
};

const struct cli_command command_stop = {
	.name = "stop",
	.arguments = "CONTAINER...",
	.summary = "End launched containers: ask them to, then kill them",
	.group = CLI_LIFE,
	.options = stop_options,
	.options_size = sizeof(struct stop_options),
	.min_args = 1,
	.max_args = -1,
	.run = run_stop,
};

const struct cli_command command_restart = {
	.name = "restart",
	.arguments = "CONTAINER...",
	.summary = "Stop launched containers, and start them again",
	.group = CLI_LIFE,
	.options = stop_options,
	.options_size = sizeof(struct stop_options),
	.min_args = 1,
	.max_args = -1,
	.seal = true, /* at once: a start may want it, and would begin the whole command anew */
	.run = run_restart,
};

const struct cli_command command_rm = {
	.name = "rm",
	.arguments = "CONTAINER...",
	.summary = "Remove launched containers with all that they wrote",
	.group = CLI_LIFE,
	.options = rm_options,
	.options_size = sizeof(struct rm_options),
	.min_args = 1,
	.max_args = -1,
	.run = run_rm,
};

const struct cli_command command_wait = {
	.name = "wait",
	.arguments = "CONTAINER...",
	.summary = "Wait for the end of launched containers, and print their exit codes",
	.group = CLI_LIFE,
	.options = no_options,
	.min_args = 1,
	.max_args = -1,
	.run = run_wait,
};
