/*
 * What a container is made of before it is started for the first time: its directory's content, what was asked for, and
 * its configuration. A start, the first as any later, needs nothing but the last two: launch_request.
 */
#include "lib/clock.h"
#include "runtime/launch/launch.h"

#include <errno.h>
#include <stdint.h>
#include <string.h>
#include <sys/random.h>

/* Files that say which machine this is: the container is another. */
static int write_identity(const struct host_view *view, const char *hostname, struct arena *a, struct err *e)
{
	uint8_t id[16];
	cleanup_buf struct buf machine_id = BUF_INIT;

	if (getrandom(id, sizeof(id), 0) != sizeof(id))
		return err_set(e, errno, "getrandom");
	for (size_t i = 0; i < sizeof(id); i++)
		buf_printf(&machine_id, "%02x", id[i]);
	buf_char(&machine_id, '\n');
	if (host_view_file(view, "/etc/machine-id", 0444, buf_text(&machine_id), e) < 0)
		return -e->code;
	if (host_view_file(view, "/etc/hostname", 0644, arena_printf(a, "%s\n", hostname), e) < 0)
		return -e->code;
	return host_view_file(view, "/etc/hosts", 0644,
			      arena_printf(a, "127.0.0.1\tlocalhost\n127.0.1.1\t%s\n"
					   "::1\tlocalhost ip6-localhost ip6-loopback\n", hostname), e);
}

/* A pure plan of the view, the configuration that uses it, and then its upper directories. */
int launch_prepare(struct runtime *rt, const struct launch_options *o, const char *storage, const char *name,
		   const char *dir, struct launched *ret, struct buf *config, struct err *e)
{
	struct arena *a = &rt->arena;
	const struct host_view_options view_options = {
		.dir = dir,
		.storage = storage,
		.rootless = rt->rootless,
		.share_home = o->share_home,
		.discarded = o->rm,
	};
	struct launched l = {
		.id = name,
		.name = name,
		.dir = dir,
		.created = arena_strdup(a, clock_now_rfc3339().text),
	};
	struct launch_facts facts;
	struct host_facts host;
	struct host_view view;

	if (launch_facts_read(rt, a, &facts, e) < 0 || host_facts_read(&view_options, a, &host, e) < 0)
		return -e->code;
	if (host_view_plan(&host, &view_options, a, &view, e) < 0)
		return -e->code;
	if (launch_plan(o, &facts, &view, a, &l, config, e) < 0)
		return -e->code;
	if (host_view_make(&view, e) < 0 || write_identity(&view, o->hostname ? o->hostname : name, a, e) < 0)
		return -e->code;
	*ret = l;
	return 0;
}

int launch_request(struct runtime *rt, const struct launched *l, const char *config, struct create_request *ret,
		   struct err *e)
{
	struct create_request r = { .id = l->id, .bundle = l->dir, .spec_text = config };

	if (spec_parse(config, strlen(config), &rt->arena, &r.spec, e) < 0)
		return err_wrap(e, "the configuration of container '%s'", l->name);
	if (l->n_root_options > 0) {
		struct spec_mount *m = arena_new(&rt->arena, struct spec_mount);
		m->destination = "/";
		m->source = m->type = "overlay";
		m->options = l->root_options;
		m->n_options = l->n_root_options;
		r.spec->root->mount = m;
	}
	*ret = r;
	return 0;
}
