/* Writing what resources.c planned, and saying why a file is not there. */
#include "cgroups/resources.h"

#include "lib/file.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

uint32_t writes_controllers(const struct cgroup_writes *w)
{
	uint32_t set = 0;

	for (size_t i = 0; i < w->n; i++)
		if (!w->item[i].optional)
			set |= controller_of_file(w->item[i].file);
	return set;
}

int writes_check(const struct cgroup_writes *w, const struct cgroup_host *h, struct err *e)
{
	uint32_t offered = controllers_parse(h->controllers);

	for (size_t i = 0; i < w->n; i++) {
		uint32_t missing = controller_of_file(w->item[i].file) & ~offered;
		if (w->item[i].optional || (h->mountpoint && !missing))
			continue;
		if (!h->mountpoint)
			return err_say(e, ENOTSUP, "%s: no cgroup v2 hierarchy is mounted on this host",
				       w->item[i].what);
		return err_say(e, ENOTSUP, "%s: this host's cgroup v2 hierarchy at '%s' has no %s controller%s",
			       w->item[i].what, h->mountpoint, controller_name(missing),
			       h->hybrid ? " (hybrid mode: version 1 holds it)" : "");
	}
	return 0;
}

/* As the other files of the same controller would be there if it were enabled. */
static int explain_missing(int dir, const struct cgroup_write *w, struct err *e)
{
	cleanup_buf struct buf b = BUF_INIT;
	uint32_t bit = controller_of_file(w->file);
	struct err ignored = ERR_INIT;

	if (bit && file_read_at(dir, "cgroup.controllers", 4096, &b, &ignored) >= 0 &&
	    !(controllers_parse(buf_text(&b)) & bit))
		return err_say(e, ENOTSUP, "%s: the %s controller is not enabled in the container's cgroup", w->what,
			       controller_name(bit));
	return err_say(e, ENOTSUP, "%s: this kernel has no '%s'", w->what, w->or_file ? w->or_file : w->file);
}

int write_apply(int dir, const struct cgroup_write *w, struct err *e)
{
	int r = file_write_at(dir, w->file, w->value, e);
	/* A file that is not in a cgroup cannot be made there either: EACCES and EPERM would be of the file. */
	if (r == -ENOENT && w->or_file)
		r = file_write_at(dir, w->or_file, w->or_value, e);
	if (r == -ENOENT && faccessat(dir, w->or_file ? w->or_file : w->file, F_OK, 0) < 0)
		return w->optional ? 0 : explain_missing(dir, w, e);
	if (r < 0)
		return err_wrap(e, "%s", w->what);
	return 0;
}

int writes_apply(int dir, const struct cgroup_writes *w, struct err *e)
{
	for (size_t i = 0; i < w->n; i++)
		if (write_apply(dir, &w->item[i], e) < 0)
			return -e->code;
	return 0;
}
