/* Which CRIU is used. */
#include "checkpoint/checkpoint.h"

#include "lib/file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { CONF_MAX = 64 * 1024 };

static int check(const char *path, const char *whence, struct err *e)
{
	if (access(path, X_OK) < 0)
		return err_set(e, errno, "%s: '%s'", whence, path);
	return 0;
}

/* The first line that is neither empty nor a comment; NULL without one. */
static int read_conf(struct arena *a, const char **ret, struct err *e)
{
	cleanup_buf struct buf b = BUF_INIT;
	char *save;

	*ret = NULL;
	int r = file_read_at(AT_FDCWD, CRIU_CONF, CONF_MAX, &b, e);
	if (r < 0)
		return r == -ENOENT ? 0 : r;
	for (char *line = b.data ? strtok_r(b.data, "\n", &save) : NULL; line; line = strtok_r(NULL, "\n", &save)) {
		line += strspn(line, " \t");
		line[strcspn(line, " \t\r")] = '\0';
		if (!*line || *line == '#')
			continue;
		*ret = arena_strdup(a, line);
		return *line == '/' ? 0 : err_say(e, EINVAL, "'" CRIU_CONF "': '%s' is no absolute path", line);
	}
	return 0;
}

const char *program_in(const char *path, const char *name, struct arena *a)
{
	for (size_t n; path && *path; path += n + (path[n] == ':')) {
		n = strcspn(path, ":");
		const char *file = arena_printf(a, "%.*s/%s", (int)n, path, name);
		if (n > 0 && access(file, X_OK) == 0)
			return file;
	}
	return NULL;
}

static int find_in_path(struct arena *a, const char **ret, struct err *e)
{
	const char *path = getenv("PATH");

	if (!path || !*path)
		path = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
	*ret = program_in(path, "criu", a);
	/* Debian has it where an ordinary user's PATH does not lead. */
	if (!*ret)
		*ret = program_in("/usr/sbin", "criu", a);
	return *ret ? 0 : err_say(e, ENOENT, "criu is not in PATH: install the package criu, or name the program by --criu, "
				  "FERRY_CRIU or '" CRIU_CONF "'");
}

int criu_find(const char *given, struct arena *a, const char **ret, struct err *e)
{
	const char *from_env = getenv("FERRY_CRIU"), *from_conf;

	if (given)
		return *ret = given, check(given, "--criu", e);
	if (from_env && *from_env)
		return *ret = from_env, check(from_env, "FERRY_CRIU", e);
	if (read_conf(a, &from_conf, e) < 0)
		return -e->code;
	if (from_conf)
		return *ret = from_conf, check(from_conf, CRIU_CONF, e);
	return find_in_path(a, ret, e);
}
