/*
 * The document that runc's `events` has always printed. It was made for cgroup version 1, and engines read it by those
 * names, so that version 2's numbers are put where version 1 had the same: nanoseconds, swap that counts memory too,
 * the largest number for no limit.
 */
#include "runtime/cli/event_stats.h"

#include "lib/json.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void write_pressure_line(struct json_writer *w, const char *key, double avg10, double avg60, double avg300,
				uint64_t total_us)
{
	json_begin_object(w, key);
	json_double(w, "avg10", avg10);
	json_double(w, "avg60", avg60);
	json_double(w, "avg300", avg300);
	json_uint(w, "total", total_us);
	json_end_object(w);
}

static void write_pressure(struct json_writer *w, const struct cgroup_pressure *p)
{
	if (!p->set)
		return;
	json_begin_object(w, "psi");
	write_pressure_line(w, "some", p->some_avg10, p->some_avg60, p->some_avg300, p->some_total_us);
	write_pressure_line(w, "full", p->full_avg10, p->full_avg60, p->full_avg300, p->full_total_us);
	json_end_object(w);
}

static void write_cpu(struct json_writer *w, const struct cgroup_stats *s)
{
	json_begin_object(w, "cpu");
	json_begin_object(w, "usage");
	if (s->cpu.set)
		json_uint(w, "total", s->cpu.usage_us * 1000);
	json_uint(w, "kernel", s->cpu.system_us * 1000);
	json_uint(w, "user", s->cpu.user_us * 1000);
	json_end_object(w);
	json_begin_object(w, "throttling");
	if (s->cpu.set) {
		json_uint(w, "periods", s->cpu.nr_periods);
		json_uint(w, "throttledPeriods", s->cpu.nr_throttled);
		json_uint(w, "throttledTime", s->cpu.throttled_us * 1000);
	}
	json_end_object(w);
	write_pressure(w, &s->cpu.pressure);
	json_end_object(w);
}

/* All members of it are of version 1's files. They are there because readers may count on them. */
static void write_cpuset(struct json_writer *w)
{
	static const char *const names[] = { "cpu_exclusive",  "mem_hardwall",	     "mem_exclusive",
					     "memory_migrate", "memory_spread_page", "memory_spread_slab",
					     "memory_pressure", "sched_load_balance", "sched_relax_domain_level" };

	json_begin_object(w, "cpuset");
	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
		json_uint(w, names[i], 0);
	json_end_object(w);
}

struct memory_entry {
	uint64_t limit, usage, max, failcnt;
};

static void write_memory_entry(struct json_writer *w, const char *key, struct memory_entry m)
{
	json_begin_object(w, key);
	json_uint(w, "limit", m.limit);
	if (m.usage)
		json_uint(w, "usage", m.usage);
	if (m.max)
		json_uint(w, "max", m.max);
	json_uint(w, "failcnt", m.failcnt);
	json_end_object(w);
}

static uint64_t sum_of_limits(uint64_t a, uint64_t b)
{
	return a > UINT64_MAX - b ? UINT64_MAX : a + b;
}

static void write_memory(struct json_writer *w, const struct cgroup_stats *s)
{
	json_begin_object(w, "memory");
	for (size_t i = 0; i < s->memory.n_stat; i++)
		if (strcmp(s->memory.stat[i].key, "file") == 0)
			json_uint(w, "cache", strtoull(s->memory.stat[i].value, NULL, 10));
	write_memory_entry(w, "usage", (struct memory_entry){ .limit = s->memory.max_bytes,
							      .usage = s->memory.current_bytes,
							      .max = s->memory.peak_bytes,
							      .failcnt = s->memory.events_max });
	write_memory_entry(w, "swap", (struct memory_entry){
		.limit = sum_of_limits(s->memory.max_bytes, s->memory.swap_max_bytes),
		.usage = s->memory.current_bytes + s->memory.swap_current_bytes });
	write_memory_entry(w, "kernel", (struct memory_entry){ 0 });
	write_memory_entry(w, "kernelTCP", (struct memory_entry){ 0 });
	if (s->memory.n_stat) {
		json_begin_object(w, "raw");
		for (size_t i = 0; i < s->memory.n_stat; i++)
			json_uint(w, s->memory.stat[i].key, strtoull(s->memory.stat[i].value, NULL, 10));
		json_end_object(w);
	}
	write_pressure(w, &s->memory.pressure);
	json_end_object(w);
}

static void write_pids(struct json_writer *w, const struct cgroup_stats *s)
{
	json_begin_object(w, "pids");
	if (s->pids.set) {
		json_uint(w, "current", s->pids.current);
		/* 0 is how version 1's readers know that there is none. */
		json_uint(w, "limit", s->pids.max == UINT64_MAX ? 0 : s->pids.max);
	}
	json_end_object(w);
}

static void write_io_entry(struct json_writer *w, const struct cgroup_io_device *d, const char *op, uint64_t value)
{
	json_begin_object(w, NULL);
	json_uint(w, "major", d->major);
	json_uint(w, "minor", d->minor);
	json_string(w, "op", op);
	json_uint(w, "value", value);
	json_end_object(w);
}

static void write_io(struct json_writer *w, const struct cgroup_stats *s)
{
	json_begin_object(w, "blkio");
	if (s->io.n_devices) {
		json_begin_array(w, "ioServiceBytesRecursive");
		for (size_t i = 0; i < s->io.n_devices; i++) {
			write_io_entry(w, &s->io.devices[i], "Read", s->io.devices[i].rbytes);
			write_io_entry(w, &s->io.devices[i], "Write", s->io.devices[i].wbytes);
		}
		json_end_array(w);
		json_begin_array(w, "ioServicedRecursive");
		for (size_t i = 0; i < s->io.n_devices; i++) {
			write_io_entry(w, &s->io.devices[i], "Read", s->io.devices[i].rios);
			write_io_entry(w, &s->io.devices[i], "Write", s->io.devices[i].wios);
		}
		json_end_array(w);
	}
	write_pressure(w, &s->io.pressure);
	json_end_object(w);
}

static void write_hugetlb(struct json_writer *w, const struct cgroup_stats *s)
{
	json_begin_object(w, "hugetlb");
	for (size_t i = 0; i < s->n_hugetlb; i++) {
		json_begin_object(w, s->hugetlb[i].page_size);
		json_uint(w, "usage", s->hugetlb[i].current_bytes);
		json_uint(w, "failcnt", s->hugetlb[i].max_events);
		json_end_object(w);
	}
	json_end_object(w);
}

void stats_write(struct buf *out, const char *id, const struct cgroup_stats *s)
{
	struct json_writer w = { .out = out };

	json_begin_object(&w, NULL);
	json_string(&w, "type", "stats");
	json_string(&w, "id", id);
	json_begin_object(&w, "data");
	write_cpu(&w, s);
	write_cpuset(&w);
	write_memory(&w, s);
	write_pids(&w, s);
	write_io(&w, s);
	write_hugetlb(&w, s);
	json_begin_object(&w, "intel_rdt");
	json_end_object(&w);
	json_string(&w, "network_interfaces", NULL);
	json_end_object(&w);
	json_end_object(&w);
}
