#include "overlay/image/tar_index.h"

#include "lib/tar_header.h"
#include "overlay/layer/layer.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Far more than images have; and names longer than a path can be are none. */
enum { MEMBERS_MAX = 10000, LINKS_MAX = 8, TEXT_MAX = 1 << 20 };

/* What headers say of the member that follows them. */
struct ahead {
	const char *name, *link;
	int64_t size_bytes; /* -1: nothing */
};

struct reader {
	int fd;
	int64_t at, end;
	struct arena *arena;
	struct tar_index index;
	struct ahead ahead;
};

static int read_at(const struct reader *r, int64_t at, void *to, size_t n, struct err *e)
{
	for (size_t done = 0; done < n;) {
		ssize_t got = pread(r->fd, (char *)to + done, n - done, at + (int64_t)done);
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return err_set(e, errno, "read");
		if (got == 0)
			return err_say(e, EINVAL, "cut short");
		done += (size_t)got;
	}
	return 0;
}

static int read_text(const struct reader *r, int64_t size, const char **ret, struct err *e)
{
	if (size > TEXT_MAX)
		return err_say(e, EINVAL, "a header of %lld bytes", (long long)size);
	char *text = arena_alloc(r->arena, (size_t)size + 1);
	if (read_at(r, r->at, text, (size_t)size, e) < 0)
		return -e->code;
	*ret = text;
	return 0;
}

/* Records "LENGTH KEY=VALUE\n". */
static int read_pax(struct reader *r, int64_t size, struct err *e)
{
	const char *text;

	if (read_text(r, size, &text, e) < 0)
		return -e->code;
	for (const char *at = text, *end = text + size; at < end && *at;) {
		char *after;
		unsigned long len = strtoul(at, &after, 10);
		if (*after != ' ' || len < (size_t)(after - at) + 3 || len > (size_t)(end - at) || at[len - 1] != '\n')
			return err_say(e, EINVAL, "a pax header that is none");
		const char *key = after + 1, *equals = memchr(key, '=', len - (size_t)(key - at));
		if (!equals)
			return err_say(e, EINVAL, "a pax header without a value");
		const char *value = arena_strndup(r->arena, equals + 1, (size_t)(at + len - 1 - (equals + 1)));
		size_t n = (size_t)(equals - key);
		if (n == 4 && strncmp(key, "path", n) == 0)
			r->ahead.name = value;
		else if (n == 8 && strncmp(key, "linkpath", n) == 0)
			r->ahead.link = value;
		else if (n == 4 && strncmp(key, "size", n) == 0) {
			char *stop;
			r->ahead.size_bytes = strtoll(value, &stop, 10);
			if (*stop || stop == value || r->ahead.size_bytes < 0)
				return err_say(e, EINVAL, "a pax header with the size '%s'", value);
		}
		at += len;
	}
	return 0;
}

static const char *plain_name(struct arena *a, const char *name)
{
	while (name[0] == '.' && name[1] == '/') {
		name += 2;
		while (*name == '/')
			name++;
	}
	size_t len = strlen(name);
	while (len > 0 && name[len - 1] == '/')
		len--;
	return strcmp(name, ".") == 0 ? "" : arena_strndup(a, name, len);
}

static const struct tar_member *find(const struct tar_index *t, const char *name)
{
	for (size_t i = 0; i < t->n; i++)
		if (strcmp(t->members[i].name, name) == 0)
			return &t->members[i];
	return NULL;
}

static const char *member_name(const struct reader *r, const struct tar_header *h)
{
	if (r->ahead.name)
		return r->ahead.name;
	if (h->prefix[0] && memcmp(h->magic, "ustar", 6) == 0)
		return arena_printf(r->arena, "%.*s/%.*s", (int)sizeof(h->prefix), h->prefix, (int)sizeof(h->name),
				    h->name);
	return arena_strndup(r->arena, h->name, sizeof(h->name));
}

static int add(struct reader *r, const struct tar_header *h, int64_t size, struct err *e)
{
	struct tar_member m = { .name = plain_name(r->arena, member_name(r, h)), .offset = r->at, .size_bytes = size };

	if (h->type == '5' && !*m.name)
		return 0;
	if (!layer_is_image_member(m.name) || !strchr("0512", h->type))
		return err_say(e, EMEDIUMTYPE, "'%s' is not of an image", m.name);
	m.directory = h->type == '5';
	m.hard = h->type == '1';
	if (h->type == '1' || h->type == '2')
		m.link = r->ahead.link ? r->ahead.link : arena_strndup(r->arena, h->link, sizeof(h->link));
	const struct tar_member *before = find(&r->index, m.name);
	if (before && !(before->directory && m.directory))
		return err_say(e, EINVAL, "'%s' is there twice", m.name);
	if (r->index.n == MEMBERS_MAX)
		return err_say(e, EINVAL, "more than %d files", MEMBERS_MAX);
	*arena_push(r->arena, &r->index.members, &r->index.n) = m;
	return 0;
}

/* Returns 1 when there is more. */
static int step(struct reader *r, struct err *e)
{
	struct tar_header h;
	bool first = r->at == 0;

	if (r->at == r->end && !first)
		return 0; /* without the two blocks of zeros: GNU tar only warns, too */
	if (read_at(r, r->at, &h, sizeof(h), e) < 0)
		return first ? err_say(e, ENOTSUP, "too short") : -e->code;
	if (!first && tar_is_end(&h))
		return 0;
	if (!tar_checksum_fits(&h))
		return first ? err_say(e, ENOTSUP, "not a tar") :
			       err_say(e, EINVAL, "a damaged header at byte %lld", (long long)r->at);
	if (!h.type)
		h.type = '0';
	bool extension = strchr("LKxg", h.type);
	int64_t size = !extension && r->ahead.size_bytes >= 0 ? r->ahead.size_bytes : tar_number(h.size, sizeof(h.size));
	if (h.type >= '1' && h.type <= '6')
		size = 0;
	r->at += TAR_BLOCK;
	if (size < 0 || size > r->end - r->at)
		return err_say(e, EINVAL, "cut short");
	int ok = 0;
	if (h.type == 'L')
		ok = read_text(r, size, &r->ahead.name, e);
	else if (h.type == 'K')
		ok = read_text(r, size, &r->ahead.link, e);
	else if (h.type == 'x')
		ok = read_pax(r, size, e);
	else if (h.type != 'g') {
		ok = add(r, &h, size, e);
		r->ahead = (struct ahead){ .size_bytes = -1 };
	}
	r->at += (size + TAR_BLOCK - 1) / TAR_BLOCK * TAR_BLOCK;
	if (r->at > r->end)
		r->at = r->end;
	return ok < 0 ? ok : 1;
}

int tar_index_read(int fd, struct arena *a, struct tar_index *ret, struct err *e)
{
	struct reader r = { .fd = fd, .arena = a, .ahead = { .size_bytes = -1 } };
	struct stat st;
	int more;

	if (fstat(fd, &st) < 0)
		return err_set(e, errno, "stat");
	r.end = st.st_size;
	while ((more = step(&r, e)) > 0)
		;
	if (more == 0)
		*ret = r.index;
	return more;
}

/* Where a relative link leads, "." and ".." taken out; never above the top. */
static void resolve(const char *from, const char *link, char ret[PATH_MAX])
{
	char path[2 * PATH_MAX];
	const char *slash = strrchr(from, '/');
	size_t len = 0;

	snprintf(path, sizeof(path), "%.*s/%s", link[0] == '/' || !slash ? 0 : (int)(slash - from), from, link);
	ret[0] = '\0';
	for (char *at = path, *word; (word = strsep(&at, "/"));) {
		if (strcmp(word, "..") == 0) {
			char *last = strrchr(ret, '/');
			len = last ? (size_t)(last - ret) : 0;
			ret[len] = '\0';
		} else if (*word && strcmp(word, ".") != 0 && len + strlen(word) + 2 < PATH_MAX)
			len += (size_t)sprintf(ret + len, "%s%s", len ? "/" : "", word);
	}
}

const struct tar_member *tar_index_find(const struct tar_index *t, const char *name)
{
	char path[PATH_MAX], next[PATH_MAX];

	resolve("", name, path);
	for (int i = 0; i < LINKS_MAX; i++) {
		const struct tar_member *m = find(t, path);
		if (!m || !m->link)
			return m && !m->directory ? m : NULL;
		resolve(m->hard ? "" : m->name, m->link, next);
		memcpy(path, next, sizeof(path));
	}
	return NULL;
}
