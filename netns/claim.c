#include "netns/claim.h"

#include "lib/fd.h"
#include "netns/endpoint.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct claim_path claim_path(const char *fmt, ...)
{
	struct claim_path p;
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(p.path, sizeof(p.path), fmt, ap);
	va_end(ap);
	return p;
}

void claim_make_above(int state, const char *path)
{
	char part[sizeof(struct claim_path)];
	mode_t old = umask(0); /* the resolver is not root, and reads what is below */

	snprintf(part, sizeof(part), "%s", path);
	for (char *slash = strchr(part, '/'); slash; slash = strchr(slash + 1, '/')) {
		*slash = '\0';
		mkdirat(state, part, 0755);
		*slash = '/';
	}
	umask(old);
}

int claim_make(int state, const char *path, const char *target, struct err *e)
{
	/* Whoever goes may remove the directory again right after it was made. */
	for (int tries = 0; symlinkat(target, state, path) < 0; tries++) {
		if (errno == EEXIST)
			return -EEXIST;
		if (errno != ENOENT || tries == 1000)
			return err_set(e, errno, "create '%s'", path);
		claim_make_above(state, path);
	}
	return 0;
}

bool claim_read(int state, const char *path, char *ret, size_t room)
{
	ssize_t n = readlinkat(state, path, ret, room);

	if (n < 0 || (size_t)n >= room)
		return false;
	ret[n] = '\0';
	return true;
}

bool claim_is(int state, const char *path, const char *target)
{
	char there[NAME_MAX + 1];

	return claim_read(state, path, there, sizeof(there)) && strcmp(there, target) == 0;
}

int claim_drop(int state, const char *path, const char *target, struct err *e)
{
	if (claim_is(state, path, target) && unlinkat(state, path, 0) < 0 && errno != ENOENT)
		return err_set(e, errno, "remove '%s'", path);
	return 0;
}

void claim_drop_directory(int state, const char *path)
{
	unlinkat(state, path, AT_REMOVEDIR);
}

const char *claim_holder(const struct net *n, const char *key, struct arena *a)
{
	const char *owner = endpoint_owner(n, key, a);
	struct net_endpoint x = { 0 };
	struct err ignored = ERR_INIT;

	if (!owner)
		return "a container that is gone ('ferry network reload' drops what it had)";
	endpoint_load(n, key, a, &x, &ignored);
	const char *slash = strrchr(owner, '/');
	return arena_printf(a, "the container \"%s\"", x.name ? x.name : slash ? slash + 1 : owner);
}

int claim_each(int state, const char *path, claim_each_fn *each, void *data, struct err *e)
{
	char target[NAME_MAX + 1];
	int fd = openat(state, path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC), r = 0;
	DIR *d = fd < 0 ? NULL : fdopendir(fd);

	if (fd < 0)
		return errno == ENOENT ? 0 : err_set(e, errno, "open '%s'", path);
	if (!d) {
		close_fd(&fd);
		return err_set(e, errno, "read '%s'", path);
	}
	for (struct dirent *ent; r >= 0 && (errno = 0, ent = readdir(d));) {
		if (ent->d_name[0] == '.')
			continue;
		if (!claim_read(fd, ent->d_name, target, sizeof(target)))
			target[0] = '\0';
		r = each(ent->d_name, target, data, e);
	}
	if (r >= 0 && errno)
		r = err_set(e, errno, "read '%s'", path);
	closedir(d);
	return r;
}
