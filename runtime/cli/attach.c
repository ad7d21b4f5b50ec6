#include "runtime/cli/commands.h"
#include "runtime/supervise/supervise.h"

#include <errno.h>
#include <string.h>

struct options {
	bool no_stdin;
	struct spec_bool sig_proxy;
	const char *detach_keys;
};

#define OPTION(name, letter, type, field, value, help) \
	CLI_OPTION(name, letter, type, struct options, field, value, help)

static const struct cli_option attach_options[] = {
	OPTION("no-stdin", 0, CLI_FLAG, no_stdin, NULL, "pass nothing on that is typed"),
	OPTION("sig-proxy", 0, CLI_SWITCH, sig_proxy, NULL, "pass signals on (default: true)"),
	OPTION("detach-keys", 0, CLI_STRING, detach_keys, "KEYS",
	       "keys that leave it, with a terminal (default: ctrl-p,ctrl-q)"),
	{ 0 },
};

/* "ctrl-p,ctrl-q", "a,ctrl-]": what they send. */
static int read_keys(const char *text, struct arena *a, const char **ret, struct err *e)
{
	char *keys = arena_alloc(a, strlen(text) + 1);
	size_t n = 0;

	for (const char *at = text; *at;) {
		size_t len = strcspn(at, ",");
		char last = len > 0 ? at[len - 1] : 0;
		bool has_code = (last >= '@' && last <= '_') || (last >= 'a' && last <= 'z');
		if (len == 1)
			keys[n++] = last;
		else if (len == 6 && strncmp(at, "ctrl-", 5) == 0 && has_code)
			keys[n++] = last & 0x1f;
		else
			return err_say(e, EINVAL, "--detach-keys '%s': expected keys such as ctrl-p,ctrl-q", text);
		at += len + (at[len] == ',');
	}
	*ret = keys;
	return 0;
}

static int run_attach(struct runtime *rt, const void *options, int argc, char **argv, struct err *e)
{
	const struct options *o = options;
	struct relay_options relay = { .pass_signals = !o->sig_proxy.set || o->sig_proxy.v, .redraw = true };
	struct launched l;
	bool detached;
	int sock = -1, code = 0;

	(void)argc;
	if (launched_find(rt, argv[0], &l, e) < 0)
		return -e->code;
	relay.input = l.stdin_open && !o->no_stdin;
	if (l.terminal)
		relay.detach_keys = SUPERVISE_DETACH_KEYS;
	if (o->detach_keys && read_keys(o->detach_keys, &rt->arena, &relay.detach_keys, e) < 0)
		return -e->code;
	if (supervise_attach(rt, &l, relay.input, &sock, e) < 0 ||
	    supervise_relay(rt, &l, sock, &relay, &code, &detached, e) < 0)
		return -e->code;
	return detached ? 0 : code;
}

const struct cli_command command_attach = {
	.name = "attach",
	.arguments = "CONTAINER",
	.summary = "Follow the output of a launched container, and type to it",
	.details = "Exits as the container's program does. With a terminal, control-P control-Q leaves it running.\n",
	.group = CLI_LIFE,
	.options = attach_options,
	.options_size = sizeof(struct options),
	.min_args = 1,
	.max_args = 1,
	.run = run_attach,
};
