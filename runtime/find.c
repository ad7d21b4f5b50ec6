/* Containers by what people call them. */
#include "runtime/container.h"
#include "runtime/launch/launched.h"

#include "lib/near.h"

#include <errno.h>

int container_hint(struct runtime *rt, const char *name, struct err *e)
{
	const char *said = arena_strdup(&rt->arena, e->msg), **ids;
	struct near near = { .word = name };
	struct err ignored = ERR_INIT;
	size_t n = 0;

	launched_offer(rt, &near);
	if (container_list(rt, &ids, &n, &ignored) < 0)
		n = 0;
	for (size_t i = 0; i < n; i++)
		near_offer(&near, ids[i], ids[i]);
	return err_say(e, e->code, "%s%s", said, near_hint(&near, &rt->arena));
}

int container_find(struct runtime *rt, const char *name, bool lock, struct container *ret, struct err *e)
{
	const char *id = launched_id(rt, name);
	struct err why = ERR_INIT;
	struct launched l;

	int r = container_open(rt, id ? id : name, lock, ret, e);
	if (r != -ENOENT)
		return r;
	int found = launched_find(rt, name, &l, &why);
	if (found == -ENOENT)
		return container_hint(rt, name, e);
	if (found < 0) {
		*e = why;
		return found;
	}
	r = container_open(rt, l.id, lock, ret, e);
	return r == -ENOENT ? err_say(e, ESRCH, "container '%s' is not running", l.name) : r;
}
