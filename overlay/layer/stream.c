/*
 * Archives in which names mean what they say: of a container's files, as people make and unpack them, where what is there already
 * is the container's, which may run meanwhile; and of a directory that is made anew from what LAYER_SAVE has written.
 */
#include "overlay/layer/worker.h"

#include "lib/file.h"

#include <errno.h>
#include <string.h>

/* Devices would be a container's way to more than it was given. */
static bool is_left_out(const struct tree *t, struct archive_entry *what)
{
	mode_t type = archive_entry_filetype(what);

	if (t->whole)
		return false;
	return type == AE_IFCHR || type == AE_IFBLK || type == AE_IFSOCK;
}

int layer_extract(const struct layer_job *j, struct layer_result *ret, struct err *e)
{
	cleanup_input struct input in = INPUT_INIT;
	cleanup_tree struct tree t = TREE_INIT;
	struct archive_entry *what;
	struct name n;
	int r;

	if (input_begin(j, &in, e) < 0 || tree_begin(j, &t, e) < 0)
		return -e->code;
	while ((r = input_next(&in, &what, e)) > 0) {
		if (name_parse_plain(archive_entry_pathname(what), &n, e) < 0)
			return -e->code;
		/* The directory itself is there, and stays as it is. */
		if (*n.path && !is_left_out(&t, what) && unpack_named(&t, &in, &n, what, e) < 0)
			return err_wrap(e, "%s", n.path);
	}
	return r < 0 || tree_leave(&t, e) < 0 ? -e->code : input_end(&in, ret, e);
}
