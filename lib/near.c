#include "lib/near.h"

#include <ctype.h>
#include <stdbool.h>
#include <string.h>

/* Longer words are compared by nobody who mistyped them. */
enum { LENGTH_MAX = 200 };

static size_t least(size_t a, size_t b)
{
	return a < b ? a : b;
}

static bool same(char a, char b)
{
	return tolower((unsigned char)a) == tolower((unsigned char)b);
}

/* The table of distances between beginnings of the two, of which three rows are kept: this one and the two before. */
size_t near_distance(const char *a, const char *b, size_t max)
{
	size_t rows[3][LENGTH_MAX + 1], n = strlen(a), m = strlen(b);

	if (n > LENGTH_MAX || m > LENGTH_MAX || n > m + max || m > n + max)
		return max + 1;
	for (size_t k = 0; k <= m; k++)
		rows[0][k] = k;
	for (size_t i = 1; i <= n; i++) {
		size_t *row = rows[i % 3], *above = rows[(i + 2) % 3], *second = rows[(i + 1) % 3];
		row[0] = i;
		for (size_t k = 1; k <= m; k++) {
			row[k] = least(least(above[k], row[k - 1]) + 1, above[k - 1] + !same(a[i - 1], b[k - 1]));
			if (i > 1 && k > 1 && same(a[i - 1], b[k - 2]) && same(a[i - 2], b[k - 1]))
				row[k] = least(row[k], second[k - 2] + 1);
		}
	}
	return least(rows[n % 3][m], max + 1);
}

/*
 * How far a form is from the word: a mistake in each three letters is still near it, and so is, further than those,
 * what begins with it or the other way round. Of words of one letter none is near another.
 */
static bool is_near(const char *word, const char *form, size_t *ret)
{
	size_t shorter = least(strlen(word), strlen(form)), max = shorter < 6 ? 1 : shorter / 3;

	if (shorter < 2)
		return false;
	*ret = near_distance(word, form, max);
	return *ret <= max || strncmp(word, form, shorter) == 0;
}

void near_offer(struct near *near, const char *form, const char *name)
{
	size_t distance, at;

	if (!is_near(near->word, form, &distance))
		return;
	for (at = 0; at < near->n; at++)
		if (strcmp(near->found[at].name, name) == 0)
			return;
	if (near->n < NEAR_MAX)
		near->n++;
	else if (near->found[NEAR_MAX - 1].distance <= distance)
		return;
	for (at = near->n - 1; at > 0 && near->found[at - 1].distance > distance; at--)
		near->found[at] = near->found[at - 1];
	near->found[at].name = name;
	near->found[at].distance = distance;
}

const char *near_hint(const struct near *near, struct arena *a)
{
	static const char *const between[] = { "", " or ", ", " };
	const char *text = "";

	for (size_t i = 0; i < near->n; i++)
		text = arena_printf(a, "%s%s\"%s\"", text, between[i ? near->n - i : 0], near->found[i].name);
	return near->n ? arena_printf(a, ": did you mean %s?", text) : "";
}
