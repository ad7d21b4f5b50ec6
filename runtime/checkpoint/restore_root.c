/* The root of a container that is restored, and what restores that were killed have left in it. */
#include "runtime/checkpoint/restore.h"

#include "lib/buf.h"
#include "lib/fd.h"
#include "lib/file.h"
#include "lib/in_root.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

enum { LOG_BEGINNING = 256 * 1024 };

/* The last of the first @n mounts that @target lies in; -1: none. *ret_below: what of the target is below that. */
static int mount_above(const struct checkpoint_facts *f, size_t n, const char *target, const char **ret_below)
{
	for (size_t j = n; j-- > 0;) {
		size_t len = strlen(f->targets[j]);
		if (strncmp(target, f->targets[j], len) == 0 && target[len] == '/') {
			*ret_below = target + len;
			return (int)j;
		}
	}
	*ret_below = target;
	return -1;
}

static bool is_directory(const char *path)
{
	struct stat st;

	return stat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

/*
 * Where @target, which the first @n mounts may lie above, is found here: *ret_below in the directory *ret_base. False: on a file
 * system of the container's own, or a file of the host's.
 */
static bool find_place(const struct restore *r, size_t n, const char *target, const char **ret_base, const char **ret_below)
{
	int above = mount_above(&r->facts, n, target, ret_below);

	*ret_base = above < 0 ? r->setup->container->rootfs : checkpoint_mount_source(r->setup->spec, (size_t)above, &r->facts);
	return *ret_base && is_directory(*ret_base);
}

/*
 * A root file system that has just been unpacked may lack the places where something is mounted. What is mounted on a file
 * system of the container's own comes back with that.
 */
static int make_place(const struct restore *r, size_t i, struct err *e)
{
	const char *base, *below, *source = checkpoint_mount_source(r->setup->spec, i, &r->facts);

	if (!find_place(r, i, r->facts.targets[i], &base, &below))
		return 0;
	cleanup_close int root = open(base, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (root < 0)
		return err_set(e, errno, "open '%s'", base);
	cleanup_close int place = !source || is_directory(source) ? in_root_mkdir(root, below, 0755, e) :
								    in_root_touch(root, below, 0644, e);
	return place < 0 ? err_wrap(e, "mounts[%zu].destination", i) : 0;
}

/* CRIU makes its ghosts with O_EXCL. */
static int remove_ghost(const struct restore *r, const struct image_ghost *g, struct err *e)
{
	const char *base, *below;
	struct err none = ERR_INIT;

	if (!find_place(r, r->setup->spec->n_mounts, g->path, &base, &below))
		return 0;
	const char *parent = arena_printf(&r->rt->arena, "/%.*s", (int)(strlen(below) - strlen(g->name)), below);
	cleanup_close int root = open(base, O_PATH | O_DIRECTORY | O_CLOEXEC);
	cleanup_close int directory = root < 0 ? -1 : in_root_open(root, parent, O_PATH | O_DIRECTORY, &none);
	if (directory < 0)
		return 0; /* then there is nothing in it */
	return image_ghost_remove(directory, g, e) < 0 ? err_wrap(e, "what a killed restore has left of '%s'", g->path) : 0;
}

/* ---- the host's files for who may not reach them ---- */

/*
 * In a user namespace CRIU binds the host's files as who the container's root is there, and directories on the way may be closed
 * to him. So they are bound to a file system that everybody can enter, at a place that nobody needs here. Not what shares mounts
 * with the host: CRIU takes the group of those from a mount that all of the group are parts of.
 */
#define PLACE "/run/ferry"

static bool has_place(const struct restore *r)
{
	return checkpoint_has_userns(r->setup->spec) &&
	       strncmp(r->setup->container->rootfs, PLACE "/", strlen(PLACE "/")) != 0;
}

static bool is_private(const struct spec_mount *m)
{
	for (size_t i = 0; i < m->n_options; i++)
		if (strcmp(m->options[i], "rprivate") == 0 || strcmp(m->options[i], "private") == 0)
			return true;
	return false;
}

static bool is_bound_again(const struct restore *r, size_t i)
{
	const struct spec_mount *m = &r->setup->spec->mounts[i];

	return checkpoint_is_bind(m) && is_private(m) && r->facts.sources[i];
}

static const char *place_of(const struct restore *r, size_t i)
{
	return arena_printf(&r->rt->arena, PLACE "/%zu", i);
}

void restore_move_sources(struct restore *r)
{
	for (size_t i = 0; has_place(r) && i < r->setup->spec->n_mounts; i++)
		if (is_bound_again(r, i))
			r->facts.sources[i] = place_of(r, i);
}

/* Those that lie in what the place will cover, too. What is mounted in them are mounts of the container's of their own. */
static int open_sources(const struct restore *r, int *trees, struct err *e)
{
	for (size_t i = 0; i < r->setup->spec->n_mounts; i++) {
		trees[i] = -1;
		if (!is_bound_again(r, i))
			continue;
		trees[i] = open_tree(AT_FDCWD, r->facts.sources[i], OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC);
		if (trees[i] < 0)
			return err_set(e, errno, "mounts[%zu].source: '%s'", i, r->facts.sources[i]);
	}
	return 0;
}

static int bind_source(const char *place, int tree, struct err *e)
{
	struct stat st;

	if (fstat(tree, &st) < 0)
		return err_set(e, errno, "stat");
	if (S_ISDIR(st.st_mode) ? mkdir(place, 0755) < 0 : mknod(place, S_IFREG | 0644, 0) < 0)
		return err_set(e, errno, "create '%s'", place);
	return move_mount(tree, "", AT_FDCWD, place, MOVE_MOUNT_F_EMPTY_PATH) < 0 ? err_set(e, errno, "mount on '%s'", place) : 0;
}

static int bind_sources(const struct restore *r, struct err *e)
{
	const size_t n = r->setup->spec->n_mounts;
	int *trees = arena_new_array(&r->rt->arena, n, int);

	if (!has_place(r))
		return 0;
	if (open_sources(r, trees, e) < 0 || mkdir_parents(PLACE, 0700, e) < 0)
		return -e->code;
	if (mount("tmpfs", PLACE, "tmpfs", 0, "mode=755") < 0)
		return err_set(e, errno, "mount a tmpfs on '" PLACE "'");
	for (size_t i = 0; i < n; i++)
		if (trees[i] >= 0 && bind_source(place_of(r, i), trees[i], e) < 0)
			return err_wrap(e, "mounts[%zu].source", i);
	return 0;
}

int restore_prepare_root(const struct restore *r, struct err *e)
{
	const char *path = r->setup->container->rootfs;

	/* Nothing of what it mounts is to be seen outside. */
	if (mount(NULL, "/", NULL, MS_REC | MS_SLAVE, NULL) < 0)
		return err_set(e, errno, "set the propagation of the mount namespace");
	int mounted = rootfs_mount_root(r->setup->rootfs, e);
	if (mounted < 0)
		return mounted;
	if (!mounted && mount(path, path, NULL, MS_BIND | MS_REC, NULL) < 0)
		return err_set(e, errno, "root.path: '%s'", path);
	for (size_t i = 0; i < r->setup->spec->n_mounts; i++)
		if (make_place(r, i, e) < 0)
			return -e->code;
	for (size_t i = 0; i < r->n_ghosts; i++)
		if (remove_ghost(r, &r->ghosts[i], e) < 0)
			return -e->code;
	return bind_sources(r, e);
}

/*
 * CRIU's mounts are made below a directory with a random name, which its log tells: only it is removed, and only when it is empty,
 * as it is when all that CRIU made is gone.
 */
void restore_remove_yard(const struct criu_options *o, const char *log_file)
{
	static const char prefix[] = "/tmp/.criu.mntns.";
	enum { NAME = sizeof(prefix) - 1 + 6 };
	cleanup_close int fd = openat(o->work >= 0 ? o->work : o->images, log_file, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	cleanup_buf struct buf b = BUF_INIT;
	char path[NAME + 1];

	if (fd < 0)
		return;
	ssize_t n = read(fd, buf_reserve(&b, LOG_BEGINNING), LOG_BEGINNING);
	const char *at = n > 0 ? memmem(b.data, (size_t)n, prefix, sizeof(prefix) - 1) : NULL;
	if (!at || b.data + n - at < NAME + 1 || (at[NAME] != '/' && at[NAME] != ' ' && at[NAME] != '\n'))
		return;
	memcpy(path, at, NAME);
	path[NAME] = '\0';
	if (!strchr(path + sizeof(prefix) - 1, '/'))
		rmdir(path);
}
