#include "overlay/host.h"

#include "lib/mountinfo.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

bool path_is_below(const char *path, const char *dir)
{
	size_t n = strlen(dir);

	if (strcmp(dir, "/") == 0)
		return true;
	return strncmp(path, dir, n) == 0 && (path[n] == '/' || path[n] == '\0');
}

static int read_mountpoints(struct arena *a, struct host_facts *f, struct err *e)
{
	FILE *in = fopen("/proc/self/mountinfo", "re");
	char *line = NULL;
	size_t room = 0;

	if (!in)
		return err_set(e, errno, "open '/proc/self/mountinfo'");
	while (getline(&line, &room, in) >= 0) {
		char *at = line, *place = NULL;
		for (int field = 0; field < 5; field++) /* id, parent, device, root, mount point */
			place = strsep(&at, " ");
		if (!place)
			continue;
		mountinfo_unescape(place);
		*arena_push(a, &f->mountpoints, &f->n_mountpoints) = arena_strdup(a, place);
	}
	free(line);
	fclose(in);
	return 0;
}

bool host_is_mountpoint(const struct host_facts *f, const char *path)
{
	for (size_t i = 0; i < f->n_mountpoints; i++)
		if (strcmp(f->mountpoints[i], path) == 0)
			return true;
	return false;
}

bool host_holds_mounts(const struct host_facts *f, const char *dir)
{
	for (size_t i = 0; i < f->n_mountpoints; i++)
		if (strcmp(f->mountpoints[i], dir) != 0 && path_is_below(f->mountpoints[i], dir))
			return true;
	return false;
}

bool host_is_hidden(const struct host_facts *f, const char *path)
{
	for (size_t i = 0; i < f->n_hidden; i++)
		if (path_is_below(path, f->hidden[i]))
			return true;
	return false;
}

/* Cannot be shown by one overlay, but its entries can. */
static bool must_be_split(const struct host_view_options *o, const struct host_facts *f, const char *dir)
{
	if (!host_holds_mounts(f, dir) || host_is_hidden(f, dir))
		return false;
	return !host_is_mountpoint(f, dir) || view_is_part(o, dir);
}

static bool is_copied(const struct host_facts *f, const char *path, const struct stat *st)
{
	if (!S_ISREG(st->st_mode) || st->st_size > HOST_COPY_MAX)
		return false;
	return !host_is_hidden(f, path) && access(path, R_OK) == 0;
}

/* Directories with mounts below them cannot be shown whole: their own entries are listed, too. */
static int read_entries(const struct host_view_options *o, struct arena *a, struct host_facts *f, const char *dir,
			struct err *e)
{
	DIR *d = opendir(dir);

	if (!d)
		return errno == EACCES ? 0 : err_set(e, errno, "read '%s'", dir);
	int r = 0;
	for (struct dirent *ent; r == 0 && (ent = readdir(d));) {
		struct stat st;
		char target[PATH_MAX] = "";
		if (strcmp(ent->d_name, ".") == 0 || strcmp(ent->d_name, "..") == 0)
			continue;
		const char *path = arena_printf(a, "%s/%s", strcmp(dir, "/") == 0 ? "" : dir, ent->d_name);
		if (fstatat(dirfd(d), ent->d_name, &st, AT_SYMLINK_NOFOLLOW) < 0)
			continue;
		if (S_ISLNK(st.st_mode)) {
			ssize_t n = readlinkat(dirfd(d), ent->d_name, target, sizeof(target) - 1);
			if (n < 0)
				continue;
			target[n] = '\0';
		} else if (!S_ISDIR(st.st_mode) && !is_copied(f, path, &st))
			continue;
		*arena_push(a, &f->entries, &f->n_entries) = (struct host_entry){
			.path = path,
			.mode = st.st_mode,
			.target = S_ISLNK(st.st_mode) ? arena_strdup(a, target) : NULL,
		};
		if (S_ISDIR(st.st_mode) && must_be_split(o, f, path))
			r = read_entries(o, a, f, path, e);
	}
	closedir(d);
	return r;
}

int host_facts_read(const struct host_view_options *o, struct arena *a, struct host_facts *ret, struct err *e)
{
	struct host_facts f = { 0 };

	if (read_mountpoints(a, &f, e) < 0)
		return -e->code;
	if (hidden_find(o, a, &f, e) < 0)
		return -e->code;
	if (o->rootless && read_entries(o, a, &f, "/", e) < 0)
		return -e->code;
	*ret = f;
	return 0;
}
