/* Containers by what people call them. */
#include "runtime/container.h"
#include "runtime/launch/launched.h"

#include <errno.h>

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
		return r; /* in the words that engines know */
	if (found < 0) {
		*e = why;
		return found;
	}
	r = container_open(rt, l.id, lock, ret, e);
	return r == -ENOENT ? err_say(e, ESRCH, "container '%s' is not running", l.name) : r;
}
