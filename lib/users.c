#include "lib/users.h"

#include "lib/fd.h"
#include "lib/file.h"
#include "lib/sha256.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* What a link is called: digits that stand for the path. */
struct link_name {
	char text[17];
};

static struct link_name link_of(const char *path)
{
	struct sha256_text digest = sha256_of(path, strlen(path));
	struct link_name name;

	snprintf(name.text, sizeof(name.text), "%.16s", strchr(digest.text, ':') + 1);
	return name;
}

int users_list(int dir, bool sweep, struct arena *a, const char ***ret, size_t *ret_n, struct err *e)
{
	int links = openat(dir, USERS_DIRECTORY, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	DIR *d = links < 0 ? NULL : fdopendir(links);
	const char **users = NULL;
	size_t n_users = 0;
	char to[PATH_MAX];

	if (!d) {
		close_fd(&links);
		return err_set(e, errno, "read '" USERS_DIRECTORY "'");
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

int users_add(int dir, const char *path, struct err *e)
{
	char link[sizeof(USERS_DIRECTORY "/") + sizeof(struct link_name)];

	snprintf(link, sizeof(link), USERS_DIRECTORY "/%s", link_of(path).text);
	return symlinkat(path, dir, link) < 0 && errno != EEXIST ? err_set(e, errno, "note who uses it") : 0;
}
