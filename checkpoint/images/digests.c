#include "checkpoint/images/digests.h"

#include "checkpoint/images/directory.h"
#include "lib/fd.h"
#include "lib/file.h"
#include "lib/sparse.h"
#include "lib/text.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { DIGESTS_MAX = 16 << 20, QUICK_MAX = 1 << 20 };

struct digest {
	struct sha256_text text;
	uint64_t size;
};

static const char no_digest[] = "-";

/* 0: no regular file. @size_max: beyond that the size is enough; -1: never. */
static int digest_of(int dir, const char *name, off_t size_max, struct digest *ret, struct err *e)
{
	cleanup_close int fd = openat(dir, name, O_RDONLY | O_NONBLOCK | O_NOFOLLOW | O_CLOEXEC);
	struct stat st;

	if (fd < 0 && errno == ELOOP)
		return 0;
	if (fd < 0 || fstat(fd, &st) < 0)
		return err_set(e, errno, "open '%s'", name);
	if (!S_ISREG(st.st_mode))
		return 0;
	if (size_max >= 0 && st.st_size > size_max)
		snprintf(ret->text.text, sizeof(ret->text.text), "%s", no_digest);
	else if (sparse_digest(fd, &ret->text, e) < 0)
		return err_wrap(e, "'%s'", name);
	ret->size = (uint64_t)st.st_size;
	return 1;
}

struct writing {
	struct buf *out;
	bool quickly;
};

static int write_one(int dir, const char *name, unsigned char type, void *data, struct err *e)
{
	const struct writing *w = data;
	struct digest d;

	(void)type;
	if (w->quickly ? !text_ends_with(name, ".img") : strcmp(name, IMAGES_DIGESTS) == 0)
		return 0;
	int r = digest_of(dir, name, w->quickly ? QUICK_MAX : -1, &d, e);
	if (r > 0)
		buf_printf(w->out, "%s %" PRIu64 " %s\n", d.text.text, d.size, name);
	return r < 0 ? r : 0;
}

static int write_digests(int images, bool quickly, struct err *e)
{
	cleanup_buf struct buf out = BUF_INIT;
	struct writing w = { &out, quickly };

	if (images_directory_each(images, write_one, &w, e) < 0)
		return -e->code;
	return file_replace_at(images, IMAGES_DIGESTS, 0600, buf_text(&out), out.len, e);
}

int images_digests_write(int images, struct err *e)
{
	return write_digests(images, false, e);
}

int images_digests_write_quickly(int images, struct err *e)
{
	return write_digests(images, true, e);
}

static int check_line(int images, char *line, struct err *e)
{
	struct digest d = { .size = 0 };
	char *size = strchr(line, ' '), *name = size ? strchr(size + 1, ' ') : NULL;

	if (!name || strchr(name, '/'))
		return err_say(e, EBADMSG, "'%s' is damaged", IMAGES_DIGESTS);
	*size++ = '\0';
	*name++ = '\0';
	int r = digest_of(images, name, strcmp(line, no_digest) == 0 ? 0 : -1, &d, e);
	if (r == -ENOENT)
		return err_say(e, EBADMSG, "'%s' is missing", name);
	if (r < 0)
		return r;
	if (r == 0 || d.size != strtoull(size, NULL, 10) || strcmp(d.text.text, line) != 0)
		return err_say(e, EBADMSG, "'%s' is damaged: it does not hold what it held when it was made", name);
	return 0;
}

int images_digests_check(int images, struct err *e)
{
	cleanup_buf struct buf text = BUF_INIT;

	if (file_read_at(images, IMAGES_DIGESTS, DIGESTS_MAX, &text, e) < 0)
		return -e->code;
	if (text.len == 0 || text.data[text.len - 1] != '\n')
		return err_say(e, EBADMSG, "'%s' is damaged", IMAGES_DIGESTS);
	for (char *line = text.data, *end; *line; line = end + 1) {
		end = strchr(line, '\n');
		if (!end)
			return err_say(e, EBADMSG, "'%s' is damaged", IMAGES_DIGESTS);
		*end = '\0';
		if (check_line(images, line, e) < 0)
			return -e->code;
	}
	return 0;
}
