#include "runtime/volume/volume.h"

#include "lib/fd.h"
#include "lib/file.h"
#include "lib/json.h"
#include "lib/near.h"
#include "lib/users.h"
#include "runtime/log.h"
#include "spec/decode.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#define DOCUMENT "volume.json"
#define NEW ".new"
#define GONE ".gone"

enum { DOCUMENT_MAX = 1 << 20 };

/* ---- where ---- */

const char *volumes_path(struct runtime *rt)
{
	const char *path = getenv("FERRY_VOLUME_STORE");
	char real[PATH_MAX];

	if (!path || !*path)
		return runtime_data_path(rt, "volumes");
	if (path[0] == '/')
		return path;
	return getcwd(real, sizeof(real)) ? arena_printf(&rt->arena, "%s/%s", real, path) : NULL;
}

const char *volume_data(const char *path, const char *name, struct arena *a)
{
	return arena_printf(a, "%s/%s/" VOLUME_DATA, path, name);
}

const char *volume_of_data(const char *path, const char *data, struct arena *a)
{
	size_t len = strlen(path);
	const char *name = strncmp(data, path, len) == 0 && data[len] == '/' ? data + len + 1 : "";
	const char *slash = strchr(name, '/');

	return slash && strcmp(slash, "/" VOLUME_DATA) == 0 ? arena_strndup(a, name, (size_t)(slash - name)) : NULL;
}

bool volume_is_name(const char *text)
{
	static const char all[] = "_.-ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
	size_t len = strlen(text);

	return len > 0 && len <= NAME_MAX && strchr(all + 3, *text) && strspn(text, all) == len;
}

int volumes_open(struct runtime *rt, bool make, struct volumes *ret, struct err *e)
{
	const char *path = volumes_path(rt);

	if (!path)
		return err_say(e, EINVAL, "HOME is not set: say where volumes may be kept in FERRY_VOLUME_STORE");
	if (make && mkdir_parents(path, 0700, e) < 0)
		return -e->code;
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return err_set(e, errno, "open '%s'", path);
	*ret = (struct volumes){ path, fd };
	return 0;
}

void volumes_close(struct volumes *v)
{
	close_fd(&v->dir);
}

int volumes_lock(struct volumes *v, struct err *e)
{
	int r;

	do
		r = flock(v->dir, LOCK_EX);
	while (r < 0 && errno == EINTR);
	return r < 0 ? err_set(e, errno, "lock '%s'", v->path) : 0;
}

/* ---- reading ---- */

#define VOLUME(member) AT(struct volume, member)
static const struct field fields[] = {
	{ "created", FIELD_STRING, VOLUME(created), .required = true },
	{ "anonymous", FIELD_BOOL, VOLUME(anonymous) },
	{ "labels", FIELD_PAIRS, VOLUME(labels), COUNT(struct volume, n_labels) },
};
static const struct object volume_object = { FIELDS(fields) };

static int load(const struct volumes *v, const char *name, struct arena *a, struct volume *ret, struct err *e)
{
	cleanup_close int dir = openat(v->dir, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	cleanup_buf struct buf text = BUF_INIT;
	struct volume found = { .name = arena_strdup(a, name), .data = volume_data(v->path, name, a) };

	if (dir < 0)
		return err_set(e, errno, "open it");
	if (file_read_at(dir, DOCUMENT, DOCUMENT_MAX, &text, e) < 0)
		return -e->code;
	if (decode_document(buf_text(&text), text.len, &volume_object, a, &found, e) < 0)
		return err_wrap(e, DOCUMENT);
	if (users_list(dir, false, a, &found.users, &found.n_users, e) < 0)
		return -e->code;
	*ret = found;
	return 0;
}

static int by_name(const void *a, const void *b)
{
	return strcmp(((const struct volume *)a)->name, ((const struct volume *)b)->name);
}

int volumes_list(const struct volumes *v, struct arena *a, struct volume **ret, size_t *ret_n, struct err *e)
{
	int copy = openat(v->dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *d = copy < 0 ? NULL : fdopendir(copy);
	struct volume *all = NULL, one;
	size_t n = 0;

	if (!d) {
		close_fd(&copy);
		return err_set(e, errno, "read '%s'", v->path);
	}
	for (struct dirent *ent; (ent = readdir(d));) {
		struct err why = ERR_INIT;
		int r = volume_is_name(ent->d_name) ? load(v, ent->d_name, a, &one, &why) : -ENOENT;
		if (r == 0)
			*arena_push(a, &all, &n) = one;
		else if (r != -ENOENT && r != -ENOTDIR)
			log_warn("volume '%s': %s", ent->d_name, why.msg);
	}
	closedir(d);
	if (n)
		qsort(all, n, sizeof(*all), by_name);
	*ret = all;
	*ret_n = n;
	return 0;
}

static int unknown(const struct volumes *v, const char *name, struct arena *a, struct err *e)
{
	struct near near = { .word = name };
	struct volume *all;
	size_t n;

	if (volumes_list(v, a, &all, &n, e) < 0)
		return -e->code;
	for (size_t i = 0; i < n; i++)
		near_offer(&near, all[i].name, all[i].name);
	return err_say(e, ENOENT, "no volume \"%s\"%s", name, near_hint(&near, a));
}

int volume_find(const struct volumes *v, const char *name, struct arena *a, struct volume *ret, struct err *e)
{
	int r = volume_is_name(name) ? load(v, name, a, ret, e) : -ENOENT;

	if (r == -ENOENT || r == -ENOTDIR)
		return unknown(v, name, a, e);
	return r < 0 ? err_wrap(e, "volume '%s'", name) : 0;
}

/* ---- making and removing ---- */

static int write_document(int dir, const struct volume *what, struct err *e)
{
	cleanup_buf struct buf b = BUF_INIT;
	struct json_writer w = { .out = &b, .pretty = true };

	json_begin_object(&w, NULL);
	json_string(&w, "created", what->created);
	json_bool(&w, "anonymous", what->anonymous);
	json_begin_object(&w, "labels");
	for (size_t i = 0; i < what->n_labels; i++)
		json_string(&w, what->labels[i].key, what->labels[i].value);
	json_end_object(&w);
	json_end_object(&w);
	buf_char(&b, '\n');
	return file_replace_at(dir, DOCUMENT, 0600, b.data, b.len, e);
}

static int make_in(int dir, const struct volume *what, struct err *e)
{
	if (mkdirat(dir, VOLUME_DATA, 0755) < 0 || fchmodat(dir, VOLUME_DATA, 0755, 0) < 0)
		return err_set(e, errno, "create '" VOLUME_DATA "'");
	if (mkdirat(dir, USERS_DIRECTORY, 0700) < 0)
		return err_set(e, errno, "create '" USERS_DIRECTORY "'");
	return write_document(dir, what, e);
}

int volume_make(struct volumes *v, const struct volume *what, struct err *e)
{
	struct err ignored = ERR_INIT;
	struct stat st;

	if (!volume_is_name(what->name))
		return err_say(e, EINVAL,
			       "'%s' is no name for a volume: letters, digits, and after the first '_', '.' and '-'",
			       what->name);
	if (fstatat(v->dir, what->name, &st, AT_SYMLINK_NOFOLLOW) == 0)
		return 0;
	/* Without the users' own namespace it may be beyond us; `rm` and `prune` come again. */
	remove_tree_at(v->dir, GONE, &ignored);
	if (remove_tree_at(v->dir, NEW, e) < 0)
		return -e->code;
	if (mkdirat(v->dir, NEW, 0700) < 0)
		return err_set(e, errno, "create volume '%s'", what->name);
	cleanup_close int dir = openat(v->dir, NEW, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (dir < 0)
		return err_set(e, errno, "create volume '%s'", what->name);
	int r = make_in(dir, what, e);
	if (r >= 0 && renameat2(v->dir, NEW, v->dir, what->name, RENAME_NOREPLACE) < 0)
		r = err_set(e, errno, "give it its name");
	if (r >= 0)
		return 1;
	remove_tree_at(v->dir, NEW, &ignored);
	return err_wrap(e, "create volume '%s'", what->name);
}

int volume_remove(struct volumes *v, const char *name, struct err *e)
{
	if (remove_tree_at(v->dir, GONE, e) < 0)
		return -e->code;
	if (renameat2(v->dir, name, v->dir, GONE, RENAME_NOREPLACE) < 0)
		return err_set(e, errno, "remove volume '%s'", name);
	return remove_tree_at(v->dir, GONE, e) < 0 ? err_wrap(e, "remove volume '%s'", name) : 0;
}

int volume_use(struct volumes *v, const char *name, const char *dir, struct arena *a, bool *ret_first, struct err *e)
{
	cleanup_close int volume = openat(v->dir, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	const char **users;
	size_t n;

	if (volume < 0)
		return err_set(e, errno, "volume '%s'", name);
	if (users_list(volume, true, a, &users, &n, e) < 0)
		return err_wrap(e, "volume '%s'", name);
	*ret_first = n == 0 || (n == 1 && strcmp(users[0], dir) == 0);
	if (users_add(volume, dir, e) < 0)
		return err_wrap(e, "volume '%s'", name);
	return take_fd(&volume);
}
