/* port: which ports of this machine lead to a launched container. */
#include "runtime/cli/commands.h"
#include "runtime/cli/network_settings.h"
#include "runtime/launch/launch.h"

#include <errno.h>
#include <stdio.h>

static const struct cli_option no_options[] = { { 0 } };

/* @wanted: the port of the container that is asked for; NULL: all, each with its own before it. Returns how many. */
static size_t print(const struct net_endpoint *x, const struct net_port *wanted, struct arena *a)
{
	char addresses[2][NET_ADDRESS_TEXT];
	size_t printed = 0;

	for (size_t i = 0; i < x->n_ports; i++) {
		const struct net_port *p = &x->ports[i];
		size_t n = cli_host_addresses(p, addresses);
		for (unsigned k = 0; k < p->count; k++) {
			if (wanted && (wanted->protocol != p->protocol || wanted->container_port != p->container_port + k))
				continue;
			for (size_t j = 0; j < n; j++, printed++) {
				if (!wanted)
					printf("%u/%s -> ", p->container_port + k, launch_protocol_name(p->protocol));
				puts(cli_socket_text(addresses[j], p->host_port + k, a));
			}
		}
	}
	return printed;
}

static int run_port(struct runtime *rt, const void *options, int argc, char **argv, struct err *e)
{
	struct net_endpoint x;
	struct net_port wanted;
	struct launched l;

	(void)options;
	if (argc > 1 && (launch_port_parse(argv[1], &rt->arena, &wanted, e) < 0 || wanted.count != 1 ||
			 wanted.host_port || wanted.host.family))
		return err_say(e, EINVAL, "'%s': expected PORT[/PROTOCOL]", argv[1]);
	if (launched_find(rt, argv[0], &l, e) < 0 || cli_endpoint(rt, &l, &x, e) < 0)
		return -e->code;
	if (print(&x, argc > 1 ? &wanted : NULL, &rt->arena) == 0 && argc > 1)
		return err_say(e, ENOENT, "container '%s' has not published its port %u/%s", l.name, wanted.container_port,
			       launch_protocol_name(wanted.protocol));
	return 0;
}

const struct cli_command command_port = {
	.name = "port",
	.arguments = "CONTAINER [PORT[/PROTOCOL]]",
	.summary = "Print which ports of this machine lead to a container",
	.group = CLI_LOOK,
	.options = no_options,
	.min_args = 1,
	.max_args = 2,
	.run = run_port,
};
