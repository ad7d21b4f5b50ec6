/* network connect, network disconnect: one network more or less for a launched container. */
#include "runtime/cli/commands.h"
#include "runtime/launch/launch.h"
#include "runtime/launch/network.h"

struct connect_options {
	const char *ip, *ip6, *mac_address;
	struct cli_strings aliases;
};

struct disconnect_options {
	bool force;
};

#define CONNECT(name, type, field, value, help) CLI_OPTION(name, 0, type, struct connect_options, field, value, help)

static const struct cli_option connect_table[] = {
	CONNECT("alias", CLI_STRINGS, aliases, "NAME", "another name by which the network knows it"),
	CONNECT("ip", CLI_STRING, ip, "ADDRESS", "its IPv4 address (default: a free one)"),
	CONNECT("ip6", CLI_STRING, ip6, "ADDRESS", "its IPv6 address"),
	CONNECT("mac-address", CLI_STRING, mac_address, "ADDRESS", "its hardware address"),
	{ 0 },
};

static const struct cli_option disconnect_table[] = {
	CLI_OPTION("force", 'f', CLI_FLAG, struct disconnect_options, force, NULL, "be content when it is not in it"),
	{ 0 },
};

static int run_connect(struct runtime *rt, const void *options, int argc, char **argv, struct err *e)
{
	const struct connect_options *o = options;
	const struct launch_options plan = {
		.ip = o->ip, .ip6 = o->ip6, .mac_address = o->mac_address, .network_aliases = { o->aliases.v, o->aliases.n },
	};
	struct launched_attachment a;
	struct launched l;

	(void)argc;
	if (launch_plan_attachment(argv[0], &plan, &rt->arena, &a, e) < 0 || launched_find(rt, argv[1], &l, e) < 0)
		return -e->code;
	return launch_connect(rt, &l, &a, e);
}

static int run_disconnect(struct runtime *rt, const void *options, int argc, char **argv, struct err *e)
{
	const struct disconnect_options *o = options;
	struct launched l;

	(void)argc;
	if (launched_find(rt, argv[1], &l, e) < 0)
		return -e->code;
	return launch_disconnect(rt, &l, launch_network_name(argv[0]), o->force, e);
}

const struct cli_command command_network_connect = {
	.name = "network connect",
	.arguments = "NETWORK CONTAINER",
	.summary = "Put a launched container into one more network",
	.details = "At once when it runs, and at every start from then on.\n",
	.group = CLI_CHANGE,
	.options = connect_table,
	.options_size = sizeof(struct connect_options),
	.min_args = 2,
	.max_args = 2,
	.run = run_connect,
};

const struct cli_command command_network_disconnect = {
	.name = "network disconnect",
	.arguments = "NETWORK CONTAINER",
	.summary = "Take a launched container out of a network",
	.group = CLI_CHANGE,
	.options = disconnect_table,
	.options_size = sizeof(struct disconnect_options),
	.min_args = 2,
	.max_args = 2,
	.run = run_disconnect,
};
