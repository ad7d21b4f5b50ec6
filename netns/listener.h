/* Which program of this machine has a port: for messages alone, since it is slow and may not be told. */
#ifndef NETNS_LISTENER_H
#define NETNS_LISTENER_H

#include "lib/arena.h"

#include <stdint.h>

/* `the program "nginx" (pid 123)`, or "a program of this machine". In the arena. */
const char *listener_name(uint8_t protocol, unsigned port, struct arena *a);

#endif
