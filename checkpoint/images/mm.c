#include "checkpoint/images/mm.h"

#include "checkpoint/images/pagemap.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

/* mm.proto */
enum { MM_VMAS = 14 };

/* vma.proto */
enum { VMA_OFFSET = 3, VMA_FILE = 4, VMA_FLAGS = 6, VMA_STATUS = 7, VMA_FILE_FLAGS = 10 };

static const struct {
	uint32_t number;
	size_t offset;
} fields[] = {
	{ 1, offsetof(struct vma, start) },
	{ 2, offsetof(struct vma, end) },
	{ VMA_OFFSET, offsetof(struct vma, offset) },
	{ VMA_FILE, offsetof(struct vma, file) },
	{ 5, offsetof(struct vma, protection) },
	{ VMA_FLAGS, offsetof(struct vma, flags) },
	{ VMA_STATUS, offsetof(struct vma, status) },
	{ 9, offsetof(struct vma, advice) },
};

static int read_vma(struct wire message, struct vma *ret, struct err *e)
{
	*ret = (struct vma){ 0 };
	for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++)
		if (wire_find_number(message, fields[i].number, (void *)((char *)ret + fields[i].offset)) < 0)
			return image_damaged(e);
	if (ret->start >= ret->end || ret->start % page_size() || ret->end % page_size())
		return err_say(e, EBADMSG, "a mapping has no size");
	return 0;
}

static int read_vmas(struct mm *m, struct arena *a, struct err *e)
{
	struct wire w = m->message;
	struct wire_field f;
	uint64_t end = 0;
	int r;

	while ((r = wire_next(&w, &f)) > 0) {
		if (f.number != MM_VMAS || f.type != WIRE_BYTES)
			continue;
		struct vma *vma = arena_push(a, &m->vmas, &m->n);
		if (read_vma(wire_inside(&f), vma, e) < 0)
			return -e->code;
		if (vma->status & VMA_AREA_GUARD)
			continue;
		if (vma->start < end)
			return err_say(e, EBADMSG, "its mappings overlap or are out of order");
		end = vma->end;
	}
	return r < 0 ? image_damaged(e) : 0;
}

static void name_of(uint32_t pid, char name[40])
{
	snprintf(name, 40, "mm-%u.img", pid);
}

int mm_read(int dirfd, uint32_t pid, struct arena *a, struct mm *ret, struct err *e)
{
	cleanup_mm struct mm m = MM_INIT;
	char name[40];

	name_of(pid, name);
	int r = image_read(dirfd, name, IMAGE_MM, &m.image, e);
	if (r < 0)
		return r;
	if (image_first(&m.image, &m.message, e) < 0 || read_vmas(&m, a, e) < 0)
		return err_wrap(e, "'%s'", name);
	*ret = m;
	m = MM_INIT;
	return 0;
}

void mm_finish(struct mm *m)
{
	image_finish(&m->image);
	*m = MM_INIT;
}

/* What the kernel would have said of a private mapping of a file that is open for reading. */
static void write_vma(struct buf *out, struct wire message, const struct vma *vma, const struct vma_file *file)
{
	const uint64_t anonymous = VMA_ANON_PRIVATE;
	struct wire_field f;

	while (wire_next(&message, &f) > 0)
		switch (f.number) {
		case VMA_OFFSET:
			wire_put_number(out, VMA_OFFSET, file->offset);
			break;
		case VMA_FILE:
			wire_put_number(out, VMA_FILE, file->id);
			break;
		case VMA_FLAGS:
			wire_put_number(out, VMA_FLAGS, vma->flags & ~(uint64_t)MAP_ANONYMOUS);
			break;
		case VMA_STATUS:
			wire_put_number(out, VMA_STATUS, (vma->status & ~anonymous) | VMA_FILE_PRIVATE);
			break;
		case VMA_FILE_FLAGS:
			break;
		default:
			wire_put_field(out, &f);
		}
	wire_put_number(out, VMA_FILE_FLAGS, O_RDONLY);
}

int mm_write(const struct mm *m, int dirfd, uint32_t pid, const struct vma_file *files, struct err *e)
{
	cleanup_buf struct buf message = BUF_INIT, image = BUF_INIT;
	struct wire w = m->message;
	struct wire_field f;
	char name[40];
	size_t i = 0;

	while (wire_next(&w, &f) > 0) {
		bool is_vma = f.number == MM_VMAS && f.type == WIRE_BYTES;
		size_t at = i;
		i += is_vma;
		if (!is_vma || !files[at].id) {
			wire_put_field(&message, &f);
			continue;
		}
		cleanup_buf struct buf one = BUF_INIT;
		write_vma(&one, wire_inside(&f), &m->vmas[at], &files[at]);
		wire_put_bytes(&message, MM_VMAS, one.data, one.len);
	}
	name_of(pid, name);
	image_begin(&image, IMAGE_MM);
	image_add(&image, &message);
	return image_write(dirfd, name, &image, e);
}
