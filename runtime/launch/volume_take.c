/*
 * The volumes of a new container: noted as its own, and filled by the first who uses them with what the image has in their
 * place. The image's files are read by way of the container's root, as it will be: a process stands in for the container
 * (runtime/container_root.h). An ordinary user's container has files of users that are mapped to him: a child joins its user
 * namespace for them.
 */
#include "lib/clock.h"
#include "lib/fd.h"
#include "lib/file.h"
#include "lib/in_root.h"
#include "lib/message.h"
#include "lib/proc.h"
#include "lib/tree_copy.h"
#include "lib/tree_owner.h"
#include "runtime/container_root.h"
#include "runtime/images.h"
#include "runtime/launch/plan.h"
#include "runtime/volume/volume.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

struct taken {
	const struct launch_volume *v;
	int dir; /* the volume's; -1: it has no name */
	bool fill;
};

struct taking {
	struct taken *v;
	size_t n;
	struct create_request request; /* the container's */
	struct container_root root; /* where one of them is to be filled, or the container has a user namespace of ours */
};

static void release(struct taking *t)
{
	container_root_close(&t->root);
	for (size_t i = 0; i < t->n; i++)
		close_fd(&t->v[i].dir);
}
#define cleanup_taking __attribute__((cleanup(release)))

/* ---- noting ---- */

static int is_empty(int dir, struct err *e)
{
	int data = openat(dir, VOLUME_DATA, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC), entries = 0;
	DIR *d = data < 0 ? NULL : fdopendir(data);

	/* A user of the container's has closed it, or of the image's, of which it was filled then. */
	if (data < 0 && errno == EACCES)
		return 0;
	if (!d) {
		close_fd(&data);
		return err_set(e, errno, "open '" VOLUME_DATA "'");
	}
	while (entries <= 2 && readdir(d))
		entries++;
	closedir(d);
	return entries <= 2;
}

/* The first holds the volume's lock until it is filled; others wait for that. */
static int use(struct volumes *all, const struct launched *l, struct taken *t, bool *ret_first, struct arena *a,
	       struct err *e)
{
	const struct volume what = { .name = t->v->name, .created = l->created };

	if (volume_make(all, &what, e) < 0)
		return -e->code;
	t->dir = volume_use(all, t->v->name, l->dir, a, ret_first, e);
	if (t->dir < 0)
		return t->dir;
	if (*ret_first && flock(t->dir, LOCK_EX) < 0)
		return err_set(e, errno, "lock volume '%s'", t->v->name);
	return *ret_first ? is_empty(t->dir, e) : 0;
}

static int use_all(struct runtime *rt, const struct launched *l, bool host, struct taking *t, struct err *e)
{
	cleanup_volumes struct volumes all = VOLUMES_INIT;
	bool first;

	for (size_t i = 0; i < t->n; i++) {
		struct taken *one = &t->v[i];
		if (!one->v->name)
			continue;
		if (all.dir < 0 && (volumes_open(rt, true, &all, e) < 0 || volumes_lock(&all, e) < 0))
			return -e->code;
		int r = use(&all, l, one, &first, &rt->arena, e);
		if (r < 0)
			return r;
		one->fill = first && r > 0 && !one->v->nocopy && !host;
	}
	return 0;
}

static int wait_for_others(struct taking *t, struct err *e)
{
	for (size_t i = 0; i < t->n; i++)
		if (t->v[i].dir >= 0 && !t->v[i].fill && flock(t->v[i].dir, LOCK_SH) < 0)
			return err_set(e, errno, "lock volume '%s'", t->v[i].v->name);
	return 0;
}

/* ---- filling ---- */

static bool has_option(const struct spec_mount *m, const char *option)
{
	for (size_t i = 0; i < m->n_options; i++)
		if (strcmp(m->options[i], option) == 0)
			return true;
	return false;
}

static const struct id_range *turned(const struct spec_idmap *maps, size_t n, struct arena *a)
{
	struct id_range *ranges = arena_new_array(a, n, struct id_range);

	for (size_t i = 0; i < n; i++)
		ranges[i] = (struct id_range){ maps[i].host_id, maps[i].container_id, maps[i].size };
	return ranges;
}

/*
 * Ids are stored as whoever looks from where we are sees them: in the user namespace of an ordinary user's container the
 * container's, else this machine's; but the container's where the mount maps them.
 */
static int fill(const struct taking *t, const struct taken *one, bool inside, struct arena *a, struct err *e)
{
	const struct spec_linux *lx = &t->request.spec->lx;
	struct tree_copy how = { .owner = OWNER_MAPPED, .keep_set_id = true, .xattrs = true };
	struct err none = ERR_INIT;

	if (!inside && has_option(&one->v->mount, "idmap")) {
		how.uids = turned(lx->uid_mappings, lx->n_uid_mappings, a);
		how.gids = turned(lx->gid_mappings, lx->n_gid_mappings, a);
		how.n_uids = lx->n_uid_mappings;
		how.n_gids = lx->n_gid_mappings;
	} else if (!inside && lx->n_uid_mappings > 0 &&
		   fchownat(one->dir, VOLUME_DATA, spec_host_id(lx->uid_mappings, lx->n_uid_mappings, 0),
			    spec_host_id(lx->gid_mappings, lx->n_gid_mappings, 0), 0) < 0)
		return err_set(e, errno, "give it to the container's root");
	cleanup_close int from = in_root_open(t->root.fd, one->v->mount.destination, O_PATH | O_DIRECTORY, &none);
	if (from == -ENOENT || from == -ENOTDIR)
		return 0;
	if (from < 0)
		return *e = none, -e->code;
	if (remove_tree_at(one->dir, VOLUME_FILL, e) < 0 || tree_copy(&how, from, one->dir, VOLUME_FILL, e) < 0)
		return -e->code;
	if (renameat(one->dir, VOLUME_FILL, one->dir, VOLUME_DATA) < 0)
		return err_set(e, errno, "put it in place");
	return 0;
}

/* Those of the machine itself. */
static bool is_system(const char *path)
{
	static const char *const dirs[] = { "",	   "/bin",  "/boot", "/dev", "/etc",  "/home", "/lib", "/lib64",
					    "/opt", "/proc", "/root", "/run", "/sbin", "/srv",  "/sys", "/tmp",
					    "/usr", "/var" };
	size_t len = strlen(path);

	while (len > 0 && path[len - 1] == '/')
		len--;
	for (size_t i = 0; i < sizeof(dirs) / sizeof(dirs[0]); i++)
		if (strlen(dirs[i]) == len && strncmp(dirs[i], path, len) == 0)
			return true;
	return false;
}

static int give(const struct taking *t, const struct taken *one, bool inside, struct err *e)
{
	const struct spec_linux *lx = &t->request.spec->lx;
	const struct spec_user *u = &t->request.spec->process->user;
	bool as_it_is = inside || has_option(&one->v->mount, "idmap");
	const char *source = one->v->mount.source;

	if (is_system(source))
		return err_say(e, EINVAL, "the option U is not for '%s': it would give the machine's own files away", source);
	return tree_set_owner(source, as_it_is ? u->uid : spec_host_id(lx->uid_mappings, lx->n_uid_mappings, u->uid),
			      as_it_is ? u->gid : spec_host_id(lx->gid_mappings, lx->n_gid_mappings, u->gid), e);
}

static int work(const struct taking *t, bool inside, struct arena *a, struct err *e)
{
	for (size_t i = 0; i < t->n; i++) {
		const struct taken *one = &t->v[i];
		if (one->fill && fill(t, one, inside, a, e) < 0)
			return err_wrap(e, "fill volume '%s'", one->v->name);
		if (one->v->chown && give(t, one, inside, e) < 0)
			return err_wrap(e, "volume '%s'", one->v->name ? one->v->name : one->v->mount.source);
	}
	return 0;
}

static int work_inside(struct taking *t, struct arena *a, struct err *e)
{
	cleanup_close int sock = -1;
	pid_t pid = message_fork(&sock, e);

	if (pid < 0)
		return pid;
	if (pid == 0) {
		if (container_root_become(&t->root, e) < 0 || work(t, true, a, e) < 0)
			message_send_error(sock, e);
		else
			message_send(sock, 1, 0, NULL, 0, e);
		_exit(0);
	}
	int r = message_receive(sock, NULL, NULL, e);
	proc_reap(pid);
	return r == 0 ? err_say(e, ECHILD, "the process that fills volumes ended unexpectedly") : r;
}

/*
 * What the image has is behind the mounts; but devices are not to be made in it. A volatile overlay could not be mounted a
 * second time.
 */
static void leave_root(struct spec *s, struct arena *a)
{
	struct spec_mount *root = arena_new(a, struct spec_mount);
	size_t kept = 0;

	for (size_t i = 0; i < s->n_mounts; i++)
		if (strcmp(s->mounts[i].destination, "/dev") == 0)
			s->mounts[kept++] = s->mounts[i];
	s->n_mounts = kept;
	if (!s->root->mount)
		return;
	*root = *s->root->mount;
	root->options = NULL;
	root->n_options = 0;
	for (size_t i = 0; i < s->root->mount->n_options; i++)
		if (strcmp(s->root->mount->options[i], "volatile") != 0)
			*arena_push(a, &root->options, &root->n_options) = s->root->mount->options[i];
	s->root->mount = root;
}

int launch_take_volumes(struct runtime *rt, const struct launch_options *o, const struct launch_facts *f,
			const struct launched *l, const char *config, struct err *e)
{
	cleanup_taking struct taking t = { .root = CONTAINER_ROOT_INIT };
	bool host = !o->rootfs && strcmp(o->template, "host") == 0, needs_root = false, needs_work = false;
	struct launch_volume *volumes = NULL;
	size_t n = 0;

	if (launch_volumes(o, f, &rt->arena, &volumes, &n, e) < 0)
		return -e->code;
	for (size_t i = 0; i < n; i++)
		if (volumes[i].name || volumes[i].chown)
			*arena_push(&rt->arena, &t.v, &t.n) = (struct taken){ .v = &volumes[i], .dir = -1 };
	if (use_all(rt, l, host, &t, e) < 0 || wait_for_others(&t, e) < 0)
		return -e->code;
	for (size_t i = 0; i < t.n; i++) {
		needs_root |= t.v[i].fill || (t.v[i].v->chown && rt->rootless);
		needs_work |= t.v[i].fill || t.v[i].v->chown;
	}
	if (!needs_work)
		return 0;
	if (launch_request(rt, l, config, &t.request, e) < 0)
		return -e->code;
	if (!host)
		leave_root(t.request.spec, &rt->arena);
	if (needs_root) {
		struct spec_process *process = t.request.spec->process; /* for `give` */
		if (container_root_at_rest(rt, t.request.spec, l->dir, &t.root, e) < 0)
			return -e->code;
		t.request.spec->process = process;
	}
	return rt->rootless ? work_inside(&t, &rt->arena, e) : work(&t, false, &rt->arena, e);
}

void launch_return_volumes(struct runtime *rt, const char *created)
{
	cleanup_volumes struct volumes all = VOLUMES_INIT;
	struct err ignored = ERR_INIT;
	struct volume *volumes = NULL;
	bool entered = false;
	size_t n = 0;

	if (volumes_open(rt, false, &all, &ignored) < 0 || volumes_lock(&all, &ignored) < 0 ||
	    volumes_list(&all, &rt->arena, &volumes, &n, &ignored) < 0)
		return;
	for (size_t i = 0; i < n; i++) {
		if (volumes[i].n_users > 0 || strcmp(volumes[i].created, created) != 0)
			continue;
		/* Files of users that are mapped to the caller's may have been copied there. */
		if (!entered && images_enter_userns(rt, &ignored) < 0)
			return;
		entered = true;
		volume_remove(&all, volumes[i].name, &ignored);
	}
}
