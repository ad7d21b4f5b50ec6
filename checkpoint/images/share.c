#include "checkpoint/images/share.h"

#include "checkpoint/images/clone.h"
#include "checkpoint/images/directory.h"
#include "checkpoint/images/files.h"
#include "checkpoint/images/memory.h"
#include "checkpoint/images/share_plan.h"
#include "checkpoint/images/tmpfs.h"
#include "lib/fd.h"
#include "lib/text.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct share {
	int from, to, memory;
	const struct share_plan *plan;
};

/* ---- one pagemap ---- */

/* What of @run is from @start, which is in it, to @end. */
static struct page_run part_of(const struct page_run *run, uint64_t start, uint64_t end)
{
	uint64_t run_end = run->address + run->size;
	struct page_run part = *run;

	part.address = start;
	part.offset += start - run->address;
	part.size = (run_end < end ? run_end : end) - start;
	return part;
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
				part = part_of(run, at, next->end);
				r = page_run_copy(&part, s->memory, next->offset + (part.address - next->start), e);
				m++;
			} else {
				part = part_of(run, at, next ? next->start : end);
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
	cleanup_arena struct arena a = ARENA_INIT;

	if (pagemap_read(s->from, name, &a, &p, e) < 0 || pagemap_begin(s->to, p.pages_id, &w, e) < 0 ||
	    divide(s, &p, regions, n, &w, e) < 0 || pagemap_end(&w, s->to, name, e) < 0)
		return -e->code;
	return 0;
}

/* ---- one process ---- */

static int write_mm(const struct share *s, const struct share_process *x, struct err *e)
{
	cleanup_arena struct arena a = ARENA_INIT;
	cleanup_mm struct mm m = MM_INIT;

	if (mm_read(s->from, x->pid, &a, &m, e) < 0)
		return -e->code;
	struct vma_file *files = arena_new_array(&a, m.n, struct vma_file);
	for (size_t i = 0; i < x->n; i++)
		files[x->regions[i].vma] = (struct vma_file){ x->file, x->regions[i].offset };
	return mm_write(&m, s->to, x->pid, files, e);
}

/* Its memory is readable for all, since in a user namespace CRIU has no rights over it: the directory is not. */
static int write_process(struct share *s, const struct share_process *x, struct err *e)
{
	char memory[40], name[40];

	snprintf(memory, sizeof(memory), IMAGES_MEMORY_FILE, x->pid);
	cleanup_close int fd = image_create(s->to, memory, e);
	if (fd < 0)
		return fd;
	if (ftruncate(fd, (off_t)x->file_size) < 0)
		return err_set(e, errno, "create '%s'", memory);
	s->memory = fd;
	snprintf(name, sizeof(name), "pagemap-%u.img", x->pid);
	if (write_mm(s, x, e) < 0 || write_pagemap(s, name, x->regions, x->n, e) < 0)
		return -e->code;
	return fchmod(fd, 0444) < 0 ? err_set(e, errno, "set the mode of '%s'", memory) : 0;
}

static int write_processes(struct share *s, struct err *e)
{
	for (size_t i = 0; i < s->plan->n; i++)
		if (write_process(s, &s->plan->processes[i], e) < 0)
			return err_wrap(e, "process %u", s->plan->processes[i].pid);
	return 0;
}

static int write_files(const struct share *s, struct err *e)
{
	cleanup_image_files struct image_files f = IMAGE_FILES_INIT;
	cleanup_arena struct arena a = ARENA_INIT;
	struct image_file *more = arena_new_array(&a, s->plan->n, struct image_file);

	for (size_t i = 0; i < s->plan->n; i++) {
		const struct share_process *x = &s->plan->processes[i];
		more[i] = (struct image_file){ .id = x->file, .name = arena_printf(&a, IMAGES_MEMORY_KEY, x->pid),
					       .external = true, .size = x->file_size };
	}
	return image_files_read(s->from, &a, &f, e) < 0 ? -e->code : image_files_write(&f, s->to, more, s->plan->n, e);
}

/* ---- the others ---- */

static bool is_pagemap(const char *name)
{
	return strncmp(name, "pagemap-", 8) == 0 && text_ends_with(name, ".img");
}

/* With parent images no pagemap stays as it is. */
static int flatten(int from, const char *name, unsigned char type, void *data, struct err *e)
{
	const struct share *s = data;

	(void)from;
	(void)type;
	if (!is_pagemap(name) || faccessat(s->to, name, F_OK, 0) == 0)
		return 0;
	return write_pagemap(s, name, NULL, 0, e);
}

static int fill(int to, void *data, struct err *e)
{
	struct share *s = data;

	s->to = to;
	if (s->plan->n && (write_processes(s, e) < 0 || write_files(s, e) < 0))
		return -e->code;
	if (images_spare_tmpfs(s->from, to, e) < 0 || images_skip_unlock(s->from, to, e) < 0)
		return -e->code;
	if (faccessat(s->from, "parent", F_OK, AT_SYMLINK_NOFOLLOW) < 0)
		return 0;
	return images_directory_each(s->from, flatten, s, e);
}

int images_share(int from, int dirfd, const char *name, uint64_t min_bytes, struct images_shared *ret, struct err *e)
{
	cleanup_arena struct arena a = ARENA_INIT;
	struct share_plan plan;
	struct share s = { .from = from, .to = -1, .memory = -1, .plan = &plan };
	const struct images_directory d = { .from = from, .fill = fill, .data = &s, .keep = true };

	if (share_plan_make(from, min_bytes, &a, &plan, e) < 0 || images_directory_make(&d, dirfd, name, e) < 0)
		return -e->code;
	*ret = plan.shared;
	return 0;
}
