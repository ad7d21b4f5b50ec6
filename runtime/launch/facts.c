#include "lib/file.h"
#include "runtime/launch/plan.h"
#include "runtime/log.h"
#include "runtime/volume/volume.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/random.h>
#include <sys/utsname.h>
#include <unistd.h>

extern char **environ;

enum { PASSWD_MAX = 16 * 1024 * 1024 };

/* A missing file is an empty one; so is one that is not the caller's to read: 1. */
static int read_text(const char *path, struct arena *a, const char **ret, struct err *e)
{
	cleanup_buf struct buf b = BUF_INIT;
	int r = file_read_at(AT_FDCWD, path, PASSWD_MAX, &b, e);

	if (r < 0 && r != -ENOENT && r != -EACCES)
		return r;
	*ret = arena_strdup(a, buf_text(&b));
	return r == -EACCES;
}

int launch_host_users(struct arena *a, struct launch_facts *f, struct err *e)
{
	if (read_text("/etc/passwd", a, &f->passwd, e) < 0 || read_text("/etc/group", a, &f->group, e) < 0)
		return -e->code;
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
	struct launch_facts host = *f;
	if (launch_host_users(a, &host, e) < 0)
		return -e->code;
	int no_uids = read_text("/etc/subuid", a, &subuid, e), no_gids = read_text("/etc/subgid", a, &subgid, e);
	if (no_uids < 0 || no_gids < 0)
		return -e->code;
	if (no_uids || no_gids)
		log_warn("'/etc/subuid' and '/etc/subgid' cannot be read: without them there is but one user, and one group");
	if (launch_find_user(arena_printf(a, "%u", (unsigned)f->uid), &host, a, &user, e) < 0)
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

/* As execvp(3) will look for it. */
static bool is_installed(const char *program, struct arena *a)
{
	const char *path = getenv("PATH");
	char *rest = arena_strdup(a, path ? path : "/bin:/usr/bin"), *dir;

	while ((dir = strsep(&rest, ":")))
		if (access(arena_printf(a, "%s/%s", *dir ? dir : ".", program), X_OK) == 0)
			return true;
	return false;
}

/* What this process could give to a container. In a user namespace of its own a container can have all there are. */
static uint64_t read_capabilities(bool rootless)
{
	uint64_t set = 0;

	for (unsigned n = 0; spec_cap_name(n); n++)
		if (prctl(PR_CAPBSET_READ, n, 0, 0, 0) >= (rootless ? 0 : 1))
			set |= UINT64_C(1) << n;
	return set;
}

int launch_facts_read(struct runtime *rt, struct arena *a, struct launch_facts *ret, struct err *e)
{
	char cwd[PATH_MAX];
	struct winsize size;
	struct utsname uts;
	struct launch_facts f = {
		.rootless = rt->rootless,
		.systemd = rt->driver == CGROUP_SYSTEMD,
		.on_terminal = isatty(STDIN_FILENO) && isatty(STDOUT_FILENO),
		.uid = geteuid(),
		.gid = getegid(),
		.shell = find_shell(a),
		.volumes = volumes_path(rt),
		.passwd = "",
		.group = "",
		.environ = (const char *const *)environ,
	};

	if (f.on_terminal && ioctl(STDIN_FILENO, TIOCGWINSZ, &size) == 0) {
		f.rows = size.ws_row;
		f.columns = size.ws_col;
	}
	if (uname(&uts) < 0)
		return err_set(e, errno, "find out about this machine");
	if (getrandom(&f.random, sizeof(f.random), 0) != sizeof(f.random))
		return err_set(e, errno, "getrandom");
	f.machine = arena_strdup(a, uts.machine);
	f.release = arena_strdup(a, uts.release);
	f.hostname = arena_strdup(a, uts.nodename);
	f.cwd = getcwd(cwd, sizeof(cwd)) ? arena_strdup(a, cwd) : NULL;
	f.pasta = f.rootless && is_installed("pasta", a);
	if (f.rootless && f.uid != 0 && read_ranges(a, &f, e) < 0)
		return -e->code;
	*ret = f;
	return 0;
}

/* ---- files that options name ---- */

/* Lines without comments, blanks at their beginning, and a carriage return at their end. */
static int read_lines(const char *path, const char *option, struct arena *a, struct launch_list *ret, struct err *e)
{
	cleanup_buf struct buf b = BUF_INIT;

	if (file_read_at(AT_FDCWD, path, PASSWD_MAX, &b, e) < 0)
		return err_wrap(e, "%s", option);
	for (char *rest = arena_strdup(a, buf_text(&b)), *line; (line = strsep(&rest, "\n"));) {
		line += strspn(line, " \t");
		size_t n = strlen(line);
		if (n > 0 && line[n - 1] == '\r')
			line[n - 1] = '\0';
		if (!*line || *line == '#')
			continue;
		if (*line == '=' || strcspn(line, " \t") < strcspn(line, "="))
			return err_say(e, EINVAL, "%s '%s': '%s': expected NAME or NAME=VALUE", option, path, line);
		*arena_push(a, &ret->v, &ret->n) = line;
	}
	return 0;
}

int launch_files_read(const struct launch_options *o, struct arena *a, struct launch_facts *f, struct err *e)
{
	const char *profile = launch_seccomp_file(o, a);
	struct launch_list labels = { 0 };

	for (size_t i = 0; i < o->env_files.n; i++)
		if (read_lines(o->env_files.v[i], "--env-file", a, &f->env, e) < 0)
			return -e->code;
	for (size_t i = 0; i < o->label_files.n; i++)
		if (read_lines(o->label_files.v[i], "--label-file", a, &labels, e) < 0)
			return -e->code;
	for (size_t i = 0; i < labels.n; i++) {
		char *value = (char *)labels.v[i];
		const char *key = strsep(&value, "=");
		launch_set_pair(a, &f->labels, &f->n_labels, key, value ? value : "");
	}
	if (profile) {
		cleanup_buf struct buf b = BUF_INIT;
		if (file_read_at(AT_FDCWD, profile, PASSWD_MAX, &b, e) < 0)
			return err_wrap(e, "--security-opt seccomp");
		f->seccomp = arena_strdup(a, buf_text(&b));
	}
	if (launch_needs_all_capabilities(o))
		f->capabilities = read_capabilities(f->rootless);
	return launch_devices_read(o, f->rootless, a, &f->devices, &f->n_devices, e);
}
