#include "namespaces/rootfs_plan.h"

#include "lib/sys.h"

#include <errno.h>
#include <string.h>

/*
 * "/a//b/./c/" -> "/a/b/c". ".." stays: what it means is decided by the tree, when it is looked up. A relative
 * destination is taken from the root, as runc does.
 */
static const char *clean_path(const char *path, struct arena *a)
{
	char *out = arena_alloc(a, strlen(path) + 2);
	size_t n = 0;

	for (const char *s = path; *s;) {
		size_t len = strcspn(s, "/");
		if (len && !(len == 1 && s[0] == '.')) {
			out[n++] = '/';
			memcpy(out + n, s, len);
			n += len;
		}
		s += len + (s[len] == '/');
	}
	if (n == 0)
		out[n++] = '/';
	out[n] = '\0';
	return out;
}

static bool has_dotdot(const char *path)
{
	size_t n = strlen(path);
	return strstr(path, "/../") || (n >= 3 && strcmp(path + n - 3, "/..") == 0);
}

const char *path_below(const char *path, const char *dir)
{
	size_t n = strlen(dir);
	return strncmp(path, dir, n) == 0 && path[n] == '/' ? path + n + 1 : NULL;
}

static bool is_own_tmpfs(const struct mount_plan *m)
{
	return m->kind == MOUNT_FS && strcmp(m->type, "tmpfs") == 0 && !m->options.tmpcopyup && !has_dotdot(m->target);
}

/*
 * The latest mount before @i that is above it decides; when that is no tmpfs of ours, the target has to be looked up.
 */
static void plan_base(struct rootfs_plan *p, size_t i)
{
	struct mount_plan *m = &p->mounts[i];

	m->base = -1;
	if (m->kind == MOUNT_REMOUNT || has_dotdot(m->target))
		return;
	for (size_t j = i; j-- > 0;) {
		struct mount_plan *above = &p->mounts[j];
		const char *name = path_below(m->target, above->target);
		if (!name && strcmp(m->target, above->target) != 0)
			continue;
		if (name && !strchr(name, '/') && is_own_tmpfs(above)) {
			m->base = (int)j;
			m->base_name = name;
			above->keep = true;
		}
		return;
	}
}

static const char *absolute(const char *path, const char *bundle, struct arena *a)
{
	if (path[0] == '/')
		return path;
	return strcmp(path, ".") == 0 || !*path ? bundle : arena_printf(a, "%s/%s", bundle, path);
}

static int plan_kind(const struct rootfs_options *o, struct mount_plan *m, struct arena *a, struct err *e)
{
	if (m->options.remount) {
		m->kind = MOUNT_REMOUNT;
		return 0;
	}
	if (m->options.bind || (m->type && strcmp(m->type, "bind") == 0)) {
		m->kind = MOUNT_BIND;
		if (!m->source)
			return err_say(e, EINVAL, "%s.source: a bind mount needs one", m->json);
		m->source = absolute(m->source, o->bundle, a);
		return 0;
	}
	if (!m->type)
		return err_say(e, EINVAL, "%s.type: needed for what is no bind mount", m->json);
	m->kind = MOUNT_FS;
	if (strcmp(m->type, "cgroup") == 0 || strcmp(m->type, "cgroup2") == 0) {
		m->kind = MOUNT_CGROUP;
		if (!o->cgroup_namespace && !o->cgroup_dir)
			return err_say(e, ENOTSUP,
				       "%s: a cgroup mount needs a cgroup namespace or a cgroup of the container's",
				       m->json);
	}
	return 0;
}

static int plan_idmap(const struct spec_mount *s, struct mount_plan *m, struct err *e)
{
	if (!s->n_uid_mappings != !s->n_gid_mappings)
		return err_say(e, EINVAL, "%s.%s: both mappings or none", m->json,
			       s->n_uid_mappings ? "gidMappings" : "uidMappings");
	m->uid_maps = s->uid_mappings;
	m->gid_maps = s->gid_mappings;
	m->n_uid_maps = s->n_uid_mappings;
	m->n_gid_maps = s->n_gid_mappings;
	if (s->n_uid_mappings)
		m->options.idmap = true;
	if (m->options.idmap && m->kind != MOUNT_BIND)
		return err_say(e, EINVAL, "%s: only a bind mount can be idmapped", m->json);
	return 0;
}

static int plan_mount(const struct spec *s, size_t i, const struct rootfs_options *o, struct arena *a,
		      struct rootfs_plan *p, struct err *e)
{
	const struct spec_mount *sm = &s->mounts[i];
	struct mount_plan *m = &p->mounts[i];

	*m = (struct mount_plan){
		.json = arena_printf(a, "mounts[%zu]", i),
		.type = sm->type,
		.source = sm->source && *sm->source ? sm->source : NULL,
		.target = clean_path(sm->destination, a),
		.base = -1, .source_fd = -1, .fd = -1,
	};
	if (strcmp(m->target, "/") == 0)
		return err_say(e, EINVAL, "%s.destination: '/' is the root file system's", m->json);
	mount_options_parse(sm->options, sm->n_options, a, &m->options);
	if (plan_kind(o, m, a, e) < 0 || plan_idmap(sm, m, e) < 0)
		return -e->code;
	if (m->options.tmpcopyup && (m->kind != MOUNT_FS || strcmp(m->type, "tmpfs") != 0))
		return err_say(e, EINVAL, "%s.options: tmpcopyup is for a tmpfs", m->json);
	m->late_readonly = m->kind == MOUNT_FS && strcmp(m->type, "tmpfs") == 0 &&
			   (mount_options_fsmount_attrs(&m->options) & MOUNT_ATTR_RDONLY);
	m->keep = m->late_readonly;
	plan_base(p, i);
	return 0;
}

static int last_mount_on(const struct rootfs_plan *p, const char *target)
{
	for (size_t i = p->n_mounts; i-- > 0;)
		if (p->mounts[i].kind != MOUNT_REMOUNT && strcmp(p->mounts[i].target, target) == 0)
			return (int)i;
	return -1;
}

static int keep(struct rootfs_plan *p, int i)
{
	if (i >= 0)
		p->mounts[i].keep = true;
	return i;
}

/* Which mounts the later steps work through: proc, devpts, and the tmpfs on /dev. */
static void plan_special(struct rootfs_plan *p)
{
	int dev = last_mount_on(p, "/dev");

	p->make_dev = dev < 0 || p->mounts[dev].kind != MOUNT_BIND;
	p->dev_mount = dev >= 0 && is_own_tmpfs(&p->mounts[dev]) ? keep(p, dev) : -1;
	p->proc_mount = keep(p, last_mount_on(p, "/proc"));
	p->pts_mount = keep(p, last_mount_on(p, "/dev/pts"));
}

/* Without a mount namespace a root can be changed to, and nothing else. */
static int plan_unmounted(const struct spec *s, struct rootfs_plan *p, struct err *e)
{
	const char *what = s->n_mounts ? "mounts"
			 : s->lx.n_masked_paths ? "linux.maskedPaths"
			 : s->lx.n_readonly_paths ? "linux.readonlyPaths"
			 : s->lx.n_devices ? "linux.devices"
			 : s->lx.rootfs_propagation ? "linux.rootfsPropagation"
			 : s->root->readonly ? "root.readonly"
			 : s->lx.n_sysctl ? "linux.sysctl"
			 : NULL;

	if (what)
		return err_say(e, EINVAL, "linux.namespaces: %s needs a mount namespace", what);
	p->chroot_only = true;
	return 0;
}

static void plan_userns(const struct spec *s, struct rootfs_plan *p)
{
	const struct spec_namespace *user = spec_find_namespace(s, CLONE_NEWUSER);

	if (user && user->path) {
		p->userns_path = user->path;
		return;
	}
	p->uid_maps = s->lx.uid_mappings;
	p->gid_maps = s->lx.gid_mappings;
	p->n_uid_maps = s->lx.n_uid_mappings;
	p->n_gid_maps = s->lx.n_gid_mappings;
}

static struct mount_plan *plan_root_fs(const struct spec_mount *s, struct arena *a)
{
	struct mount_plan *m = arena_new(a, struct mount_plan);

	m->type = s->type;
	m->source = s->source;
	m->uid_maps = s->uid_mappings;
	m->gid_maps = s->gid_mappings;
	m->n_uid_maps = s->n_uid_mappings;
	m->n_gid_maps = s->n_gid_mappings;
	mount_options_parse(s->options, s->n_options, a, &m->options);
	return m;
}

int rootfs_plan_make(const struct spec *s, const struct rootfs_options *o, struct arena *a, struct rootfs_plan **ret,
		     struct err *e)
{
	const struct spec_linux *lx = &s->lx;
	struct rootfs_plan *p = arena_new(a, struct rootfs_plan);

	if (!s->root || !s->root->path)
		return err_say(e, EINVAL, "root.path: required");
	*p = (struct rootfs_plan){
		.root = clean_path(absolute(s->root->path, o->bundle, a), a),
		.no_pivot = o->no_pivot, .host_userns = o->host_userns,
		.cgroup_namespace = o->cgroup_namespace, .cgroup_dir = o->cgroup_dir,
		.mount_label = lx->mount_label,
		.readonly = s->root->readonly,
		.masked_paths = lx->masked_paths, .n_masked_paths = lx->n_masked_paths,
		.readonly_paths = lx->readonly_paths, .n_readonly_paths = lx->n_readonly_paths,
		.console_uid = s->process ? s->process->user.uid : 0,
		.dev_mount = -1, .proc_mount = -1, .pts_mount = -1, .root_fd = -1, .proc_fd = -1,
	};
	*ret = p;
	if (s->root->mount)
		p->root_fs = plan_root_fs(s->root->mount, a);
	if (!spec_find_namespace(s, CLONE_NEWNS))
		return plan_unmounted(s, p, e);
	if (lx->rootfs_propagation &&
	    !mount_propagation_parse(lx->rootfs_propagation, &p->propagation, &p->propagation_rec))
		return err_say(e, EINVAL, "linux.rootfsPropagation: '%s' is unknown", lx->rootfs_propagation);

	plan_userns(s, p);
	p->mounts = arena_new_array(a, s->n_mounts, struct mount_plan);
	for (; p->n_mounts < s->n_mounts; p->n_mounts++)
		if (plan_mount(s, p->n_mounts, o, a, p, e) < 0)
			return -e->code;
	plan_special(p);
	if (p->make_dev && rootfs_plan_devices(s, a, p, e) < 0)
		return -e->code;
	return rootfs_plan_sysctl(s, a, p, e);
}

bool rootfs_mounts_devices(const struct rootfs_plan *p)
{
	static const char *const without[] = { "proc", "sysfs", "tmpfs", "devpts", "mqueue", "overlay" };

	for (size_t i = 0; i < p->n_mounts; i++) {
		bool known = p->mounts[i].kind != MOUNT_FS;
		for (size_t k = 0; !known && k < sizeof(without) / sizeof(without[0]); k++)
			known = strcmp(p->mounts[i].type, without[k]) == 0;
		if (!known)
			return true;
	}
	return false;
}

const char *rootfs_path(const struct rootfs_plan *p)
{
	return p->root;
}
