#include "checkpoint/wire.h"

#include <errno.h>
#include <string.h>

enum { VARINT_BITS = 64, FIELD_MAX = (1 << 29) - 1 };

int wire_next_varint(struct wire *w, uint64_t *ret)
{
	uint64_t value = 0;

	if (w->at == w->end)
		return 0;
	for (unsigned shift = 0; w->at < w->end && shift < VARINT_BITS; shift += 7) {
		unsigned char c = *w->at++;
		value |= (uint64_t)(c & 0x7f) << shift;
		if (!(c & 0x80)) {
			*ret = value;
			return 1;
		}
	}
	return -EBADMSG;
}

static int take(struct wire *w, size_t len, const unsigned char **ret)
{
	if ((size_t)(w->end - w->at) < len)
		return -EBADMSG;
	*ret = w->at;
	w->at += len;
	return 0;
}

/* A number of @len bytes, the lowest first. */
static int take_number(struct wire *w, size_t len, uint64_t *ret)
{
	const unsigned char *data;

	if (take(w, len, &data) < 0)
		return -EBADMSG;
	*ret = 0;
	for (size_t i = 0; i < len; i++)
		*ret |= (uint64_t)data[i] << 8 * i;
	return 0;
}

static int take_value(struct wire *w, struct wire_field *f)
{
	uint64_t len;

	switch (f->type) {
	case WIRE_VARINT:
		return wire_next_varint(w, &f->value) == 1 ? 0 : -EBADMSG;
	case WIRE_64BIT:
		return take_number(w, 8, &f->value);
	case WIRE_32BIT:
		return take_number(w, 4, &f->value);
	case WIRE_BYTES:
		if (wire_next_varint(w, &len) != 1 || len > (size_t)(w->end - w->at))
			return -EBADMSG;
		f->len = (size_t)len;
		return take(w, f->len, &f->data);
	}
	return -EBADMSG;
}

int wire_next(struct wire *w, struct wire_field *ret)
{
	struct wire_field f = { .whole = w->at };
	uint64_t tag;

	int r = wire_next_varint(w, &tag);
	if (r <= 0)
		return r;
	if (tag >> 3 == 0 || tag >> 3 > FIELD_MAX)
		return -EBADMSG;
	f.number = (uint32_t)(tag >> 3);
	f.type = (enum wire_type)(tag & 7);
	if (take_value(w, &f) < 0)
		return -EBADMSG;
	f.whole_len = (size_t)(w->at - f.whole);
	*ret = f;
	return 1;
}

static int find(struct wire message, uint32_t field, bool bytes, struct wire_field *ret)
{
	struct wire_field f;
	int r, found = 0;

	while ((r = wire_next(&message, &f)) > 0) {
		if (f.number != field)
			continue;
		if ((f.type == WIRE_BYTES) != bytes)
			return -EBADMSG;
		*ret = f;
		found = 1;
	}
	return r < 0 ? r : found;
}

int wire_find_number(struct wire message, uint32_t field, uint64_t *ret)
{
	struct wire_field f;
	int r = find(message, field, false, &f);

	if (r > 0)
		*ret = f.value;
	return r;
}

int wire_find_bytes(struct wire message, uint32_t field, struct wire *ret)
{
	struct wire_field f;
	int r = find(message, field, true, &f);

	if (r > 0)
		*ret = wire_inside(&f);
	return r;
}

void wire_put_varint(struct buf *b, uint64_t value)
{
	for (; value >= 0x80; value >>= 7)
		buf_char(b, (char)(value | 0x80));
	buf_char(b, (char)value);
}

static void put_tag(struct buf *b, uint32_t field, enum wire_type type)
{
	wire_put_varint(b, (uint64_t)field << 3 | type);
}

void wire_put_number(struct buf *b, uint32_t field, uint64_t value)
{
	put_tag(b, field, WIRE_VARINT);
	wire_put_varint(b, value);
}

void wire_put_bytes(struct buf *b, uint32_t field, const void *data, size_t len)
{
	put_tag(b, field, WIRE_BYTES);
	wire_put_varint(b, len);
	buf_add(b, data, len);
}

void wire_put_string(struct buf *b, uint32_t field, const char *text)
{
	wire_put_bytes(b, field, text, strlen(text));
}

void wire_put_field(struct buf *b, const struct wire_field *f)
{
	buf_add(b, f->whole, f->whole_len);
}

void wire_put_others(struct buf *b, struct wire message, uint32_t field)
{
	struct wire_field f;

	while (wire_next(&message, &f) > 0)
		if (f.number != field)
			wire_put_field(b, &f);
}
