#include "lib/fd.h"
#include "runtime/lifecycle.h"
#include "runtime/log.h"
#include "runtime/start.h"
#include "runtime/supervise/supervise.h"

#include <errno.h>

static bool is_launched(struct runtime *rt, const char *id, struct launched *ret)
{
	struct err none = ERR_INIT;

	return launched_find_id(rt, id, ret, &none) == 0;
}

int lifecycle_delete(struct runtime *rt, const char *id, bool force, struct err *e)
{
	cleanup_container struct container c = CONTAINER_INIT;
	enum container_status status;
	struct spec *spec;
	struct err no_config = ERR_INIT;
	struct launched l;

	/* By its whole name or id: what is deleted is not guessed at. */
	const char *launched = launched_id(rt, id);
	if (launched)
		id = launched;
	int r = container_open(rt, id, true, &c, e);
	if (r == -ENOENT && is_launched(rt, id, &l))
		return supervise_remove(rt, &l, force, e);
	if (r == -ENOENT && force)
		return 0;
	if (r == -ENOENT)
		return container_hint(rt, id, e);
	if (r < 0 || container_status(rt, &c, &status, e) < 0)
		return -e->code;
	if (status != STATUS_STOPPED && status != STATUS_CREATED && !force)
		return err_say(e, EBUSY, "cannot delete container %s that is not stopped: %s", id,
			       container_status_name(status));
	if (c.launched && is_launched(rt, id, &l)) {
		container_close(&c); /* its supervisor may have to note its end first */
		return supervise_remove(rt, &l, force, e);
	}

	/* A damaged configuration must not keep the container from being deleted. */
	bool readable = container_load_config(&c, &rt->arena, &spec, &no_config) == 0;
	log_debug("container '%s': delete", id);
	if (container_remove(rt, &c, NULL, e) < 0)
		return err_wrap(e, "delete container '%s'", id);
	if (readable)
		poststop_hooks(&c, spec);
	return 0;
}
