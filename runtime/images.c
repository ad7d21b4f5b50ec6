#include "runtime/images.h"

#include "runtime/log.h"

#include <errno.h>
#include <stdlib.h>
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
	if (r == -ENOENT && !make)
		return err_say(e, ENOENT, "there are no images in '%s' yet: 'ferry image import' adds one from a file, "
			       "'ferry image pull' from a registry", path);
	return r;
}

void images_unuse(struct runtime *rt, const char *dir)
{
	struct err ignored = ERR_INIT;
	const char *store;

	if (images_path(rt, &store, &ignored) == 0)
		store_unuse(store, dir, &ignored);
}

int images_lock_alone(struct store *s, struct err *e)
{
	int r = store_try_lock_alone(s, e);

	if (r != 0)
		return r;
	log_warn("waiting for the commands that are adding or using images at the moment");
	return store_lock_alone(s, e);
}
