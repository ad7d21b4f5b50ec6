#include "checkpoint/images/ghosts.h"

#include "checkpoint/images/files.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* remap-file-path.proto */
enum { REMAP_FILE = 1, REMAP_ID = 2, REMAP_TYPE = 3 };
enum { TYPE_GHOST = 1 };

static struct image_ghost ghost_of(const char *path, uint64_t id, struct arena *a)
{
	const char *name = strrchr(path, '/') + 1;

	return (struct image_ghost){ path, name, arena_printf(a, "%s.cr.%" PRIx64 ".ghost", name, id) };
}

int image_ghosts_read(int images, struct arena *a, struct image_ghost **ret, size_t *ret_n, struct err *e)
{
	cleanup_image_files struct image_files files = IMAGE_FILES_INIT;
	cleanup_image struct image remaps = IMAGE_INIT;
	struct image_ghost *ghosts = NULL;
	struct wire entry;
	size_t n = 0;

	*ret_n = 0;
	int r = image_read(images, "remap-fpath.img", IMAGE_REMAPS, &remaps, e);
	if (r == -ENOENT) {
		*e = ERR_INIT;
		return 0;
	}
	if (r < 0 || image_files_read(images, a, &files, e) < 0)
		return -e->code;
	while ((r = image_next(&remaps, &entry, e)) > 0) {
		uint64_t id = 0, file = 0, type = 0;
		if (wire_find_number(entry, REMAP_FILE, &file) < 0 || wire_find_number(entry, REMAP_ID, &id) < 0 ||
		    wire_find_number(entry, REMAP_TYPE, &type) < 0)
			return image_damaged(e);
		const struct image_file *f = image_files_find(&files, file);
		if (type == TYPE_GHOST && f && f->name && f->name[0] == '/')
			*arena_push(a, &ghosts, &n) = ghost_of(f->name, id, a);
	}
	if (r < 0)
		return err_wrap(e, "'remap-fpath.img'");
	*ret = ghosts;
	*ret_n = n;
	return 0;
}

int image_ghost_remove(int directory, const struct image_ghost *g, struct err *e)
{
	struct stat ghost, linked;

	if (fstatat(directory, g->ghost, &ghost, AT_SYMLINK_NOFOLLOW) < 0)
		return errno == ENOENT ? 0 : err_set(e, errno, "'%s'", g->ghost);
	if (S_ISDIR(ghost.st_mode))
		return 0;
	if (fstatat(directory, g->name, &linked, AT_SYMLINK_NOFOLLOW) == 0 && linked.st_dev == ghost.st_dev &&
	    linked.st_ino == ghost.st_ino && unlinkat(directory, g->name, 0) < 0)
		return err_set(e, errno, "remove '%s'", g->name);
	return unlinkat(directory, g->ghost, 0) < 0 ? err_set(e, errno, "remove '%s'", g->ghost) : 0;
}
