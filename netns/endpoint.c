#include "netns/endpoint.h"

#include "lib/fd.h"
#include "lib/file.h"
#include "lib/json.h"
#include "lib/sha256.h"
#include "netns/claim.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

enum { RECORD_MAX = 4 * 1024 * 1024 };

static struct claim_path record_path(const char *key)
{
	return claim_path("endpoints/%s.json", key);
}

const char *endpoint_key(const char *owner, struct arena *a)
{
	struct sha256_text digest = sha256_of(owner, strlen(owner));

	return arena_strndup(a, digest.text + strlen("sha256:"), ENDPOINT_KEY);
}

int endpoint_host_link(struct arena *a, const char **ret, struct err *e)
{
	uint64_t number;

	if (getrandom(&number, sizeof(number), 0) != sizeof(number))
		return err_set(e, errno, "getrandom");
	*ret = arena_printf(a, "fv%011llx", (unsigned long long)(number >> 20));
	return 0;
}

const char *endpoint_inner_link(const char *key, const char *interface, struct arena *a)
{
	const char *text = arena_printf(a, "%s %s", key, interface);
	struct sha256_text digest = sha256_of(text, strlen(text));

	return arena_printf(a, "fm%.12s", digest.text + strlen("sha256:"));
}

/* ---- writing ---- */

static void write_address(struct json_writer *w, const char *key, const struct net_address *x)
{
	char text[NET_ADDRESS_TEXT];

	if (x->family)
		json_string(w, key, net_address_cidr(x, text));
}

static void write_addresses(struct json_writer *w, const char *key, const struct net_address x[2])
{
	json_begin_array(w, key);
	for (int i = 0; i < 2; i++)
		write_address(w, NULL, &x[i]);
	json_end_array(w);
}

static void write_link(struct json_writer *w, const struct net_link *l)
{
	char mac[NET_ADDRESS_TEXT];

	json_begin_object(w, NULL);
	json_string(w, "network", l->network);
	json_string(w, "interface", l->interface);
	if (l->host_link)
		json_string(w, "host_link", l->host_link);
	json_string(w, "mac", net_mac_text(l->mac, mac));
	write_addresses(w, "addresses", l->addresses);
	write_addresses(w, "gateways", l->gateways);
	json_strings(w, "aliases", l->aliases, l->n_aliases);
	json_end_object(w);
}

static void write_port(struct json_writer *w, const struct net_port *p)
{
	json_begin_object(w, NULL);
	json_uint(w, "protocol", p->protocol);
	write_address(w, "host", &p->host);
	json_uint(w, "host_port", p->host_port);
	json_uint(w, "container_port", p->container_port);
	json_uint(w, "count", p->count);
	json_end_object(w);
}

static void write_shaping(struct json_writer *w, const struct net_shaping *x)
{
	json_begin_object(w, "shaping");
	json_uint(w, "rate_bps", x->rate_bps);
	json_uint(w, "burst_bytes", x->burst_bytes);
	json_uint(w, "delay_us", x->delay_us);
	json_uint(w, "jitter_us", x->jitter_us);
	json_uint(w, "loss_ppm", x->loss_ppm);
	json_end_object(w);
}

static void write_endpoint(const struct net_endpoint *x, struct buf *out)
{
	struct json_writer w = { .out = out };

	json_begin_object(&w, NULL);
	json_string(&w, "owner", x->owner);
	if (x->name)
		json_string(&w, "name", x->name);
	json_int(&w, "netns", x->netns);
	json_begin_array(&w, "links");
	for (size_t i = 0; i < x->n_links; i++)
		write_link(&w, &x->links[i]);
	json_end_array(&w);
	json_begin_array(&w, "ports");
	for (size_t i = 0; i < x->n_ports; i++)
		write_port(&w, &x->ports[i]);
	json_end_array(&w);
	write_shaping(&w, &x->shaping);
	json_strings(&w, "dns", x->dns, x->n_dns);
	json_end_object(&w);
	buf_char(out, '\n');
}

/* ---- reading: false when a member is missing, or is something else ---- */

static bool read_text(const struct json *object, const char *key, const char **ret)
{
	const struct json *v = json_get(object, key);

	*ret = v ? v->text : NULL;
	return v && v->type == JSON_STRING;
}

static bool read_optional_text(const struct json *object, const char *key, const char **ret)
{
	return read_text(object, key, ret) || !json_get(object, key);
}

static bool read_number(const struct json *object, const char *key, uint64_t max, uint64_t *ret)
{
	const struct json *v = json_get(object, key);

	return v && v->type == JSON_NUMBER && json_uint64(v, ret) && *ret <= max;
}

static const struct json *get_array(const struct json *object, const char *key)
{
	const struct json *v = json_get(object, key);

	return v && v->type == JSON_ARRAY ? v : NULL;
}

static bool read_texts(const struct json *object, const char *key, struct arena *a, const char ***ret, size_t *ret_n)
{
	const struct json *v = get_array(object, key);

	for (size_t i = 0; v && i < v->n; i++) {
		if (v->members[i].value.type != JSON_STRING)
			return false;
		*arena_push(a, ret, ret_n) = v->members[i].value.text;
	}
	return v != NULL;
}

static bool read_addresses(const struct json *object, const char *key, struct net_address ret[2])
{
	const struct json *v = get_array(object, key);
	struct err ignored;

	if (!v || v->n > 2)
		return false;
	for (size_t i = 0; i < v->n; i++)
		if (v->members[i].value.type != JSON_STRING ||
		    net_address_parse(v->members[i].value.text, true, &ret[i], &ignored) < 0)
			return false;
	return true;
}

/* Of macvlan and ipvlan without an address there may be none. */
static bool read_mac(const char *text, uint8_t ret[6])
{
	struct err ignored;

	return strcmp(text, "00:00:00:00:00:00") == 0 || net_mac_parse(text, ret, &ignored) == 0;
}

static bool read_link(const struct json *v, struct arena *a, struct net_link *ret)
{
	const char *mac;

	return read_text(v, "network", &ret->network) && read_text(v, "interface", &ret->interface) &&
	       read_optional_text(v, "host_link", &ret->host_link) && read_text(v, "mac", &mac) &&
	       read_mac(mac, ret->mac) && read_addresses(v, "addresses", ret->addresses) &&
	       read_addresses(v, "gateways", ret->gateways) &&
	       read_texts(v, "aliases", a, &ret->aliases, &ret->n_aliases);
}

static bool read_port(const struct json *v, struct net_port *ret)
{
	uint64_t protocol, host_port, container_port, count;
	const char *host;
	struct err ignored;

	if (!read_number(v, "protocol", UINT8_MAX, &protocol) || !read_number(v, "host_port", UINT16_MAX, &host_port) ||
	    !read_number(v, "container_port", UINT16_MAX, &container_port) ||
	    !read_number(v, "count", UINT16_MAX, &count) || !read_optional_text(v, "host", &host) || count == 0)
		return false;
	*ret = (struct net_port){
		.protocol = (uint8_t)protocol,
		.host_port = (uint16_t)host_port,
		.container_port = (uint16_t)container_port,
		.count = (uint16_t)count,
	};
	return !host || net_address_parse(host, true, &ret->host, &ignored) == 0;
}

static bool read_shaping(const struct json *doc, struct net_shaping *ret)
{
	const struct json *v = json_get(doc, "shaping");
	uint64_t delay, jitter, loss;

	if (!v || !read_number(v, "rate_bps", UINT64_MAX, &ret->rate_bps) ||
	    !read_number(v, "burst_bytes", UINT64_MAX, &ret->burst_bytes) ||
	    !read_number(v, "delay_us", UINT32_MAX, &delay) || !read_number(v, "jitter_us", UINT32_MAX, &jitter) ||
	    !read_number(v, "loss_ppm", UINT32_MAX, &loss))
		return false;
	ret->delay_us = (uint32_t)delay;
	ret->jitter_us = (uint32_t)jitter;
	ret->loss_ppm = (uint32_t)loss;
	return true;
}

static bool read_endpoint(const struct json *doc, struct arena *a, struct net_endpoint *ret)
{
	const struct json *links = get_array(doc, "links"), *ports = get_array(doc, "ports"), *netns = json_get(doc, "netns");
	int64_t number;

	if (!links || !ports || !read_text(doc, "owner", &ret->owner) || !read_optional_text(doc, "name", &ret->name) ||
	    !read_shaping(doc, &ret->shaping) || !read_texts(doc, "dns", a, &ret->dns, &ret->n_dns))
		return false;
	if (!netns || netns->type != JSON_NUMBER || !json_int64(netns, &number) || number < -1 || number > INT32_MAX)
		return false;
	ret->netns = (int)number;
	for (size_t i = 0; i < links->n; i++)
		if (!read_link(&links->members[i].value, a, arena_push(a, &ret->links, &ret->n_links)))
			return false;
	for (size_t i = 0; i < ports->n; i++)
		if (!read_port(&ports->members[i].value, arena_push(a, &ret->ports, &ret->n_ports)))
			return false;
	return true;
}

/* ---- records ---- */

int endpoint_begin(const struct net *n, const char *key, const char *owner, struct err *e)
{
	const struct claim_path path = record_path(key);
	const int flags = O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC;
	cleanup_buf struct buf text = BUF_INIT;
	struct json_writer w = { .out = &text };

	json_begin_object(&w, NULL);
	json_string(&w, "owner", owner);
	json_end_object(&w);
	cleanup_close int fd = openat(n->state, path.path, flags, 0600);
	if (fd < 0 && errno == ENOENT) {
		claim_make_above(n->state, path.path);
		fd = openat(n->state, path.path, flags, 0600);
	}
	if (fd < 0)
		return err_set(e, errno, "create '%s'", path.path);
	return fd_write_all(fd, text.data, text.len, e);
}

/* What the resolver needs, as a link: it is replaced whole, and read without parsing. */
static int save_brief(const struct net *n, const struct net_endpoint *x, struct err *e)
{
	const struct claim_path path = claim_path("endpoints/%s", x->key), next = claim_path("endpoints/%s.new", x->key);
	cleanup_buf struct buf text = BUF_INIT;

	for (size_t i = 0; i < x->n_links; i++)
		buf_printf(&text, "%s%s", i ? "," : "", x->links[i].network);
	buf_char(&text, ' ');
	for (size_t i = 0; i < x->n_dns; i++)
		buf_printf(&text, "%s%s", i ? "," : "", x->dns[i]);
	if (symlinkat(text.data, n->state, path.path) == 0)
		return 0;
	if (errno != EEXIST)
		return err_set(e, errno, "create '%s'", path.path);
	unlinkat(n->state, next.path, 0);
	if (symlinkat(text.data, n->state, next.path) < 0 || renameat(n->state, next.path, n->state, path.path) < 0)
		return err_set(e, errno, "replace '%s'", path.path);
	return 0;
}

int endpoint_save(const struct net *n, const struct net_endpoint *x, struct err *e)
{
	cleanup_buf struct buf text = BUF_INIT;

	write_endpoint(x, &text);
	claim_make_above(n->state, record_path(x->key).path);
	int r = file_replace_at(n->state, record_path(x->key).path, 0600, text.data, text.len, e);
	if (r == 0)
		r = save_brief(n, x, e);
	return r < 0 ? err_wrap(e, "the container's networks") : 0;
}

static int load_document(const struct net *n, const char *path, struct arena *a, struct json *ret, struct err *e)
{
	cleanup_buf struct buf text = BUF_INIT;

	if (file_read_at(n->state, path, RECORD_MAX, &text, e) < 0)
		return -e->code;
	return json_parse(buf_text(&text), text.len, a, ret, e) < 0 ? err_say(e, EINVAL, "'%s' is not whole", path) : 0;
}

const char *endpoint_owner(const struct net *n, const char *key, struct arena *a)
{
	struct err ignored;
	const char *owner;
	struct json doc;

	return load_document(n, record_path(key).path, a, &doc, &ignored) == 0 && read_text(&doc, "owner", &owner) ? owner :
														     NULL;
}

int endpoint_read(const struct net *n, const char *path, const char *key, struct arena *a, struct net_endpoint *ret,
		  struct err *e)
{
	struct net_endpoint x = { .key = arena_strdup(a, key) };
	struct json doc;

	if (load_document(n, path, a, &doc, e) < 0)
		return -e->code;
	if (!read_endpoint(&doc, a, &x))
		return err_say(e, EINVAL, "'%s' is not whole", path);
	*ret = x;
	return 0;
}

int endpoint_load(const struct net *n, const char *key, struct arena *a, struct net_endpoint *ret, struct err *e)
{
	return endpoint_read(n, record_path(key).path, key, a, ret, e);
}

struct keys {
	struct arena *arena;
	const char **items;
	size_t n;
};

static int add_key(const char *name, const char *target, void *data, struct err *e)
{
	struct keys *keys = data;

	(void)target;
	(void)e;
	if (strlen(name) == ENDPOINT_KEY + strlen(".json") && strcmp(name + ENDPOINT_KEY, ".json") == 0)
		*arena_push(keys->arena, &keys->items, &keys->n) = arena_strndup(keys->arena, name, ENDPOINT_KEY);
	return 0;
}

int endpoint_keys(const struct net *n, struct arena *a, const char ***ret, size_t *ret_n, struct err *e)
{
	struct keys keys = { .arena = a };

	if (claim_each(n->state, "endpoints", add_key, &keys, e) < 0)
		return -e->code;
	*ret = keys.items;
	*ret_n = keys.n;
	return 0;
}

int endpoint_list(const struct net *n, struct arena *a, struct net_endpoint **ret, size_t *ret_n, struct err *e)
{
	struct net_endpoint *all = NULL;
	const char **keys = NULL;
	size_t n_keys = 0, n_all = 0;

	if (endpoint_keys(n, a, &keys, &n_keys, e) < 0)
		return -e->code;
	for (size_t i = 0; i < n_keys; i++) {
		struct net_endpoint x;
		int r = endpoint_load(n, keys[i], a, &x, e);
		if (r == 0)
			*arena_push(a, &all, &n_all) = x;
		else if (r != -ENOENT && r != -EINVAL)
			return r;
	}
	*ret = all;
	*ret_n = n_all;
	return 0;
}

static struct claim_path more_path(const char *key)
{
	return claim_path("endpoints/%s.more", key);
}

int endpoint_begin_more(const struct net *n, const char *key, struct err *e)
{
	int r = claim_make(n->state, more_path(key).path, key, e);

	return r == -EEXIST ? 0 : r < 0 ? r : 1;
}

int endpoint_end_more(const struct net *n, const char *key, struct err *e)
{
	return claim_drop(n->state, more_path(key).path, key, e);
}

bool endpoint_has_more(const struct net *n, const char *key)
{
	return claim_is(n->state, more_path(key).path, key);
}

int endpoint_open(const struct net *n, const char *key, struct err *e)
{
	const struct claim_path path = record_path(key);
	int fd = openat(n->state, path.path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);

	return fd < 0 ? err_set(e, errno, "open '%s'", path.path) : fd;
}

int endpoint_move(const struct net *n, const char *key, const char *to, struct err *e)
{
	/* The record is the last: as long as it is there, so may be the others. */
	static const char *const suffixes[] = { "", ".new", ".more", ".json.tmp" };

	for (size_t i = 0; i < sizeof(suffixes) / sizeof(suffixes[0]); i++) {
		const struct claim_path path = claim_path("endpoints/%s%s", key, suffixes[i]);
		if (unlinkat(n->state, path.path, 0) < 0 && errno != ENOENT)
			return err_set(e, errno, "remove '%s'", path.path);
	}
	return renameat(n->state, record_path(key).path, n->state, to) < 0 ?
		       err_set(e, errno, "move '%s' to '%s'", record_path(key).path, to) : 0;
}
