#include "checkpoint/images/pagemap.h"

#include "checkpoint/images/image.h"
#include "lib/fd.h"
#include "lib/sparse.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* pagemap.proto */
enum { HEAD_PAGES_ID = 1 };
enum { ENTRY_ADDRESS = 1, ENTRY_PAGES_32 = 2, ENTRY_IN_PARENT = 3, ENTRY_FLAGS = 4, ENTRY_PAGES = 5 };
enum { PE_PARENT = 1 << 0, PE_LAZY = 1 << 1, PE_PRESENT = 1 << 2 };

uint64_t page_size(void)
{
	return (uint64_t)sysconf(_SC_PAGESIZE);
}

/* ---- one directory ---- */

/* One directory's entries; those that are PE_PARENT have no offset. */
struct level {
	struct page_run *runs;
	size_t n;
};

/*
 * A field that is not known may say that the pages are there in another form, so it cannot be passed over. Entries
 * without flags are of CRIU before 3.0; their number of pages has 64 bits since 4.2.
 */
static int read_entry(struct wire entry, struct page_run *ret, struct err *e)
{
	uint64_t pages[2] = { 0 }, in_parent = 0, flags = PE_PRESENT;
	bool has_pages = false;
	struct wire_field f;
	int r;

	*ret = (struct page_run){ .fd = -1 };
	while ((r = wire_next(&entry, &f)) > 0) {
		if (f.type != WIRE_VARINT || f.number > ENTRY_PAGES)
			return err_say(e, ENOTSUP, "its pages are in a form that is not known: its field %u", f.number);
		switch (f.number) {
		case ENTRY_ADDRESS:
			ret->address = f.value;
			break;
		case ENTRY_PAGES_32:
			pages[0] = f.value;
			break;
		case ENTRY_IN_PARENT:
			in_parent = f.value;
			break;
		case ENTRY_FLAGS:
			flags = f.value;
			break;
		case ENTRY_PAGES:
			pages[1] = f.value;
			has_pages = true;
			break;
		}
	}
	if (r < 0)
		return image_damaged(e);
	if (in_parent)
		flags = PE_PARENT;
	ret->flags = flags;
	if (!(flags & PE_PRESENT) == !(flags & PE_PARENT))
		return err_say(e, ENOTSUP, "pages are neither here nor in parent images");
	if (pages[has_pages] > UINT32_MAX)
		return err_say(e, EBADMSG, "more pages than there can be");
	ret->size = pages[has_pages] * page_size();
	return 0;
}

/* @last_end: of the entry before. */
static int check_entry(const struct page_run *run, uint64_t last_end, uint64_t offset, uint64_t pages_size,
		       struct err *e)
{
	if (run->size == 0 || run->address % page_size() || run->address < last_end ||
	    run->address + run->size < run->address)
		return err_say(e, EBADMSG, "its entries overlap or are out of order");
	if (!(run->flags & PE_PARENT) && (offset > pages_size || run->size > pages_size - offset))
		return err_say(e, EBADMSG, "its pages are cut short");
	return 0;
}

static int open_pages(int dirfd, uint64_t id, uint64_t *ret_size, struct err *e)
{
	char name[40];
	struct stat st;

	snprintf(name, sizeof(name), "pages-%u.img", (unsigned)id);
	cleanup_close int fd = openat(dirfd, name, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	if (fd < 0 || fstat(fd, &st) < 0)
		return err_set(e, errno, "open '%s'", name);
	if (!S_ISREG(st.st_mode))
		return err_say(e, EBADMSG, "'%s' is not a file", name);
	*ret_size = (uint64_t)st.st_size;
	return take_fd(&fd);
}

static int read_entries(struct image *image, int fd, uint64_t pages_size, struct arena *a, struct level *ret,
			struct err *e)
{
	uint64_t offset = 0, end = 0;
	struct wire entry;
	int r;

	while ((r = image_next(image, &entry, e)) > 0) {
		struct page_run *run = arena_push(a, &ret->runs, &ret->n);
		if (read_entry(entry, run, e) < 0 || check_entry(run, end, offset, pages_size, e) < 0)
			return -e->code;
		end = run->address + run->size;
		if (run->flags & PE_PARENT)
			continue;
		run->fd = fd;
		run->offset = offset;
		offset += run->size;
	}
	return r;
}

/* Adds the pages' descriptor to @p. */
static int read_level(int dirfd, const char *name, struct arena *a, struct pagemap *p, struct level *ret, struct err *e)
{
	cleanup_image struct image image = IMAGE_INIT;
	uint64_t id, pages_size = 0;
	struct wire head;

	*ret = (struct level){ 0 };
	int r = image_read(dirfd, name, IMAGE_PAGEMAP, &image, e);
	if (r < 0)
		return r;
	if (image_first(&image, &head, e) < 0)
		return err_wrap(e, "'%s'", name);
	if (wire_find_number(head, HEAD_PAGES_ID, &id) <= 0 || id > UINT32_MAX)
		return err_say(e, EBADMSG, "'%s': it does not say where the pages are", name);
	int fd = open_pages(dirfd, id, &pages_size, e);
	if (fd < 0)
		return err_wrap(e, "'%s'", name);
	if (p->n_fds == 0)
		p->pages_id = (uint32_t)id;
	p->fds[p->n_fds++] = fd;
	return read_entries(&image, fd, pages_size, a, ret, e) < 0 ? err_wrap(e, "'%s'", name) : 0;
}

/* ---- the chain ---- */

struct chain {
	struct level levels[PAGEMAP_CHAIN_MAX];
	size_t n;
};

static int read_chain(int dirfd, const char *name, struct arena *a, struct pagemap *p, struct chain *ret, struct err *e)
{
	cleanup_close int dir = openat(dirfd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	for (ret->n = 0; dir >= 0; ret->n++) {
		if (ret->n == PAGEMAP_CHAIN_MAX)
			return err_say(e, ELOOP, "more than %d directories of images lead to one another",
				       PAGEMAP_CHAIN_MAX);
		int r = read_level(dir, name, a, p, &ret->levels[ret->n], e);
		if (r == -ENOENT && ret->n > 0)
			return 0; /* a process that did not exist then */
		if (r < 0)
			return r;
		int parent = openat(dir, "parent", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		if (parent < 0 && errno != ENOENT)
			return err_set(e, errno, "open the parent images");
		close_fd(&dir);
		dir = parent;
	}
	return 0;
}

/* The first run that ends behind @address. */
static size_t first_behind(const struct level *l, uint64_t address)
{
	size_t low = 0, high = l->n;

	while (low < high) {
		size_t middle = low + (high - low) / 2;
		if (l->runs[middle].address + l->runs[middle].size <= address)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

/* Adds what lies at @address in the levels from @depth on. */
static int resolve(const struct chain *c, size_t depth, uint64_t address, uint64_t size, struct arena *a,
		   struct pagemap *ret, struct err *e)
{
	const struct level *l = &c->levels[depth];

	for (size_t i = depth < c->n ? first_behind(l, address) : 0; size > 0; i++) {
		if (depth == c->n || i == l->n || l->runs[i].address > address)
			return err_say(e, EBADMSG, "pages at %#llx are in no parent images",
				       (unsigned long long)address);
		const struct page_run *run = &l->runs[i];
		uint64_t skipped = address - run->address, n = run->size - skipped;
		if (n > size)
			n = size;
		if (run->flags & PE_PARENT) {
			if (resolve(c, depth + 1, address, n, a, ret, e) < 0)
				return -e->code;
		} else {
			struct page_run *to = arena_push(a, &ret->runs, &ret->n);
			*to = *run;
			to->address = address;
			to->size = n;
			to->offset += skipped;
		}
		address += n;
		size -= n;
	}
	return 0;
}

int pagemap_read(int dirfd, const char *name, struct arena *a, struct pagemap *ret, struct err *e)
{
	cleanup_pagemap struct pagemap p = PAGEMAP_INIT;
	struct chain c;

	int r = read_chain(dirfd, name, a, &p, &c, e);
	if (r < 0)
		return r;
	for (size_t i = 0; i < c.levels[0].n; i++)
		if (resolve(&c, 0, c.levels[0].runs[i].address, c.levels[0].runs[i].size, a, &p, e) < 0)
			return err_wrap(e, "'%s'", name);
	*ret = p;
	p = PAGEMAP_INIT;
	return 0;
}

void pagemap_finish(struct pagemap *p)
{
	for (size_t i = 0; i < p->n_fds; i++)
		close_fd(&p->fds[i]);
	*p = PAGEMAP_INIT;
}

/* ---- pages ---- */

static int write_at(int fd, const char *data, size_t n, uint64_t offset, struct err *e)
{
	while (n > 0) {
		ssize_t done = pwrite(fd, data, n, (off_t)offset);
		if (done < 0 && errno == EINTR)
			continue;
		if (done < 0)
			return err_set(e, errno, "write pages");
		data += done;
		offset += (uint64_t)done;
		n -= (size_t)done;
	}
	return 0;
}

/* All pages of @data but those of zeros, with one call for those that follow one another. */
static int write_pages(int fd, const char *data, size_t n, uint64_t offset, struct err *e)
{
	const size_t page = page_size();

	for (size_t at = 0, end; at < n; at = end + page) {
		for (end = at; end < n && !is_all_zero(data + end, page); end += page)
			;
		if (write_at(fd, data + at, end - at, offset + at, e) < 0)
			return -e->code;
	}
	return 0;
}

static int read_at(int fd, char *data, size_t n, uint64_t offset, struct err *e)
{
	for (size_t at = 0; at < n;) {
		ssize_t done = pread(fd, data + at, n - at, (off_t)(offset + at));
		if (done < 0 && errno == EINTR)
			continue;
		if (done <= 0)
			return done < 0 ? err_set(e, errno, "read pages") : err_say(e, EBADMSG, "pages are cut short");
		at += (size_t)done;
	}
	return 0;
}

int page_run_copy(const struct page_run *run, int to, uint64_t offset, struct err *e)
{
	enum { ROOM = 1 << 20 };
	char *data = malloc(ROOM);
	int r = data ? 0 : err_set(e, ENOMEM, "copy pages");

	for (uint64_t at = 0, n; r == 0 && at < run->size; at += n) {
		n = run->size - at < ROOM ? run->size - at : ROOM;
		r = read_at(run->fd, data, n, run->offset + at, e);
		if (r == 0)
			r = write_pages(to, data, n, offset + at, e);
	}
	free(data);
	return r;
}

/* ---- writing ---- */

int pagemap_begin(int dirfd, uint32_t pages_id, struct pagemap_writer *ret, struct err *e)
{
	cleanup_buf struct buf head = BUF_INIT;
	char name[40];

	*ret = PAGEMAP_WRITER_INIT;
	snprintf(name, sizeof(name), "pages-%u.img", pages_id);
	ret->fd = image_create(dirfd, name, e);
	if (ret->fd < 0)
		return ret->fd;
	image_begin(&ret->image, IMAGE_PAGEMAP);
	wire_put_number(&head, HEAD_PAGES_ID, pages_id);
	image_add(&ret->image, &head);
	return 0;
}

/* With 32 bits for its pages, which every version of CRIU reads. */
static void add_entry(struct pagemap_writer *w)
{
	cleanup_buf struct buf entry = BUF_INIT;

	if (w->last.size == 0)
		return;
	wire_put_number(&entry, ENTRY_ADDRESS, w->last.address);
	wire_put_number(&entry, ENTRY_PAGES_32, w->last.size / page_size());
	wire_put_number(&entry, ENTRY_FLAGS, w->last.flags);
	image_add(&w->image, &entry);
}

int pagemap_add(struct pagemap_writer *w, const struct page_run *run, struct err *e)
{
	uint64_t size = w->last.size + run->size;

	if (page_run_copy(run, w->fd, w->offset, e) < 0)
		return -e->code;
	w->offset += run->size;
	if (w->last.size && w->last.address + w->last.size == run->address && w->last.flags == run->flags &&
	    size / page_size() <= UINT32_MAX) {
		w->last.size = size;
		return 0;
	}
	add_entry(w);
	w->last = *run;
	return 0;
}

int pagemap_end(struct pagemap_writer *w, int dirfd, const char *name, struct err *e)
{
	add_entry(w);
	if (ftruncate(w->fd, (off_t)w->offset) < 0) /* the last pages may be a hole */
		return err_set(e, errno, "write pages");
	return image_write(dirfd, name, &w->image, e);
}

void pagemap_writer_finish(struct pagemap_writer *w)
{
	close_fd(&w->fd);
	buf_finish(&w->image);
}
