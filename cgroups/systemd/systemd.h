/*
 * The systemd driver. properties.c says what a unit is told (pure), scope.c tells the story of a container's scope.
 *
 * The manager is spoken to over D-Bus with libsystemd, which exists only as a shared library, while ferry is static. So
 * a program of its own speaks: ferry-systemd (bus.c, bus_main.c), whose image is a part of ferry (embed.S). client.c
 * runs it from memory, with a socket as its standard input and output, and sends it what to do (request.c).
 */
#ifndef CGROUPS_SYSTEMD_SYSTEMD_H
#define CGROUPS_SYSTEMD_SYSTEMD_H

#include "cgroups/plan.h"

/* ---- properties.c ---- */

struct systemd_device_value {
	const char *path; /* "/dev/block/8:0" */
	uint64_t value;
};

struct systemd_property {
	const char *name;
	const char *type; /* D-Bus: b s t i u as ay au a(st); which member holds the value */
	union {
		bool boolean;
		const char *string;
		uint64_t number;
		struct {
			const char **items;
			size_t n;
		} strings;
		struct {
			const uint8_t *data;
			size_t n;
		} bytes;
		uint32_t pid; /* au, of one */
		struct systemd_device_value device; /* a(st), of one */
	} v;
};

struct systemd_properties {
	struct systemd_property *item;
	size_t n;
};

/* What a new scope (or slice) is told besides its limits. @pid goes into a scope; a slice takes none. */
int systemd_unit_properties(const struct cgroup_plan *p, pid_t pid, struct arena *a, struct systemd_properties *ret,
			    struct err *e);

/*
 * The limits that systemd knows too, appended. It would otherwise write its own defaults over ours at the next
 * daemon-reload. What it does not know it leaves alone.
 */
int systemd_resource_properties(const struct spec_resources *r, struct arena *a, struct systemd_properties *ret,
				struct err *e);

/* "0-2,8" -> bits, as AllowedCPUs takes them. */
int cpu_list_to_bytes(const char *list, struct arena *a, const uint8_t **ret, size_t *ret_n, struct err *e);

/* ---- client.c ---- */

struct systemd_bus;

/* Fails when there is no such manager to speak to. Runs nothing, opens no connection. */
int systemd_check(bool user_session, struct err *e);

/* Starts the program, which lives until systemd_disconnect. Works with all signals blocked, with SIGCHLD ignored. */
int systemd_connect(bool user_session, struct systemd_bus **ret, struct err *e);
void systemd_disconnect(struct systemd_bus **bus);
#define cleanup_systemd __attribute__((cleanup(systemd_disconnect)))

/* Returns once the job is done. -EEXIST: there is a unit of that name. */
int systemd_start_unit(struct systemd_bus *bus, const char *unit, const struct systemd_properties *p, struct err *e);

/* Returns once the job is done; no such unit is no error. */
int systemd_stop_unit(struct systemd_bus *bus, const char *unit, struct err *e);
int systemd_reset_failed_unit(struct systemd_bus *bus, const char *unit, struct err *e);

int systemd_set_properties(struct systemd_bus *bus, const char *unit, const struct systemd_properties *p,
			   struct err *e);

/* ---- scope.c ---- */

bool systemd_unit_is_slice(const char *unit);
int systemd_attach(struct cgroup_plan *p, const struct cgroup_host *h, pid_t pid, int *ret_fd, struct err *e);
int systemd_update(const struct cgroup_ref *ref, const struct spec_resources *r, struct err *e);
int systemd_destroy(const struct cgroup_ref *ref, int root, const char *path, struct err *e);

#endif
