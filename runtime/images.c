#include "runtime/images.h"

#include "runtime/launch/launched.h"
#include "runtime/log.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

int images_path(struct runtime *rt, const char **ret, struct err *e)
{
	const char *path = rt->image_store ? rt->image_store : getenv("FERRY_IMAGE_STORE");
	char cwd[4096];

	if (!path || !*path) {
		path = runtime_data_path(rt, "images");
		if (!path)
			return err_say(e, EINVAL, "HOME is not set: say --image-store where images may be kept");
	} else if (path[0] != '/') {
		if (!getcwd(cwd, sizeof(cwd)))
			return err_set(e, errno, "find the current directory");
		path = arena_printf(&rt->arena, "%s/%s", cwd, path);
	}
	*ret = path;
	return 0;
}

int images_open(struct runtime *rt, bool make, struct store *ret, struct err *e)
{
	const char *path;

	int r = images_path(rt, &path, e);
	if (r < 0)
		return r;
	r = store_open(path, make, &rt->arena, ret, e);
	if (r == -ENOENT)
		return err_say(e, ENOENT, "there are no images in '%s' yet: 'ferry image import' adds one from a file, "
			       "'ferry image pull' from a registry", path);
	return r;
}

const char *images_user(const struct launched *all, size_t n, const char *digest)
{
	for (size_t i = 0; i < n; i++)
		if (all[i].image_digest && strcmp(all[i].image_digest, digest) == 0)
			return all[i].name;
	return NULL;
}

int images_lock_alone(struct store *s, struct err *e)
{
	int r = store_try_lock_alone(s, e);

	if (r != 0)
		return r;
	log_warn("waiting for the commands that are adding or using images at the moment");
	return store_lock_alone(s, e);
}

int images_sweep(struct runtime *rt, struct store *s, struct store_prune *p, struct err *e)
{
	const char **digests = NULL, **layers = NULL;
	struct launched *all = NULL;
	size_t n = 0;

	if (launched_list_all(rt, &all, &n, e) < 0)
		return -e->code;
	p->n_digests = p->n_layers = 0;
	for (size_t i = 0; i < n; i++) {
		if (all[i].image_digest)
			*arena_push(&rt->arena, &digests, &p->n_digests) = all[i].image_digest;
		for (size_t k = 0; k < all[i].n_layers; k++)
			*arena_push(&rt->arena, &layers, &p->n_layers) = all[i].layers[k];
	}
	p->digests = digests;
	p->layers = layers;
	return store_sweep(s, p, e);
}
