/* What a clone's directory holds beside its documents. */
#include "runtime/clone/clone.h"

#include "checkpoint/images/clone.h"
#include "lib/fd.h"
#include "lib/tree_clone.h"
#include "overlay/overlay.h"
#include "runtime/launch/launch.h"
#include "runtime/launch/launched_overlays.h"
#include "runtime/process/process.h"
#include "runtime/volume/volume.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { MACHINE_ID_LEN = 32 };

int clone_check(struct runtime *rt, const struct clone_source *s, struct err *e)
{
	struct launched_overlay *overlays;
	size_t n;

	if (s->l.network.mode == NETWORK_CONTAINER || s->l.network.mode == NETWORK_PASTA)
		return err_say(e, ENOTSUP, "container '%s': with --network %s there can be no clones of it", s->l.name,
			       launched_network_mode_name(s->l.network.mode));
	if (launched_overlays(rt, &s->l, &overlays, &n, e) < 0)
		return -e->code;
	return n > 0 && strcmp(overlays[0].path, "/") == 0 ? 0 : err_say(e, ENOTSUP, "container '%s' has no files of its own that a clone could have", s->l.name);
}

/* ---- its root ---- */

/* What the root will be made of. */
static struct layered_root root_of(const struct launched *l, struct arena *a)
{
	struct overlay_dirs dirs;

	overlay_dirs_parse((const char *const *)l->root_options, l->n_root_options, a, &dirs);
	return (struct layered_root){
		.path = arena_printf(a, "%s/root", l->dir),
		.upper = dirs.upper,
		.work = arena_printf(a, "%s/work", l->dir),
		.lowers = { (const char *const *)dirs.lowers, dirs.n_lowers, false },
	};
}

/* Whose files lie in what is below them. */
static int copy_root(const struct clone_source *s, const struct layered_root *root, int dir, struct err *e)
{
	cleanup_close int from = open(s->dir, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	const char *const made[] = { root->path, root->work };

	if (from < 0)
		return err_set(e, errno, "open '%s'", s->dir);
	for (size_t i = 0; i < sizeof(made) / sizeof(made[0]); i++)
		if (mkdir(made[i], 0755) < 0 || chmod(made[i], 0755) < 0)
			return err_set(e, errno, "create '%s'", made[i]);
	return tree_clone(from, "upper", dir, "upper", NULL, e);
}

/*
 * Those of a view of this machine that are overlays of their own, as they are file systems of their own in this machine. Their
 * options in the configuration, and in the images, are the clone's already.
 */
static int copy_parts(struct runtime *rt, const struct clone_source *s, int dir, struct err *e)
{
	cleanup_close int from = open(s->dir, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	struct launched_overlay *overlays;
	size_t n;

	if (from < 0)
		return err_set(e, errno, "open '%s'", s->dir);
	if (launched_overlays(rt, &s->l, &overlays, &n, e) < 0)
		return -e->code;
	for (size_t i = 1; i < n; i++) {
		const char *upper = strrchr(overlays[i].dirs.upper, '/') + 1, *work = strrchr(overlays[i].dirs.work, '/') + 1;
		if (mkdirat(dir, work, 0700) < 0)
			return err_set(e, errno, "create '%s'", work);
		if (tree_clone(from, upper, dir, upper, NULL, e) < 0)
			return err_wrap(e, "the files of '%s'", overlays[i].path);
	}
	return 0;
}

/* Of a root that has one; an empty one, or "uninitialized", is for the first program that needs one. */
static int write_machine_id(const struct layered_root *root, struct arena *a, struct err *e)
{
	const char **layers = arena_new_array(a, root->lowers.n + 1, const char *);
	const struct merged all = { layers, root->lowers.n + 1, false };
	cleanup_buf struct buf text = BUF_INIT;
	struct err none = ERR_INIT;
	struct stat st;

	layers[0] = root->upper;
	memcpy(layers + 1, root->lowers.layers, root->lowers.n * sizeof(*layers));
	cleanup_close int fd = merged_open(&all, "etc/machine-id", &none);
	if (fd < 0 || fstat(fd, &st) < 0 || st.st_size < MACHINE_ID_LEN)
		return 0;
	return launch_machine_id(&text, e) < 0 ? -e->code : layered_root_file(root, "etc/machine-id", 0444, buf_text(&text), e);
}

/* For whom quotes mean something. */
static int write_variables(const struct layered_root *root, const char *const *variables, struct err *e)
{
	cleanup_buf struct buf text = BUF_INIT;

	for (; *variables; variables++) {
		const char *value = strchr(*variables, '=') + 1;
		buf_printf(&text, "%.*s\"%s\"\n", (int)(value - *variables), *variables, value);
	}
	return layered_root_file(root, CLONE_FILE, 0444, buf_text(&text), e);
}

/* As its source has them: files that are mounted, or of the root. */
static int write_names(const struct clone_source *s, const struct launched *l, const struct layered_root *root,
		       struct arena *a, struct err *e)
{
	cleanup_buf struct buf hosts = BUF_INIT;
	const char *hostname = clone_hostname(s, l, a);
	char machine[65] = "localhost";

	if (!hostname && gethostname(machine, sizeof(machine) - 1) == 0)
		hostname = machine;
	hostname = hostname ? hostname : machine;
	if (access(arena_printf(a, "%s/hosts", s->l.dir), F_OK) == 0)
		return launch_make_own_files(l->dir, hostname, &l->network, launch_files_owner(s->spec), a, e);
	if (launch_hosts(&l->network, hostname, NULL, &hosts, e) < 0 ||
	    layered_root_file(root, "etc/hosts", 0644, buf_text(&hosts), e) < 0)
		return -e->code;
	return layered_root_file(root, "etc/hostname", 0644, arena_printf(a, "%s\n", hostname), e);
}

/* ---- the others ---- */

static int link_images(const struct clone_source *s, const struct launched *l, int dir, struct arena *a, struct err *e)
{
	const char *path = arena_printf(a, "%s/" LAUNCHED_WARM, clone_shared_path(s->dir, a));
	const struct images_clone c = { .hostname = clone_hostname(s, l, a), .dir_was = s->l.dir, .dir_is = l->dir };
	cleanup_close int from = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

	if (from < 0)
		return err_set(e, errno, "open '%s'", path);
	return images_clone(from, dir, LAUNCHED_WARM, &c, e);
}

int clone_use_volumes(struct runtime *rt, const struct spec *s, const struct launched *l, struct err *e)
{
	const char *path = volumes_path(rt);
	cleanup_volumes struct volumes v = VOLUMES_INIT;

	for (size_t i = 0; path && i < s->n_mounts; i++) {
		const char *source = s->mounts[i].source;
		const char *name = source ? volume_of_data(path, source, &rt->arena) : NULL;
		bool first;
		if (!name)
			continue;
		if (v.dir < 0 && (volumes_open(rt, false, &v, e) < 0 || volumes_lock(&v, e) < 0))
			return -e->code;
		cleanup_close int used = volume_use(&v, name, l->dir, &rt->arena, &first, e);
		if (used == -ENOENT)
			return err_say(e, ENOENT, "no volume \"%s\": 'ferry volume create %s' makes it", name, name);
		if (used < 0)
			return used;
	}
	return 0;
}

/* The same file: in what is restored it is mapped. */
static int link_init(const struct clone_source *s, int dir, struct arena *a, struct err *e)
{
	return !s->l.init || linkat(AT_FDCWD, arena_printf(a, "%s/" PROCESS_INIT, s->l.dir), dir, PROCESS_INIT, 0) == 0 ?
		       0 : err_set(e, errno, "link '" PROCESS_INIT "'");
}

int clone_files(struct runtime *rt, const struct clone_source *s, const struct launched *l, int dir,
		const char *const *variables, struct err *e)
{
	struct layered_root root = root_of(l, &rt->arena);
	int made = clone_is_copied(s, &rt->arena) ? copy_root(s, &root, dir, e) : layered_root_make(&root, e);

	if (made < 0 || copy_parts(rt, s, dir, e) < 0 || write_names(s, l, &root, &rt->arena, e) < 0 || write_machine_id(&root, &rt->arena, e) < 0 ||
	    write_variables(&root, variables, e) < 0 || link_init(s, dir, &rt->arena, e) < 0)
		return -e->code;
	return link_images(s, l, dir, &rt->arena, e) < 0 ? -e->code : clone_use_volumes(rt, s->spec, l, e);
}
