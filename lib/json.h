/*
 * JSON, read into a tree that lives in an arena (yajl does the parsing), and written to a buffer.
 *
 * A number keeps its text: integers are converted when they are asked for, so that 64-bit values stay exact.
 */
#ifndef LIB_JSON_H
#define LIB_JSON_H

#include "lib/arena.h"
#include "lib/buf.h"
#include "lib/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum json_type { JSON_NULL, JSON_BOOL, JSON_NUMBER, JSON_STRING, JSON_ARRAY, JSON_OBJECT };

struct json {
	enum json_type type;
	bool boolean;
	const char *text; /* JSON_STRING: its value; JSON_NUMBER: as it was written */
	struct json_member *members; /* JSON_OBJECT: in order; JSON_ARRAY: with key NULL */
	size_t n;
};

struct json_member {
	const char *key;
	struct json value;
};

/* "an integer", "a string", ...: for messages. */
const char *json_type_name(enum json_type t);

/* Parses a whole document. An error says line and column. The same key twice in one object is an error. */
int json_parse(const char *text, size_t len, struct arena *a, struct json *ret, struct err *e);

/* The member of an object, or NULL. */
const struct json *json_get(const struct json *object, const char *key);

/* False when the number is no integer of that range. 1e3 and 10.0 are integers, as in JSON Schema. */
bool json_int64(const struct json *number, int64_t *ret);
bool json_uint64(const struct json *number, uint64_t *ret);

/*
 * A writer puts commas, newlines and indentation itself:
 *
 *	struct json_writer w = { .out = &buf, .pretty = true };
 *	json_begin_object(&w, NULL);
 *	json_string(&w, "id", id);
 *	json_end_object(&w);
 *
 * @key is the member's name inside an object and NULL elsewhere. Strings that are not UTF-8 are written with
 * U+FFFD in place of the bad bytes.
 */
struct json_writer {
	struct buf *out;
	bool pretty; /* two spaces of indentation; else all on one line */
	unsigned depth;
	bool more; /* something stands already at this level */
};

void json_begin_object(struct json_writer *w, const char *key);
void json_end_object(struct json_writer *w);
void json_begin_array(struct json_writer *w, const char *key);
void json_end_array(struct json_writer *w);
void json_string(struct json_writer *w, const char *key, const char *value); /* NULL is written as null */
void json_bool(struct json_writer *w, const char *key, bool value);
void json_int(struct json_writer *w, const char *key, int64_t value);
void json_uint(struct json_writer *w, const char *key, uint64_t value);
void json_double(struct json_writer *w, const char *key, double value);
void json_strings(struct json_writer *w, const char *key, const char *const *values, size_t n);
void json_value(struct json_writer *w, const char *key, const struct json *value); /* a whole tree again */

#endif
