#include "overlay/image/found.h"

#include <errno.h>
#include <string.h>

const char *found_blob_path(const char *digest, struct arena *a)
{
	return arena_printf(a, "blobs/sha256/%s", strchr(digest, ':') + 1);
}

void found_name(struct found_image *i, struct arena *a, const char *name)
{
	for (size_t k = 0; k < i->n_names; k++)
		if (strcmp(i->names[k], name) == 0)
			return;
	*arena_push(a, &i->names, &i->n_names) = name;
}

int found_names(const char *const *names, size_t n, struct arena *a, const char ***ret, size_t *ret_n, struct err *e)
{
	struct found_image full = { 0 };

	for (size_t i = 0; i < n; i++) {
		struct image_reference r;
		if (image_reference_parse(names[i], a, &r, e) < 0)
			return -e->code;
		if (r.digest)
			return err_say(e, EINVAL, "name '%s': a digest is not given, it comes of the image", names[i]);
		found_name(&full, a, image_reference_text(&r, a));
	}
	*ret = full.names;
	*ret_n = full.n_names;
	return 0;
}
