/*
 * `ferry launch`: a container from a template, without an image or a configuration file. The one template is "host", a
 * copy-on-write view of this machine (overlay/).
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
#include "spec/spec.h"

#include <stdbool.h>

struct launch_options {
	const char *template;
	const char *name; /* NULL: two words are chosen */
	const char *hostname; /* NULL: the name */
	const char *storage; /* where containers' directories are made; NULL: launch_storage */
	const char **env; /* "NAME=value", or "NAME" to pass the caller's on */
	size_t n_env;
	const char **volumes; /* "SRC:DST[:OPTION,...]" */
	size_t n_volumes;
	const char *workdir, *user;
	struct spec_i64 memory_bytes, cpu_quota_us, pids;
	bool detach, rm, read_only, terminal, no_terminal, share_home;
	const char **command; /* ended by NULL; none: a shell */
	size_t n_command;
};

enum { LAUNCH_CPU_PERIOD_US = 100000 };

struct launch_facts {
	bool rootless, on_terminal;
	uid_t uid;
	gid_t gid;
	struct spec_idmap subuid, subgid; /* what the user may map besides himself; size 0: nothing */
	const char *machine; /* uname's: "x86_64" */
	const char *shell; /* $SHELL, when the container has it; NULL */
	const char *passwd, *group; /* the text of the host's files */
	const char *const *environ; /* the caller's */
	const char *cwd;
};

int launch_facts_read(const struct runtime *rt, struct arena *a, struct launch_facts *ret, struct err *e);

/*
 * Writes the configuration. @view: the container's root. @l: names and directory are set, the plan sets what was asked
 * for. -EINVAL with the option's name for values that make no sense. Whether the sources of volumes exist is found out
 * when they are mounted.
 */
int launch_plan(const struct launch_options *o, const struct launch_facts *f, const struct host_view *view,
		struct arena *a, struct launched *l, struct buf *out, struct err *e);

/*
 * Fills @dir, the new container's directory, which is empty. @name: its id, and its name. *ret in rt->arena; @config: the
 * text of its config.json. Both are the caller's to write. On failure the directory is the caller's to remove.
 */
int launch_prepare(struct runtime *rt, const struct launch_options *o, const char *storage, const char *name,
		   const char *dir, struct launched *ret, struct buf *config, struct err *e);

/*
 * For lifecycle_create and lifecycle_run: id, bundle, specification with the overlay that is its root. @config outlives it.
 * What else is in a request is the caller's.
 */
int launch_request(struct runtime *rt, const struct launched *l, const char *config, struct create_request *ret,
		   struct err *e);

/* *ret_name: the container's. Without detach it waits for the end; *ret_exit is the command's exit code. */
int launch_run(struct runtime *rt, const struct launch_options *o, const char **ret_name, int *ret_exit, struct err *e);

/* ---- parts of the plan ---- */

/* Capabilities, mounts, paths, and seccomp: launch/defaults.c */
extern const char *const launch_capabilities[];
extern const char *const launch_masked_paths[];
extern const char *const launch_readonly_paths[];
struct json_writer;
void launch_write_mounts(struct json_writer *w, const struct launch_facts *f);
void launch_write_device_rules(struct json_writer *w);
void launch_write_seccomp(struct json_writer *w, const char *machine); /* launch/seccomp.c */

/* A user as the command line names him, looked up in the text of /etc/passwd and /etc/group: launch/user.c */
struct launch_user {
	uint32_t uid, gid;
	uint32_t *groups;
	size_t n_groups;
	const char *home; /* "/" when the file does not know him */
	const char *name; /* NULL when the file does not know him */
};
int launch_find_user(const char *text, const struct launch_facts *f, struct arena *a, struct launch_user *ret,
		     struct err *e);

/* "SRC:DST[:OPTION,...]" as a bind mount, relative sources below @cwd: launch/volume.c */
int launch_volume(const char *text, const char *cwd, struct arena *a, struct spec_mount *ret, struct err *e);

/* ---- directories and names ---- */

/* Where launched containers' directories are, when the options do not say. */
int launch_storage(struct runtime *rt, const char **ret, struct err *e);

/* Where the names of launched containers are, and the journal: there, too, whatever --storage says; or below --root. */
int launch_index(struct runtime *rt, const char **ret, struct err *e);

/* Two words from @number. In the arena. */
const char *launch_name(uint64_t number, struct arena *a);

/*
 * Makes STORAGE/NAME for the caller alone. Returns a descriptor that holds it locked: to be kept until the container is
 * recorded. -EEXIST when it is there. Directories without a container are removed first.
 * @name: NULL chooses one that neither a directory nor a container has; *ret_name is it.
 */
int launch_make_directory(struct runtime *rt, const char *storage, const char *name, const char **ret_name,
			  const char **ret_dir, struct err *e);

/* It goes when it has ended: where its supervisor did not live to see to that, the next launch removes it. */
int launch_mark_throwaway(const struct runtime *rt, int dir, struct err *e);

#endif
