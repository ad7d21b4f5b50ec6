#include "checkpoint/plan.h"

#include "lib/sys.h"

#include <errno.h>
#include <string.h>

#define NETNS_KEY "extRootNetNS"
#define PIDNS_KEY "extRootPidNS"

/* With a user namespace these are binds of the host's. */
static const char *const implied_devices[] = {
	"/dev/null", "/dev/zero", "/dev/full", "/dev/random", "/dev/urandom", "/dev/tty",
};
enum { N_IMPLIED = sizeof(implied_devices) / sizeof(implied_devices[0]) };

static bool has_option(const struct spec_mount *m, const char *option)
{
	for (size_t i = 0; i < m->n_options; i++)
		if (strcmp(m->options[i], option) == 0)
			return true;
	return false;
}

static bool has_type(const struct spec_mount *m, const char *type)
{
	return m->type && strcmp(m->type, type) == 0;
}

bool checkpoint_is_bind(const struct spec_mount *m)
{
	return m->source && !has_option(m, "remount") &&
	       (has_type(m, "bind") || has_option(m, "bind") || has_option(m, "rbind"));
}

const char *checkpoint_mount_source(const struct spec *s, size_t i, const struct checkpoint_facts *f)
{
	const struct spec_namespace *cgroup = spec_find_namespace(s, CLONE_NEWCGROUP);
	const struct spec_mount *m = &s->mounts[i];

	if (checkpoint_is_bind(m))
		return f->sources[i];
	if ((!has_type(m, "cgroup") && !has_type(m, "cgroup2")) || has_option(m, "remount"))
		return NULL;
	/* CRIU joins the cgroup namespace before it makes the user namespace, which then may not mount it. */
	return !cgroup || cgroup->path || spec_find_namespace(s, CLONE_NEWUSER) ? f->cgroup_dir : NULL;
}

static void add_mount(struct arena *a, struct criu_options *o, const char *key, const char *value)
{
	*arena_push(a, &o->mounts, &o->n_mounts) = (struct criu_mount){ key, value };
}

static void add_devices(const struct spec *s, struct arena *a, struct criu_options *o)
{
	for (size_t i = 0; i < N_IMPLIED; i++)
		add_mount(a, o, implied_devices[i], implied_devices[i]);
	for (size_t i = 0; i < s->lx.n_devices; i++)
		add_mount(a, o, s->lx.devices[i].path, s->lx.devices[i].path);
}

static void add_external(struct arena *a, struct criu_options *o, const char *kind, uint64_t inode, const char *key)
{
	if (inode)
		*arena_push(a, &o->external, &o->n_external) =
			arena_printf(a, "%s[%llu]:%s", kind, (unsigned long long)inode, key);
}

static void add_inherit(struct arena *a, struct criu_options *o, const char *key, int fd)
{
	if (fd >= 0)
		*arena_push(a, &o->inherit, &o->n_inherit) = (struct criu_inherit){ key, fd };
}

bool checkpoint_has_userns(const struct spec *s)
{
	const struct spec_namespace *user = spec_find_namespace(s, CLONE_NEWUSER);

	return user && !user->path;
}

/* One that ferry furnishes is made by CRIU where it is to be the user namespace's own. */
static void add_network(const struct spec *s, const struct checkpoint_facts *f, struct arena *a, struct criu_options *o)
{
	const struct spec_namespace *net = spec_find_namespace(s, CLONE_NEWNET);

	if (f->netns && !net->path && checkpoint_has_userns(s))
		o->empty_namespaces |= CLONE_NEWNET;
	else
		add_external(a, o, "net", f->netns, NETNS_KEY);
}

void checkpoint_plan_dump(const struct spec *s, const struct checkpoint_facts *f, struct arena *a, struct criu_options *o)
{
	for (size_t i = 0; i < s->n_mounts; i++)
		if (checkpoint_mount_source(s, i, f))
			add_mount(a, o, f->targets[i], f->targets[i]);
	for (size_t i = 0; i < s->lx.n_masked_paths; i++)
		if (f->masked[i])
			add_mount(a, o, f->masked[i], "/dev/null");
	add_devices(s, a, o);
	add_network(s, f, a, o);
	add_external(a, o, "pid", f->pidns, PIDNS_KEY);
}

/* Those that are neither external nor joined by ourselves. */
static int add_joins(const struct spec *s, struct arena *a, struct criu_options *o, struct err *e)
{
	for (size_t i = 0; i < s->lx.n_namespaces; i++) {
		const struct spec_namespace *n = &s->lx.namespaces[i];
		if (!n->path || n->flag == CLONE_NEWNET || n->flag == CLONE_NEWPID || n->flag == CLONE_NEWCGROUP)
			continue;
		if (n->flag != CLONE_NEWIPC && n->flag != CLONE_NEWUTS && n->flag != CLONE_NEWUSER)
			return err_say(e, ENOTSUP, "linux.namespaces[%zu].path: criu cannot restore into this namespace", i);
		*arena_push(a, &o->join, &o->n_join) = (struct criu_join){
			n->flag == CLONE_NEWIPC ? "ipc" : n->flag == CLONE_NEWUTS ? "uts" : "user", n->path,
		};
	}
	return 0;
}

int checkpoint_plan_restore(const struct spec *s, const struct checkpoint_facts *f, struct arena *a, struct criu_options *o,
			    struct err *e)
{
	for (size_t i = 0; i < s->n_mounts; i++) {
		const char *source = checkpoint_mount_source(s, i, f);
		if (source)
			add_mount(a, o, f->targets[i], source);
	}
	add_devices(s, a, o); /* what covers masked paths is among them */
	add_inherit(a, o, NETNS_KEY, f->netns_fd);
	add_inherit(a, o, PIDNS_KEY, f->pidns_fd);
	return add_joins(s, a, o, e);
}
