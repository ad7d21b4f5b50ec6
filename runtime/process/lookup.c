#include "runtime/process/steps.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Go's spelling, which is what engines look for: all lower case. */
static const char *reason(int code, char text[128])
{
	snprintf(text, 128, "%s", strerror(code));
	text[0] = (char)tolower((unsigned char)text[0]);
	return text;
}

static int say_why(const char *name, int code, struct err *e)
{
	char text[128];

	/* "permission denied" is what engines turn into exit code 126. */
	if (code == EISDIR)
		return err_say(e, EACCES, "exec: \"%s\": is a directory: permission denied", name);
	if (code == EACCES || code == EPERM)
		return err_say(e, code, "exec: \"%s\": %s", name, reason(code, text));
	if (*name && strchr(name, '/'))
		return err_say(e, code, "exec: \"%s\": stat %s: %s", name, name, reason(code, text));
	if (code == ENOENT || code == ENOTDIR)
		return err_say(e, ENOENT, "exec: \"%s\": executable file not found in $PATH", name);
	return err_say(e, code, "exec: \"%s\": %s", name, reason(code, text));
}

static int lookup_failed(const char *name, int code, struct err *e)
{
	say_why(name, code, e);
	e->exec = true;
	return -e->code;
}

int lookup_exec_failed(const char *program, int code, struct err *e)
{
	char text[128];

	err_say(e, code, "exec %s: %s", program, reason(code, text));
	e->exec = true;
	return -e->code;
}

/* 0, or what execve would say. */
static int try(const char *path)
{
	struct stat st;

	if (stat(path, &st) < 0)
		return errno;
	if (S_ISDIR(st.st_mode))
		return EISDIR;
	if (!S_ISREG(st.st_mode) || !(st.st_mode & 0111))
		return EACCES;
	return 0;
}

/* As execvp: a candidate that may not be executed is passed over, but remembered for the error. */
static int search_path(const char *name, const char *path, char ret[PATH_MAX], struct err *e)
{
	int code = ENOENT;

	for (const char *dir = path;; dir++) {
		size_t n = strcspn(dir, ":");
		int len = snprintf(ret, PATH_MAX, "%.*s%s%s", (int)n, dir, n ? "/" : "./", name);
		if (n < PATH_MAX && len < PATH_MAX) {
			int r = try(ret);
			if (r == 0)
				return 0;
			if (r == EACCES)
				code = r;
		}
		dir += n;
		if (!*dir)
			break;
	}
	ret[0] = '\0';
	return lookup_failed(name, code, e);
}

int lookup_program(const char *name, const char *const *env, char ret[PATH_MAX], struct err *e)
{
	const char *path = env_find(env, "PATH");

	if (!*name)
		return lookup_failed(name, ENOENT, e);
	if (!strchr(name, '/'))
		return search_path(name, path ? path : "/bin:/usr/bin", ret, e);

	int code = strlen(name) < PATH_MAX ? try(name) : ENAMETOOLONG;
	if (code)
		return lookup_failed(name, code, e);
	strcpy(ret, name);
	return 0;
}
