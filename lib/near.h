/*
 * Names that are nearly like one that does not exist, for "did you mean".
 *
 *	struct near near = { .word = "wbe" };
 *	near_offer(&near, "web", "web");     for each there is
 *	near_hint(&near, arena)              ": did you mean \"web\"?", or ""
 */
#ifndef LIB_NEAR_H
#define LIB_NEAR_H

#include "lib/arena.h"

#include <stddef.h>

enum { NEAR_MAX = 3 };

struct near {
	const char *word;
	/* the nearest so far, and among equals the first that was offered */
	struct {
		const char *name;
		size_t distance;
	} found[NEAR_MAX];
	size_t n;
};

/* @form is compared with the word; @name is what the hint will say, once. Both must live as long as @near. */
void near_offer(struct near *near, const char *form, const char *name);

/* Names up to three, to be put behind a message. */
const char *near_hint(const struct near *near, struct arena *a);

/*
 * How many letters must be added, taken away, replaced, or exchanged with their neighbour, to make one word of the
 * other, whatever their case. More than @max gives @max + 1.
 */
size_t near_distance(const char *a, const char *b, size_t max);

#endif
