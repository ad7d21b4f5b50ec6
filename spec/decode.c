#include "spec/decode.h"

#include "spec/spec.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static void enter(struct decode *d, const char *key, size_t index)
{
	/* The tables nest less deeply than this, whatever the document does. */
	d->path[d->depth].key = key;
	d->path[d->depth++].index = index;
}

static void leave(struct decode *d)
{
	d->depth--;
}

int decode_bad(struct decode *d, const char *member, const char *fmt, ...)
{
	char path[1024] = "";
	size_t at = 0;
	va_list ap;

	for (size_t i = 0; i <= d->depth; i++) {
		const char *key = i < d->depth ? d->path[i].key : member;
		if (i == d->depth && !member)
			break;
		if (at >= sizeof(path))
			break;
		if (key)
			at += (size_t)snprintf(path + at, sizeof(path) - at, "%s%s", at ? "." : "", key);
		else
			at += (size_t)snprintf(path + at, sizeof(path) - at, "[%zu]", d->path[i].index);
	}

	char what[512];
	va_start(ap, fmt);
	vsnprintf(what, sizeof(what), fmt, ap);
	va_end(ap);
	return err_say(d->err, EINVAL, "%s%s%s", path, *path ? ": " : "", what);
}

int decode_expect(struct decode *d, const struct json *value, enum json_type type)
{
	if (value->type == type)
		return 0;
	return decode_bad(d, NULL, "expected %s, got %s", json_type_name(type), json_type_name(value->type));
}

/* ---- integers ---- */

static int not_an_integer(struct decode *d, const struct json *v)
{
	if (v->type != JSON_NUMBER)
		return decode_bad(d, NULL, "expected an integer, got %s", json_type_name(v->type));
	/* It is too large, or has a fraction: 1.5, 1e-3. */
	if (strpbrk(v->text, ".eE"))
		return decode_bad(d, NULL, "expected an integer, got %s", v->text);
	return decode_bad(d, NULL, "%s is out of range", v->text);
}

static int decode_int(struct decode *d, const struct json *v, const struct field *f, size_t size, int64_t *ret)
{
	int64_t max = f->max ? f->max : size >= 8 ? INT64_MAX : ((int64_t)1 << (size * 8 - 1)) - 1;
	int64_t min = f->min || f->max ? f->min : -max - 1;

	if (!json_int64(v, ret))
		return not_an_integer(d, v);
	if (*ret < min || *ret > max)
		return decode_bad(d, NULL, "%s is out of range (%lld to %lld)", v->text, (long long)min, (long long)max);
	return 0;
}

static int decode_uint(struct decode *d, const struct json *v, const struct field *f, size_t size, uint64_t *ret)
{
	uint64_t max = f->max ? (uint64_t)f->max : size >= 8 ? UINT64_MAX : ((uint64_t)1 << (size * 8)) - 1;
	int64_t negative;

	if (!json_uint64(v, ret) && !json_int64(v, &negative))
		return not_an_integer(d, v);
	if (!json_uint64(v, ret) || *ret > max || (f->min > 0 && *ret < (uint64_t)f->min))
		return decode_bad(d, NULL, "%s is out of range (%lld to %llu)", v->text, (long long)f->min,
				  (unsigned long long)max);
	return 0;
}

/* Little or big endian, the low bytes of @v to an integer of @size bytes. */
static void store(void *to, size_t size, uint64_t v)
{
	switch (size) {
	case 1:
		*(uint8_t *)to = (uint8_t)v;
		break;
	case 2:
		*(uint16_t *)to = (uint16_t)v;
		break;
	case 4:
		*(uint32_t *)to = (uint32_t)v;
		break;
	default:
		*(uint64_t *)to = v;
	}
}

static uint64_t load(const void *from, size_t size)
{
	return size == 4 ? *(const uint32_t *)from : *(const uint64_t *)from;
}

/* ---- strings and names ---- */

static int find_name(struct decode *d, const struct json *v, const struct name *names, uint64_t *ret)
{
	if (decode_expect(d, v, JSON_STRING) < 0)
		return -EINVAL;
	for (; names->name; names++)
		if (strcmp(names->name, v->text) == 0) {
			*ret = names->value;
			return 0;
		}
	return decode_bad(d, NULL, "unknown value '%s'", v->text);
}

static int decode_string(struct decode *d, const struct json *v, const struct field *f, const char **ret)
{
	uint64_t ignored;

	if (decode_expect(d, v, JSON_STRING) < 0)
		return -EINVAL;
	if (f->names && find_name(d, v, f->names, &ignored) < 0)
		return -EINVAL;
	*ret = v->text;
	return 0;
}

static int decode_pairs(struct decode *d, const struct json *v, void *to, size_t *count)
{
	if (decode_expect(d, v, JSON_OBJECT) < 0)
		return -EINVAL;
	struct spec_pair *pairs = arena_new_array(d->arena, v->n, struct spec_pair);
	for (size_t i = 0; i < v->n; i++) {
		const struct json_member *m = &v->members[i];
		enter(d, m->key, 0);
		if (decode_expect(d, &m->value, JSON_STRING) < 0)
			return -EINVAL;
		leave(d);
		pairs[i] = (struct spec_pair){ m->key, m->value.text };
	}
	*(struct spec_pair **)to = pairs;
	*count = v->n;
	return 0;
}

/* ---- objects and arrays ---- */

static int decode_field(struct decode *d, const struct json *v, const struct field *f, void *base);

static int decode_element(struct decode *d, const struct json *array, size_t i, const struct field *f, void *to)
{
	enter(d, NULL, i);
	int r = decode_field(d, &array->members[i].value, f, to);
	leave(d);
	return r;
}

/* An array of @size-byte elements, each decoded as @each says; one more element than there are stays zeroed. */
static int decode_array(struct decode *d, const struct json *v, const struct field *each, size_t size, void *to,
			size_t *count)
{
	if (decode_expect(d, v, JSON_ARRAY) < 0)
		return -EINVAL;
	char *items = arena_array(d->arena, v->n + 1, size);
	for (size_t i = 0; i < v->n; i++)
		if (decode_element(d, v, i, each, items + i * size) < 0)
			return -EINVAL;
	*(void **)to = items;
	*count = v->n;
	return 0;
}

static int decode_map(struct decode *d, const struct json *v, const struct object *o, void *to, size_t *count)
{
	if (decode_expect(d, v, JSON_OBJECT) < 0)
		return -EINVAL;
	char *items = arena_array(d->arena, v->n, o->size);
	for (size_t i = 0; i < v->n; i++) {
		void *item = items + i * o->size;
		*(const char **)item = v->members[i].key;
		enter(d, v->members[i].key, 0);
		if (decode_object(d, &v->members[i].value, o, item) < 0)
			return -EINVAL;
		leave(d);
	}
	*(void **)to = items;
	*count = v->n;
	return 0;
}

static int decode_name_bits(struct decode *d, const struct json *v, const struct field *f, void *to)
{
	if (decode_expect(d, v, JSON_ARRAY) < 0)
		return -EINVAL;
	for (size_t i = 0; i < v->n; i++) {
		uint64_t bit;
		enter(d, NULL, i);
		if (find_name(d, &v->members[i].value, f->names, &bit) < 0)
			return -EINVAL;
		leave(d);
		store(to, f->size, load(to, f->size) | bit);
	}
	return 0;
}

/* What is a plain number, string or truth value. */
static int decode_scalar(struct decode *d, const struct json *v, const struct field *f, void *to)
{
	int64_t i = 0;
	uint64_t u = 0;
	int r;

	switch (f->type) {
	case FIELD_STRING:
		return decode_string(d, v, f, to);
	case FIELD_BOOL:
		r = decode_expect(d, v, JSON_BOOL);
		*(bool *)to = v->boolean;
		return r;
	case FIELD_INT:
		r = decode_int(d, v, f, f->size, &i);
		store(to, f->size, (uint64_t)i);
		return r;
	case FIELD_UINT:
		r = decode_uint(d, v, f, f->size, &u);
		store(to, f->size, u);
		return r;
	case FIELD_OPT_INT:
		r = decode_int(d, v, f, 8, &i);
		*(struct spec_i64 *)to = (struct spec_i64){ true, i };
		return r;
	case FIELD_OPT_UINT:
		r = decode_uint(d, v, f, 8, &u);
		*(struct spec_u64 *)to = (struct spec_u64){ true, u };
		return r;
	default:
		r = find_name(d, v, f->names, &u);
		store(to, f->size, u);
		return r;
	}
}

/* @base: the struct that the row's offsets are of. */
static int decode_field(struct decode *d, const struct json *v, const struct field *f, void *base)
{
	void *to = (char *)base + f->offset;
	size_t not_kept = 0, *count = f->count ? (size_t *)((char *)base + f->count) : &not_kept;

	switch (f->type) {
	case FIELD_STRINGS:
		return decode_array(d, v, &(struct field){ .type = FIELD_STRING, .names = f->names }, sizeof(char *), to,
				    count);
	case FIELD_UINT32S:
		return decode_array(d, v, &(struct field){ .type = FIELD_UINT, .size = 4 }, 4, to, count);
	case FIELD_NAME_BITS:
		return decode_name_bits(d, v, f, to);
	case FIELD_PAIRS:
		return decode_pairs(d, v, to, count);
	case FIELD_WITHIN:
		return decode_object(d, v, f->object, base);
	case FIELD_EMBEDDED:
		return decode_object(d, v, f->object, to);
	case FIELD_POINTER:
		*(void **)to = arena_alloc(d->arena, f->object->size);
		return decode_object(d, v, f->object, *(void **)to);
	case FIELD_OBJECTS:
		return decode_array(d, v, &(struct field){ .type = FIELD_EMBEDDED, .object = f->object },
				    f->object->size, to, count);
	case FIELD_MAP:
		return decode_map(d, v, f->object, to, count);
	case FIELD_CUSTOM:
		return f->decode(d, v, base);
	case FIELD_REFUSED:
		return decode_bad(d, NULL, "not supported");
	default:
		return decode_scalar(d, v, f, to);
	}
}

/* An absent member: not there, null, or an empty string where a string is wanted. */
static bool absent(const struct json *v, const struct field *f)
{
	if (!v || v->type == JSON_NULL)
		return true;
	return (f->type == FIELD_STRING || f->type == FIELD_NAME) && v->type == JSON_STRING && !*v->text;
}

int decode_object(struct decode *d, const struct json *v, const struct object *o, void *to)
{
	if (decode_expect(d, v, JSON_OBJECT) < 0)
		return -EINVAL;
	for (size_t i = 0; i < o->n_fields; i++) {
		const struct field *f = &o->fields[i];
		const struct json *member = json_get(v, f->name);
		if (absent(member, f)) {
			if (f->required)
				return decode_bad(d, f->name, "missing");
			continue;
		}
		enter(d, f->name, 0);
		if (decode_field(d, member, f, to) < 0)
			return -EINVAL;
		leave(d);
	}
	return o->finish ? o->finish(d, v, to) : 0;
}

int decode_document(const char *text, size_t len, const struct object *object, struct arena *a, void *to,
		    struct err *e)
{
	struct decode d = { .arena = a, .err = e };
	struct json doc;

	int r = json_parse(text, len, a, &doc, e);
	if (r < 0)
		return r;
	return decode_object(&d, &doc, object, to);
}
