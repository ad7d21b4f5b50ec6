#include "cgroups/systemd/request.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- fields ---- */

static void put_text(struct buf *out, const char *text)
{
	buf_add(out, text, strlen(text) + 1);
}

static void put_number(struct buf *out, uint64_t number)
{
	buf_printf(out, "%" PRIu64, number);
	buf_char(out, '\0');
}

/* Reads fields one after the other. Once a field is missing or bad, all later ones are empty. */
struct reader {
	const char *next, *end;
	bool bad;
};

static const char *get_text(struct reader *r)
{
	const char *text = r->next, *nul = r->bad ? NULL : memchr(text, '\0', (size_t)(r->end - text));

	if (!nul) {
		r->bad = true;
		return "";
	}
	r->next = nul + 1;
	return text;
}

static uint64_t get_number(struct reader *r, uint64_t max)
{
	const char *text = get_text(r);
	char *end;

	errno = 0;
	uint64_t number = strtoull(text, &end, 10);
	if (text[0] < '0' || text[0] > '9' || *end || errno || number > max)
		r->bad = true;
	return r->bad ? 0 : number;
}

/* How many fields follow: each takes a byte at least. */
static size_t get_count(struct reader *r)
{
	return get_number(r, (uint64_t)(r->end - r->next));
}

/* ---- values, each type's two ways beside each other ---- */

static void put_boolean(struct buf *out, const struct systemd_property *p)
{
	put_number(out, p->v.boolean);
}

static void get_boolean(struct reader *r, struct arena *a, struct systemd_property *p)
{
	(void)a;
	p->v.boolean = get_number(r, 1);
}

static void put_string(struct buf *out, const struct systemd_property *p)
{
	put_text(out, p->v.string);
}

static void get_string(struct reader *r, struct arena *a, struct systemd_property *p)
{
	(void)a;
	p->v.string = get_text(r);
}

static void put_integer(struct buf *out, const struct systemd_property *p)
{
	put_number(out, p->v.number);
}

static void get_integer(struct reader *r, struct arena *a, struct systemd_property *p)
{
	(void)a;
	p->v.number = get_number(r, UINT64_MAX);
}

static void put_pid(struct buf *out, const struct systemd_property *p)
{
	put_number(out, p->v.pid);
}

static void get_pid(struct reader *r, struct arena *a, struct systemd_property *p)
{
	(void)a;
	p->v.pid = (uint32_t)get_number(r, UINT32_MAX);
}

static void put_bytes(struct buf *out, const struct systemd_property *p)
{
	put_number(out, p->v.bytes.n);
	for (size_t i = 0; i < p->v.bytes.n; i++)
		put_number(out, p->v.bytes.data[i]);
}

static void get_bytes(struct reader *r, struct arena *a, struct systemd_property *p)
{
	size_t n = get_count(r);
	uint8_t *data = arena_new_array(a, n + 1, uint8_t);

	for (size_t i = 0; i < n; i++)
		data[i] = (uint8_t)get_number(r, UINT8_MAX);
	p->v.bytes.data = data;
	p->v.bytes.n = n;
}

static void put_strings(struct buf *out, const struct systemd_property *p)
{
	put_number(out, p->v.strings.n);
	for (size_t i = 0; i < p->v.strings.n; i++)
		put_text(out, p->v.strings.items[i]);
}

static void get_strings(struct reader *r, struct arena *a, struct systemd_property *p)
{
	p->v.strings.n = get_count(r);
	p->v.strings.items = arena_new_array(a, p->v.strings.n + 1, const char *);
	for (size_t i = 0; i < p->v.strings.n; i++)
		p->v.strings.items[i] = get_text(r);
}

static void put_device(struct buf *out, const struct systemd_property *p)
{
	put_text(out, p->v.device.path);
	put_number(out, p->v.device.value);
}

static void get_device(struct reader *r, struct arena *a, struct systemd_property *p)
{
	(void)a;
	p->v.device.path = get_text(r);
	p->v.device.value = get_number(r, UINT64_MAX);
}

static const struct type {
	const char *name;
	void (*put)(struct buf *out, const struct systemd_property *p);
	void (*get)(struct reader *r, struct arena *a, struct systemd_property *p);
} types[] = {
	{ "b", put_boolean, get_boolean },  { "s", put_string, get_string },	{ "t", put_integer, get_integer },
	{ "u", put_integer, get_integer },  { "i", put_integer, get_integer },	{ "as", put_strings, get_strings },
	{ "ay", put_bytes, get_bytes },	    { "au", put_pid, get_pid },		{ "a(st)", put_device, get_device },
};

static const struct type *find_type(const char *name)
{
	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++)
		if (strcmp(types[i].name, name) == 0)
			return &types[i];
	return NULL;
}

/* ---- requests ---- */

int systemd_request_encode(const struct systemd_request *r, struct buf *out, struct err *e)
{
	put_number(out, r->method);
	put_text(out, r->unit);
	put_number(out, r->properties.n);
	for (size_t i = 0; i < r->properties.n; i++) {
		const struct systemd_property *p = &r->properties.item[i];
		const struct type *type = find_type(p->type);
		if (!type)
			return err_say(e, EINVAL, "systemd: %s: no property can be of type '%s'", p->name, p->type);
		put_text(out, p->name);
		put_text(out, p->type);
		type->put(out, p);
	}
	return 0;
}

int systemd_request_decode(const char *data, size_t len, struct arena *a, struct systemd_request *ret, struct err *e)
{
	struct reader r = { data, data + len, false };
	struct systemd_request request = { 0 };

	request.method = (enum systemd_method)get_number(&r, SYSTEMD_METHODS - 1);
	request.unit = get_text(&r);
	for (size_t n = get_count(&r); n > 0 && !r.bad; n--) {
		struct systemd_property *p = arena_push(a, &request.properties.item, &request.properties.n);
		p->name = get_text(&r);
		p->type = get_text(&r);
		const struct type *type = find_type(p->type);
		if (type)
			type->get(&r, a, p);
		else
			r.bad = true;
	}
	if (r.bad || r.next != r.end)
		return err_say(e, EPROTO, "systemd: a request that cannot be read");
	*ret = request;
	return 0;
}
