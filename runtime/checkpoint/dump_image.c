#include "runtime/checkpoint/dump_image.h"

#include "checkpoint/images/digests.h"
#include "checkpoint/plan.h"
#include "lib/buf.h"
#include "lib/fd.h"
#include "lib/file.h"
#include "lib/text.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#define MARK "being-made"
#define PARENT "parent" /* CRIU's link to the pre-dump before, which it would follow, and would not replace */

enum { MARK_MAX = 4096 };

void dump_image_end(int dir)
{
	unlinkat(dir, MARK, 0);
}

static int mark(int dir, const char *id, struct err *e)
{
	cleanup_close int fd = openat(dir, MARK, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0600);

	if (fd < 0)
		return err_set(e, errno, "create '" MARK "'");
	if (fd_write_all(fd, id, strlen(id), e) >= 0)
		return 0;
	dump_image_end(dir);
	return err_set(e, e->code, "write '" MARK "'");
}

static int remove_old(int dir, const char *name, struct err *e)
{
	return unlinkat(dir, name, 0) < 0 && errno != ENOENT ? err_set(e, errno, "remove the old '%s'", name) : 0;
}

int dump_image_begin(int dir, const char *path, const char *id, struct err *e)
{
	static const char *const old[] = { CHECKPOINT_DESCRIPTORS_FILE, IMAGES_DIGESTS, PARENT };

	/* Where there are no locks, it goes without. */
	if (flock(dir, LOCK_EX | LOCK_NB) < 0 && errno == EWOULDBLOCK)
		return err_say(e, EBUSY, "--image-path '%s': another checkpoint is being written there: wait for it, or "
			       "name another directory", path);
	if (mark(dir, id, e) < 0)
		return err_wrap(e, "--image-path '%s'", path);
	for (size_t i = 0; i < sizeof(old) / sizeof(old[0]); i++)
		if (remove_old(dir, old[i], e) < 0)
			return err_wrap(e, "--image-path '%s'", path);
	return 0;
}

static bool is_of(int dir, const char *id)
{
	cleanup_buf struct buf b = BUF_INIT;
	struct err ignored = ERR_INIT;

	return file_read_at(dir, MARK, MARK_MAX, &b, &ignored) >= 0 && strcmp(buf_text(&b), id) == 0;
}

bool dump_image_is_whole(int dir, const char *id)
{
	return is_of(dir, id) && faccessat(dir, CHECKPOINT_DESCRIPTORS_FILE, F_OK, 0) == 0;
}

static bool is_older(const struct timespec *a, const struct timespec *b)
{
	return a->tv_sec != b->tv_sec ? a->tv_sec < b->tv_sec : a->tv_nsec < b->tv_nsec;
}

/* Memory, and the files of file systems in memory. What was there before is not ours. */
static int remove_large(int dir, const char *name, unsigned char type, void *data, struct err *e)
{
	static const char *const large[] = { "pages-", "tmpfs-", "ghost-file-" };
	const struct timespec *since = data;
	struct stat st;
	size_t i = 0;

	(void)type;
	while (i < sizeof(large) / sizeof(large[0]) && strncmp(name, large[i], strlen(large[i])) != 0)
		i++;
	if (i == sizeof(large) / sizeof(large[0]) || !text_ends_with(name, ".img") ||
	    fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) < 0 || !S_ISREG(st.st_mode) || is_older(&st.st_ctim, since))
		return 0;
	return unlinkat(dir, name, 0) < 0 && errno != ENOENT ? err_set(e, errno, "remove '%s'", name) : 0;
}

int dump_image_spoil(int dir, const char *id, struct err *e)
{
	struct stat st;

	if (!is_of(dir, id) || fstatat(dir, MARK, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return 0;
	if (remove_old(dir, CHECKPOINT_DESCRIPTORS_FILE, e) < 0)
		return -e->code;
	cleanup_close int listed = openat(dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (listed < 0)
		return err_set(e, errno, "list it");
	if (dir_each(listed, remove_large, &st.st_ctim, e) < 0)
		return -e->code;
	dump_image_end(dir);
	return 0;
}
