/* Images of CRIU that are made here, and what becomes of them when their memory is shared. */
#include "tests/unit/fixture_dir.h"
#include "tests/unit/image_fixture.h"

#include "checkpoint/images/clone.h"
#include "checkpoint/images/digests.h"
#include "checkpoint/images/files.h"
#include "checkpoint/images/memory.h"
#include "checkpoint/images/mm.h"
#include "checkpoint/images/mountpoints.h"
#include "checkpoint/images/pagemap.h"
#include "checkpoint/images/share.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include <cmocka.h>

enum { PID = 10, PAGES_ID = 7, LAST_FILE = 41, LIBRARY = 40 };
enum { PRESENT = 4, PARENT = 1 };
static const uint64_t base = 0x7f0000000000;

/* ---- making ---- */

static void write_image(struct fixture_dir *d, const char *name, struct buf *image)
{
	struct err e = ERR_INIT;

	unlinkat(d->fd, name, 0);
	if (image_write(d->fd, name, image, &e) < 0)
		fail_msg("%s", e.msg);
	buf_finish(image);
}

static void add_number(struct buf *image, uint32_t field, uint64_t value)
{
	cleanup_buf struct buf message = BUF_INIT;

	wire_put_number(&message, field, value);
	image_add(image, &message);
}

static void make_inventory(struct fixture_dir *d, unsigned version)
{
	struct buf image = BUF_INIT;

	image_begin(&image, IMAGE_INVENTORY);
	add_number(&image, 1, version);
	write_image(d, "inventory.img", &image);
}

static void make_files(struct fixture_dir *d, const char *library)
{
	cleanup_buf struct buf pipe = BUF_INIT;
	struct buf image = BUF_INIT;

	image_begin(&image, IMAGE_FILES);
	image_fixture_file(&image, 3, "/bin/program");
	wire_put_number(&pipe, 1, 2);
	wire_put_number(&pipe, 2, LAST_FILE);
	wire_put_string(&pipe, 1000, "not known");
	image_add(&image, &pipe);
	image_fixture_file(&image, LIBRARY, library);
	write_image(d, "files.img", &image);
}

/* In pages from the base. */
struct mapping {
	uint64_t start, end;
	uint64_t file;
	uint32_t protection, flags, status;
	uint64_t advice;
};

static void add_vma(struct buf *mm, const struct mapping *m)
{
	cleanup_buf struct buf vma = BUF_INIT;
	const uint64_t values[] = { base + m->start * page_size(), base + m->end * page_size(), 0, m->file,
				    m->protection, m->flags, m->status, 1, m->advice };

	for (uint32_t i = 0; i < sizeof(values) / sizeof(values[0]); i++)
		wire_put_number(&vma, i + 1, values[i]);
	wire_put_string(&vma, 77, "kept");
	wire_put_bytes(mm, 14, vma.data, vma.len);
}

static void make_mm(struct fixture_dir *d, const struct mapping *m, size_t n)
{
	cleanup_buf struct buf mm = BUF_INIT;
	struct buf image = BUF_INIT;

	wire_put_number(&mm, 1, 0x400000);
	for (size_t i = 0; i < n; i++)
		add_vma(&mm, &m[i]);
	wire_put_string(&mm, 500, "what comes with a later version");
	image_begin(&image, IMAGE_MM);
	image_add(&image, &mm);
	write_image(d, "mm-10.img", &image);
}

/* Pages from the base. */
struct entry {
	uint64_t start, n;
	unsigned flags;
};

/* Each page is full of @letter, which counts up; of page 3 of the base it is all zeros. */
static void make_pages(struct fixture_dir *d, const struct entry *entries, size_t n, char letter)
{
	cleanup_buf struct buf pages = BUF_INIT;
	struct buf image = BUF_INIT;

	image_begin(&image, IMAGE_PAGEMAP);
	add_number(&image, 1, PAGES_ID);
	for (size_t i = 0; i < n; i++) {
		cleanup_buf struct buf entry = BUF_INIT;
		wire_put_number(&entry, 1, base + entries[i].start * page_size());
		wire_put_number(&entry, 2, 0);
		wire_put_number(&entry, 4, entries[i].flags);
		wire_put_number(&entry, 5, entries[i].n); /* as CRIU 4.2 does */
		image_add(&image, &entry);
		for (uint64_t k = 0; entries[i].flags & PRESENT && k < entries[i].n; k++) {
			memset(buf_reserve(&pages, page_size()), entries[i].start + k == 3 ? 0 : letter++, page_size());
			pages.len += page_size();
		}
	}
	write_image(d, "pagemap-10.img", &image);
	write_image(d, "pages-7.img", &pages);
}

enum { RW = PROT_READ | PROT_WRITE };
enum { ANONYMOUS = MAP_PRIVATE | MAP_ANONYMOUS, REGULAR = VMA_AREA_REGULAR | VMA_ANON_PRIVATE };

static const struct mapping mappings[] = {
	{ 0, 8, 0, RW, ANONYMOUS, REGULAR, 0 }, /* large enough */
	{ 8, 10, 0, RW, ANONYMOUS, REGULAR, 0 }, /* too small */
	{ 10, 20, LIBRARY, PROT_READ, MAP_PRIVATE, VMA_AREA_REGULAR | VMA_FILE_PRIVATE, 0 },
	{ 20, 40, 0, RW, ANONYMOUS, REGULAR | VMA_AREA_HEAP, 0 },
};
static const struct entry entries[] = { { 0, 2, PRESENT }, { 3, 3, PRESENT }, { 7, 2, PRESENT }, { 15, 1, PRESENT },
					{ 18, 8, PRESENT } };
enum { N_MAPPINGS = 4, N_ENTRIES = 5 };

static struct fixture_dir make_images(void)
{
	struct fixture_dir d = fixture_dir_in("/dev/shm");

	make_inventory(&d, 2);
	make_files(&d, "/usr/lib/library.so");
	make_mm(&d, mappings, N_MAPPINGS);
	make_pages(&d, entries, N_ENTRIES, 'a');
	fixture_file(&d, "core-10.img", "registers");
	return d;
}

/* ---- looking ---- */

static int share(struct fixture_dir *d, struct images_shared *ret, struct err *e)
{
	return images_share(d->fd, d->fd, "shared", 6 * page_size(), ret, e);
}

static int open_shared(struct fixture_dir *d, struct images_shared *ret)
{
	struct err e = ERR_INIT;

	if (share(d, ret, &e) < 0)
		fail_msg("%s", e.msg);
	int fd = openat(d->fd, "shared", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	assert_true(fd >= 0);
	assert_int_equal(faccessat(d->fd, ".shared.part", F_OK, 0), -1);
	return fd;
}

static char page_at(int fd, uint64_t offset)
{
	char *page = malloc(page_size());
	char letter;

	assert_int_equal(pread(fd, page, page_size(), (off_t)offset), page_size());
	for (size_t i = 1; i < page_size(); i++)
		assert_int_equal(page[i], page[0]);
	letter = page[0];
	free(page);
	return letter;
}

static void add_page(struct buf *text, const struct page_run *run, uint64_t at)
{
	char letter = page_at(run->fd, run->offset + at);

	buf_printf(text, "%d:%c ", (int)((run->address + at - base) / page_size()), letter ? letter : '-');
}

/* The pages that the images have, as "ADDRESS:LETTER ", the address in pages from the base; of zeros, "ADDRESS:- ". */
static void expect_pages(int dirfd, const char *expected)
{
	cleanup_pagemap struct pagemap p = PAGEMAP_INIT;
	cleanup_arena struct arena a = ARENA_INIT;
	cleanup_buf struct buf text = BUF_INIT;
	struct err e = ERR_INIT;

	if (pagemap_read(dirfd, "pagemap-10.img", &a, &p, &e) < 0)
		fail_msg("%s", e.msg);
	assert_int_equal(p.pages_id, PAGES_ID);
	for (size_t i = 0; i < p.n; i++)
		for (uint64_t at = 0; at < p.runs[i].size; at += page_size())
			add_page(&text, &p.runs[i], at);
	assert_string_equal(buf_text(&text), expected);
}

static struct mm read_mm(int dirfd, struct arena *a)
{
	struct err e = ERR_INIT;
	struct mm m;

	if (mm_read(dirfd, PID, a, &m, &e) < 0)
		fail_msg("%s", e.msg);
	return m;
}

static void expect_unchanged(int dirfd)
{
	cleanup_arena struct arena a = ARENA_INIT;
	cleanup_mm struct mm m = read_mm(dirfd, &a);

	for (size_t i = 0; i < m.n; i++)
		assert_int_equal(m.vmas[i].status, mappings[i].status);
}

static bool is_same_file(int one, int two, const char *name)
{
	struct stat a, b;

	assert_int_equal(fstatat(one, name, &a, 0), 0);
	assert_int_equal(fstatat(two, name, &b, 0), 0);
	return a.st_ino == b.st_ino;
}

/* ---- tests ---- */

static void test_mappings(void **state)
{
	(void)state;
	cleanup_fixture struct fixture_dir d = make_images();
	cleanup_arena struct arena a = ARENA_INIT;
	struct images_shared shared;
	cleanup_close int fd = open_shared(&d, &shared);
	cleanup_mm struct mm m = read_mm(fd, &a), old = read_mm(d.fd, &a);

	assert_int_equal(shared.regions, 2);
	assert_int_equal(shared.bytes, (6 + 6) * page_size());
	assert_int_equal(shared.left_out, 0);
	assert_int_equal(m.n, N_MAPPINGS);
	for (size_t i = 0; i < N_MAPPINGS; i++) {
		bool is_shared = i == 0 || i == 3;
		assert_int_equal(m.vmas[i].start, old.vmas[i].start);
		assert_int_equal(m.vmas[i].end, old.vmas[i].end);
		assert_int_equal(m.vmas[i].flags, is_shared ? MAP_PRIVATE : old.vmas[i].flags);
		assert_int_equal(m.vmas[i].status & (VMA_ANON_PRIVATE | VMA_FILE_PRIVATE),
				 is_shared || i == 2 ? VMA_FILE_PRIVATE : VMA_ANON_PRIVATE);
	}
	assert_int_equal(m.vmas[3].status & VMA_AREA_HEAP, VMA_AREA_HEAP);
	assert_int_equal(m.vmas[0].file, LAST_FILE + 1);
	assert_int_equal(m.vmas[3].file, LAST_FILE + 1);
	assert_true(m.vmas[3].offset > m.vmas[0].offset + 8 * page_size());
	expect_unchanged(d.fd);
}

/* What is not known of a message stays, byte for byte. */
static void test_unknown_fields(void **state)
{
	(void)state;
	cleanup_fixture struct fixture_dir d = make_images();
	cleanup_arena struct arena a = ARENA_INIT;
	struct images_shared shared;
	cleanup_close int fd = open_shared(&d, &shared);
	cleanup_mm struct mm m = read_mm(fd, &a);
	struct wire w = m.message;
	struct wire_field f;
	int vmas = 0;

	struct wire kept;
	while (wire_next(&w, &f) > 0)
		if (f.number == 14) {
			assert_int_equal(wire_find_bytes(wire_inside(&f), 77, &kept), 1);
			assert_memory_equal(kept.at, "kept", 4);
			vmas++;
		}
	assert_int_equal(vmas, N_MAPPINGS);
	assert_int_equal(wire_find_bytes(m.message, 500, &kept), 1);
	assert_memory_equal(kept.at, "what comes with a later version", 31);
}

static void test_pages(void **state)
{
	(void)state;
	cleanup_fixture struct fixture_dir d = make_images();
	cleanup_arena struct arena a = ARENA_INIT;
	struct images_shared shared;
	cleanup_close int fd = open_shared(&d, &shared);
	cleanup_mm struct mm m = read_mm(fd, &a);
	cleanup_close int memory = openat(fd, "memory-10.img", O_RDONLY | O_CLOEXEC);
	struct stat st;

	static const char first[] = { 'a', 'b', 0, 0, 'c', 'd', 0, 'e', 0 };
	for (size_t i = 0; i < sizeof(first); i++)
		assert_int_equal(page_at(memory, m.vmas[0].offset + i * page_size()), first[i]);
	static const char heap[] = { 'j', 'k', 'l', 'm', 'n', 'o', 0 };
	for (size_t i = 0; i < sizeof(heap); i++)
		assert_int_equal(page_at(memory, m.vmas[3].offset + i * page_size()), heap[i]);
	expect_pages(fd, "8:f 15:g 18:h 19:i ");
	expect_pages(d.fd, "0:a 1:b 3:- 4:c 5:d 7:e 8:f 15:g 18:h 19:i 20:j 21:k 22:l 23:m 24:n 25:o ");

	/* Holes take no room, and there is one behind each region. */
	assert_int_equal(fstat(memory, &st), 0);
	assert_true(st.st_size > 1 << 30);
	assert_true((uint64_t)st.st_blocks * 512 <= 16 * page_size());
	assert_int_equal(st.st_mode & 0777, 0444);
}

static void test_files(void **state)
{
	(void)state;
	cleanup_fixture struct fixture_dir d = make_images();
	cleanup_arena struct arena a = ARENA_INIT;
	struct images_shared shared;
	cleanup_close int fd = open_shared(&d, &shared);
	cleanup_image_files struct image_files f = IMAGE_FILES_INIT, old = IMAGE_FILES_INIT;
	struct err e = ERR_INIT;
	struct stat st;

	assert_int_equal(image_files_read(fd, &a, &f, &e), 0);
	assert_int_equal(image_files_read(d.fd, &a, &old, &e), 0);
	assert_int_equal(f.n, 4);
	assert_memory_equal(f.image.data.data, old.image.data.data, old.image.data.len);
	assert_int_equal(fstatat(fd, "memory-10.img", &st, 0), 0);
	const struct image_file *file = image_files_find(&f, LAST_FILE + 1);
	assert_non_null(file);
	assert_string_equal(file->name, "ferry-memory-10");
	assert_true(file->external);
	assert_int_equal(file->size, st.st_size);
	uint32_t pid;
	assert_true(images_memory_key(file->name, &pid));
	assert_int_equal(pid, PID);
	assert_false(images_memory_key("ferry-memory-010", &pid));
	assert_false(images_memory_key("file[1a:1234]", &pid));
	assert_true(is_same_file(d.fd, fd, "core-10.img"));
	assert_false(is_same_file(d.fd, fd, "pages-7.img"));
	/* What kept packets out of the source is not to be lifted in a new network. */
	cleanup_image struct image inventory = IMAGE_INIT;
	uint64_t version = 0, lock = 0;
	struct wire entry;
	assert_int_equal(image_read_first(fd, "inventory.img", IMAGE_INVENTORY, &inventory, &entry, &e), 0);
	assert_int_equal(wire_find_number(entry, 1, &version), 1);
	assert_int_equal(version, 2);
	assert_int_equal(wire_find_number(entry, 11, &lock), 1);
	assert_int_equal(lock, 2);
}

static void test_not_again(void **state)
{
	(void)state;
	cleanup_fixture struct fixture_dir d = make_images();
	struct images_shared shared;
	cleanup_close int fd = open_shared(&d, &shared);
	struct err e = ERR_INIT;

	assert_int_equal(share(&d, &shared, &e), -EEXIST);
	assert_int_equal(faccessat(d.fd, ".shared.part", F_OK, 0), -1);
	/* What is shared already is shared by them, too. */
	assert_int_equal(images_share(fd, d.fd, "again", 0, &shared, &e), 0);
	assert_int_equal(shared.regions, 0);
	cleanup_close int again = openat(d.fd, "again", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	assert_true(is_same_file(fd, again, "memory-10.img"));
	assert_true(is_same_file(fd, again, "mm-10.img"));
	assert_true(is_same_file(fd, again, "files.img"));
}

/* What a killed one left is in nobody's way. */
static void test_after_a_kill(void **state)
{
	(void)state;
	cleanup_fixture struct fixture_dir d = make_images();
	struct images_shared shared;

	assert_int_equal(mkdirat(d.fd, ".shared.part", 0700), 0);
	fixture_file(&d, ".shared.part/mm-10.img", "half");
	cleanup_close int fd = open_shared(&d, &shared);
	expect_pages(fd, "8:f 15:g 18:h 19:i ");
}

static void test_none_is_large(void **state)
{
	(void)state;
	cleanup_fixture struct fixture_dir d = make_images();
	struct images_shared shared;
	struct err e = ERR_INIT;

	assert_int_equal(images_share(d.fd, d.fd, "shared", 1 << 20, &shared, &e), 0);
	assert_int_equal(shared.regions, 0);
	assert_int_equal(faccessat(d.fd, "shared/memory-10.img", F_OK, 0), -1);
	cleanup_close int fd = openat(d.fd, "shared", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	assert_true(is_same_file(d.fd, fd, "pages-7.img"));
}

static void test_unfit(void **state)
{
	(void)state;
	static const struct mapping unfit[] = {
		{ 0, 8, 0, RW, ANONYMOUS | MAP_GROWSDOWN, REGULAR, 0 },
		{ 0, 8, 0, RW, ANONYMOUS | MAP_LOCKED, REGULAR, 0 },
		{ 0, 8, 0, RW, ANONYMOUS | MAP_HUGETLB, REGULAR, 0 },
		{ 0, 8, 0, RW | PROT_EXEC, ANONYMOUS, REGULAR, 0 },
		{ 0, 8, 0, RW, ANONYMOUS, REGULAR, 1 << MADV_WIPEONFORK },
		{ 0, 8, 0, RW, ANONYMOUS, REGULAR | 1 << 13, 0 },
		{ 0, 8, 3, RW, MAP_PRIVATE, VMA_AREA_REGULAR | VMA_FILE_PRIVATE, 0 },
		{ 0, 8, 5, RW, MAP_SHARED | MAP_ANONYMOUS, VMA_AREA_REGULAR | 1 << 8, 0 },
	};

	for (size_t i = 0; i < sizeof(unfit) / sizeof(unfit[0]); i++) {
		cleanup_fixture struct fixture_dir d = make_images();
		struct images_shared shared;
		make_mm(&d, &unfit[i], 1);
		close(open_shared(&d, &shared));
		assert_int_equal(shared.regions, 0);
	}
}

static void test_guarded(void **state)
{
	(void)state;
	cleanup_fixture struct fixture_dir d = make_images();
	const struct mapping guarded[] = { mappings[0], mappings[3], { 2, 3, .status = VMA_AREA_GUARD } };
	struct images_shared shared;

	make_mm(&d, guarded, 3);
	close(open_shared(&d, &shared));
	assert_int_equal(shared.regions, 1);
}

/* An allocator that counts on zeros after MADV_DONTNEED. */
static void test_jemalloc(void **state)
{
	(void)state;
	cleanup_fixture struct fixture_dir d = make_images();
	struct images_shared shared;

	make_files(&d, "/usr/lib/x86_64-linux-gnu/libjemalloc.so.2");
	close(open_shared(&d, &shared));
	assert_int_equal(shared.regions, 0);
	assert_int_equal(shared.left_out, 1);
}

/* An older round of the same process, whose pages are A, B, ... */
static void make_parent(struct fixture_dir *d, const struct entry *of_parent, size_t n)
{
	struct fixture_dir parent = *d;

	assert_int_equal(mkdirat(d->fd, "older", 0700), 0);
	parent.fd = openat(d->fd, "older", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	make_pages(&parent, of_parent, n, 'A');
	close(parent.fd);
	assert_int_equal(symlinkat("older", d->fd, "parent"), 0);
}

static void test_parent(void **state)
{
	(void)state;
	static const struct entry now[] = { { 0, 4, PARENT }, { 4, 2, PRESENT }, { 9, 3, PARENT }, { 20, 2, PRESENT } };
	static const struct entry then[] = { { 0, 2, PRESENT }, { 2, 9, PRESENT }, { 11, 1, PRESENT } };
	cleanup_fixture struct fixture_dir d = make_images();
	struct images_shared shared;

	make_pages(&d, now, 4, 'a');
	make_parent(&d, then, 3);
	expect_pages(d.fd, "0:A 1:B 2:C 3:- 4:a 5:b 9:I 10:J 11:K 20:c 21:d ");
	cleanup_close int fd = open_shared(&d, &shared);
	assert_int_equal(shared.regions, 1);
	assert_int_equal(shared.bytes, 6 * page_size());
	expect_pages(fd, "9:I 10:J 11:K 20:c 21:d ");
	assert_int_equal(faccessat(fd, "parent", F_OK, AT_SYMLINK_NOFOLLOW), -1);
	cleanup_close int memory = openat(fd, "memory-10.img", O_RDONLY | O_CLOEXEC);
	static const char first[] = { 'A', 'B', 'C', 0, 'a', 'b', 0, 0 };
	for (size_t i = 0; i < sizeof(first); i++)
		assert_int_equal(page_at(memory, i * page_size()), first[i]);
}

static void test_parent_without_the_page(void **state)
{
	(void)state;
	static const struct entry now[] = { { 0, 4, PARENT } }, then[] = { { 0, 2, PRESENT } };
	cleanup_fixture struct fixture_dir d = make_images();
	struct images_shared shared;
	struct err e = ERR_INIT;

	make_pages(&d, now, 1, 'a');
	assert_int_equal(share(&d, &shared, &e), -EBADMSG); /* no parent at all */
	make_parent(&d, then, 1);
	assert_int_equal(share(&d, &shared, &e), -EBADMSG);
	unlinkat(d.fd, "parent", 0);
	assert_int_equal(symlinkat(".", d.fd, "parent"), 0);
	assert_int_equal(share(&d, &shared, &e), -ELOOP);
}

static void test_not_known(void **state)
{
	(void)state;
	cleanup_fixture struct fixture_dir d = make_images();
	cleanup_buf struct buf entry = BUF_INIT;
	struct images_shared shared;
	struct buf image = BUF_INIT;
	struct err e = ERR_INIT;

	image_begin(&image, IMAGE_PAGEMAP);
	add_number(&image, 1, PAGES_ID);
	wire_put_number(&entry, 1, base);
	wire_put_number(&entry, 2, 1);
	wire_put_number(&entry, 4, PRESENT);
	wire_put_number(&entry, 6, 100);
	image_add(&image, &entry);
	write_image(&d, "pagemap-10.img", &image);
	assert_int_equal(share(&d, &shared, &e), -ENOTSUP);
	make_inventory(&d, 1);
	assert_int_equal(share(&d, &shared, &e), -ENOTSUP);
}

static void test_inherited(void **state)
{
	(void)state;
	cleanup_fixture struct fixture_dir d = make_images();
	struct criu_options o = CRIU_OPTIONS_INIT;
	cleanup_arena struct arena a = ARENA_INIT;
	struct images_shared shared;
	struct images_memory memory;
	cleanup_close int fd = open_shared(&d, &shared);
	struct err e = ERR_INIT;

	assert_int_equal(images_memory_open(d.fd, &a, &o, &memory, &e), 0);
	assert_int_equal(o.n_inherit, 0);
	assert_int_equal(images_memory_open(fd, &a, &o, &memory, &e), 0);
	assert_int_equal(o.n_inherit, 1);
	assert_string_equal(o.inherit[0].key, "ferry-memory-10");
	assert_int_equal(page_at(o.inherit[0].fd, page_size()), 'b');
	assert_int_equal(memory.n, 1);
	images_memory_close(&memory);
	unlinkat(fd, "memory-10.img", 0);
	assert_int_equal(images_memory_open(fd, &a, &o, &memory, &e), -ENOENT);
	assert_int_equal(symlinkat("/etc/passwd", fd, "memory-10.img"), 0);
	assert_int_equal(images_memory_open(fd, &a, &o, &memory, &e), -ELOOP);
	unlinkat(fd, "files.img", 0);
	assert_int_equal(images_memory_open(fd, &a, &o, &memory, &e), 0);
}

static void change(int dir, const char *name, off_t offset)
{
	cleanup_close int fd = openat(dir, name, O_RDWR | O_CLOEXEC);
	char byte;

	assert_int_equal(pread(fd, &byte, 1, offset), 1);
	byte ^= 1;
	assert_int_equal(pwrite(fd, &byte, 1, offset), 1);
}

static void expect_damage(int dir, const char *name)
{
	struct err e = ERR_INIT;

	assert_int_equal(images_digests_check(dir, &e), -EBADMSG);
	assert_non_null(strstr(e.msg, name));
}

static void test_digests(void **state)
{
	(void)state;
	cleanup_fixture struct fixture_dir d = make_images();
	struct images_shared shared;
	cleanup_close int fd = open_shared(&d, &shared);
	struct err e = ERR_INIT;
	struct stat st;

	assert_int_equal(images_digests_check(d.fd, &e), -ENOENT);
	assert_int_equal(images_digests_check(fd, &e), 0);
	fixture_file(&d, "shared/restore.log", "came later");
	assert_int_equal(images_digests_check(fd, &e), 0);

	change(fd, "core-10.img", 3);
	expect_damage(fd, "core-10.img");
	change(fd, "core-10.img", 3);
	assert_int_equal(fstatat(fd, "memory-10.img", &st, 0), 0);
	const off_t offsets[] = { 0, 2 * 4096 + 1, 5 * 4096, st.st_size - 1 };
	for (size_t i = 0; i < sizeof(offsets) / sizeof(offsets[0]); i++) {
		change(fd, "memory-10.img", offsets[i]);
		expect_damage(fd, "memory-10.img");
		change(fd, "memory-10.img", offsets[i]);
		assert_int_equal(images_digests_check(fd, &e), 0); /* what was a hole is now zeros */
	}
	cleanup_close int memory = openat(fd, "memory-10.img", O_RDWR | O_CLOEXEC);
	assert_int_equal(ftruncate(memory, st.st_size + 4096), 0);
	expect_damage(fd, "memory-10.img");
	assert_int_equal(ftruncate(memory, st.st_size), 0);
	assert_int_equal(images_digests_check(fd, &e), 0);
	unlinkat(fd, "files.img", 0);
	expect_damage(fd, "files.img");
}

static void test_digests_damaged(void **state)
{
	(void)state;
	static const char *const texts[] = { "", "\n", "sha256:0", "sha256:0 1 ../files.img\n", "sha256:0 1\n",
					     "a b c\n" };
	cleanup_fixture struct fixture_dir d = make_images();
	struct err e = ERR_INIT;

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		fixture_file(&d, IMAGES_DIGESTS, texts[i]);
		assert_int_equal(images_digests_check(d.fd, &e), -EBADMSG);
	}
	assert_int_equal(images_digests_write(d.fd, &e), 0);
	assert_int_equal(images_digests_check(d.fd, &e), 0);
}

/* Quickly made they have the size alone of what is large. */
static void test_digests_quickly(void **state)
{
	(void)state;
	enum { LARGE = (1 << 20) + 1 };
	cleanup_fixture struct fixture_dir d = make_images();
	cleanup_close int large = openat(d.fd, "pages-9.img", O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	struct err e = ERR_INIT;

	fixture_file(&d, "dump.log", "is still written");
	assert_int_equal(ftruncate(large, LARGE), 0);
	assert_int_equal(images_digests_write_quickly(d.fd, &e), 0);
	unlinkat(d.fd, "dump.log", 0);
	assert_int_equal(images_digests_check(d.fd, &e), 0);
	change(d.fd, "pages-9.img", 5);
	assert_int_equal(images_digests_check(d.fd, &e), 0);
	assert_int_equal(ftruncate(large, LARGE - 1), 0);
	expect_damage(d.fd, "pages-9.img");
	assert_int_equal(ftruncate(large, LARGE), 0);
	change(d.fd, "core-10.img", 3);
	expect_damage(d.fd, "core-10.img");
}

static void make_utsns(struct fixture_dir *d)
{
	cleanup_buf struct buf ids = BUF_INIT, uts = BUF_INIT;
	struct buf pstree = BUF_INIT, image = BUF_INIT;

	image_begin(&pstree, IMAGE_PSTREE);
	add_number(&pstree, 1, PID);
	add_number(&pstree, 1, 11);
	write_image(d, "pstree.img", &pstree);
	image_begin(&image, IMAGE_IDS);
	wire_put_number(&ids, 1, 5);
	wire_put_number(&ids, 8, 12);
	image_add(&image, &ids);
	write_image(d, "ids-10.img", &image);
	image_begin(&image, IMAGE_UTSNS);
	wire_put_string(&uts, 1, "template");
	wire_put_string(&uts, 2, "domain");
	wire_put_string(&uts, 99, "kept");
	image_add(&image, &uts);
	write_image(d, "utsns-12.img", &image);
}

static int clone(const struct fixture_dir *d, const char *name, const char *hostname, struct err *e)
{
	const struct images_clone c = { .hostname = hostname, .dir_was = "/launch/web", .dir_is = "/launch/web-17" };

	return images_clone(d->fd, d->fd, name, &c, e);
}

static void test_clone(void **state)
{
	(void)state;
	static const char *const expected[] = { [1] = "web-17", [2] = "domain", [99] = "kept" };
	cleanup_fixture struct fixture_dir d = make_images();
	cleanup_image struct image i = IMAGE_INIT;
	struct err e = ERR_INIT;
	struct wire entry, text;

	make_utsns(&d);
	assert_int_equal(images_digests_write(d.fd, &e), 0);
	assert_int_equal(clone(&d, "clone", "web-17", &e), 0);
	cleanup_close int fd = openat(d.fd, "clone", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	assert_int_equal(image_read(fd, "utsns-12.img", IMAGE_UTSNS, &i, &e), 0);
	assert_int_equal(image_first(&i, &entry, &e), 0);
	for (uint32_t field = 0; field < sizeof(expected) / sizeof(expected[0]); field++)
		if (expected[field]) {
			assert_int_equal(wire_find_bytes(entry, field, &text), 1);
			assert_int_equal(text.end - text.at, strlen(expected[field]));
			assert_memory_equal(text.at, expected[field], strlen(expected[field]));
		}
	assert_true(is_same_file(d.fd, fd, "pages-7.img"));
	assert_true(is_same_file(d.fd, fd, "mm-10.img"));
	assert_false(is_same_file(d.fd, fd, "utsns-12.img"));
	assert_int_equal(faccessat(fd, IMAGES_DIGESTS, F_OK, 0), -1);
	/* Without a name of its own: links. */
	assert_int_equal(clone(&d, "other", NULL, &e), 0);
	cleanup_close int other = openat(d.fd, "other", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	assert_true(is_same_file(d.fd, other, "utsns-12.img"));
}

static void add_overlay(struct buf *image, const char *place, const char *dir)
{
	cleanup_buf struct buf entry = BUF_INIT, options = BUF_INIT;

	buf_printf(&options, "lowerdir=/launch/web/a:/b\\,c,upperdir=%s/upper-x,workdir=%s/work-x,uuid=on", dir, dir);
	wire_put_string(&entry, MOUNT_POINT, place);
	wire_put_number(&entry, 99, 1);
	wire_put_string(&entry, MOUNT_OPTIONS, buf_text(&options));
	image_add(image, &entry);
}

/* But for the root, which is not CRIU's, and for others'. */
static void test_clone_overlays(void **state)
{
	(void)state;
	cleanup_fixture struct fixture_dir d = make_images();
	cleanup_buf struct buf was = BUF_INIT, expected = BUF_INIT, is = BUF_INIT;
	struct err e = ERR_INIT;

	image_begin(&was, IMAGE_MOUNTS);
	image_begin(&expected, IMAGE_MOUNTS);
	add_overlay(&was, "/", "/launch/web");
	add_overlay(&expected, "/", "/launch/web");
	add_overlay(&was, "/others", "/launch/web2");
	add_overlay(&expected, "/others", "/launch/web2");
	assert_int_equal(image_write(d.fd, "mountpoints-12.img", &was, &e), 0);
	assert_int_equal(clone(&d, "same", NULL, &e), 0);
	cleanup_close int same = openat(d.fd, "same", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	assert_true(is_same_file(d.fd, same, "mountpoints-12.img"));

	add_overlay(&was, "/srv", "/launch/web");
	add_overlay(&expected, "/srv", "/launch/web-17");
	assert_int_equal(unlinkat(d.fd, "mountpoints-12.img", 0), 0);
	assert_int_equal(image_write(d.fd, "mountpoints-12.img", &was, &e), 0);
	assert_int_equal(clone(&d, "moved", NULL, &e), 0);
	assert_int_equal(file_read_at(d.fd, "moved/mountpoints-12.img", 1 << 20, &is, &e), 0);
	assert_int_equal(is.len, expected.len);
	assert_memory_equal(is.data, expected.data, is.len);
}

/* A clone's own checkpoint: the file is beside the images, by the name that CRIU has for it. */
static void test_kept(void **state)
{
	(void)state;
	cleanup_fixture struct fixture_dir d = make_images();
	cleanup_arena struct arena a = ARENA_INIT;
	struct criu_options o = CRIU_OPTIONS_INIT;
	struct images_shared shared;
	struct err e = ERR_INIT;
	struct stat st, again;

	assert_int_equal(share(&d, &shared, &e), 0);
	cleanup_close int from = openat(d.fd, "shared", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	assert_int_equal(mkdirat(d.fd, "dump", 0700), 0);
	cleanup_close int to = openat(d.fd, "dump", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	assert_int_equal(images_memory_keep(from, to, &a, &o, &e), 0);
	assert_int_equal(o.n_external, 1);
	assert_int_equal(fstatat(from, "memory-10.img", &st, 0), 0);
	assert_int_equal(fstatat(to, o.external[0], &again, 0), 0);
	assert_int_equal(st.st_ino, again.st_ino);
	/* Twice, as for a dump after a pre-dump to the same place. */
	assert_int_equal(images_memory_keep(from, to, &a, &o, &e), 0);
}

static void test_clone_refused(void **state)
{
	(void)state;
	cleanup_fixture struct fixture_dir d = make_images();
	struct err e = ERR_INIT;
	char name[66];

	memset(name, 'a', sizeof(name));
	name[65] = '\0';
	make_utsns(&d);
	assert_int_equal(clone(&d, "clone", name, &e), -EINVAL);
	assert_int_equal(clone(&d, "clone", "", &e), -EINVAL);
	unlinkat(d.fd, "utsns-12.img", 0);
	assert_int_equal(clone(&d, "clone", "web-17", &e), -ENOENT);
	fixture_file(&d, "utsns-12.img", "something");
	assert_int_equal(clone(&d, "clone", "web-17", &e), -EBADMSG);
	assert_int_equal(faccessat(d.fd, "clone", F_OK, 0), -1);
	assert_int_equal(faccessat(d.fd, ".clone.part", F_OK, 0), -1);
}

/* Cut off anywhere, or with any bit turned, it is refused, or what is left makes sense; and nothing stays behind. */
static void test_damaged(void **state)
{
	(void)state;
	static const char *const names[] = { "inventory.img", "files.img", "mm-10.img", "pagemap-10.img",
					     "pages-7.img" };
	cleanup_fixture struct fixture_dir d = make_images();

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		cleanup_buf struct buf whole = BUF_INIT;
		struct err e = ERR_INIT;
		assert_int_equal(file_read_at(d.fd, names[i], 1 << 20, &whole, &e), 0);
		size_t step = whole.len > 4096 ? 4096 : 1;
		for (size_t n = 0; n < 2 * whole.len; n += step) {
			struct buf part = BUF_INIT;
			struct images_shared shared;
			buf_add(&part, whole.data, n < whole.len ? n : whole.len);
			if (n >= whole.len)
				part.data[n - whole.len] = (char)(part.data[n - whole.len] ^ 1 << n % 8);
			write_image(&d, names[i], &part);
			int r = share(&d, &shared, &e);
			if (r < 0 && strlen(e.msg) == 0)
				fail_msg("%s of %zu bytes: no message", names[i], n);
			assert_int_equal(faccessat(d.fd, ".shared.part", F_OK, 0), -1);
			assert_int_equal(faccessat(d.fd, "shared", F_OK, 0), r < 0 ? -1 : 0);
			assert_int_equal(remove_tree_at(d.fd, "shared", &e), 0);
		}
		struct buf again = whole;
		whole = BUF_INIT;
		write_image(&d, names[i], &again);
	}
	struct images_shared shared;
	close(open_shared(&d, &shared));
	assert_int_equal(shared.regions, 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_mappings),
		cmocka_unit_test(test_unknown_fields),
		cmocka_unit_test(test_pages),
		cmocka_unit_test(test_files),
		cmocka_unit_test(test_not_again),
		cmocka_unit_test(test_after_a_kill),
		cmocka_unit_test(test_none_is_large),
		cmocka_unit_test(test_unfit),
		cmocka_unit_test(test_guarded),
		cmocka_unit_test(test_jemalloc),
		cmocka_unit_test(test_parent),
		cmocka_unit_test(test_parent_without_the_page),
		cmocka_unit_test(test_not_known),
		cmocka_unit_test(test_inherited),
		cmocka_unit_test(test_digests),
		cmocka_unit_test(test_digests_damaged),
		cmocka_unit_test(test_digests_quickly),
		cmocka_unit_test(test_clone),
		cmocka_unit_test(test_clone_overlays),
		cmocka_unit_test(test_kept), cmocka_unit_test(test_clone_refused),
		cmocka_unit_test(test_damaged),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
