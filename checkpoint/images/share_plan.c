#include "checkpoint/images/share_plan.h"

#include "checkpoint/images/directory.h"
#include "checkpoint/images/files.h"
#include "checkpoint/images/memory.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

/* inventory.proto; magic.h: images with a common magic */
enum { INVENTORY_VERSION = 1, VERSION_1_1 = 2 };

/*
 * A process may make a region grow in place: behind each there is a hole, of which the new pages are, and so zeros.
 * Longer than file_max no file may be on some file systems. What a process has reserved beyond regions_max stays as it
 * is.
 */
static const uint64_t file_max = 4ULL << 40, regions_max = 2ULL << 40;

struct planning {
	int from;
	uint64_t min_bytes;
	struct arena *a;
	struct image_files files;
	struct share_plan *plan;
	uint32_t *pids;
	size_t n_pids;
};

static int check_version(int from, struct err *e)
{
	cleanup_image struct image i = IMAGE_INIT;
	struct wire entry;
	uint64_t version = 0;

	if (image_read(from, "inventory.img", IMAGE_INVENTORY, &i, e) < 0)
		return -e->code;
	if (image_first(&i, &entry, e) < 0)
		return err_wrap(e, "'inventory.img'");
	if (wire_find_number(entry, INVENTORY_VERSION, &version) < 0 || version != VERSION_1_1)
		return err_say(e, ENOTSUP, "images of version %llu; known is %d", (unsigned long long)version,
			       VERSION_1_1);
	return 0;
}

/* ---- one process ---- */

/*
 * Locked memory would be copied at once; a file's mapping cannot be wiped on fork, and the file may lie where nothing
 * may be executed.
 */
static bool is_candidate(const struct vma *v)
{
	const uint64_t status = VMA_AREA_REGULAR | VMA_ANON_PRIVATE, flags = MAP_PRIVATE | MAP_ANONYMOUS;

	return (v->status & ~(uint64_t)VMA_AREA_HEAP) == status && (v->flags & flags) == flags &&
	       !(v->flags & (MAP_SHARED | MAP_GROWSDOWN | MAP_LOCKED | MAP_HUGETLB)) &&
	       !(v->advice & 1ULL << MADV_WIPEONFORK) && !(v->protection & PROT_EXEC);
}

static bool has_guard(const struct mm *m, const struct vma *v)
{
	for (size_t i = 0; i < m->n; i++)
		if (m->vmas[i].status & VMA_AREA_GUARD && m->vmas[i].start < v->end && m->vmas[i].end > v->start)
			return true;
	return false;
}

static bool maps_jemalloc(const struct planning *p, const struct mm *m)
{
	for (size_t i = 0; i < m->n; i++) {
		const struct image_file *f = NULL;
		if (m->vmas[i].status & (VMA_FILE_PRIVATE | VMA_FILE_SHARED))
			f = image_files_find(&p->files, m->vmas[i].file);
		const char *slash = f && f->name ? strrchr(f->name, '/') : NULL;
		if (slash && strncmp(slash, "/libjemalloc", 12) == 0)
			return true;
	}
	return false;
}

/* Of pages that are in the images. @next: where to go on looking; runs and regions both rise. */
static uint64_t bytes_within(const struct pagemap *map, uint64_t start, uint64_t end, size_t *next)
{
	uint64_t sum = 0;

	for (; *next < map->n && map->runs[*next].address < end; (*next)++) {
		const struct page_run *run = &map->runs[*next];
		uint64_t run_end = run->address + run->size;
		uint64_t from = run->address > start ? run->address : start, to = run_end < end ? run_end : end;
		if (from < to)
			sum += to - from;
		if (run_end > end)
			break;
	}
	return sum;
}

static void plan_regions(struct planning *p, const struct mm *m, const struct pagemap *map, struct share_process *ret)
{
	bool unfit = maps_jemalloc(p, m), found = false;
	uint64_t sum = 0;
	size_t next = 0;

	for (size_t i = 0; i < m->n; i++) {
		const struct vma *v = &m->vmas[i];
		if (!is_candidate(v))
			continue;
		uint64_t bytes = bytes_within(map, v->start, v->end, &next);
		if (bytes < p->min_bytes || bytes == 0 || has_guard(m, v) || v->end - v->start > regions_max - sum)
			continue;
		found = true;
		if (unfit)
			continue;
		sum += v->end - v->start;
		*arena_push(p->a, &ret->regions, &ret->n) =
			(struct share_region){ .vma = i, .start = v->start, .end = v->end };
		p->plan->shared.bytes += bytes;
	}
	p->plan->shared.left_out += found && unfit;
}

/* The room behind all regions is shared equally among them. */
static void give_offsets(struct share_process *x)
{
	uint64_t used = 0, room, offset = 0;

	for (size_t i = 0; i < x->n; i++)
		used += x->regions[i].end - x->regions[i].start;
	room = (file_max - used) / x->n / page_size() * page_size();
	for (size_t i = 0; i < x->n; i++) {
		x->regions[i].offset = offset;
		offset += x->regions[i].end - x->regions[i].start + room;
	}
	x->file_size = offset;
}

static int plan_process(struct planning *p, uint32_t pid, struct err *e)
{
	cleanup_arena struct arena a = ARENA_INIT;
	cleanup_pagemap struct pagemap map = PAGEMAP_INIT;
	struct share_process planned = { .pid = pid };
	cleanup_mm struct mm m = MM_INIT;
	char name[40];

	snprintf(name, sizeof(name), "pagemap-%u.img", pid);
	if (mm_read(p->from, pid, &a, &m, e) < 0 || pagemap_read(p->from, name, &a, &map, e) < 0)
		return -e->code;
	plan_regions(p, &m, &map, &planned);
	if (planned.n == 0)
		return 0;
	give_offsets(&planned);
	p->plan->shared.regions += planned.n;
	*arena_push(p->a, &p->plan->processes, &p->plan->n) = planned;
	return 0;
}

/* ---- all ---- */

static int find_pid(int dir, const char *name, unsigned char type, void *data, struct err *e)
{
	struct planning *p = data;
	char again[40];
	unsigned pid;

	(void)dir;
	(void)type;
	(void)e;
	if (sscanf(name, "mm-%u.img", &pid) != 1)
		return 0;
	snprintf(again, sizeof(again), "mm-%u.img", pid);
	if (strcmp(again, name) == 0)
		*arena_push(p->a, &p->pids, &p->n_pids) = pid;
	return 0;
}

static int compare_pids(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return x < y ? -1 : x > y;
}

static int plan_processes(struct planning *p, struct err *e)
{
	if (images_directory_each(p->from, find_pid, p, e) < 0)
		return -e->code;
	if (p->n_pids)
		qsort(p->pids, p->n_pids, sizeof(*p->pids), compare_pids);
	for (size_t i = 0; i < p->n_pids; i++)
		if (plan_process(p, p->pids[i], e) < 0)
			return -e->code;
	return 0;
}

/* Ids that no other file has. Of what has been made so already nothing is to be shared. */
static int give_ids(struct planning *p, struct err *e)
{
	uint32_t last = 0, pid;

	for (size_t i = 0; i < p->files.n; i++) {
		const struct image_file *f = &p->files.files[i];
		if (f->id > last)
			last = f->id;
		if (f->external && images_memory_key(f->name, &pid)) {
			*p->plan = (struct share_plan){ 0 };
			return 0;
		}
	}
	if (p->plan->n > UINT32_MAX - last)
		return err_say(e, EBADMSG, "'files.img': no id is left");
	for (size_t i = 0; i < p->plan->n; i++)
		p->plan->processes[i].file = last + 1 + (uint32_t)i;
	return 0;
}

int share_plan_make(int from, uint64_t min_bytes, struct arena *a, struct share_plan *ret, struct err *e)
{
	struct planning p = { .from = from, .min_bytes = min_bytes, .a = a, .plan = ret };
	int r;

	*ret = (struct share_plan){ 0 };
	if (check_version(from, e) < 0 || image_files_read(from, a, &p.files, e) < 0)
		return -e->code;
	if ((r = plan_processes(&p, e)) == 0)
		r = give_ids(&p, e);
	image_files_finish(&p.files);
	return r;
}
