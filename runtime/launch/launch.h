/*
 * `ferry launch`: a container from a template, without a configuration file. A template is "host", a copy-on-write view of
 * this machine; an image of the store; or with --rootfs a directory.
 *
 *	launch_facts_read     what the machine and the caller are like
 *	launch_plan           the configuration, as the text of a config.json                  pure
 *	launch_prepare        both of them, and what the container's directory holds
 *	launch_request        what the life cycle needs to start it, the first time or again
 *	launch_run            all of it, and the container's life
 *
 * The text is then parsed as any config.json is, so that there is one way from a configuration to a container.
 *
 * A launched container has a directory of its own, DIR/NAME, with its upper and work directories; it goes when the
 * container is deleted.
 */
#ifndef RUNTIME_LAUNCH_H
#define RUNTIME_LAUNCH_H

#include "lib/buf.h"
#include "overlay/overlay.h"
#include "runtime/launch/launched.h"
#include "runtime/lifecycle.h"
#include "runtime/runtime.h"
#include "spec/image.h"
#include "spec/spec.h"

#include <stdbool.h>

struct launch_list {
	const char **v;
	size_t n;
};

/* Texts are as the command line has them, unless said otherwise. */
struct launch_options {
	const char *template; /* "host", or an image; NULL with rootfs */
	const char *rootfs; /* "DIR[:O]" */
	const char *name; /* NULL: two words are chosen */
	const char *hostname; /* NULL: the name */
	const char *storage; /* where containers' directories are made; NULL: launch_storage */
	struct launch_list env, env_files; /* env: "NAME=value", or "NAME" to pass the caller's on */
	struct launch_list volumes, mounts, tmpfs;
	struct launch_list cap_add, cap_drop, security_opts, devices, ulimits, sysctls, group_add;
	struct launch_list labels, label_files, add_hosts, dns, dns_search, dns_options;
	struct launch_list networks, network_aliases, publish, expose;
	const char *ip, *ip6, *mac_address;
	struct net_shaping shaping;
	const char *workdir, *user, *entrypoint;
	const char *pid_mode, *ipc_mode, *uts_mode, *userns, *cgroup_parent;
	struct spec_i64 memory_bytes, memory_swap_bytes, memory_reservation_bytes, shm_bytes;
	struct spec_i64 cpu_quota_us, cpu_shares, pids, oom_score_adj;
	const char *cpuset_cpus, *cpuset_mems;
	int stop_signal; /* 0: the image's, or SIGTERM */
	struct spec_i64 stop_timeout_ms;
	enum restart_policy restart;
	int64_t restart_max;
	const char *health_cmd; /* for a shell */
	struct spec_i64 health_interval_ms, health_timeout_ms, health_start_period_ms, health_start_interval_ms;
	struct spec_i64 health_retries;
	struct spec_i64 log_max_bytes, log_files;
	bool detach, rm, read_only, terminal, no_terminal, stdin_open, share_home, privileged, no_healthcheck;
	bool init, publish_all;
	const char **command; /* ended by NULL; none: the image's, or a shell */
	size_t n_command;
};

enum { LAUNCH_CPU_PERIOD_US = 100000 };

/* Made when it is first used. */
#define LAUNCH_DEFAULT_NETWORK "ferry"

/* A device of the host, as --device or --privileged gives it. */
struct launch_device {
	const char *path; /* in the container */
	char type; /* 'c' or 'b' */
	int64_t major, minor;
	uint32_t mode, uid, gid;
	const char *access; /* "rwm" */
};

/* What the machine and the caller are like, and the files that options name. */
struct launch_facts {
	bool rootless, on_terminal, systemd;
	uint16_t rows, columns; /* of that terminal; 0: not known */
	bool pasta; /* that program is installed */
	uid_t uid;
	gid_t gid;
	struct spec_idmap subuid, subgid; /* what the user may map besides himself; size 0: nothing */
	uint64_t capabilities; /* what the caller can give, bit N is number N; read only for those who want all */
	uint64_t random; /* a number to choose by */
	const char *machine, *release; /* uname's: "x86_64", "6.1.0" */
	const char *shell; /* $SHELL, when the container has it; NULL */
	const char *passwd, *group; /* the text of the container's files */
	const char *const *environ; /* the caller's */
	const char *cwd; /* NULL: it has been removed */
	const char *hostname;
	const char *volumes; /* where volumes are; NULL: the environment names no place */
	struct launch_list env; /* of --env-file */
	struct spec_pair *labels; /* of --label-file */
	size_t n_labels;
	struct launch_device *devices;
	size_t n_devices;
	const char *other, *other_files; /* of --network container:NAME: its id, and where its files of /etc are; NULL */
	const char *seccomp; /* the text of the file of --security-opt seccomp=; NULL */
};

/* What a template comes to: a root, and what it says about the process. */
struct launch_root {
	const char *path; /* root.path */
	bool host; /* this machine's files */
	const char **options; /* of the overlay that is mounted as the root; none: what is at the path */
	size_t n_options;
	const struct overlay_layer *parts; /* overlays within it */
	size_t n_parts;
	const struct image_config *image; /* NULL without one */
	const char *image_digest, **layers; /* as in struct launched */
	size_t n_layers;
	const char *files; /* the directory of hosts, hostname and resolv.conf, to be mounted; NULL: see launch_own_files */
};

int launch_facts_read(struct runtime *rt, struct arena *a, struct launch_facts *ret, struct err *e);

/* The files and devices that options name. */
int launch_files_read(const struct launch_options *o, struct arena *a, struct launch_facts *f, struct err *e);

/*
 * Writes the configuration. @root: the container's. @l: names and directory are set, the plan sets what was asked for.
 * -EINVAL with the option's name for values that make no sense. Whether the sources of volumes exist is found out when
 * they are mounted.
 */
int launch_plan(const struct launch_options *o, const struct launch_facts *f, const struct launch_root *root,
		struct arena *a, struct launched *l, struct buf *out, struct err *e);

/*
 * Fills @dir, the new container's directory, which is empty. @name: its id, and its name. *ret in rt->arena; @config: the
 * text of its config.json. Both are the caller's to write. On failure the directory is the caller's to remove, and so are
 * volumes; ret->created is set then, too.
 * *ret_hold: a descriptor that keeps an image's layers from being pruned, to be closed once launch.json is written; or -1.
 */
int launch_prepare(struct runtime *rt, const struct launch_options *o, const char *storage, const char *name,
		   const char *dir, struct launched *ret, struct buf *config, int *ret_hold, struct err *e);

/*
 * Plans and makes the root of a container that was launched elsewhere, as @l says: of an image, or a directory that an overlay
 * lies over. *ret_hold: as above. -ENOENT: it is not here.
 */
int launch_root_again(struct runtime *rt, struct launched *l, int *ret_hold, struct err *e);

/*
 * For lifecycle_create and lifecycle_run: id, bundle, specification with the overlay that is its root. What else is in a
 * request is the caller's.
 */
int launch_request(struct runtime *rt, const struct launched *l, const char *config, struct create_request *ret,
		   struct err *e);

/* *ret_name: the container's. Without detach it waits for the end; *ret_exit is the command's exit code. */
int launch_run(struct runtime *rt, const struct launch_options *o, const char **ret_name, int *ret_exit, struct err *e);

/* "/etc/hosts" of a container: launch/identity.c. @x: what it has been given; NULL without a network. */
int launch_hosts(const struct launched_network *n, const char *hostname, const struct net_endpoint *x, struct buf *out,
		 struct err *e);

/* A new text for /etc/machine-id. */
int launch_machine_id(struct buf *out, struct err *e);

/*
 * The files of launch_own_files in @dir, which has none yet, as they are without a network: a start on one writes them anew.
 * @owner: user and group.
 */
int launch_make_own_files(const char *dir, const char *hostname, const struct launched_network *n, uint32_t owner,
			  struct arena *a, struct err *e);

/* @owner of those, of a container that the host's root launches: who its root is here. */
uint32_t launch_files_owner(const struct spec *s);

/* What an error says of members of the configuration it then says of the options that they come from. Returns the error. */
int launch_say_option(struct err *e);

/* ---- published ports as texts: publish.c ---- */

/* "[[ADDRESS:][HOST]:]CONTAINER[/PROTOCOL]": one port or a range. -EINVAL with the text. */
int launch_port_parse(const char *text, struct arena *a, struct net_port *ret, struct err *e);
const char *launch_port_text(const struct net_port *p, struct arena *a);
const char *launch_protocol_name(uint8_t protocol); /* "tcp" */

/* ---- directories and names ---- */

/* Where launched containers' directories are, when the options do not say. */
int launch_storage(struct runtime *rt, const char **ret, struct err *e);

/* Where the names of launched containers are, and the journal: there, too, whatever --storage says; or below --root. */
int launch_index(struct runtime *rt, const char **ret, struct err *e);

/* Two words from @number. In the arena. */
const char *launch_name(uint64_t number, struct arena *a);

/*
 * Makes STORAGE/ID for the caller alone. Returns a descriptor that holds it locked: to be kept until the container is
 * recorded. -EEXIST when it is there. Directories without a container are removed first.
 * @name: what the container will be called; NULL chooses one that nothing has. The id is the name, or NAME-2 where one
 * that was renamed has that.
 */
int launch_make_directory(struct runtime *rt, const char *storage, const char *name, const char **ret_id,
			  const char **ret_dir, struct err *e);

/* It goes when it has ended: where its supervisor did not live to see to that, the next launch removes it. */
int launch_mark_throwaway(const struct runtime *rt, int dir, struct err *e);

#endif
