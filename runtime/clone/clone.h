/*
 * Clones: launched containers that begin with the memory and the files of a snapshot (runtime/snapshot/snapshot.h),
 * many of one.
 *
 *	clone_source_find    which snapshot; of a container that runs, a new one
 *	clone_make           one clone, which runs then
 *	template_...         names for snapshots that are there to be cloned
 *
 * What is made once, by the first clone or template of a snapshot, is beside it, as `.clones/NAME`:
 *
 *	warm     its images again, with the large regions of memory as files: checkpoint/images/share.h
 *	users    links to the directories of its clones and to templates (lib/users.h): it can be removed only without any
 *
 * A clone is a launched container like others. In its own directory (runtime/launch/launched.h) `warm` has links to
 * those of the snapshot, but for its host name, and the lowest layers of its root are what its source's are, with
 * the snapshot's files on top: so nothing is copied, and it takes what it then writes. Where an overlay cannot be
 * so, since its lower directory holds the snapshot, as this machine's "/" does, the snapshot's files are copied.
 *
 * Its own are: name, id, host name, cgroup, addresses, /etc/machine-id, hosts, and published ports; and the file
 * CLONE_FILE, which tells its programs. Connections are closed in it.
 *
 * `cloning` in its directory is locked by the command that makes it, and goes when it is whole, with its hook done.
 * What a killed command has left the next removes, even if it runs.
 */
#ifndef RUNTIME_CLONE_H
#define RUNTIME_CLONE_H

#include "runtime/launch/launched.h"
#include "runtime/snapshot/snapshot.h"

/* In a clone: variables, as a shell reads them. */
#define CLONE_FILE ".cloneenv"

struct clone_source {
	struct launched l; /* the container whose snapshot it is */
	const char *snapshot;
	const char *dir; /* of the snapshot, absolute */
	bool made; /* it was made to be cloned now */
	const char *template; /* NULL: it was not found by one */
	const char *hook; /* the template's; NULL */
	const char *config; /* the text of the container's config.json */
	struct spec *spec; /* the same */
};

struct clone_request {
	const struct clone_source *source;
	const char *name;
	const char *hook; /* a program of the clone's; NULL */
	bool rm; /* removed when it ends, as one is whose source is */
	const char **publish; /* as launch_port_parse takes them */
	size_t n_publish;
};

/*
 * @text: a template's name, "CONTAINER/SNAPSHOT", or a container that runs, of which a snapshot is made then for @name. @hook:
 * there will be one, beside the template's. The program may start anew from a sealed copy, and has done nothing by then.
 */
int clone_source_find(struct runtime *rt, const char *text, const char *name, bool hook, struct clone_source *ret,
		      struct err *e);

/* What clone_source_find has made, if nobody has come to use it, goes again. */
void clone_source_drop(struct runtime *rt, const struct clone_source *s);

/* Whatever fails, and if it is the hook, nothing of the clone stays. */
int clone_make(struct runtime *rt, const struct clone_request *r, struct err *e);

/*
 * Before its processes are restored: what in its images is of the addresses that its source had becomes of those that @l has
 * been given. Does nothing at any later start.
 */
int clone_readdress(const struct launched *l, const struct net_endpoint *x, struct err *e);

/* ---- what others move, too ---- */

/*
 * The text of the config.json of @from as that of @to: what lay in the one's directory lies in the other's, and its cgroup has the
 * other's id. @hostname NULL: as it was.
 */
int clone_move_config(const char *text, const struct launched *from, const struct launched *to, const char *hostname,
		      struct arena *a, struct buf *out, struct err *e);

/* Notes that @l uses the volumes that @s mounts. */
int clone_use_volumes(struct runtime *rt, const struct spec *s, const struct launched *l, struct err *e);

/* ---- templates ---- */

/* /var/lib/ferry/templates/NAME.json: what a name for a snapshot says. */
struct template {
	const char *name;
	const char *source; /* "CONTAINER-ID/SNAPSHOT" */
	const char *snapshot; /* its directory, absolute */
	const char *hook; /* a program that is run in each clone; NULL */
	const char *description; /* NULL */
	const char *created; /* RFC 3339 */
};

/* Makes what a snapshot's clones share, too. -EEXIST. */
int template_create(struct runtime *rt, const struct template *t, struct err *e);

/* -ENOENT: `no template "x"`, with those that are nearly called so. */
int template_load(struct runtime *rt, const char *name, struct template *ret, struct err *e);

/* By name. */
int template_list(struct runtime *rt, struct template **ret, size_t *ret_n, struct err *e);

int template_remove(struct runtime *rt, const char *name, struct err *e);

/* ---- who uses a snapshot ---- */

/* *ret: "container 'web-1'", "template 'jvm'": what depends on the snapshot in @dir (absolute). In rt->arena. */
int clone_users(struct runtime *rt, const char *dir, const char ***ret, size_t *ret_n, struct err *e);

/* Where what they share is, absolute. In @a. */
const char *clone_shared_path(const char *dir, struct arena *a);

/* -EBUSY where there are any: who they are. @what: "snapshot 'web/snap0'". */
int clone_check_unused(struct runtime *rt, const char *dir, const char *what, struct err *e);

/* The same for all of a container's snapshots, which go with it; *ret holds their lock, so that nobody begins to use one. */
int clone_check_container(struct runtime *rt, const struct launched *l, struct snapshots *ret, struct err *e);

/* ---- internal to runtime/clone ---- */

/* The clone's launch.json, but for its names, directory and time, which are set. */
void clone_plan(const struct clone_request *r, struct arena *a, struct launched *l);

/* The clone's config.json out of its source's. -EBADMSG: that is none. */
int clone_config(const struct clone_source *s, const struct launched *l, struct arena *a, struct buf *out, struct err *e);

/* Whether the snapshot's files lie in a lower directory of their root: then they cannot be another one of it. */
bool clone_is_copied(const struct clone_source *s, struct arena *a);

/* NULL: it has none of its own. */
const char *clone_hostname(const struct clone_source *s, const struct launched *l, struct arena *a);

/* Its variables, as CLONE_FILE and a hook's environment have them: "FERRY_CLONE_NAME=web-1"; ended by NULL. */
int clone_variables(const struct clone_source *s, const struct launched *l, struct arena *a, const char ***ret,
		    struct err *e);

/* What cannot be cloned of the container that @s is about. */
int clone_check(struct runtime *rt, const struct clone_source *s, struct err *e);

/* Makes what @l, which is planned, has beside its documents: directories, files, links to images. */
int clone_files(struct runtime *rt, const struct clone_source *s, const struct launched *l, int dir,
		const char *const *variables, struct err *e);

/*
 * Notes that @user (absolute: a clone's directory, a template's file) uses the snapshot, and makes `warm` if it is not there.
 * From then on the snapshot stays as long as @user does. One that is not there yet comes while *ret_held, if it is not
 * NULL, has the snapshots' lock.
 */
int clone_take_source(struct runtime *rt, const struct clone_source *s, const char *user, struct snapshots *ret_held,
		      struct err *e);

int clone_run_hook(struct runtime *rt, const struct launched *l, const char *program, const char *const *variables,
		   struct err *e);

#endif
