/* A tar written by hand, byte by byte, so that it can be what no tar program would write; and a layer from it. */
#ifndef TESTS_UNIT_LAYER_FIXTURE_H
#define TESTS_UNIT_LAYER_FIXTURE_H

#include "lib/buf.h"
#include "overlay/layer/layer.h"
#include "tests/unit/fixture_dir.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/mman.h>

struct member {
	const char *name;
	char type; /* of ustar: '0' file, '1' hard link, '2' symbolic link, '3' '4' devices, '5' directory, '6' fifo */
	const char *content; /* or where the link leads */
	unsigned mode, uid, gid, major, minor; /* mode 0: 0644, of directories 0755 */
	long mtime_s;
};

static inline void tar_pad(struct buf *b)
{
	static const char zeros[512];

	if (b->len % 512)
		buf_add(b, zeros, 512 - b->len % 512);
}

/* Octal digits that fill the field but for its last byte. */
static inline void tar_number(char *field, size_t len, uint64_t value)
{
	for (size_t i = len - 1; i-- > 0; value >>= 3)
		field[i] = (char)('0' + (value & 7));
}

static inline void tar_header(struct buf *b, const struct member *m, size_t size)
{
	char h[512] = { 0 };
	unsigned sum = 8 * ' ';

	strncpy(h, m->name, 100);
	tar_number(h + 100, 8, m->mode ? m->mode : m->type == '5' ? 0755u : 0644u);
	tar_number(h + 108, 8, m->uid);
	tar_number(h + 116, 8, m->gid);
	tar_number(h + 124, 12, size);
	tar_number(h + 136, 12, (uint64_t)m->mtime_s);
	h[156] = m->type;
	if (m->type == '1' || m->type == '2')
		strncpy(h + 157, m->content, 100);
	memcpy(h + 257, "ustar\00000", 8);
	tar_number(h + 329, 8, m->major);
	tar_number(h + 337, 8, m->minor);
	for (size_t i = 0; i < sizeof(h); i++)
		sum += (unsigned char)h[i];
	tar_number(h + 148, 7, sum);
	h[155] = ' ';
	buf_add(b, h, sizeof(h));
}

/* GNU's form of a name or a link's target that the header has no room for. */
static inline void tar_long(struct buf *b, char type, const char *text)
{
	const struct member m = { .name = "././@LongLink", .type = type };

	tar_header(b, &m, strlen(text) + 1);
	buf_add(b, text, strlen(text) + 1);
	tar_pad(b);
}

/* A pax record for the next member: "LENGTH KEY=VALUE\n". */
static inline void tar_pax(struct buf *b, const char *key, const void *value, size_t len)
{
	const struct member m = { .name = "pax", .type = 'x' };
	size_t rest = strlen(key) + len + 3, total = rest + 1;
	char head[24];

	while (rest + (size_t)snprintf(head, sizeof(head), "%zu", total) != total)
		total++;
	tar_header(b, &m, total);
	buf_printf(b, "%zu %s=", total, key);
	buf_add(b, value, len);
	buf_char(b, '\n');
	tar_pad(b);
}

static inline void tar_member(struct buf *b, const struct member *m)
{
	bool link = m->type == '1' || m->type == '2';
	size_t size = m->type == '0' && m->content ? strlen(m->content) : 0;

	if (strlen(m->name) >= 100)
		tar_long(b, 'L', m->name);
	if (link && strlen(m->content) >= 100)
		tar_long(b, 'K', m->content);
	tar_header(b, m, size);
	buf_add(b, m->content, size);
	tar_pad(b);
}

static inline void tar_end(struct buf *b)
{
	static const char zeros[1024];

	buf_add(b, zeros, sizeof(zeros));
}

static inline int bytes_file(const void *data, size_t len)
{
	int fd = memfd_create("archive", MFD_CLOEXEC);

	if (fd < 0 || write(fd, data, len) != (ssize_t)len)
		abort();
	return fd;
}

/* Does the job with @tar for its archive, as root or rootless. */
static inline int layer_do(struct layer_job j, const struct buf *tar, struct layer_result *ret, struct err *e)
{
	cleanup_layer_worker struct layer_worker w = LAYER_WORKER_INIT;
	cleanup_close int from = tar ? bytes_file(tar->data, tar->len) : -1;

	j.from = from;
	j.userxattr = geteuid() != 0;
	j.length_bytes = -1;
	j.budget = -1;
	if (layer_start(&j, &w, e) < 0)
		return -e->code;
	return layer_wait(&w, ret, e);
}

/* Unpacks the members into @dir. */
static inline int unpack_members(int dir, const struct member *m, size_t n, struct err *e)
{
	cleanup_buf struct buf tar = BUF_INIT;
	struct layer_result result;

	for (size_t i = 0; i < n; i++)
		tar_member(&tar, &m[i]);
	tar_end(&tar);
	return layer_do((struct layer_job){ .verb = LAYER_UNPACK, .dir = dir, .to = -1 }, &tar, &result, e);
}

#endif
