/* The program ferry-systemd: the manager's bus, by libsystemd. Nothing of it is in ferry's own code. */
#ifndef CGROUPS_SYSTEMD_BUS_H
#define CGROUPS_SYSTEMD_BUS_H

#include "cgroups/systemd/request.h"

#include <systemd/sd-bus.h>

/* @address: NULL for the system's bus. */
int bus_open(const char *address, sd_bus **ret, struct err *e);

/* Does what is asked, and waits for its job where it has one. -EEXIST: there is such a unit; -ENOENT: there is none. */
int bus_do(sd_bus *bus, const struct systemd_request *request, struct err *e);

#endif
