#include "checkpoint/images/memory.h"

#include "checkpoint/images/directory.h"
#include "checkpoint/images/files.h"
#include "checkpoint/plan.h"
#include "checkpoint/images/share.h"
#include "lib/fd.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

bool images_memory_key(const char *key, uint32_t *ret_pid)
{
	char again[40];

	if (sscanf(key, IMAGES_MEMORY_KEY, ret_pid) != 1)
		return false;
	snprintf(again, sizeof(again), IMAGES_MEMORY_KEY, *ret_pid);
	return strcmp(again, key) == 0;
}

const char *images_memory_external(int fd, struct arena *a, struct err *e)
{
	struct statx st;

	if (statx(fd, "", AT_EMPTY_PATH, STATX_INO | STATX_MNT_ID, &st) < 0) {
		err_set(e, errno, "statx");
		return NULL;
	}
	return checkpoint_external_file(a, (unsigned)st.stx_mnt_id, st.stx_ino);
}

/* What such a file is called where the images are; NULL when @f is none. */
static const char *name_of(int images, const struct image_file *f, struct arena *a)
{
	uint32_t pid;

	if (!f->external || strchr(f->name, '/'))
		return NULL;
	if (images_memory_key(f->name, &pid))
		return arena_printf(a, IMAGES_MEMORY_FILE, pid);
	return faccessat(images, f->name, F_OK, AT_SYMLINK_NOFOLLOW) == 0 ? f->name : NULL;
}

static int open_one(int images, const char *name, struct err *e)
{
	cleanup_close int fd = openat(images, name, O_RDONLY | O_NONBLOCK | O_NOFOLLOW | O_CLOEXEC);
	struct stat st;

	if (fd < 0 || fstat(fd, &st) < 0)
		return err_set(e, errno, "open '%s'", name);
	return S_ISREG(st.st_mode) ? take_fd(&fd) : err_say(e, EBADMSG, "'%s' is not a file", name);
}

int images_memory_open(int images, struct arena *a, struct criu_options *o, struct images_memory *ret, struct err *e)
{
	cleanup_image_files struct image_files f = IMAGE_FILES_INIT;

	*ret = (struct images_memory){ 0 };
	int r = image_files_read(images, a, &f, e);
	if (r == -ENOENT)
		return 0; /* CRIU will say what it thinks of that */
	for (size_t i = 0; r == 0 && i < f.n; i++) {
		const char *name = name_of(images, &f.files[i], a);
		int fd = name ? open_one(images, name, e) : -1;
		if (!name)
			continue;
		if (fd < 0)
			return fd;
		*arena_push(a, &ret->fds, &ret->n) = fd;
		*arena_push(a, &o->inherit, &o->n_inherit) = (struct criu_inherit){ f.files[i].name, fd };
	}
	return r;
}

static int keep_one(int images, const char *name, int to, struct arena *a, struct criu_options *o, struct err *e)
{
	cleanup_close int fd = open_one(images, name, e);
	const char *key = fd < 0 ? NULL : images_memory_external(fd, a, e);

	if (!key)
		return -e->code;
	*arena_push(a, &o->external, &o->n_external) = key;
	return images_directory_take(images, name, to, key, e);
}

int images_memory_keep(int images, int to, struct arena *a, struct criu_options *o, struct err *e)
{
	cleanup_image_files struct image_files f = IMAGE_FILES_INIT;
	int r = image_files_read(images, a, &f, e);

	for (size_t i = 0; r == 0 && i < f.n; i++) {
		const char *name = name_of(images, &f.files[i], a);
		if (name && keep_one(images, name, to, a, o, e) < 0)
			return -e->code;
	}
	return r;
}

void images_memory_close(struct images_memory *m)
{
	for (size_t i = 0; i < m->n; i++)
		close_fd(&m->fds[i]);
	m->n = 0;
}
