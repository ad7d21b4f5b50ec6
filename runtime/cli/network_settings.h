/* What launched containers have of their networks, as people and Docker's users look at it. */
#ifndef RUNTIME_CLI_NETWORK_SETTINGS_H
#define RUNTIME_CLI_NETWORK_SETTINGS_H

#include "lib/json.h"
#include "netns/netns.h"
#include "runtime/launch/launched.h"

/* What it has now, in rt->arena. One without networks, or that does not run, has nothing: that is no error. */
int cli_endpoint(struct runtime *rt, const struct launched *l, struct net_endpoint *ret, struct err *e);

/* "0.0.0.0:8080->80/tcp, [::]:8080->80/tcp, 443/tcp": published ports, then those that are merely exposed. In @a. */
const char *cli_ports(const struct launched *l, const struct net_endpoint *x, struct arena *a);

/* "10.88.0.2, fd00::2": of all its networks. In @a. */
const char *cli_addresses(const struct net_endpoint *x, struct arena *a);

/*
 * The addresses of this machine at which a port is published: "0.0.0.0" and "::", or the one that was asked for. Returns how
 * many.
 */
size_t cli_host_addresses(const struct net_port *p, char ret[2][NET_ADDRESS_TEXT]);

/* "[::]:8080" */
const char *cli_socket_text(const char *address, unsigned port, struct arena *a);

/* The member "NetworkSettings" of inspect; and "NetworkMode" and "PortBindings" of its HostConfig. */
void cli_write_network_settings(struct json_writer *w, const struct launched *l, const struct net_endpoint *x,
				struct arena *a);
void cli_write_network_mode(struct json_writer *w, const struct launched *l, struct arena *a);

#endif
