/* The sockets of a container's processes, by their inodes. For container.c. */
#ifndef CHECKPOINT_PREFLIGHT_SOCKETS_H
#define CHECKPOINT_PREFLIGHT_SOCKETS_H

#include "checkpoint/preflight/preflight.h"

/* One that a process has open. */
struct preflight_socket {
	uint64_t inode;
	uint64_t netns; /* the process's */
	const char *subject; /* the first process that has it */
	char protocol[24]; /* as the kernel names it: "TCP", "TCPv6", "UNIX-STREAM"; "" when it does not say */
};

struct preflight_sockets {
	struct preflight_socket *v;
	size_t n;
};

/* Once all processes were looked at. Those that several processes have are there several times until now. */
void preflight_sockets_sort(struct preflight_sockets *s);

/* What the protocols alone say. */
void preflight_sockets_kinds(struct preflight *p, const struct preflight_sockets *s);

/* Connections, by a text of /proc/PID/net/tcp or tcp6 of that network namespace. */
void preflight_sockets_tcp(struct preflight *p, const struct preflight_options *o, const struct preflight_sockets *s,
			   uint64_t netns, const char *text);

/* Peers outside, of sockets of the network namespace that @c->unix_sockets tells of. */
void preflight_sockets_unix(struct preflight *p, const struct preflight_container *c, const struct preflight_sockets *s,
			    uint64_t netns);

#endif
