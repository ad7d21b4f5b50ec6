/* A clone's sockets have its own addresses, where its source's had that one's. */
#include "runtime/clone/clone.h"

#include "checkpoint/images/sockets.h"
#include "lib/fd.h"
#include "lib/file.h"
#include "lib/json.h"
#include "runtime/supervise/supervise.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>

enum { FILE_MAX = 64 * 1024 };

struct readdressing {
	const struct net_endpoint *now;
	struct arena *arena;
	struct images_address *v;
	size_t n;
};

static const char *text_of(const struct json *object, const char *key)
{
	const struct json *v = json_get(object, key);

	return v && v->type == JSON_STRING ? v->text : NULL;
}

static void add(struct readdressing *r, const char *was, const struct net_link *link)
{
	struct images_address a = { 0 };
	struct err ignored = ERR_INIT;
	struct net_address x;

	if (!was || net_address_parse(was, false, &x, &ignored) < 0)
		return;
	for (size_t i = 0; i < 2; i++) {
		const struct net_address *is = &link->addresses[i];
		if (is->family != x.family)
			continue;
		a.ipv6 = x.family == AF_INET6;
		memcpy(a.was, x.bytes, a.ipv6 ? 16 : 4);
		memcpy(a.is, is->bytes, a.ipv6 ? 16 : 4);
		*arena_push(r->arena, &r->v, &r->n) = a;
		return;
	}
}

static void add_network(struct readdressing *r, const struct json *was)
{
	const char *network = text_of(was, "network");

	for (size_t i = 0; network && i < r->now->n_links; i++) {
		if (strcmp(r->now->links[i].network, network) != 0)
			continue;
		add(r, text_of(was, "ip"), &r->now->links[i]);
		add(r, text_of(was, "ip6"), &r->now->links[i]);
	}
}

int clone_readdress(const struct launched *l, const struct net_endpoint *x, struct err *e)
{
	cleanup_arena struct arena a = ARENA_INIT;
	const char *path = arena_printf(&a, "%s/" LAUNCHED_WARM, l->dir);
	cleanup_close int images = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	struct readdressing r = { .now = x, .arena = &a };
	cleanup_buf struct buf text = BUF_INIT;
	struct json doc;

	if (images < 0)
		return errno == ENOENT ? 0 : err_set(e, errno, "open '%s'", path);
	int found = file_read_at(images, SUPERVISE_ADDRESSES, FILE_MAX, &text, e);
	if (found == -ENOENT) /* its source was on no network then */
		return *e = ERR_INIT, 0;
	if (found < 0 || json_parse(buf_text(&text), text.len, &a, &doc, e) < 0)
		return err_wrap(e, "'%s'", path);
	for (size_t i = 0; doc.type == JSON_ARRAY && i < doc.n; i++)
		add_network(&r, &doc.members[i].value);
	return r.n && images_readdress(images, r.v, r.n, e) < 0 ? err_wrap(e, "'%s'", path) : 0;
}
