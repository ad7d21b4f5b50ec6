#include "cgroups/update.h"

#include "cgroups/devices.h"
#include "cgroups/files.h"
#include "cgroups/systemd/systemd.h"
#include "lib/fd.h"
#include "lib/file.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <unistd.h>

static bool is_number(int64_t v)
{
	return v > 0;
}

/* ---- what is left out ---- */

static int complete_cpu(int dir, struct spec_cpu *c, struct err *e)
{
	cleanup_buf struct buf b = BUF_INIT;
	uint64_t v;

	bool quota = c->quota.set && c->quota.v != 0, period = c->period.set && c->period.v != 0;
	if (period && !quota) {
		int r = cgroup_read_text(dir, "cpu.max", &b, e);
		if (r < 0)
			return r;
		if (r > 0 && cgroup_number(buf_text(&b), &v))
			c->quota = (struct spec_i64){ true, v > INT64_MAX ? -1 : (int64_t)v };
	}
	if ((period || quota) && !c->burst.set) {
		int r = cgroup_read_number(dir, "cpu.max.burst", &v, e);
		if (r < 0)
			return r;
		if (r > 0 && v > 0)
			c->burst = (struct spec_u64){ true, v };
	}
	return 0;
}

static int complete_memory(int dir, struct spec_memory *m, struct err *e)
{
	uint64_t v;

	if (!m->swap.set || !is_number(m->swap.v) || (m->limit.set && m->limit.v != 0))
		return 0;
	int r = cgroup_read_number(dir, "memory.max", &v, e);
	if (r > 0)
		m->limit = (struct spec_i64){ true, v > INT64_MAX ? -1 : (int64_t)v };
	return r;
}

int update_complete(int dir, const struct spec_resources *r, struct arena *a, struct spec_resources *ret, struct err *e)
{
	*ret = *r;
	if (r->cpu) {
		ret->cpu = arena_dup(a, r->cpu, sizeof(*r->cpu));
		if (complete_cpu(dir, ret->cpu, e) < 0)
			return -e->code;
	}
	if (r->memory) {
		ret->memory = arena_dup(a, r->memory, sizeof(*r->memory));
		if (complete_memory(dir, ret->memory, e) < 0)
			return -e->code;
	}
	return 0;
}

/* ---- order ---- */

static uint64_t value_of(const struct cgroup_write *w)
{
	uint64_t v;

	return cgroup_number(w->value, &v) ? v : UINT64_MAX;
}

static void add_step(struct arena *a, struct update_step **steps, size_t *n, enum update_action action,
		     const struct cgroup_write *w)
{
	struct update_step *s = arena_push(a, steps, n);

	s->action = action;
	s->write = *w;
}

static void add_memory_steps(const struct cgroup_write *max, const struct cgroup_write *swap,
			     const struct update_now *now, struct arena *a, struct update_step **steps, size_t *n)
{
	bool swap_first = swap && value_of(swap) >= now->swap_max;

	if (swap_first)
		add_step(a, steps, n, UPDATE_WRITE, swap);
	if (max)
		add_step(a, steps, n, value_of(max) < now->memory_max ? UPDATE_SHRINK_MEMORY : UPDATE_WRITE, max);
	if (swap && !swap_first)
		add_step(a, steps, n, UPDATE_WRITE, swap);
}

void update_order(const struct cgroup_writes *w, const struct update_now *now, struct arena *a,
		  struct update_step **ret, size_t *ret_n)
{
	const struct cgroup_write *max = NULL, *swap = NULL;
	struct update_step *steps = NULL;
	bool burst_again = false;
	size_t n = 0;

	/* linux.resources.unified comes last and may name these files again: the last one counts. */
	for (size_t i = 0; i < w->n; i++) {
		if (strcmp(w->item[i].file, "memory.max") == 0)
			max = &w->item[i];
		else if (strcmp(w->item[i].file, "memory.swap.max") == 0)
			swap = &w->item[i];
		else if (strcmp(w->item[i].file, "cpu.max.burst") == 0)
			burst_again = true;
	}
	/* First of all: it alone can fail because of what the container does, and then nothing else has changed. */
	add_memory_steps(max, swap, now, a, &steps, &n);

	for (size_t i = 0; i < w->n; i++) {
		const struct cgroup_write *item = &w->item[i];
		if (strcmp(item->file, "memory.max") == 0 || strcmp(item->file, "memory.swap.max") == 0)
			continue;
		if (strcmp(item->file, "cpu.max") == 0 && now->has_burst && burst_again) {
			struct cgroup_write none = { .what = item->what, .file = "cpu.max.burst", .value = "0" };
			add_step(a, &steps, &n, UPDATE_WRITE, &none);
		}
		add_step(a, &steps, &n, UPDATE_WRITE, item);
	}
	*ret = steps;
	*ret_n = n;
}

/* ---- memory that shrinks ---- */

static int refuse_memory(const struct cgroup_write *w, uint64_t used, struct err *e)
{
	return err_say(e, EBUSY, "%s: unable to set memory limit to %s (current usage: %" PRIu64 ")", w->what, w->value,
		       used);
}

/* Asks for so much back. How little comes shows in memory.current; EAGAIN only says that it was less than asked. */
static void reclaim(int dir, uint64_t bytes, struct arena *a)
{
	struct err ignored = ERR_INIT;

	file_write_at(dir, "memory.reclaim", arena_printf(a, "%" PRIu64, bytes), &ignored);
}

/*
 * memory.high makes the kernel reclaim and slow down, never kill. Only when that was enough does the limit come; else
 * all is as before.
 */
static int shrink_memory(int dir, const struct cgroup_write *w, bool check_first, struct arena *a, struct err *e)
{
	cleanup_buf struct buf high = BUF_INIT;
	struct err ignored = ERR_INIT;
	uint64_t want = value_of(w), used;

	int r = cgroup_read_number(dir, "memory.current", &used, e);
	if (r < 0)
		return r;
	if (r == 0 || used <= want)
		return write_apply(dir, w, e);
	if (check_first)
		return refuse_memory(w, used, e);

	r = cgroup_read_text(dir, "memory.high", &high, e);
	if (r < 0)
		return r;
	if (file_write_at(dir, "memory.high", w->value, e) < 0)
		return err_wrap(e, "%s", w->what);
	r = cgroup_read_number(dir, "memory.current", &used, e);
	if (r > 0 && used > want) {
		reclaim(dir, used - want, a);
		r = cgroup_read_number(dir, "memory.current", &used, e);
	}
	if (r > 0)
		r = used > want ? refuse_memory(w, used, e) : write_apply(dir, w, e);
	if (*buf_text(&high))
		file_write_at(dir, "memory.high", buf_text(&high), r < 0 ? &ignored : e);
	return r;
}

/* ---- the whole ---- */

static int look_now(int dir, struct update_now *ret, struct err *e)
{
	struct update_now now = { .memory_max = UINT64_MAX, .swap_max = UINT64_MAX };
	uint64_t burst = 0;

	if (cgroup_read_number(dir, "memory.max", &now.memory_max, e) < 0 ||
	    cgroup_read_number(dir, "memory.swap.max", &now.swap_max, e) < 0 ||
	    cgroup_read_number(dir, "cpu.max.burst", &burst, e) < 0)
		return -e->code;
	now.has_burst = burst > 0;
	*ret = now;
	return 0;
}

static int apply(int dir, const struct spec_resources *r, const struct cgroup_writes *w, struct arena *a, struct err *e)
{
	bool check_first = r->memory && r->memory->check_before_update;
	struct update_now now;
	struct update_step *steps;
	size_t n;

	if (look_now(dir, &now, e) < 0)
		return -e->code;
	update_order(w, &now, a, &steps, &n);
	for (size_t i = 0; i < n; i++) {
		const struct cgroup_write *item = &steps[i].write;
		bool shrink = steps[i].action == UPDATE_SHRINK_MEMORY;
		int done = shrink ? shrink_memory(dir, item, check_first, a, e) : write_apply(dir, item, e);
		if (done < 0)
			return done;
	}
	return 0;
}

int cgroup_update(const struct cgroup_ref *ref, const struct cgroup_host *h, const struct spec_resources *r,
		  struct err *e)
{
	cleanup_arena struct arena a = ARENA_INIT;
	cleanup_close int dir = -1;
	struct spec_resources whole;
	struct cgroup_writes writes;
	struct device_program devices;

	if (cgroup_open(ref, h, &dir, e) < 0)
		return -e->code;
	if (dir < 0) {
		if (resources_writes(r, &a, &writes, e) < 0)
			return -e->code;
		return writes.n ? err_say(e, ENOTSUP, "%s: the container has no cgroup", writes.item[0].what) : 0;
	}
	if (update_complete(dir, r, &a, &whole, e) < 0)
		return -e->code;
	if (resources_writes(&whole, &a, &writes, e) < 0)
		return -e->code;
	if (writes_check(&writes, h, e) < 0)
		return -e->code;
	if (device_program_make(r->devices, r->n_devices, &a, &devices, e) < 0)
		return -e->code;

	/* Created without limits, the container may lack a controller that only a limit asks for. */
	uint32_t needed = writes_controllers(&writes);
	if (needed && controllers_enable(h, ref->path, needed, 0, e) < 0)
		return -e->code;
	if (apply(dir, r, &writes, &a, e) < 0)
		return -e->code;
	if (device_program_attach(dir, &devices, true, geteuid() != 0, e) < 0)
		return -e->code;
	/* Last, with the memory already down: systemd writes memory.max without asking. */
	return ref->driver == CGROUP_SYSTEMD ? systemd_update(ref, &whole, e) : 0;
}
