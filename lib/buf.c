#include "lib/buf.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void buf_finish(struct buf *b)
{
	free(b->data);
	*b = BUF_INIT;
}

char *buf_reserve(struct buf *b, size_t more)
{
	if (more >= SIZE_MAX / 2 - b->len)
		abort();
	size_t need = b->len + more + 1;

	if (need > b->room) {
		size_t room = b->room ? b->room : 256;
		while (room < need)
			room *= 2;
		b->data = realloc(b->data, room);
		if (!b->data) {
			fputs("ferry: out of memory\n", stderr);
			abort();
		}
		b->room = room;
	}
	b->data[b->len] = '\0';
	return b->data + b->len;
}

void buf_add(struct buf *b, const void *data, size_t n)
{
	char *to = buf_reserve(b, n);
	if (n)
		memcpy(to, data, n);
	to[n] = '\0';
	b->len += n;
}

void buf_str(struct buf *b, const char *s)
{
	buf_add(b, s, strlen(s));
}

void buf_char(struct buf *b, char c)
{
	char *to = buf_reserve(b, 1);

	to[0] = c;
	to[1] = '\0';
	b->len++;
}

void buf_printf(struct buf *b, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	int n = vsnprintf(NULL, 0, fmt, ap);
	va_end(ap);
	if (n < 0)
		return;
	char *to = buf_reserve(b, (size_t)n);
	va_start(ap, fmt);
	vsnprintf(to, (size_t)n + 1, fmt, ap);
	va_end(ap);
	b->len += (size_t)n;
}
