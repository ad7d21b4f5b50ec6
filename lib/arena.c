#include "lib/arena.h"

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { CHUNK_SIZE = 32 * 1024 - 64 };

struct arena_chunk {
	struct arena_chunk *next;
	size_t size;
	max_align_t data[];
};

static void out_of_memory(void)
{
	fputs("ferry: out of memory\n", stderr);
	abort();
}

void arena_finish(struct arena *a)
{
	while (a->chunks) {
		struct arena_chunk *next = a->chunks->next;
		free(a->chunks);
		a->chunks = next;
	}
	a->used = 0;
}

void *arena_alloc(struct arena *a, size_t size)
{
	const size_t align = _Alignof(max_align_t);

	if (size > SIZE_MAX - align - sizeof(struct arena_chunk))
		out_of_memory();
	size = (size + align - 1) & ~(align - 1);

	if (!a->chunks || a->chunks->size - a->used < size) {
		size_t room = size > CHUNK_SIZE ? size : CHUNK_SIZE;
		struct arena_chunk *c = malloc(sizeof(*c) + room);
		if (!c)
			out_of_memory();
		c->size = room;
		c->next = a->chunks;
		a->chunks = c;
		a->used = 0;
	}

	/* Cleared piece by piece: a chunk's pages are not touched before they are needed. */
	void *p = (char *)a->chunks->data + a->used;
	a->used += size;
	return memset(p, 0, size);
}

void *arena_array(struct arena *a, size_t count, size_t size)
{
	if (size && count > SIZE_MAX / size)
		out_of_memory();
	return arena_alloc(a, count * size);
}

void *arena_dup(struct arena *a, const void *p, size_t size)
{
	void *copy = arena_alloc(a, size);
	return size ? memcpy(copy, p, size) : copy;
}

char *arena_strndup(struct arena *a, const char *s, size_t n)
{
	char *copy = arena_alloc(a, n + 1);
	memcpy(copy, s, n);
	return copy;
}

char *arena_strdup(struct arena *a, const char *s)
{
	return s ? arena_strndup(a, s, strlen(s)) : NULL;
}

char *arena_printf(struct arena *a, const char *fmt, ...)
{
	char text[256];
	va_list ap;

	va_start(ap, fmt);
	int n = vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	if (n < 0)
		out_of_memory();
	if ((size_t)n < sizeof(text))
		return arena_strndup(a, text, (size_t)n);

	char *s = arena_alloc(a, (size_t)n + 1);
	va_start(ap, fmt);
	vsnprintf(s, (size_t)n + 1, fmt, ap);
	va_end(ap);
	return s;
}

void arena_grow(struct arena *a, void **items, size_t *n, size_t size)
{
	bool full = (*n & (*n - 1)) == 0; /* room doubles at each power of two */

	if (full) {
		void *bigger = arena_array(a, *n ? *n * 2 : 1, size);
		if (*n)
			memcpy(bigger, *items, *n * size);
		*items = bigger;
	}
	(*n)++;
}
