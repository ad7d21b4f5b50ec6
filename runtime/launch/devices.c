/* Devices of the host in a container: which nodes there are, and which may be used. */
#include "lib/fd.h"
#include "runtime/launch/plan.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

/* The devices of /dev, terminals, and the making (not the use) of any node. Everything else is denied. */
static const struct {
	const char *type;
	int64_t major, minor; /* -1: any */
	const char *access;
} allowed[] = {
	{ "c", -1, -1, "m" }, { "b", -1, -1, "m" },
	{ "c", 1, 3, "rwm" }, /* null */
	{ "c", 1, 5, "rwm" }, /* zero */
	{ "c", 1, 7, "rwm" }, /* full */
	{ "c", 1, 8, "rwm" }, /* random */
	{ "c", 1, 9, "rwm" }, /* urandom */
	{ "c", 5, 0, "rwm" }, /* tty */
	{ "c", 5, 2, "rwm" }, /* ptmx */
	{ "c", 136, -1, "rwm" }, /* pts */
};

/* Directories of /dev that are file systems of their own, and what every container has of its own. */
static const char *const own[] = {
	"pts", "shm", "mqueue", "hugepages", "console", "fd", "stdin", "stdout", "stderr", "core", "ptmx", "tty", "null", "zero",
	"full", "random", "urandom", ".lxc", ".lxd-mounts",
};

static void write_rule(struct json_writer *w, bool allow, const char *type, int64_t major, int64_t minor,
		       const char *access)
{
	json_begin_object(w, NULL);
	json_bool(w, "allow", allow);
	if (type)
		json_string(w, "type", type);
	if (major >= 0)
		json_int(w, "major", major);
	if (minor >= 0)
		json_int(w, "minor", minor);
	json_string(w, "access", access);
	json_end_object(w);
}

void launch_write_device_rules(const struct launch_options *o, const struct launch_facts *f, struct json_writer *w)
{
	json_begin_array(w, "devices");
	write_rule(w, o->privileged, NULL, -1, -1, "rwm");
	for (size_t i = 0; !o->privileged && i < sizeof(allowed) / sizeof(allowed[0]); i++)
		write_rule(w, true, allowed[i].type, allowed[i].major, allowed[i].minor, allowed[i].access);
	for (size_t i = 0; !o->privileged && i < f->n_devices; i++)
		write_rule(w, true, (const char[]){ f->devices[i].type, '\0' }, f->devices[i].major, f->devices[i].minor,
			   f->devices[i].access);
	json_end_array(w);
}

void launch_write_devices(const struct launch_facts *f, struct json_writer *w)
{
	if (f->n_devices == 0)
		return;
	json_begin_array(w, "devices");
	for (size_t i = 0; i < f->n_devices; i++) {
		const struct launch_device *d = &f->devices[i];
		json_begin_object(w, NULL);
		json_string(w, "path", d->path);
		json_string(w, "type", (const char[]){ d->type, '\0' });
		json_int(w, "major", d->major);
		json_int(w, "minor", d->minor);
		json_uint(w, "fileMode", d->mode);
		json_uint(w, "uid", d->uid);
		json_uint(w, "gid", d->gid);
		json_end_object(w);
	}
	json_end_array(w);
}

struct found {
	struct launch_device *devices;
	size_t n;
};

static void add_device(const struct stat *st, const char *path, const char *access, struct arena *a, struct found *ret)
{
	*arena_push(a, &ret->devices, &ret->n) = (struct launch_device){
		.path = path, .type = S_ISCHR(st->st_mode) ? 'c' : 'b', .access = access,
		.major = major(st->st_rdev), .minor = minor(st->st_rdev),
		.mode = st->st_mode & 0777, .uid = st->st_uid, .gid = st->st_gid,
	};
}

static bool is_own(const char *name)
{
	if (name[0] == '.' && (!name[1] || (name[1] == '.' && !name[2])))
		return true;
	for (size_t i = 0; i < sizeof(own) / sizeof(own[0]); i++)
		if (strcmp(own[i], name) == 0)
			return true;
	return false;
}

/* All devices below @from, a directory of the host, to be seen below @to. Links are not followed. */
static int add_all(const char *from, const char *to, const char *access, bool top, struct arena *a, struct found *ret,
		   struct err *e)
{
	DIR *d = opendir(from);
	int r = 0;

	if (!d)
		return err_set(e, errno, "read '%s'", from);
	for (struct dirent *ent; r == 0 && (ent = readdir(d));) {
		struct stat st;
		if ((top ? is_own(ent->d_name) : ent->d_name[0] == '.') ||
		    fstatat(dirfd(d), ent->d_name, &st, AT_SYMLINK_NOFOLLOW) < 0)
			continue;
		const char *path = arena_printf(a, "%s/%s", to, ent->d_name);
		if (S_ISDIR(st.st_mode))
			r = add_all(arena_printf(a, "%s/%s", from, ent->d_name), path, access, false, a, ret, e);
		else if (S_ISCHR(st.st_mode) || S_ISBLK(st.st_mode))
			add_device(&st, path, access, a, ret);
	}
	closedir(d);
	return r;
}

static bool is_access(const char *s)
{
	return *s && strspn(s, "rwm") == strlen(s);
}

/* "HOST[:CONTAINER][:ACCESS]" */
static int add_option(const char *text, struct arena *a, struct found *ret, struct err *e)
{
	char *rest = arena_strdup(a, text);
	const char *host = strsep(&rest, ":"), *path = host, *access = "rwm", *second = strsep(&rest, ":");
	struct stat st;

	if (second && is_access(second) && !rest)
		access = second;
	else if (second)
		path = second;
	if (rest)
		access = rest;
	if (!is_access(access) || !launch_is_plain_path(path) || host[0] != '/')
		return err_say(e, EINVAL, "--device '%s': expected HOST[:CONTAINER[:ACCESS]], with paths and some of 'rwm'",
			       text);
	if (stat(host, &st) < 0)
		return err_set(e, errno, "--device '%s'", text);
	if (S_ISDIR(st.st_mode))
		return add_all(host, path, access, false, a, ret, e);
	if (!S_ISCHR(st.st_mode) && !S_ISBLK(st.st_mode))
		return err_say(e, EINVAL, "--device '%s': that is not a device: --volume shows files and directories", text);
	add_device(&st, path, access, a, ret);
	return 0;
}

int launch_devices_read(const struct launch_options *o, bool rootless, struct arena *a, struct launch_device **ret,
			size_t *ret_n, struct err *e)
{
	struct found found = { 0 };

	/* A user without rights could not use most of them. */
	if (o->privileged && !rootless && add_all("/dev", "/dev", "rwm", true, a, &found, e) < 0)
		return err_wrap(e, "--privileged");
	for (size_t i = 0; i < o->devices.n; i++)
		if (add_option(o->devices.v[i], a, &found, e) < 0)
			return -e->code;
	*ret = found.devices;
	*ret_n = found.n;
	return 0;
}
