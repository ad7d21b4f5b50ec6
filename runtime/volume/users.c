#include "runtime/volume/users.h"

#include "lib/fd.h"
#include "lib/file.h"
#include "lib/sha256.h"
#include "runtime/volume/volume.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* What a link is called: digits that stand for the container's directory. */
struct link_name {
	char text[17];
};

static struct link_name link_of(const char *dir)
{
	struct sha256_text digest = sha256_of(dir, strlen(dir));
	struct link_name name;

	snprintf(name.text, sizeof(name.text), "%.16s", strchr(digest.text, ':') + 1);
	return name;
}

int volume_users(int dir, bool sweep, struct arena *a, const char ***ret, size_t *ret_n, struct err *e)
{
	int links = openat(dir, VOLUME_USERS, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	DIR *d = links < 0 ? NULL : fdopendir(links);
	const char **users = NULL;
	size_t n_users = 0;
	char to[PATH_MAX];

	if (!d) {
		close_fd(&links);
		return err_set(e, errno, "read '" VOLUME_USERS "'");
	}
	for (struct dirent *ent; (ent = readdir(d));) {
		ssize_t n = readlinkat(links, ent->d_name, to, sizeof(to) - 1);
		if (n < 0)
			continue;
		to[n] = '\0';
		bool over = path_is_gone(to);
		if (over && sweep)
			unlinkat(links, ent->d_name, 0);
		if (!over)
			*arena_push(a, &users, &n_users) = arena_strdup(a, to);
	}
	closedir(d);
	*ret = users;
	*ret_n = n_users;
	return 0;
}

int volume_use(struct volumes *v, const char *name, const char *dir, struct arena *a, bool *ret_first, struct err *e)
{
	cleanup_close int volume = openat(v->dir, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	const char **users;
	size_t n;

	if (volume < 0)
		return err_set(e, errno, "volume '%s'", name);
	if (volume_users(volume, true, a, &users, &n, e) < 0)
		return err_wrap(e, "volume '%s'", name);
	*ret_first = n == 0 || (n == 1 && strcmp(users[0], dir) == 0);
	const char *path = arena_printf(a, VOLUME_USERS "/%s", link_of(dir).text);
	if (symlinkat(dir, volume, path) < 0 && errno != EEXIST)
		return err_set(e, errno, "volume '%s': note who uses it", name);
	return take_fd(&volume);
}
