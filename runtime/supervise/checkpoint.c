/* Checkpoint and restore of a launched container. */
#include "lib/fd.h"
#include "lib/file.h"
#include "lib/json.h"
#include "runtime/attach.h"
#include "runtime/checkpoint/checkpoint.h"
#include "runtime/create.h"
#include "runtime/launch/launch.h"
#include "runtime/launch/launched_event.h"
#include "runtime/networks.h"
#include "runtime/supervise/supervise.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

enum { FILE_MAX = 64 * 1024 };

/* ---- addresses ---- */

static void write_link(struct json_writer *w, const struct net_link *l)
{
	char text[NET_ADDRESS_TEXT];

	json_begin_object(w, NULL);
	json_string(w, "network", l->network);
	for (size_t i = 0; i < 2; i++)
		if (l->addresses[i].family)
			json_string(w, l->addresses[i].family == AF_INET6 ? "ip6" : "ip",
				    net_address_text(&l->addresses[i], text));
	json_end_object(w);
}

static int save_addresses(struct runtime *rt, const struct launched *l, int dir, struct err *e)
{
	cleanup_net struct net n = NET_INIT;
	cleanup_buf struct buf b = BUF_INIT;
	struct json_writer w = { .out = &b };
	struct net_endpoint x;

	if (l->network.mode != NETWORK_ATTACHED)
		return 0;
	if (networks_open(false, &n, e) < 0 || net_endpoint_load(&n, container_path(rt, l->id), &rt->arena, &x, e) < 0)
		return err_wrap(e, "container '%s'", l->name);
	json_begin_array(&w, NULL);
	for (size_t i = 0; i < x.n_links; i++)
		write_link(&w, &x.links[i]);
	json_end_array(&w);
	return file_replace_at(dir, SUPERVISE_ADDRESSES, 0600, b.data, b.len, e);
}

static const char *text_of(const struct json *object, const char *key)
{
	const struct json *v = json_get(object, key);

	return v && v->type == JSON_STRING ? v->text : NULL;
}

/* Those that were not asked for are asked for now. */
static void ask_for(const struct json *link, struct launched *l)
{
	const char *network = text_of(link, "network");

	for (size_t i = 0; network && i < l->network.n_attachments; i++) {
		struct launched_attachment *x = &l->network.attachments[i];
		if (strcmp(x->network, network) != 0)
			continue;
		if (!x->ip)
			x->ip = text_of(link, "ip");
		if (!x->ip6)
			x->ip6 = text_of(link, "ip6");
	}
}

static int load_addresses(struct runtime *rt, struct launched *l, int dir, struct err *e)
{
	cleanup_buf struct buf b = BUF_INIT;
	struct json doc;

	int r = file_read_at(dir, SUPERVISE_ADDRESSES, FILE_MAX, &b, e);
	if (r == -ENOENT) {
		*e = ERR_INIT;
		return 0;
	}
	if (r < 0 || json_parse(buf_text(&b), b.len, &rt->arena, &doc, e) < 0)
		return err_wrap(e, "'" SUPERVISE_ADDRESSES "'");
	for (size_t i = 0; doc.type == JSON_ARRAY && i < doc.n; i++)
		ask_for(&doc.members[i].value, l);
	return 0;
}

/* ---- checkpoint ---- */

static int check(const struct launched *l, const struct checkpoint_request *r, struct err *e)
{
	if (l->rm && !r->pre_dump && !r->options.leave_running)
		return err_say(e, ENOTSUP, "container '%s' is removed when it ends (--rm), and with it its files: use "
			       "--leave-running", l->name);
	if (l->network.mode == NETWORK_CONTAINER || l->network.mode == NETWORK_PASTA)
		return err_say(e, ENOTSUP, "container '%s': with --network %s it cannot be checkpointed", l->name,
			       launched_network_mode_name(l->network.mode));
	return 0;
}

static const char *default_image(struct runtime *rt, const struct launched *l)
{
	return arena_printf(&rt->arena, "%s/checkpoint", l->dir);
}

struct held {
	struct runtime *rt;
	const struct launched *l;
	const struct checkpoint_request *request; /* as it came */
	int images;
};

/* Not before: an image that is there already stays whole when there will be no other. */
static int held(void *data, struct err *e)
{
	const struct held *h = data;

	if (save_addresses(h->rt, h->l, h->images, e) < 0)
		return -e->code;
	return h->request->while_held ? h->request->while_held(h->request->data, e) : 0;
}

int supervise_checkpoint(struct runtime *rt, const struct launched *l, struct checkpoint_request *r, struct err *e)
{
	struct criu_options opened = CRIU_OPTIONS_INIT;
	bool ends = !r->pre_dump && !r->options.leave_running;
	struct held h = { .rt = rt, .l = l };
	struct checkpoint_request asked;
	struct launched_status status;
	int ignored_exit;

	if (supervise_adopt(rt, l, e) < 0 || launched_status(rt, l, &status, e) < 0)
		return -e->code;
	if (status.pid == 0)
		return err_say(e, ESRCH, "container '%s' is not running", l->name);
	if (check(l, r, e) < 0)
		return -e->code;
	if (!r->image_path)
		r->image_path = default_image(rt, l);
	asked = *r;
	h.request = r;
	asked.while_held = held;
	asked.data = &h;
	int result = checkpoint_open_directories(r, true, &opened, e);
	h.images = opened.images;
	if (result == 0)
		result = lifecycle_checkpoint(rt, &asked, e);
	close_fd(&opened.images);
	close_fd(&opened.work);
	if (result < 0)
		return -e->code;
	if (!r->pre_dump)
		launched_event_note(rt, l, "checkpoint", NULL, NULL);
	/* Whoever comes next may start or restore it. */
	return ends ? supervise_wait(rt, l, &ignored_exit, e) : 0;
}

/* ---- restore ---- */

/* The supervisor is elsewhere. */
static const char *absolute(struct runtime *rt, const char *path)
{
	char *real = realpath(path, NULL);
	const char *copy = real ? arena_strdup(&rt->arena, real) : path;

	free(real);
	return copy;
}

static int prepare(struct runtime *rt, struct launched *l, struct checkpoint_request *r, struct err *e)
{
	struct criu_options opened = CRIU_OPTIONS_INIT;

	r->image_path = r->image_path ? absolute(rt, r->image_path) : default_image(rt, l);
	int result = checkpoint_open_directories(r, false, &opened, e);
	if (result == 0)
		result = load_addresses(rt, l, opened.images, e);
	close_fd(&opened.images);
	close_fd(&opened.work);
	if (r->work_path)
		r->work_path = absolute(rt, r->work_path);
	return result;
}

int supervise_restore_locked(struct runtime *rt, struct launched *l, int dir, struct checkpoint_request *r, struct err *e)
{
	struct create_request request;

	if (prepare(rt, l, r, e) < 0 || supervise_request(rt, l, dir, &request, e) < 0 ||
	    create_seal(rt, request.spec, e) < 0)
		return -e->code;
	request.restore = r;
	if (supervise_start(rt, l, dir, &request, false, NULL, e) < 0)
		return launch_say_option(e);
	launched_event_note(rt, l, "restore", NULL, NULL);
	return 0;
}

int supervise_restore(struct runtime *rt, struct launched *l, struct checkpoint_request *r, struct err *e)
{
	struct launched_status status;

	if (supervise_adopt(rt, l, e) < 0)
		return -e->code;
	cleanup_close int dir = launched_lock(l, e);
	if (dir == -EBUSY)
		return err_say(e, EBUSY, "container '%s' is running already", l->name);
	if (dir < 0 || launched_status(rt, l, &status, e) < 0)
		return -e->code;
	if (status.pid > 0)
		return err_say(e, EBUSY, "container '%s' is running already", l->name);
	return supervise_restore_locked(rt, l, dir, r, e);
}
