/* clone: containers that begin with the memory and the files of another. */
#include "runtime/clone/clone.h"
#include "runtime/cli/commands.h"
#include "runtime/launch/launch.h"

#include <errno.h>
#include <stdio.h>

enum { COUNT_MAX = 10000 };

struct options {
	struct spec_i64 count;
	const char *hook;
	struct cli_strings publish;
	bool rm;
};

static const struct cli_option options_table[] = {
	CLI_OPTION("count", 'n', CLI_INT, struct options, count, "N", "make N clones: NAME-1, NAME-2..."),
	CLI_OPTION("hook", 0, CLI_STRING, struct options, hook, "PROGRAM",
		   "run this program of the clone in it as soon as it goes on"),
	CLI_OPTION("publish", 'p', CLI_STRINGS, struct options, publish, "[[ADDRESS:]HOST:]CONTAINER[/PROTOCOL]",
		   "make a port of the clone reachable; may be repeated"),
	CLI_OPTION("rm", 0, CLI_FLAG, struct options, rm, NULL, "delete each clone with all its files when it has ended"),
	{ 0 },
};

static int check(const struct options *o, struct arena *a, struct err *e)
{
	struct net_port ignored;

	if (o->count.set && (o->count.v < 1 || o->count.v > COUNT_MAX))
		return err_say(e, EINVAL, "--count %lld: expected a number from 1 to %d", (long long)o->count.v, COUNT_MAX);
	for (size_t i = 0; i < o->publish.n; i++)
		if (launch_port_parse(o->publish.v[i], a, &ignored, e) < 0)
			return err_wrap(e, "--publish");
	return 0;
}

/* A port of this machine leads to one of them. */
static int check_publish(const struct options *o, const struct clone_source *s, struct err *e)
{
	if (o->publish.n && s->l.network.mode != NETWORK_ATTACHED)
		return err_say(e, EINVAL, "--publish: container '%s' is on no network of ferry's, and so are its clones",
			       s->l.name);
	return 0;
}

static int run_clone(struct runtime *rt, const void *options, int argc, char **argv, struct err *e)
{
	const struct options *o = options;
	struct clone_source source;
	struct clone_request r = { .source = &source, .name = argv[1], .hook = o->hook, .publish = o->publish.v,
				   .n_publish = o->publish.n, .rm = o->rm };

	(void)argc;
	if (container_check_id(argv[1], e) < 0 || check(o, &rt->arena, e) < 0 ||
	    clone_source_find(rt, argv[0], argv[1], o->hook, &source, e) < 0 || check_publish(o, &source, e) < 0)
		return -e->code;
	int64_t n = o->count.set ? o->count.v : 1;
	for (int64_t i = 1; i <= n; i++) {
		if (o->count.set)
			r.name = arena_printf(&rt->arena, "%s-%lld", argv[1], (long long)i);
		if (clone_make(rt, &r, e) < 0) {
			clone_source_drop(rt, &source);
			return -e->code;
		}
		puts(r.name);
		fflush(stdout);
	}
	return 0;
}

const struct cli_command command_clone = {
	.name = "clone",
	.arguments = "SOURCE NAME",
	.summary = "Make containers that begin with the memory and the files of another",
	.details = "The source is a snapshot with memory, CONTAINER/SNAPSHOT; a template; or a container that runs, of which a\n"
		   "snapshot is made. Prints the names of the clones, which run.\n",
	.group = CLI_LIFE,
	.options = options_table,
	.options_size = sizeof(struct options),
	.min_args = 2,
	.max_args = 2,
	.run = run_clone,
};
