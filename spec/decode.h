/*
 * The engine under spec/, and under documents of other folders: walks a JSON tree along tables, one table an object, one
 * row a member, and fills plain structs. It keeps the path to where it is for errors.
 *
 *	static const struct field pids[] = {
 *		{ "limit", FIELD_OPT_INT, AT(struct spec_resources, pids_limit) },
 *	};
 *	const struct object pids_object = { FIELDS(pids) };
 *
 * A member that is null counts as absent, and so does an empty string: Go's encoders write both for what was not set.
 */
#ifndef SPEC_DECODE_H
#define SPEC_DECODE_H

#include "lib/arena.h"
#include "lib/err.h"
#include "lib/json.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct decode;

enum field_type {
	FIELD_STRING, /* const char * */
	FIELD_STRINGS, /* const char **, ended by NULL, and a count */
	FIELD_BOOL, /* bool */
	FIELD_INT, /* a signed integer of any size */
	FIELD_UINT, /* an unsigned one */
	FIELD_OPT_INT, /* struct spec_i64 */
	FIELD_OPT_UINT, /* struct spec_u64 */
	FIELD_NAME, /* a name out of a table: its value in an integer of any size */
	FIELD_NAME_BITS, /* an array of such: their values or-ed */
	FIELD_PAIRS, /* an object of strings: struct spec_pair * and a count */
	FIELD_UINT32S, /* uint32_t * and a count */
	FIELD_WITHIN, /* an object whose members are in this same struct */
	FIELD_EMBEDDED, /* an object whose struct is a member of this one */
	FIELD_POINTER, /* an object in a struct of its own */
	FIELD_OBJECTS, /* an array of objects: a pointer and a count */
	FIELD_MAP, /* an object of objects: as FIELD_OBJECTS, the key goes to the struct's first member */
	FIELD_CUSTOM, /* decode() does it, with the struct */
	FIELD_REFUSED, /* known to the specification, not to this program */
};

struct name {
	const char *name;
	uint64_t value;
};

struct field {
	const char *name;
	enum field_type type;
	size_t offset, size; /* AT() */
	size_t count; /* COUNT(); without: the array's end marks itself */
	bool required;
	const struct object *object;
	const struct name *names; /* ended by a NULL name; with FIELD_STRING and FIELD_STRINGS, the values allowed */
	int64_t min, max; /* beyond what the type allows; max 0: none */
	int (*decode)(struct decode *d, const struct json *value, void *to);
};

/* finish() runs when all members are decoded. */
struct object {
	const struct field *fields;
	size_t n_fields;
	size_t size; /* of the struct, for FIELD_POINTER, FIELD_OBJECTS, FIELD_MAP */
	int (*finish)(struct decode *d, const struct json *value, void *to);
};

#define AT(type, member) .offset = offsetof(type, member), .size = sizeof(((type *)0)->member)
#define COUNT(type, member) .count = offsetof(type, member)
#define FIELDS(array) .fields = (array), .n_fields = sizeof(array) / sizeof((array)[0])

enum { DECODE_DEPTH = 16 };

struct decode {
	struct arena *arena;
	struct err *err;
	struct {
		const char *key; /* NULL: the index counts */
		size_t index;
	} path[DECODE_DEPTH];
	size_t depth;
};

/* Decodes a whole document into a zeroed struct. */
int decode_document(const char *text, size_t len, const struct object *object, struct arena *a, void *to,
		    struct err *e);

/* Errors with the path to here in front, and to @member of here unless it is NULL. Return -EINVAL. */
int decode_bad(struct decode *d, const char *member, const char *fmt, ...) __attribute__((format(printf, 3, 4)));

/* For FIELD_CUSTOM: -EINVAL when @value is not of that type. */
int decode_expect(struct decode *d, const struct json *value, enum json_type type);

/* For FIELD_CUSTOM: an object, into a struct of its rows. */
int decode_object(struct decode *d, const struct json *value, const struct object *object, void *to);

#endif
