/*
 * What a container is made of before it is started for the first time: its directory's content, what was asked for, and
 * its configuration. A start, the first as any later, needs nothing but the last two: launch_request.
 */
#include "lib/clock.h"
#include "lib/fd.h"
#include "runtime/images.h"
#include "runtime/launch/network.h"
#include "runtime/launch/plan.h"
#include "runtime/snapshot/snapshot.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* --network container:NAME. Its files are shared too, since they say what is on that network. */
static int find_other(struct runtime *rt, const struct launch_options *o, struct launch_facts *f, struct err *e)
{
	static const char prefix[] = "container:";
	struct launched other;

	if (o->networks.n != 1 || strncmp(o->networks.v[0], prefix, strlen(prefix)) != 0 || !o->networks.v[0][strlen(prefix)])
		return 0;
	if (launched_find(rt, o->networks.v[0] + strlen(prefix), &other, e) < 0)
		return err_wrap(e, "--network %s", o->networks.v[0]);
	f->other = other.id;
	if (access(arena_printf(&rt->arena, "%s/resolv.conf", other.dir), F_OK) == 0)
		f->other_files = other.dir;
	return 0;
}

/* A pure plan of the root and of the configuration that uses it, and then its directories. */
int launch_prepare(struct runtime *rt, const struct launch_options *o, const char *storage, const char *name,
		   const char *dir, struct launched *ret, struct buf *config, int *ret_hold, struct err *e)
{
	struct arena *a = &rt->arena;
	struct launched l = {
		.id = name,
		.name = o->name ? o->name : name,
		.dir = dir,
		.created = arena_strdup(a, clock_now_rfc3339().text),
	};
	struct launch_facts f;
	struct launch_template t;

	ret->created = l.created;
	if (launch_facts_read(rt, a, &f, e) < 0 || launch_files_read(o, a, &f, e) < 0 || find_other(rt, o, &f, e) < 0 ||
	    launch_template_find(rt, o, storage, dir, &f, &t, e) < 0)
		return -e->code;
	if (launch_plan(o, &f, &t.root, a, &l, config, e) < 0 ||
	    launch_template_make(rt, o, &f, &t, &l, launch_hostname(o, &f, &l, a), e) < 0 ||
	    launch_take_volumes(rt, o, &f, &l, buf_text(config), e) < 0) {
		if (t.root.image_digest)
			images_unuse(rt, dir);
		close_fd(&t.hold);
		return -e->code;
	}
	*ret = l;
	*ret_hold = t.hold;
	return 0;
}

/*
 * What a volatile overlay left says that it may not have reached the disk. That is for a machine that went down: such
 * containers are removed at their end, and this one is only started again.
 */
static void allow_volatile(struct runtime *rt, const struct launched *l)
{
	const char *work = arena_printf(&rt->arena, "%s/work/work", l->dir);
	const char *mark = arena_printf(&rt->arena, "%s/incompat/volatile", work);

	if (!l->rm || rmdir(mark) == 0 || errno == ENOENT)
		return;
	/* Who is not root may not look into what the kernel made. */
	if (errno == EACCES)
		chmod(work, 0700);
	unlink(arena_printf(&rt->arena, "%s/dirty", mark));
	rmdir(mark);
}

int launch_request(struct runtime *rt, const struct launched *l, const char *config, struct create_request *ret,
		   struct err *e)
{
	struct create_request r = { .id = l->id, .bundle = l->dir, .init = l->init };

	if (spec_parse(config, strlen(config), &rt->arena, &r.spec, e) < 0)
		return err_wrap(e, "the configuration of container '%s'", l->name);
	if (snapshots_recover(rt, l, e) < 0)
		return -e->code;
	allow_volatile(rt, l);
	if (launch_attach_plan(rt, l, r.spec->hostname, &r.network, e) < 0)
		return err_wrap(e, "container '%s'", l->name);
	r.network_program = launch_pasta(l, &rt->arena);
	r.network_if_possible = l->network.if_possible;
	r.network_of = l->network.mode == NETWORK_CONTAINER ? l->network.of : NULL;
	if (l->n_root_options > 0) {
		const struct spec_linux *lx = &r.spec->lx;
		struct spec_mount *m = arena_new(&rt->arena, struct spec_mount);
		m->destination = "/";
		m->source = m->type = "overlay";
		m->options = l->root_options;
		m->n_options = l->n_root_options;
		/* Where the host's root made the user namespace, the files are stored with the ids that are seen inside. */
		if (!rt->rootless) {
			m->uid_mappings = lx->uid_mappings;
			m->gid_mappings = lx->gid_mappings;
			m->n_uid_mappings = lx->n_uid_mappings;
			m->n_gid_mappings = lx->n_gid_mappings;
		}
		r.spec->root->mount = m;
	}
	*ret = r;
	return 0;
}
