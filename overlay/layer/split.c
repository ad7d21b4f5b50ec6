/* The archive of an image, taken apart. */
#include "overlay/layer/worker.h"

#include "lib/fd.h"

#include <errno.h>
#include <sys/stat.h>

/* A root file system's: it is for its caller to unpack that. */
static int not_an_image(const struct name *n, struct err *e)
{
	return err_say(e, EMEDIUMTYPE, "'%s' is not a file of an image's archive", n->path);
}

static int split_member(struct tree *t, struct input *in, const struct name *n, struct archive_entry *what,
			struct err *e)
{
	const char *link = archive_entry_hardlink(what);
	cleanup_close int fd = -1;

	if (tree_enter(t, n->path, n->dir_len, true, e) < 0)
		return -e->code;
	if (link)
		return unpack_link(t, n, link, e);
	switch (archive_entry_filetype(what)) {
	case AE_IFDIR:
		return mkdirat(t->parent, n->base, 0700) == 0 || errno == EEXIST ? 0 : err_set(e, errno, "make it");
	case AE_IFREG:
		archive_entry_set_perm(what, 0600);
		return unpack_content(t, in, n->base, what, &fd, e);
	case AE_IFLNK:
		return unpack_content(t, in, n->base, what, &fd, e);
	default:
		return not_an_image(n, e);
	}
}

int layer_split(const struct layer_job *j, struct layer_result *ret, struct err *e)
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
		if (!*n.path)
			continue;
		if (!layer_is_image_member(n.path))
			return not_an_image(&n, e);
		if (split_member(&t, &in, &n, what, e) < 0)
			return err_wrap(e, "%s", n.path);
	}
	return r < 0 ? r : input_end(&in, ret, e);
}
