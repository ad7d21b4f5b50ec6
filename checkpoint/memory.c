#include "checkpoint/memory.h"

#include "checkpoint/files.h"
#include "checkpoint/plan.h"
#include "checkpoint/share.h"
#include "lib/fd.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

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

static int open_one(int images, uint32_t pid, struct err *e)
{
	char name[40];
	struct stat st;

	snprintf(name, sizeof(name), IMAGES_MEMORY_FILE, pid);
	cleanup_close int fd = openat(images, name, O_RDONLY | O_NONBLOCK | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0 || fstat(fd, &st) < 0)
		return err_set(e, errno, "open '%s'", name);
	return S_ISREG(st.st_mode) ? take_fd(&fd) : err_say(e, EBADMSG, "'%s' is not a file", name);
}

int images_memory_open(int images, struct arena *a, struct criu_options *o, struct images_memory *ret, struct err *e)
{
	cleanup_image_files struct image_files f = IMAGE_FILES_INIT;
	uint32_t pid;

	*ret = (struct images_memory){ 0 };
	int r = image_files_read(images, a, &f, e);
	if (r == -ENOENT)
		return 0; /* CRIU will say what it thinks of that */
	for (size_t i = 0; r == 0 && i < f.n; i++) {
		const struct image_file *file = &f.files[i];
		if (!file->external || !images_memory_key(file->name, &pid))
			continue;
		int fd = open_one(images, pid, e);
		if (fd < 0)
			return fd;
		*arena_push(a, &ret->fds, &ret->n) = fd;
		*arena_push(a, &o->inherit, &o->n_inherit) = (struct criu_inherit){ file->name, fd };
	}
	return r;
}

void images_memory_close(struct images_memory *m)
{
	for (size_t i = 0; i < m->n; i++)
		close_fd(&m->fds[i]);
	m->n = 0;
}
