#include "lib/file.h"
#include "runtime/launch/launch.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>

extern char **environ;

enum { PASSWD_MAX = 16 * 1024 * 1024 };

/* A missing file is an empty one. */
static int read_text(const char *path, struct arena *a, const char **ret, struct err *e)
{
	cleanup_buf struct buf b = BUF_INIT;
	int r = file_read_at(AT_FDCWD, path, PASSWD_MAX, &b, e);

	if (r < 0 && r != -ENOENT)
		return r;
	*ret = arena_strdup(a, buf_text(&b));
	return 0;
}

/* The first range that /etc/subuid or /etc/subgid gives to the user: "NAME-OR-UID:START:COUNT". */
static struct spec_idmap find_range(const char *text, const char *name, uid_t uid)
{
	char who[256];
	unsigned start, size;

	for (const char *line = text; *line; line += strcspn(line, "\n"), line += *line == '\n') {
		if (sscanf(line, "%255[^:\n]:%u:%u", who, &start, &size) != 3 || size == 0)
			continue;
		char number[16];
		snprintf(number, sizeof(number), "%u", (unsigned)uid);
		if ((name && strcmp(who, name) == 0) || strcmp(who, number) == 0)
			return (struct spec_idmap){ .container_id = 1, .host_id = start, .size = size };
	}
	return (struct spec_idmap){ 0 };
}

static int read_ranges(struct arena *a, struct launch_facts *f, struct err *e)
{
	const char *subuid = "", *subgid = "";
	struct launch_user user = { 0 };

	if (access("/usr/bin/newuidmap", X_OK) < 0 || access("/usr/bin/newgidmap", X_OK) < 0)
		return 0;
	if (read_text("/etc/subuid", a, &subuid, e) < 0 || read_text("/etc/subgid", a, &subgid, e) < 0)
		return -e->code;
	if (launch_find_user(arena_printf(a, "%u", (unsigned)f->uid), f, a, &user, e) < 0)
		return -e->code;
	f->subuid = find_range(subuid, user.name, f->uid);
	f->subgid = find_range(subgid, user.name, f->uid);
	if (f->subuid.size == 0 || f->subgid.size == 0)
		f->subuid.size = f->subgid.size = 0; /* one without the other is of no use */
	return 0;
}

/* $SHELL, if the container sees it too; else bash, else what every system has. */
static const char *find_shell(struct arena *a)
{
	const char *wanted = getenv("SHELL");

	if (wanted && (path_is_below(wanted, "/bin") || path_is_below(wanted, "/usr/bin")) && access(wanted, X_OK) == 0)
		return arena_strdup(a, wanted);
	return access("/bin/bash", X_OK) == 0 ? "/bin/bash" : "/bin/sh";
}

int launch_facts_read(const struct runtime *rt, struct arena *a, struct launch_facts *ret, struct err *e)
{
	char cwd[PATH_MAX];
	struct utsname uts;
	struct launch_facts f = {
		.rootless = rt->rootless,
		.on_terminal = isatty(STDIN_FILENO) && isatty(STDOUT_FILENO),
		.uid = geteuid(),
		.gid = getegid(),
		.shell = find_shell(a),
		.passwd = "",
		.group = "",
		.environ = (const char *const *)environ,
	};

	if (uname(&uts) < 0 || !getcwd(cwd, sizeof(cwd)))
		return err_set(e, errno, "find out about this machine");
	f.machine = arena_strdup(a, uts.machine);
	f.cwd = arena_strdup(a, cwd);
	if (read_text("/etc/passwd", a, &f.passwd, e) < 0 || read_text("/etc/group", a, &f.group, e) < 0)
		return -e->code;
	if (f.rootless && f.uid != 0 && read_ranges(a, &f, e) < 0)
		return -e->code;
	*ret = f;
	return 0;
}
