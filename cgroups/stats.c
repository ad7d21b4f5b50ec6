#include "cgroups/cgroups.h"

#include "cgroups/files.h"
#include "lib/fd.h"
#include "lib/file.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct keyed_number {
	const char *key;
	size_t offset; /* of a uint64_t in struct cgroup_stats */
};

#define STAT(key, member) { key, offsetof(struct cgroup_stats, member) }

static const struct keyed_number cpu_stat[] = {
	STAT("usage_usec", cpu.usage_us),	 STAT("user_usec", cpu.user_us),
	STAT("system_usec", cpu.system_us),	 STAT("nr_periods", cpu.nr_periods),
	STAT("nr_throttled", cpu.nr_throttled), STAT("throttled_usec", cpu.throttled_us),
	{ NULL },
};

static const struct keyed_number memory_events[] = {
	STAT("max", memory.events_max),
	STAT("oom", memory.events_oom),
	STAT("oom_kill", memory.events_oom_kill),
	{ NULL },
};

/* Files of one number, each of which may be missing. */
static const struct keyed_number number_files[] = {
	STAT("memory.peak", memory.peak_bytes),
	STAT("memory.max", memory.max_bytes),
	STAT("memory.swap.current", memory.swap_current_bytes),
	STAT("memory.swap.max", memory.swap_max_bytes),
	STAT("pids.max", pids.max),
	{ NULL },
};

static uint64_t *number_at(struct cgroup_stats *s, size_t offset)
{
	return (uint64_t *)(void *)((char *)s + offset);
}

static int read_keyed(int dir, const char *file, const struct keyed_number *keys, struct cgroup_stats *s, struct err *e)
{
	cleanup_buf struct buf b = BUF_INIT;

	int r = cgroup_read_text(dir, file, &b, e);
	for (; r > 0 && keys->key; keys++)
		cgroup_keyed(buf_text(&b), keys->key, number_at(s, keys->offset));
	return r;
}

/* ---- pressure: "some avg10=0.00 avg60=0.00 avg300=0.00 total=0" ---- */

static bool pressure_line(const char *line, double *avg10, double *avg60, double *avg300, uint64_t *total)
{
	return sscanf(line, "%*s avg10=%lf avg60=%lf avg300=%lf total=%" SCNu64, avg10, avg60, avg300, total) == 4;
}

static int read_pressure(int dir, const char *file, struct cgroup_pressure *p, struct err *e)
{
	cleanup_buf struct buf b = BUF_INIT;

	int r = cgroup_read_text(dir, file, &b, e);
	if (r <= 0)
		return r;
	const char *some = strstr(buf_text(&b), "some "), *full = strstr(buf_text(&b), "full ");
	if (some)
		p->set = pressure_line(some, &p->some_avg10, &p->some_avg60, &p->some_avg300, &p->some_total_us);
	if (full)
		pressure_line(full, &p->full_avg10, &p->full_avg60, &p->full_avg300, &p->full_total_us);
	return 1;
}

/* ---- memory.stat: every line ---- */

static int read_memory_stat(int dir, struct arena *a, struct cgroup_stats *s, struct err *e)
{
	cleanup_buf struct buf b = BUF_INIT;

	int r = cgroup_read_text(dir, "memory.stat", &b, e);
	if (r <= 0)
		return r;
	for (const char *line = buf_text(&b); *line;) {
		size_t len = strcspn(line, "\n"), key = strcspn(line, " \n");
		if (key < len) {
			struct spec_pair *p = arena_push(a, &s->memory.stat, &s->memory.n_stat);
			p->key = arena_strndup(a, line, key);
			p->value = arena_strndup(a, line + key + 1, len - key - 1);
		}
		line += len + (line[len] == '\n');
	}
	return 1;
}

/* ---- io.stat: "8:0 rbytes=1 wbytes=2 rios=3 wios=4 dbytes=5 dios=6" ---- */

static const struct {
	const char *key;
	size_t offset;
} io_keys[] = {
	{ "rbytes=", offsetof(struct cgroup_io_device, rbytes) },
	{ "wbytes=", offsetof(struct cgroup_io_device, wbytes) },
	{ "rios=", offsetof(struct cgroup_io_device, rios) },
	{ "wios=", offsetof(struct cgroup_io_device, wios) },
	{ "dbytes=", offsetof(struct cgroup_io_device, dbytes) },
	{ "dios=", offsetof(struct cgroup_io_device, dios) },
};

static void parse_io_line(char *line, struct arena *a, struct cgroup_stats *s)
{
	struct cgroup_io_device d = { 0 };
	char *save;

	char *word = strtok_r(line, " ", &save);
	if (!word || sscanf(word, "%" SCNu32 ":%" SCNu32, &d.major, &d.minor) != 2)
		return;
	bool any = false;
	while ((word = strtok_r(NULL, " ", &save))) {
		for (size_t i = 0; i < sizeof(io_keys) / sizeof(io_keys[0]); i++) {
			size_t len = strlen(io_keys[i].key);
			if (strncmp(word, io_keys[i].key, len) != 0)
				continue;
			*(uint64_t *)(void *)((char *)&d + io_keys[i].offset) = strtoull(word + len, NULL, 10);
			any = true;
		}
	}
	/* A device that the cgroup has not used stands there with its number alone. */
	if (any)
		*arena_push(a, &s->io.devices, &s->io.n_devices) = d;
}

static int read_io(int dir, struct arena *a, struct cgroup_stats *s, struct err *e)
{
	cleanup_buf struct buf b = BUF_INIT;
	char *save;

	int r = cgroup_read_text(dir, "io.stat", &b, e);
	if (r <= 0)
		return r;
	s->io.set = true;
	for (char *line = b.data ? strtok_r(b.data, "\n", &save) : NULL; line; line = strtok_r(NULL, "\n", &save))
		parse_io_line(line, a, s);
	return 1;
}

/* ---- hugetlb.SIZE.*: the sizes are found by their files ---- */

static int read_hugetlb_size(int dir, const char *size, struct arena *a, struct cgroup_stats *s, struct err *e)
{
	struct cgroup_hugetlb_stat h = { .page_size = size };
	cleanup_buf struct buf b = BUF_INIT;

	int r = cgroup_read_number(dir, arena_printf(a, "hugetlb.%s.current", size), &h.current_bytes, e);
	if (r >= 0)
		r = cgroup_read_text(dir, arena_printf(a, "hugetlb.%s.events", size), &b, e);
	if (r < 0)
		return r;
	cgroup_keyed(buf_text(&b), "max", &h.max_events);
	*arena_push(a, &s->hugetlb, &s->n_hugetlb) = h;
	return 0;
}

static int read_hugetlb(int dir, struct arena *a, struct cgroup_stats *s, struct err *e)
{
	static const char prefix[] = "hugetlb.", suffix[] = ".current";
	cleanup_close int copy = openat(dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *d = copy < 0 ? NULL : fdopendir(copy);
	int r = 0;

	if (!d)
		return err_set(e, errno, "read the cgroup's directory");
	copy = -1; /* the stream's now */
	for (struct dirent *ent; r >= 0 && (ent = readdir(d));) {
		const char *name = ent->d_name, *size = name + strlen(prefix);
		if (strncmp(name, prefix, strlen(prefix)) != 0)
			continue;
		/* Not "hugetlb.2MB.rsvd.current": that is what was reserved. */
		size_t len = strcspn(size, ".");
		if (strcmp(size + len, suffix) == 0)
			r = read_hugetlb_size(dir, arena_strndup(a, size, len), a, s, e);
	}
	closedir(d);
	return r;
}

/* ---- rdma.current: "mlx4_0 hca_handle=2 hca_object=2000" ---- */

static int read_rdma(int dir, struct arena *a, struct cgroup_stats *s, struct err *e)
{
	cleanup_buf struct buf b = BUF_INIT;
	char *save;

	int r = cgroup_read_text(dir, "rdma.current", &b, e);
	if (r <= 0)
		return r;
	for (char *line = b.data ? strtok_r(b.data, "\n", &save) : NULL; line; line = strtok_r(NULL, "\n", &save)) {
		const char *handles = strstr(line, " hca_handle="), *objects = strstr(line, " hca_object=");
		struct cgroup_rdma_stat *d = arena_push(a, &s->rdma, &s->n_rdma);
		d->device = arena_strndup(a, line, strcspn(line, " "));
		d->hca_handles = handles ? (uint32_t)strtoul(handles + strlen(" hca_handle="), NULL, 10) : 0;
		d->hca_objects = objects ? (uint32_t)strtoul(objects + strlen(" hca_object="), NULL, 10) : 0;
	}
	return 1;
}

/* ---- the whole ---- */

static int read_controllers(int dir, struct arena *a, struct cgroup_stats *s, struct err *e)
{
	int r = read_keyed(dir, "cpu.stat", cpu_stat, s, e);
	if (r < 0)
		return r;
	s->cpu.set = r > 0;

	r = cgroup_read_number(dir, "memory.current", &s->memory.current_bytes, e);
	if (r < 0)
		return r;
	s->memory.set = r > 0;
	if (s->memory.set &&
	    (read_memory_stat(dir, a, s, e) < 0 || read_keyed(dir, "memory.events", memory_events, s, e) < 0))
		return -e->code;

	r = cgroup_read_number(dir, "pids.current", &s->pids.current, e);
	if (r < 0)
		return r;
	s->pids.set = r > 0;

	for (const struct keyed_number *f = number_files; f->key; f++)
		if (cgroup_read_number(dir, f->key, number_at(s, f->offset), e) < 0)
			return -e->code;
	if (read_io(dir, a, s, e) < 0 || read_hugetlb(dir, a, s, e) < 0 || read_rdma(dir, a, s, e) < 0)
		return -e->code;
	return 0;
}

int cgroup_stats(int dir, struct arena *a, struct cgroup_stats *ret, struct err *e)
{
	struct cgroup_stats s = {
		.memory = { .max_bytes = UINT64_MAX, .swap_max_bytes = UINT64_MAX },
		.pids.max = UINT64_MAX,
	};

	if (read_controllers(dir, a, &s, e) < 0 || read_pressure(dir, "cpu.pressure", &s.cpu.pressure, e) < 0 ||
	    read_pressure(dir, "memory.pressure", &s.memory.pressure, e) < 0 ||
	    read_pressure(dir, "io.pressure", &s.io.pressure, e) < 0)
		return err_wrap(e, "cgroup statistics");
	*ret = s;
	return 0;
}

int cgroup_watch_memory_events(int dir, struct err *e)
{
	char text[1024];
	cleanup_close int fd = openat(dir, "memory.events", O_RDONLY | O_CLOEXEC);

	if (fd < 0 && errno == ENOENT)
		return err_say(e, ENOTSUP, "the container's cgroup has no memory controller");
	/* Read once: the poll tells of changes after it. */
	if (fd < 0 || read(fd, text, sizeof(text)) < 0)
		return err_set(e, errno, "open 'memory.events'");
	return take_fd(&fd);
}
