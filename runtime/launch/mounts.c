/* The mounts of a launched container: overlays, the system's, its own few files of /etc, the user's. */
#include "runtime/launch/plan.h"
#include "runtime/process/process.h"

#include <errno.h>
#include <string.h>

static const struct {
	const char *destination, *type, *source;
	const char *options[8];
	bool host_only; /* not for images: they have what they need there */
} system_mounts[] = {
	{ "/proc", "proc", "proc", { "nosuid", "noexec", "nodev" } },
	{ "/dev", "tmpfs", "tmpfs", { "nosuid", "strictatime", "mode=755", "size=65536k" } },
	{ "/dev/pts", "devpts", "devpts", { "nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620" } },
	{ "/dev/shm", "tmpfs", "shm", { "nosuid", "noexec", "nodev", "mode=1777" } },
	{ "/dev/mqueue", "mqueue", "mqueue", { "nosuid", "noexec", "nodev" } },
	{ "/sys", "sysfs", "sysfs", { "nosuid", "noexec", "nodev", "ro" } },
	{ "/sys/fs/cgroup", "cgroup", "cgroup", { "nosuid", "noexec", "nodev", "relatime", "ro" } },
	{ "/run", "tmpfs", "tmpfs", { "nosuid", "nodev", "mode=755", "size=65536k" }, true },
};

enum { SHM_BYTES = 64 * 1024 * 1024 };

static void write_mount(struct json_writer *w, const struct spec_mount *m)
{
	json_begin_object(w, NULL);
	json_string(w, "destination", m->destination);
	json_string(w, "type", m->type);
	if (m->source)
		json_string(w, "source", m->source);
	json_strings(w, "options", m->options, m->n_options);
	json_end_object(w);
}

static void write_bind(struct json_writer *w, const char *source, const char *destination, bool readonly)
{
	const char *options[] = { "rbind", "rprivate", readonly ? "ro" : "rw" };

	write_mount(w, &(struct spec_mount){ .destination = destination, .type = "bind", .source = source,
					     .options = options, .n_options = 3 });
}

/* "exec": it may lie on a file system of which nothing is executed. */
static void write_init(struct json_writer *w, const struct launched *l, struct arena *a)
{
	const char *options[] = { "bind", "rprivate", "ro", "nosuid", "nodev", "exec" };

	write_mount(w, &(struct spec_mount){ .destination = "/" PROCESS_INIT, .type = "bind",
					     .source = arena_printf(a, "%s/" PROCESS_INIT, l->dir), .options = options,
					     .n_options = sizeof(options) / sizeof(options[0]) });
}

/* A mount of a kind that must not be there twice. */
static bool is_replaced(const char *destination, const struct spec_mount *mounts, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (strcmp(mounts[i].destination, destination) == 0)
			return true;
	return false;
}

static void write_system_mount(size_t i, const struct launch_options *o, const struct launch_facts *f, struct arena *a,
			       struct json_writer *w)
{
	const char *to = system_mounts[i].destination, *type = system_mounts[i].type;
	struct spec_mount m = { .destination = to, .type = type, .source = system_mounts[i].source };
	/* The queues are those of the IPC namespace, and a new mount of them takes rights over it. */
	bool ipc = strcmp(to, "/dev/shm") == 0 || (strcmp(to, "/dev/mqueue") == 0 && launch_has_userns(o, f));

	if (ipc && o->ipc_mode && strcmp(o->ipc_mode, "host") == 0) {
		write_bind(w, to, to, false);
		return;
	}
	for (const char *const *option = system_mounts[i].options; *option; option++)
		if (!o->privileged || strcmp(*option, "ro") != 0)
			*arena_push(a, &m.options, &m.n_options) = *option;
	/* The group tty is 5. A user namespace may lack it. */
	if (strcmp(type, "devpts") == 0 && (!f->rootless || f->subgid.size >= 5))
		*arena_push(a, &m.options, &m.n_options) = "gid=5";
	if (strcmp(to, "/dev/shm") == 0)
		*arena_push(a, &m.options, &m.n_options) =
			arena_printf(a, "size=%lld", (long long)(o->shm_bytes.set ? o->shm_bytes.v : SHM_BYTES));
	write_mount(w, &m);
}

static size_t depth(const char *path)
{
	size_t n = 0;

	for (; *path; path++)
		n += *path == '/' && path[1] && path[1] != '/';
	return n;
}

/* Those further up first, so that none covers another; else in the order in which they were given. */
static void sort_by_depth(struct spec_mount *mounts, size_t n)
{
	for (size_t i = 1; i < n; i++) {
		struct spec_mount m = mounts[i];
		size_t j = i;
		for (; j > 0 && depth(mounts[j - 1].destination) > depth(m.destination); j--)
			mounts[j] = mounts[j - 1];
		mounts[j] = m;
	}
}

static int plan_users(const struct launch_options *o, const struct launch_facts *f, struct arena *a,
		      struct spec_mount **ret, size_t *ret_n, struct err *e)
{
	struct launch_volume *volumes = NULL;
	struct spec_mount m;
	size_t n = 0;

	if (launch_volumes(o, f, a, &volumes, &n, e) < 0)
		return -e->code;
	for (size_t i = 0; i < n; i++)
		*arena_push(a, ret, ret_n) = volumes[i].mount;
	for (size_t i = 0; i < o->tmpfs.n; i++) {
		if (launch_tmpfs(o->tmpfs.v[i], a, &m, e) < 0)
			return -e->code;
		*arena_push(a, ret, ret_n) = m;
	}
	for (size_t i = 0; i < *ret_n; i++)
		if (is_replaced((*ret)[i].destination, *ret, i))
			return err_say(e, EINVAL, "two mounts on '%s'", (*ret)[i].destination);
	sort_by_depth(*ret, *ret_n);
	return 0;
}

const char *launch_own_files(const struct launch_root *root, const struct launched *l)
{
	return root->files || l->network.mode != NETWORK_ATTACHED ? root->files : l->dir;
}

int launch_write_mounts(const struct launch_options *o, const struct launch_facts *f, const struct launch_root *root,
			const struct launched *l, struct arena *a, struct json_writer *w, struct err *e)
{
	static const char *const files[] = { "hosts", "hostname", "resolv.conf" };
	const char *dir = launch_own_files(root, l);
	struct spec_mount *users = NULL;
	size_t n_users = 0;

	if (o->shm_bytes.set && o->shm_bytes.v <= 0)
		return err_say(e, EINVAL, "--shm-size: must be more than nothing");
	if (plan_users(o, f, a, &users, &n_users, e) < 0)
		return -e->code;
	json_begin_array(w, "mounts");
	for (size_t i = 0; i < root->n_parts; i++) {
		const struct overlay_layer *x = &root->parts[i];
		write_mount(w, &(struct spec_mount){ .destination = x->lower, .type = "overlay", .source = "overlay",
						     .options = x->options, .n_options = x->n_options });
	}
	for (size_t i = 0; i < sizeof(system_mounts) / sizeof(system_mounts[0]); i++) {
		if (system_mounts[i].host_only && !root->host)
			continue;
		if (!is_replaced(system_mounts[i].destination, users, n_users))
			write_system_mount(i, o, f, a, w);
	}
	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
		const char *to = arena_printf(a, "/etc/%s", files[i]);
		const char *from = f->other_files && strcmp(files[i], "hostname") != 0 ? f->other_files : dir;
		if (from && !is_replaced(to, users, n_users) && !is_replaced("/etc", users, n_users))
			write_bind(w, arena_printf(a, "%s/%s", from, files[i]), to, o->read_only);
	}
	if (o->init)
		write_init(w, l, a);
	for (size_t i = 0; i < n_users; i++)
		write_mount(w, &users[i]);
	json_end_array(w);
	return 0;
}
