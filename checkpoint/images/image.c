#include "checkpoint/images/image.h"

#include "lib/fd.h"
#include "lib/file.h"

#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <string.h>
#include <sys/stat.h>

enum { IMAGE_MAX = 256 << 20 };

/* In front of each but the inventory. */
static const uint32_t common_magic = 0x54564319;

static const uint32_t magics[] = {
	[IMAGE_INVENTORY] = 0x58313116,
	[IMAGE_PSTREE] = 0x50273030,
	[IMAGE_IDS] = 0x54432030,
	[IMAGE_MM] = 0x57492820,
	[IMAGE_PAGEMAP] = 0x56084025,
	[IMAGE_FILES] = 0x56303138,
	[IMAGE_UTSNS] = 0x54473203,
	[IMAGE_MOUNTS] = 0x55563928,
	[IMAGE_REMAPS] = 0x59133954,
	[IMAGE_CORE] = 0x55053847,
};

void image_finish(struct image *i)
{
	buf_finish(&i->data);
	*i = IMAGE_INIT;
}

static size_t left(const struct wire *w)
{
	return (size_t)(w->end - w->at);
}

int image_damaged(struct err *e)
{
	return err_say(e, EBADMSG, "an entry is damaged");
}

static bool take_u32(struct wire *w, uint32_t *ret)
{
	if (left(w) < sizeof(*ret))
		return false;
	memcpy(ret, w->at, sizeof(*ret));
	*ret = le32toh(*ret);
	w->at += sizeof(*ret);
	return true;
}

int image_begin_reading(struct image *ret, enum image_type type, struct err *e)
{
	uint32_t common = common_magic, own;

	ret->rest = wire_of(buf_text(&ret->data), ret->data.len);
	if ((type != IMAGE_INVENTORY && !take_u32(&ret->rest, &common)) || !take_u32(&ret->rest, &own) ||
	    common != common_magic || own != magics[type])
		return err_say(e, EBADMSG, "not an image of CRIU, or not of this kind");
	return 0;
}

int image_read(int dirfd, const char *name, enum image_type type, struct image *ret, struct err *e)
{
	*ret = IMAGE_INIT;
	if (file_read_at(dirfd, name, IMAGE_MAX, &ret->data, e) < 0)
		return -e->code;
	return image_begin_reading(ret, type, e) < 0 ? err_wrap(e, "'%s'", name) : 0;
}

int image_next(struct image *i, struct wire *ret, struct err *e)
{
	uint32_t n;

	if (i->rest.at == i->rest.end)
		return 0;
	if (!take_u32(&i->rest, &n) || n > left(&i->rest))
		return err_say(e, EBADMSG, "an entry is cut short");
	*ret = wire_of(i->rest.at, n);
	i->rest.at += n;
	return 1;
}

int image_first(struct image *i, struct wire *ret, struct err *e)
{
	int r = image_next(i, ret, e);

	return r == 0 ? err_say(e, EBADMSG, "no entry") : r < 0 ? r : 0;
}

int image_read_first(int dirfd, const char *name, enum image_type type, struct image *ret, struct wire *entry, struct err *e)
{
	int r = image_read(dirfd, name, type, ret, e);

	if (r < 0)
		return r;
	return image_first(ret, entry, e) < 0 ? err_wrap(e, "'%s'", name) : 0;
}

static void add_u32(struct buf *out, uint32_t value)
{
	value = htole32(value);
	buf_add(out, &value, sizeof(value));
}

void image_begin(struct buf *out, enum image_type type)
{
	if (type != IMAGE_INVENTORY)
		add_u32(out, common_magic);
	add_u32(out, magics[type]);
}

static void add_entry(struct buf *out, const void *data, size_t len)
{
	add_u32(out, (uint32_t)len);
	buf_add(out, data, len);
}

void image_add(struct buf *out, const struct buf *message)
{
	add_entry(out, message->data, message->len);
}

int image_rewrite(struct image *i, enum image_type type, image_change *change, void *data, struct buf *ret, struct err *e)
{
	bool changed = false;
	struct wire entry;
	int r;

	image_begin(ret, type);
	while ((r = image_next(i, &entry, e)) > 0) {
		cleanup_buf struct buf message = BUF_INIT;
		int other = change(entry, data, &message, e);
		if (other < 0)
			return other;
		if (other)
			image_add(ret, &message);
		else
			add_entry(ret, entry.at, (size_t)(entry.end - entry.at));
		changed |= other;
	}
	return r < 0 ? r : changed;
}

int image_create(int dirfd, const char *name, struct err *e)
{
	cleanup_close int fd = openat(dirfd, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);

	return fd < 0 || fchmod(fd, 0644) < 0 ? err_set(e, errno, "create '%s'", name) : take_fd(&fd);
}

int image_write(int dirfd, const char *name, const struct buf *image, struct err *e)
{
	cleanup_close int fd = image_create(dirfd, name, e);

	if (fd < 0)
		return fd;
	return fd_write_all(fd, image->data, image->len, e) < 0 ? err_wrap(e, "'%s'", name) : 0;
}
