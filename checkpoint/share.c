#include "checkpoint/share.h"

#include "checkpoint/files.h"
#include "checkpoint/share_plan.h"
#include "lib/fd.h"
#include "lib/file.h"
#include "lib/tree_copy.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct share {
	int from, to, memory;
	const struct share_plan *plan;
	struct arena *a; /* of one process */
};

/* ---- one pagemap ---- */

/* The part of @run within @start and @end; false when there is none. */
static bool within(const struct page_run *run, uint64_t start, uint64_t end, struct page_run *ret)
{
	uint64_t run_end = run->address + run->size;

	*ret = *run;
	if (start > run->address) {
		ret->address = start;
		ret->offset += start - run->address;
	}
	ret->size = (run_end < end ? run_end : end) - ret->address;
	return ret->address < run_end && ret->address < end;
}

/* Pages of regions to the file, the others to the images. @n regions of one process, rising. */
static int divide(const struct share *s, const struct pagemap *p, const struct share_region *regions, size_t n,
		  struct pagemap_writer *w, struct err *e)
{
	for (size_t i = 0, k = 0; i < p->n; i++) {
		const struct page_run *run = &p->runs[i];
		uint64_t at = run->address, end = at + run->size;
		struct page_run part;
		for (; k < n && regions[k].end <= at; k++)
			;
		for (size_t m = k; at < end; at = part.address + part.size) {
			const struct share_region *next = m < n ? &regions[m] : NULL;
			int r;
			if (next && next->start <= at) {
				within(run, at, next->end, &part);
				r = page_run_copy(&part, s->memory, next->offset + (part.address - next->start), e);
				m++;
			} else {
				within(run, at, next ? next->start : UINT64_MAX, &part);
				r = pagemap_add(w, &part, e);
			}
			if (r < 0)
				return r;
		}
	}
	return 0;
}

static int write_pagemap(const struct share *s, const char *name, const struct share_region *regions, size_t n,
			 struct err *e)
{
	cleanup_pagemap_writer struct pagemap_writer w = PAGEMAP_WRITER_INIT;
	cleanup_pagemap struct pagemap p = PAGEMAP_INIT;

	if (pagemap_read(s->from, name, s->a, &p, e) < 0 || pagemap_begin(s->to, p.pages_id, &w, e) < 0 ||
	    divide(s, &p, regions, n, &w, e) < 0 || pagemap_end(&w, s->to, name, e) < 0)
		return -e->code;
	return 0;
}

/* ---- one process ---- */

static int write_mm(const struct share *s, uint32_t pid, const struct share_region *regions, size_t n, struct err *e)
{
	cleanup_mm struct mm m = MM_INIT;

	if (mm_read(s->from, pid, s->a, &m, e) < 0)
		return -e->code;
	struct vma_file *files = arena_new_array(s->a, m.n, struct vma_file);
	for (size_t i = 0; i < n; i++)
		files[regions[i].vma] = (struct vma_file){ regions[i].file, regions[i].offset };
	return mm_write(&m, s->to, pid, files, e);
}

static int write_processes(struct share *s, struct err *e)
{
	const struct share_plan *plan = s->plan;
	char name[40];

	for (size_t i = 0, n; i < plan->n; i += n) {
		cleanup_arena struct arena a = ARENA_INIT;
		const struct share_region *first = &plan->regions[i];
		s->a = &a;
		for (n = 1; i + n < plan->n && first[n].pid == first->pid; n++)
			;
		snprintf(name, sizeof(name), "pagemap-%u.img", first->pid);
		if (write_mm(s, first->pid, first, n, e) < 0 || write_pagemap(s, name, first, n, e) < 0)
			return err_wrap(e, "process %u", first->pid);
	}
	return 0;
}

static int write_files(const struct share *s, struct err *e)
{
	cleanup_image_files struct image_files f = IMAGE_FILES_INIT;
	cleanup_arena struct arena a = ARENA_INIT;
	struct image_file *more = arena_new_array(&a, s->plan->n, struct image_file);

	for (size_t i = 0; i < s->plan->n; i++)
		more[i] = (struct image_file){ .id = s->plan->regions[i].file, .name = IMAGES_MEMORY_KEY,
					       .external = true, .size = s->plan->memory_size };
	return image_files_read(s->from, &a, &f, e) < 0 ? -e->code : image_files_write(&f, s->to, more, s->plan->n, e);
}

/* Readable for all: in a user namespace CRIU has no rights over it. Who may come near says the directory. */
static int write_memory(struct share *s, struct err *e)
{
	cleanup_close int fd = openat(s->to, IMAGES_MEMORY, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);

	if (fd < 0 || ftruncate(fd, (off_t)s->plan->memory_size) < 0)
		return err_set(e, errno, "create '%s'", IMAGES_MEMORY);
	s->memory = fd;
	if (write_processes(s, e) < 0 || write_files(s, e) < 0)
		return -e->code;
	return fchmod(fd, 0444) < 0 ? err_set(e, errno, "set the mode of '%s'", IMAGES_MEMORY) : 0;
}

/* ---- the others ---- */

static bool is_pagemap(const char *name)
{
	size_t n = strlen(name);

	return strncmp(name, "pagemap-", 8) == 0 && n > 4 && strcmp(name + n - 4, ".img") == 0;
}

/* With parent images no pagemap stays as it is. */
static int flatten(int from, const char *name, unsigned char type, void *data, struct err *e)
{
	cleanup_arena struct arena a = ARENA_INIT;
	struct share *s = data;

	(void)from;
	(void)type;
	if (!is_pagemap(name) || faccessat(s->to, name, F_OK, 0) == 0)
		return 0;
	s->a = &a;
	return write_pagemap(s, name, NULL, 0, e);
}

static int copy(int from, const char *name, int to, struct err *e)
{
	static const struct tree_copy o = { .owner = OWNER_MAKER };
	cleanup_close int fd = openat(from, name, O_PATH | O_NOFOLLOW | O_CLOEXEC);

	if (fd < 0)
		return err_set(e, errno, "open '%s'", name);
	return tree_copy(&o, fd, to, name, e) < 0 ? err_wrap(e, "copy '%s'", name) : 0;
}

/* What was not written anew. */
static int take_over(int from, const char *name, unsigned char type, void *data, struct err *e)
{
	const struct share *s = data;
	struct stat st;

	(void)type;
	if (fstatat(from, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return err_set(e, errno, "stat '%s'", name);
	if (!S_ISREG(st.st_mode) || linkat(from, name, s->to, name, 0) == 0 || errno == EEXIST)
		return 0;
	if (errno != EXDEV && errno != EMLINK && errno != EPERM)
		return err_set(e, errno, "link '%s'", name);
	return copy(from, name, s->to, e);
}

static int each_file(struct share *s, int (*each)(int, const char *, unsigned char, void *, struct err *),
		     struct err *e)
{
	cleanup_close int dir = openat(s->from, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	return dir < 0 ? err_set(e, errno, "read the images") : dir_each(dir, each, s, e);
}

static int fill(struct share *s, struct err *e)
{
	if (s->plan->n && write_memory(s, e) < 0)
		return -e->code;
	if (faccessat(s->from, "parent", F_OK, AT_SYMLINK_NOFOLLOW) == 0 && each_file(s, flatten, e) < 0)
		return -e->code;
	if (each_file(s, take_over, e) < 0)
		return -e->code;
	return syncfs(s->to) < 0 ? err_set(e, errno, "sync") : 0;
}

/* ---- the directory ---- */

static int make(int from, int dirfd, const char *part, const char *name, const struct share_plan *plan, struct err *e)
{
	struct share s = { .from = from, .memory = -1, .plan = plan };

	if (mkdirat(dirfd, part, 0700) < 0)
		return err_set(e, errno, "create directory '%s'", part);
	cleanup_close int to = openat(dirfd, part, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (to < 0)
		return err_set(e, errno, "open '%s'", part);
	s.to = to;
	if (fill(&s, e) < 0)
		return -e->code;
	if (renameat2(dirfd, part, dirfd, name, RENAME_NOREPLACE) < 0)
		return err_set(e, errno, "create '%s'", name);
	return fsync(dirfd) < 0 ? err_set(e, errno, "sync") : 0;
}

int images_share(int from, int dirfd, const char *name, uint64_t min_bytes, struct images_shared *ret, struct err *e)
{
	cleanup_arena struct arena a = ARENA_INIT;
	struct share_plan plan;
	struct err ignored;
	char part[NAME_MAX + 1];

	if ((size_t)snprintf(part, sizeof(part), ".%s.part", name) >= sizeof(part))
		return err_set(e, ENAMETOOLONG, "'%s'", name);
	if (share_plan_make(from, min_bytes, &a, &plan, e) < 0 || remove_tree_at(dirfd, part, e) < 0)
		return -e->code;
	if (make(from, dirfd, part, name, &plan, e) < 0) {
		remove_tree_at(dirfd, part, &ignored);
		return -e->code;
	}
	*ret = plan.shared;
	return 0;
}
