/*
 * Memory that is freed all at once. A specification and the plans made from it live in one arena.
 *
 * Running out of memory ends the program with a message: no caller could do better, and a runtime that continued
 * half-planned would be worse.
 */
#ifndef LIB_ARENA_H
#define LIB_ARENA_H

#include <stddef.h>

struct arena_chunk;

struct arena {
	struct arena_chunk *chunks;
	size_t used; /* bytes of the newest chunk */
};

#define ARENA_INIT ((struct arena){ 0 })

/* Frees everything; the arena can be used again. */
void arena_finish(struct arena *a);

#define cleanup_arena __attribute__((cleanup(arena_finish)))

/* Zeroed, aligned for any type, the arena's. */
void *arena_alloc(struct arena *a, size_t size);
void *arena_array(struct arena *a, size_t count, size_t size);

/* Copies; NULL gives NULL. */
char *arena_strdup(struct arena *a, const char *s);
char *arena_strndup(struct arena *a, const char *s, size_t n);
void *arena_dup(struct arena *a, const void *p, size_t size);
char *arena_printf(struct arena *a, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

#define arena_new(a, type) ((type *)arena_alloc((a), sizeof(type)))
#define arena_new_array(a, count, type) ((type *)arena_array((a), (count), sizeof(type)))

/*
 * Appends to an array that lives in the arena: doubles its room when full, and returns the new, zeroed item.
 * @items: the address of the array pointer. @n: the address of its count, which grows by one.
 */
#define arena_push(a, items, n) \
	(arena_grow((a), (void **)(items), (n), sizeof(**(items))), *(items) + *(n) - 1)
void arena_grow(struct arena *a, void **items, size_t *n, size_t size);

#endif
