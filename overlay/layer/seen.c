/* The names that a comparison met: which files of the directory the archive has. */
#include "overlay/layer/worker.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* FNV-1a over the directory's inode number and the name; 0 is the empty place. */
static uint64_t key_of(ino_t dir, const char *name)
{
	const unsigned char *byte = (const unsigned char *)&dir;
	uint64_t h = 0xcbf29ce484222325;

	for (size_t i = 0; i < sizeof(dir); i++)
		h = (h ^ byte[i]) * 0x100000001b3;
	for (byte = (const unsigned char *)name; *byte; byte++)
		h = (h ^ *byte) * 0x100000001b3;
	return h ? h : 1;
}

static uint64_t *place_of(uint64_t *keys, size_t room, uint64_t key)
{
	size_t i = (size_t)(key ^ key >> 32) & (room - 1);

	while (keys[i] && keys[i] != key)
		i = (i + 1) & (room - 1);
	return &keys[i];
}

static int grow(struct seen *s, struct err *e)
{
	size_t room = s->room ? s->room * 2 : 1024;
	uint64_t *keys = calloc(room, sizeof(*keys));

	if (!keys)
		return err_set(e, ENOMEM, "remember the names of %zu files", s->n);
	for (size_t i = 0; i < s->room; i++)
		if (s->keys[i])
			*place_of(keys, room, s->keys[i]) = s->keys[i];
	free(s->keys);
	s->keys = keys;
	s->room = room;
	return 0;
}

int seen_add(struct seen *s, ino_t dir, const char *name, struct err *e)
{
	if (s->n * 2 >= s->room && grow(s, e) < 0)
		return -e->code;
	uint64_t key = key_of(dir, name), *place = place_of(s->keys, s->room, key);
	s->n += !*place;
	*place = key;
	return 0;
}

bool seen_has(const struct seen *s, ino_t dir, const char *name)
{
	return s->room && *place_of(s->keys, s->room, key_of(dir, name));
}

void seen_finish(struct seen *s)
{
	free(s->keys);
	*s = SEEN_INIT;
}
