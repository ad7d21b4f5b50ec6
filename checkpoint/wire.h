/*
 * The wire format of protocol buffers, which CRIU's RPC and its image files are written in: fields one after another, each
 * with a number and a type. What the numbers mean is known to whoever reads or writes.
 *
 *	struct wire w = wire_of(data, len);
 *	struct wire_field f;
 *	while ((r = wire_next(&w, &f)) > 0)
 *		...
 */
#ifndef CHECKPOINT_WIRE_H
#define CHECKPOINT_WIRE_H

#include "lib/arena.h"
#include "lib/buf.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

enum wire_type { WIRE_VARINT = 0, WIRE_64BIT = 1, WIRE_BYTES = 2, WIRE_32BIT = 5 };

struct wire {
	const unsigned char *at, *end;
};

/* Pointers lead into what is read. */
struct wire_field {
	uint32_t number;
	enum wire_type type;
	uint64_t value; /* of the types that are numbers */
	const unsigned char *data; /* WIRE_BYTES: strings, messages, packed numbers */
	size_t len;
	const unsigned char *whole; /* number, type and value as they stand there: to be copied as they are */
	size_t whole_len;
};

static inline struct wire wire_of(const void *data, size_t len)
{
	const unsigned char *at = data;

	return (struct wire){ at, at + len };
}

/* 1: the next field; 0: the end; -EBADMSG: cut short, or none of the format. */
int wire_next(struct wire *w, struct wire_field *ret);

/* 1: the next number of a packed field's data; 0: the end; -EBADMSG. */
int wire_next_varint(struct wire *w, uint64_t *ret);

/* What is in WIRE_BYTES, as a message. */
static inline struct wire wire_inside(const struct wire_field *f)
{
	return wire_of(f->data, f->len);
}

/* In the arena, ended by NUL; "" of a field that is not there. */
static inline char *wire_text(struct wire w, struct arena *a)
{
	return arena_strndup(a, w.at ? (const char *)w.at : "", (size_t)(w.end - w.at));
}

static inline bool wire_is(struct wire w, const char *text)
{
	return w.at && (size_t)(w.end - w.at) == strlen(text) && memcmp(w.at, text, strlen(text)) == 0;
}

/* The last field of that number, as the format wants it, when it is of the type. 1; 0: there is none; -EBADMSG. */
int wire_find_number(struct wire message, uint32_t field, uint64_t *ret);
int wire_find_bytes(struct wire message, uint32_t field, struct wire *ret);

/* Negative numbers are written as 64 bits of two's complement: (uint64_t)(int64_t)n. */
void wire_put_varint(struct buf *b, uint64_t value); /* without number and type */
void wire_put_number(struct buf *b, uint32_t field, uint64_t value);
void wire_put_bytes(struct buf *b, uint32_t field, const void *data, size_t len);
void wire_put_string(struct buf *b, uint32_t field, const char *text);
void wire_put_field(struct buf *b, const struct wire_field *f); /* as it was read, whatever it is */
void wire_put_others(struct buf *b, struct wire message, uint32_t field); /* all of @message but those of that number */

#endif
