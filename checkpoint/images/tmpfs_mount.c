/* What CRIU is spared of file systems in memory, done before it runs. */
#include "checkpoint/images/tmpfs.h"

#include "checkpoint/images/directory.h"
#include "checkpoint/images/image.h"
#include "checkpoint/images/mountpoints.h"
#include "checkpoint/images/tar.h"
#include "lib/fd.h"
#include "lib/file.h"
#include "lib/text.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>

struct finding {
	struct arena *arena;
	struct images_tmpfs *ret;
};

static bool is_archive(const char *key)
{
	return strncmp(key, "tmpfs-dev-", strlen("tmpfs-dev-")) == 0 && text_ends_with(key, ".tar") && !strchr(key, '/');
}

static int find_external(int images, const char *name, unsigned char type, void *data, struct err *e)
{
	cleanup_image struct image i = IMAGE_INIT;
	const struct finding *f = data;
	struct image_mount m;
	struct wire entry;
	int r;

	(void)type;
	if (!is_mountpoints(name))
		return 0;
	if (image_read(images, name, IMAGE_MOUNTS, &i, e) < 0)
		return err_wrap(e, "'%s'", name);
	while ((r = image_next(&i, &entry, e)) > 0) {
		if (image_mount_read(entry, &m, e) < 0)
			return err_wrap(e, "'%s'", name);
		const char *key = wire_text(m.key, f->arena);
		if (is_archive(key))
			*arena_push(f->arena, &f->ret->all, &f->ret->n) =
				(struct image_tmpfs){ key, wire_text(m.options, f->arena) };
	}
	return r < 0 ? err_wrap(e, "'%s'", name) : 0;
}

int images_tmpfs_find(int images, struct arena *a, struct images_tmpfs *ret, struct err *e)
{
	struct finding f = { a, ret };

	*ret = (struct images_tmpfs){ 0 };
	return images_directory_each(images, find_external, &f, e);
}

static int mount_one(int images, const struct image_tmpfs *t, const char *path, struct err *e)
{
	cleanup_buf struct buf archive = BUF_INIT;

	if (mkdir(path, 0700) < 0 || mount("tmpfs", path, "tmpfs", 0, t->options) < 0)
		return err_set(e, errno, "mount it");
	cleanup_close int dir = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (dir < 0 || file_read_at(images, t->key, TMPFS_ARCHIVE_MAX, &archive, e) < 0)
		return dir < 0 ? err_set(e, errno, "open it") : -e->code;
	return tar_unpack(wire_of(archive.data, archive.len), dir, e);
}

int images_tmpfs_mount(int images, const struct images_tmpfs *t, const char *place, struct err *e)
{
	cleanup_arena struct arena a = ARENA_INIT;

	if (t->n && mount("tmpfs", place, "tmpfs", 0, "mode=700") < 0)
		return err_set(e, errno, "mount a file system in memory on '%s'", place);
	for (size_t i = 0; i < t->n; i++)
		if (mount_one(images, &t->all[i], images_tmpfs_path(&t->all[i], place, &a), e) < 0)
			return err_wrap(e, "'%s'", t->all[i].key);
	return 0;
}

const char *images_tmpfs_path(const struct image_tmpfs *t, const char *place, struct arena *a)
{
	return arena_printf(a, "%s/%s", place, t->key);
}
