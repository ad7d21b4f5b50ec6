/* Who depends on a snapshot. Links say who may; whether they do, their own documents say. */
#include "runtime/clone/clone.h"

#include "lib/fd.h"
#include "lib/file.h"
#include "lib/text.h"
#include "lib/users.h"
#include "runtime/launch/launched_name.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define DOCUMENT_END ".json"

/* NULL: another has that name now. What cannot be read may be one. */
static const char *template_user(struct runtime *rt, const char *path, const char *snapshot)
{
	const char *file = strrchr(path, '/') + 1;
	const char *name = arena_strndup(&rt->arena, file, strlen(file) - strlen(DOCUMENT_END));
	struct err why = ERR_INIT;
	struct template t;

	if (template_load(rt, name, &t, &why) == 0 && strcmp(t.snapshot, snapshot) != 0)
		return NULL;
	return why.code == ENOENT ? NULL : arena_printf(&rt->arena, "template '%s'", name);
}

static const char *clone_user(struct runtime *rt, const char *path, const char *snapshot)
{
	cleanup_close int dir = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	struct launched l = { .id = strrchr(path, '/') + 1, .name = strrchr(path, '/') + 1, .dir = path };
	struct err why = ERR_INIT;

	if (dir < 0)
		return NULL;
	if (launched_load(dir, &l, &rt->arena, &why) < 0) /* it is just being made, or cannot be read */
		return arena_printf(&rt->arena, "container '%s'", l.name);
	return l.cloned_from && strcmp(l.cloned_from, snapshot) == 0 ?
		       arena_printf(&rt->arena, "container '%s'", launched_name(rt, &l)) : NULL;
}

const char *clone_shared_path(const char *dir, struct arena *a)
{
	const char *name = strrchr(dir, '/') + 1;

	return arena_printf(a, "%.*s" SNAPSHOTS_CLONES "/%s", (int)(name - dir), dir, name);
}

int clone_users(struct runtime *rt, const char *dir, const char ***ret, size_t *ret_n, struct err *e)
{
	const char *shared = clone_shared_path(dir, &rt->arena);
	cleanup_close int fd = open(shared, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	const char **paths, **users = NULL;
	size_t n_paths, n = 0;

	*ret = NULL;
	*ret_n = 0;
	if (fd < 0)
		return errno == ENOENT ? 0 : err_set(e, errno, "open '%s'", shared);
	if (faccessat(fd, USERS_DIRECTORY, F_OK, AT_SYMLINK_NOFOLLOW) < 0)
		return errno == ENOENT ? 0 : err_set(e, errno, "'%s/" USERS_DIRECTORY "'", shared);
	if (users_list(fd, false, &rt->arena, &paths, &n_paths, e) < 0)
		return err_wrap(e, "'%s'", shared);
	for (size_t i = 0; i < n_paths; i++) {
		const char *user = text_ends_with(paths[i], DOCUMENT_END) ? template_user(rt, paths[i], dir) : clone_user(rt, paths[i], dir);
		if (user)
			*arena_push(&rt->arena, &users, &n) = user;
	}
	*ret = users;
	*ret_n = n;
	return 0;
}

int clone_check_unused(struct runtime *rt, const char *dir, const char *what, struct err *e)
{
	enum { NAMED_MAX = 5 };
	const char **users, *text = "";
	size_t n;

	if (clone_users(rt, dir, &users, &n, e) < 0)
		return -e->code;
	if (n == 0)
		return 0;
	for (size_t i = 0; i < n && i < NAMED_MAX; i++)
		text = arena_printf(&rt->arena, "%s%s%s", text, i ? ", " : "", users[i]);
	if (n > NAMED_MAX)
		text = arena_printf(&rt->arena, "%s and %zu more", text, n - NAMED_MAX);
	return err_say(e, EBUSY, "%s cannot be removed, since %s depend%s on it: remove what does first", what, text,
		       n == 1 ? "s" : "");
}

struct checking {
	struct runtime *rt;
	const struct launched *l;
};

static int check_one(int dir, const char *snapshot, unsigned char type, void *data, struct err *e)
{
	const struct checking *c = data;
	struct arena *a = &c->rt->arena;

	(void)dir, (void)type;
	return clone_check_unused(c->rt, arena_printf(a, "%s/%s", snapshots_path(c->l, a), snapshot),
				  arena_printf(a, "container '%s'", c->l->name), e);
}

int clone_check_container(struct runtime *rt, const struct launched *l, struct snapshots *ret, struct err *e)
{
	struct checking c = { .rt = rt, .l = l };

	if (snapshots_open(rt, l, SNAPSHOTS_CHANGE, ret, e) < 0)
		return -e->code;
	if (ret->dir < 0)
		return 0;
	cleanup_close int clones = openat(ret->dir, SNAPSHOTS_CLONES, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (clones < 0)
		return errno == ENOENT ? 0 : err_set(e, errno, "open '" SNAPSHOTS_CLONES "'");
	return dir_each(clones, check_one, &c, e);
}
