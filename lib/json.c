#include "lib/json.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <yajl/yajl_parse.h>

/* Deeper documents are refused, so that whoever walks a tree may recurse. */
enum { DEPTH_MAX = 200, SORTED_FROM = 32 };

/*
 * Values wait on one stack until the array or object they belong to ends; then they move to the arena, all at once. A
 * level remembers where on the stack its values begin, and what it is.
 */
struct level {
	size_t begin;
	const char *key; /* of the container itself, in its parent */
	enum json_type type;
};

struct parser {
	struct arena *arena;
	struct buf waiting; /* struct json_member[] */
	size_t n_waiting;
	struct level levels[DEPTH_MAX];
	size_t depth;
	const char *key; /* of the value that comes next */
	const char *refused; /* why a callback stopped the parser */
	const char *refused_key;
};

const char *json_type_name(enum json_type t)
{
	static const char *const names[] = {
		[JSON_NULL] = "null", [JSON_BOOL] = "a boolean", [JSON_NUMBER] = "a number",
		[JSON_STRING] = "a string", [JSON_ARRAY] = "an array", [JSON_OBJECT] = "an object",
	};
	return names[t];
}

/* ---- reading ---- */

static int refuse(struct parser *p, const char *why, const char *key)
{
	p->refused = why;
	p->refused_key = key;
	return 0;
}

static struct json_member *waiting(struct parser *p)
{
	return (struct json_member *)p->waiting.data;
}

static struct json *push(struct parser *p, enum json_type type)
{
	struct json_member m = { .key = p->key, .value.type = type };

	buf_add(&p->waiting, &m, sizeof(m));
	p->key = NULL;
	return &waiting(p)[p->n_waiting++].value;
}

/* Text becomes C strings: a NUL inside would silently cut what it says. */
static const char *copy_text(struct parser *p, const unsigned char *text, size_t len)
{
	if (memchr(text, '\0', len)) {
		refuse(p, "a string holds a NUL byte", NULL);
		return NULL;
	}
	return arena_strndup(p->arena, (const char *)text, len);
}

static int on_null(void *ctx)
{
	push(ctx, JSON_NULL);
	return 1;
}

static int on_boolean(void *ctx, int value)
{
	push(ctx, JSON_BOOL)->boolean = value;
	return 1;
}

static int on_number(void *ctx, const char *text, size_t len)
{
	struct parser *p = ctx;

	push(p, JSON_NUMBER)->text = arena_strndup(p->arena, text, len);
	return 1;
}

static int on_string(void *ctx, const unsigned char *text, size_t len)
{
	struct parser *p = ctx;
	const char *copy = copy_text(p, text, len);

	if (!copy)
		return 0;
	push(p, JSON_STRING)->text = copy;
	return 1;
}

static int on_key(void *ctx, const unsigned char *text, size_t len)
{
	struct parser *p = ctx;

	p->key = copy_text(p, text, len);
	return p->key != NULL;
}

static int begin(struct parser *p, enum json_type type)
{
	if (p->depth == DEPTH_MAX)
		return refuse(p, "nested too deeply", NULL);
	p->levels[p->depth++] = (struct level){ .begin = p->n_waiting, .key = p->key, .type = type };
	p->key = NULL;
	return 1;
}

static int compare_keys(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* A key that occurs twice, or NULL. Few members are compared each with each, many are sorted first. */
static const char *find_duplicate(const struct json_member *m, size_t n)
{
	if (n < SORTED_FROM) {
		for (size_t i = 1; i < n; i++)
			for (size_t k = 0; k < i; k++)
				if (strcmp(m[i].key, m[k].key) == 0)
					return m[i].key;
		return NULL;
	}

	cleanup_arena struct arena scratch = ARENA_INIT;
	const char **keys = arena_new_array(&scratch, n, const char *);
	for (size_t i = 0; i < n; i++)
		keys[i] = m[i].key;
	qsort(keys, n, sizeof(*keys), compare_keys);
	for (size_t i = 1; i < n; i++)
		if (strcmp(keys[i], keys[i - 1]) == 0)
			return keys[i];
	return NULL;
}

static int end(struct parser *p)
{
	struct level *level = &p->levels[--p->depth];
	size_t n = p->n_waiting - level->begin;
	struct json_member *members = NULL;

	if (n)
		members = arena_dup(p->arena, waiting(p) + level->begin, n * sizeof(*members));
	if (level->type == JSON_OBJECT) {
		const char *twice = find_duplicate(members, n);
		if (twice)
			return refuse(p, "is there twice in one object", twice);
	}

	p->n_waiting = level->begin;
	p->waiting.len = level->begin * sizeof(*members);
	p->key = level->key;
	struct json *value = push(p, level->type);
	value->members = members;
	value->n = n;
	return 1;
}

static int on_begin_object(void *ctx)
{
	return begin(ctx, JSON_OBJECT);
}

static int on_begin_array(void *ctx)
{
	return begin(ctx, JSON_ARRAY);
}

static int on_end(void *ctx)
{
	return end(ctx);
}

/* Says where, counting bytes from 1, and what. */
static int parse_error(struct parser *p, yajl_handle h, const char *text, size_t at, struct err *e)
{
	size_t line = 1, column = 1;

	for (size_t i = 0; i < at; i++) {
		column = text[i] == '\n' ? 1 : column + 1;
		line += text[i] == '\n';
	}
	if (p->refused_key)
		return err_say(e, EINVAL, "line %zu, column %zu: \"%s\" %s", line, column, p->refused_key, p->refused);
	if (p->refused)
		return err_say(e, EINVAL, "line %zu, column %zu: %s", line, column, p->refused);

	unsigned char *why = yajl_get_error(h, 0, NULL, 0);
	size_t len = why ? strcspn((char *)why, "\n") : 0;
	err_say(e, EINVAL, "line %zu, column %zu: %.*s", line, column, (int)len, why ? (char *)why : "");
	if (why)
		yajl_free_error(h, why);
	return -e->code;
}

int json_parse(const char *text, size_t len, struct arena *a, struct json *ret, struct err *e)
{
	static const yajl_callbacks callbacks = {
		.yajl_null = on_null, .yajl_boolean = on_boolean, .yajl_number = on_number, .yajl_string = on_string,
		.yajl_start_map = on_begin_object, .yajl_map_key = on_key, .yajl_end_map = on_end,
		.yajl_start_array = on_begin_array, .yajl_end_array = on_end,
	};
	struct parser p = { .arena = a };
	yajl_handle h = yajl_alloc(&callbacks, NULL, &p);
	int r = 0;

	if (!h)
		return err_set(e, ENOMEM, "parse JSON");
	if (yajl_parse(h, (const unsigned char *)text, len) != yajl_status_ok) {
		size_t at = yajl_get_bytes_consumed(h);
		r = parse_error(&p, h, text, at < len ? at : len, e);
	} else if (yajl_complete_parse(h) != yajl_status_ok)
		r = parse_error(&p, h, text, len, e);
	else
		*ret = waiting(&p)[0].value;
	yajl_free(h);
	buf_finish(&p.waiting);
	return r;
}

const struct json *json_get(const struct json *object, const char *key)
{
	if (object->type != JSON_OBJECT)
		return NULL;
	for (size_t i = 0; i < object->n; i++)
		if (strcmp(object->members[i].key, key) == 0)
			return &object->members[i].value;
	return NULL;
}

/* ---- numbers ---- */

/*
 * The exact magnitude of a number's text. The digits before and after the point are one whole number, which the
 * exponent then moves: 1.50e1 is 150 with -1, and its last zero can go.
 */
static bool magnitude(const char *text, bool *negative, uint64_t *ret)
{
	uint64_t value = 0;
	long shift = 0, exponent = 0;
	bool after_point = false;
	size_t zeros = 0; /* zeros not yet added: they may be trailing ones */

	*negative = *text == '-';
	text += *negative;
	for (; *text && *text != 'e' && *text != 'E'; text++) {
		if (*text == '.') {
			after_point = true;
			continue;
		}
		shift -= after_point;
		zeros++;
		if (*text == '0')
			continue;
		for (; zeros; zeros--)
			if (__builtin_mul_overflow(value, 10, &value))
				return false;
		if (__builtin_add_overflow(value, (uint64_t)(*text - '0'), &value))
			return false;
	}
	if (value == 0) {
		*ret = 0;
		return true;
	}
	if (*text)
		exponent = strtol(text + 1, NULL, 10);
	if (exponent < -1000000 || exponent > 1000000)
		return false;
	shift += exponent + (long)zeros;
	if (shift < 0)
		return false;
	for (; shift; shift--)
		if (__builtin_mul_overflow(value, 10, &value))
			return false;
	*ret = value;
	return true;
}

bool json_uint64(const struct json *number, uint64_t *ret)
{
	bool negative;
	uint64_t value;

	if (number->type != JSON_NUMBER || !magnitude(number->text, &negative, &value) || (negative && value))
		return false;
	*ret = value;
	return true;
}

bool json_int64(const struct json *number, int64_t *ret)
{
	bool negative;
	uint64_t value;

	if (number->type != JSON_NUMBER || !magnitude(number->text, &negative, &value))
		return false;
	if (value > (uint64_t)INT64_MAX + negative)
		return false;
	*ret = negative ? (int64_t)(0 - value) : (int64_t)value;
	return true;
}
