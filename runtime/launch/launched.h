/*
 * A launched container at rest: a directory STORAGE/ID, which lives as long as the container does, over restarts of it
 * and of the machine. (/run/ferry/ID, the OCI container, is there from a start to the next, or to its deletion.)
 *
 *	launch.json    what was asked for: the struct below; replaced whole when `update` or `rename` changes it
 *	config.json    the configuration that was made of it; every start uses it as it is
 *	status.json    what came of it so far (struct launched_status); written by its supervisor alone
 *	log, log.1...  its output
 *	supervisor     a socket, while there is a supervisor (runtime/supervise)
 *	snapshots      what it had written at other times: runtime/snapshot/snapshot.h
 *	.ferry-init    of one with an init: its program
 *	upper, work    what it wrote; root: where its root is mounted, in its own mount namespace
 *	warm           of a clone: the images that it was restored from, links to those of its snapshot (runtime/clone/clone.h)
 *	cloning        of a clone that is not whole: locked by the command that makes it
 *
 *	.names/NAME     in the user's own storage, whatever storage the container was given, or below --root: a symbolic
 *	                link to its directory, the name that people use. The id is the name it was launched with, or NAME-2,
 *	                NAME-3... where an older container that was renamed has that id
 *
 * The directory's lock (flock) is held by whoever makes, starts or removes the container, and by its supervisor as long
 * as that lives: a directory without launch.json that nobody holds is what a killed launch left, and is removed by the
 * next that looks.
 */
#ifndef RUNTIME_LAUNCH_LAUNCHED_H
#define RUNTIME_LAUNCH_LAUNCHED_H

#include "lib/near.h"
#include "netns/netns.h"
#include "runtime/runtime.h"
#include "spec/spec.h"

#include <stdbool.h>
#include <stdint.h>

#define LAUNCHED_WARM "warm"
#define LAUNCHED_CLONING "cloning"

enum restart_policy { RESTART_NO, RESTART_ON_FAILURE, RESTART_ALWAYS, RESTART_UNLESS_STOPPED };

/* Times in milliseconds. */
struct launched_health {
	const char **command; /* run as `exec` does; ended by NULL; NULL: no health check */
	size_t n_command;
	int64_t interval_ms, timeout_ms, start_period_ms, start_interval_ms;
	int64_t retries;
};

enum launched_network_mode {
	NETWORK_NONE, /* a loopback interface alone */
	NETWORK_HOST, /* the machine's */
	NETWORK_ATTACHED, /* networks */
	NETWORK_CONTAINER, /* another container's */
	NETWORK_PATH, /* that of a file */
	NETWORK_PASTA, /* the program pasta stands between it and the machine's: for ordinary users */
};

/* One network. Addresses are texts; NULL: chosen at each start. */
struct launched_attachment {
	const char *network, *interface, *mac, *ip, *ip6;
	const char **aliases;
	size_t n_aliases;
};

struct launched_network {
	enum launched_network_mode mode;
	bool if_possible; /* pasta: nobody has asked for it; where it fails the container has no network */
	const char *of; /* the other container's id, or the file */
	struct launched_attachment *attachments;
	size_t n_attachments;
	const char **ports; /* as launch_port_parse reads them */
	const char **exposed; /* "80/tcp": what an image or --expose says of itself */
	size_t n_ports, n_exposed;
	struct net_shaping shaping;
	const char **dns, **dns_search, **dns_options, **hosts; /* hosts: of --add-host */
	size_t n_dns, n_dns_search, n_dns_options, n_hosts;
};

struct launched {
	const char *id, *name; /* name: from .names, the id when it has none */
	const char *dir; /* absolute */

	/* launch.json */
	const char *image; /* as it was named; "host"; or the directory of --rootfs */
	const char *image_digest; /* of the manifest; NULL without an image */
	const char **layers; /* diff ids, the lowest first; ended by NULL; NULL without an image */
	size_t n_layers;
	const char **root_options; /* of the overlay that is mounted as the root; none: root.path is the root itself */
	size_t n_root_options;
	const char *created; /* RFC 3339 */
	const char **command; /* entrypoint and arguments as they are run */
	size_t n_command;
	struct spec_pair *labels;
	size_t n_labels;
	enum restart_policy restart;
	int64_t restart_max; /* on-failure:N; 0: no end */
	int stop_signal; /* a number */
	int64_t stop_timeout_ms;
	bool rm, terminal, stdin_open;
	bool init; /* the program is the child of an init; config.json does not say so */
	int64_t log_max_bytes; /* of one file; -1: no end */
	int64_t log_files; /* how many are kept */
	struct launched_health health;
	struct launched_network network;
	const char *cloned_from; /* the directory of a snapshot, absolute: runtime/clone; NULL */
};

enum launched_state { LAUNCHED_CREATED, LAUNCHED_RUNNING, LAUNCHED_PAUSED, LAUNCHED_RESTARTING, LAUNCHED_EXITED };
enum launched_healthiness { HEALTH_NONE, HEALTH_STARTING, HEALTH_HEALTHY, HEALTH_UNHEALTHY };

struct launched_status {
	/* found out from the kernel when it is read: runtime/container.h and whether there is a supervisor */
	enum launched_state state;
	pid_t pid; /* of its first process, 0 when it does not run */

	/* status.json */
	int exit_code; /* of the last end: the program's, or 128 + the signal */
	const char *error; /* why the last start failed; NULL */
	const char *started_at, *finished_at; /* RFC 3339; NULL: never */
	int64_t restart_count;
	bool oom_killed, stopped; /* stopped: by `stop` or `kill`, not to be started again by unless-stopped */
	enum launched_healthiness health;
	int64_t failing_streak;
	const char *health_output; /* of the last check; NULL */
};

/* "created", "running", "paused", "restarting", "exited": Docker's words. */
const char *launched_state_name(enum launched_state s);
const char *launched_health_name(enum launched_healthiness h); /* "starting", ...; "none" */
const char *restart_policy_name(enum restart_policy p); /* "no", "on-failure", "always", "unless-stopped" */

const char *launched_network_mode_name(enum launched_network_mode m); /* "none", "host", "attached", ... */

/* Write launch.json, or status.json (what of it is not found out from the kernel), into the container's directory. */
int launched_save(int dir, const struct launched *l, struct err *e);
int launched_save_status(int dir, const struct launched_status *s, struct err *e);

/*
 * Read what those wrote, strings in @a. A member that is unknown is passed over, one of another type is -EINVAL.
 * -ENOENT without launch.json; without status.json *ret is a container that never ran.
 */
int launched_load(int dir, struct launched *ret, struct arena *a, struct err *e);
int launched_load_status(int dir, struct launched_status *ret, struct arena *a, struct err *e);

/* ---- finding those that were launched with this state root: launched.c ---- */

/*
 * By name, by id, or by the beginning of a name or an id that only one has. -ENOENT: `no container "x"`, with the names
 * that are nearly like it. -EINVAL: names those that match. Everything is in rt->arena.
 */
int launched_find(struct runtime *rt, const char *text, struct launched *ret, struct err *e);
int launched_find_id(struct runtime *rt, const char *id, struct launched *ret, struct err *e); /* by the id alone */

/* Offers what they are called. */
void launched_offer(struct runtime *rt, struct near *near);

/* The id of the one with that very name; NULL when there is none. Cheap, for commands that take ids. In rt->arena. */
const char *launched_id(struct runtime *rt, const char *name);

/* All, by name. Removes what killed commands left on the way. */
int launched_list(struct runtime *rt, struct launched **ret, size_t *ret_n, struct err *e);

int launched_status(struct runtime *rt, const struct launched *l, struct launched_status *ret, struct err *e);

/* ---- names: launched_name.c ---- */

/* Gives the container in @dir (absolute) its name, before it has a launch.json. -EEXIST: another has that name. */
int launched_add_name(struct runtime *rt, const char *dir, const char *name, struct err *e);

/* -EEXIST: another has that name. */
int launched_rename(struct runtime *rt, const struct launched *l, const char *name, struct err *e);

/* Removes names that point nowhere: killed commands left them. */
int launched_sweep_names(struct runtime *rt, struct err *e);

/* ---- its directory: storage.c ---- */

/* A descriptor that holds its lock. -EBUSY when another does: whoever starts or removes it, or its supervisor. */
int launched_lock(const struct launched *l, struct err *e);

/*
 * Removes all of it: what may still run of it, its record, its name, its directory. @dir: from launched_lock. Killed at
 * any moment it leaves a whole container, or what the next command removes.
 */
int launched_remove(struct runtime *rt, const struct launched *l, int dir, struct err *e);

/*
 * The same in two steps. After the first, nothing knows of the container any more, and another may have its name; its
 * files lie aside (*ret_aside, in rt->arena), and may take long to be removed, with @dir still locked. *ret_leaving: for
 * container_settle.
 */
int launched_retire(struct runtime *rt, const struct launched *l, int dir, const char **ret_aside,
		    struct net_leaving *ret_leaving, struct err *e);
int launched_discard(struct runtime *rt, const struct launched *l, int dir, const char *aside, struct err *e);

#endif
