#include "checkpoint/request.h"

#include "checkpoint/wire.h"

#include <errno.h>
#include <string.h>

/* The numbers are those of criu_req, criu_opts and criu_resp in CRIU's interface. */
enum { REQUEST_TYPE = 1, REQUEST_OPTIONS = 2, REQUEST_NOTIFY_SUCCESS = 3, REQUEST_KEEP_OPEN = 4, REQUEST_FEATURES = 5 };

struct option {
	uint32_t number;
	enum { FLAG, TEXT, NUMBER, DESCRIPTOR, ALWAYS } type; /* ALWAYS: a number that is written even if it is 0 */
	size_t offset;
};

#define OPTION(number, type, field) { number, type, offsetof(struct criu_options, field) }

static const struct option options[] = {
	OPTION(1, DESCRIPTOR, images),
	OPTION(2, NUMBER, pid),
	OPTION(3, FLAG, leave_running),
	OPTION(4, FLAG, ext_unix_sockets),
	OPTION(5, FLAG, tcp_established),
	OPTION(6, FLAG, evasive_devices),
	OPTION(7, FLAG, shell_job),
	OPTION(8, FLAG, file_locks),
	OPTION(9, NUMBER, log_level),
	OPTION(10, TEXT, log_file),
	OPTION(12, FLAG, notify),
	OPTION(13, TEXT, root),
	OPTION(14, TEXT, parent),
	OPTION(15, FLAG, track_memory),
	OPTION(16, FLAG, auto_dedup),
	OPTION(17, DESCRIPTOR, work),
	OPTION(18, FLAG, link_remap),
	OPTION(26, FLAG, sibling),
	OPTION(34, ALWAYS, cgroups),
	OPTION(35, NUMBER, ghost_limit_bytes),
	OPTION(38, NUMBER, empty_namespaces),
	OPTION(44, TEXT, freeze_cgroup),
	OPTION(45, NUMBER, stop_timeout_s),
	OPTION(46, FLAG, tcp_skip_in_flight),
	OPTION(48, FLAG, lazy_pages),
	OPTION(49, DESCRIPTOR, status),
	OPTION(50, FLAG, orphan_pts_master),
	OPTION(51, TEXT, config_file),
	OPTION(52, FLAG, tcp_close),
	OPTION(53, TEXT, lsm_profile),
	OPTION(61, NUMBER, pre_dump_mode),
	OPTION(63, TEXT, lsm_mount_context),
	OPTION(64, NUMBER, network_lock),
};

enum {
	OPTION_PAGE_SERVER = 11,
	OPTION_MOUNT = 23,
	OPTION_INHERIT = 27,
	OPTION_EXTERNAL = 37,
	OPTION_JOIN = 39,
};

/* The numbers are all ints: those of enums too. */
static void write_option(const struct criu_options *o, const struct option *f, struct buf *b)
{
	const void *at = (const char *)o + f->offset;
	int number = 0;

	if (f->type == FLAG) {
		if (*(const bool *)at)
			wire_put_number(b, f->number, 1);
		return;
	}
	if (f->type == TEXT) {
		if (*(const char *const *)at)
			wire_put_string(b, f->number, *(const char *const *)at);
		return;
	}
	memcpy(&number, at, sizeof(number));
	if (f->type == ALWAYS || (f->type == NUMBER ? number != 0 : number >= 0))
		wire_put_number(b, f->number, (uint64_t)(int64_t)number);
}

static void write_pair(uint32_t number, const char *one, const char *two, struct buf *b)
{
	cleanup_buf struct buf pair = BUF_INIT;

	wire_put_string(&pair, 1, one);
	wire_put_string(&pair, 2, two);
	wire_put_bytes(b, number, pair.data, pair.len);
}

static void write_numbered(uint32_t number, const char *text, int n, struct buf *b)
{
	cleanup_buf struct buf pair = BUF_INIT;

	wire_put_string(&pair, 1, text);
	wire_put_number(&pair, 2, (uint64_t)(int64_t)n);
	wire_put_bytes(b, number, pair.data, pair.len);
}

static void write_options(const struct criu_options *o, struct buf *b)
{
	for (size_t i = 0; i < sizeof(options) / sizeof(options[0]); i++)
		write_option(o, &options[i], b);
	if (o->page_server)
		write_numbered(OPTION_PAGE_SERVER, o->page_server, o->page_server_port, b);
	for (size_t i = 0; i < o->n_mounts; i++)
		write_pair(OPTION_MOUNT, o->mounts[i].key, o->mounts[i].value, b);
	for (size_t i = 0; i < o->n_inherit; i++)
		write_numbered(OPTION_INHERIT, o->inherit[i].key, o->inherit[i].fd, b);
	for (size_t i = 0; i < o->n_external; i++)
		wire_put_string(b, OPTION_EXTERNAL, o->external[i]);
	for (size_t i = 0; i < o->n_join; i++)
		write_pair(OPTION_JOIN, o->join[i].kind, o->join[i].path, b);
}

static void write_features(const struct criu_features *f, struct buf *b)
{
	cleanup_buf struct buf asked = BUF_INIT;

	if (f->mem_track)
		wire_put_number(&asked, 1, 1);
	if (f->lazy_pages)
		wire_put_number(&asked, 2, 1);
	if (f->pidfd_store)
		wire_put_number(&asked, 3, 1);
	wire_put_bytes(b, REQUEST_FEATURES, buf_text(&asked), asked.len);
}

void criu_request_write(const struct criu_request *q, struct buf *b)
{
	wire_put_number(b, REQUEST_TYPE, q->type);
	if (q->options) {
		cleanup_buf struct buf inner = BUF_INIT;
		write_options(q->options, &inner);
		wire_put_bytes(b, REQUEST_OPTIONS, inner.data, inner.len);
	}
	if (q->keep_open)
		wire_put_number(b, REQUEST_KEEP_OPEN, 1);
	if (q->type == CRIU_FEATURE_CHECK)
		write_features(&q->features, b);
}

void criu_notify_answer_write(bool success, struct buf *b)
{
	wire_put_number(b, REQUEST_TYPE, CRIU_NOTIFY);
	wire_put_number(b, REQUEST_NOTIFY_SUCCESS, success);
}

static void copy_text(const struct wire_field *f, char *ret, size_t size)
{
	size_t len = f->len < size - 1 ? f->len : size - 1;

	memcpy(ret, f->data, len);
	while (len > 0 && ret[len - 1] == '\n')
		len--;
	ret[len] = '\0';
}

static int read_notification(const struct wire_field *outer, struct criu_packet *p)
{
	struct wire w = wire_inside(outer);
	struct wire_field f;
	int r;

	while ((r = wire_next(&w, &f)) > 0) {
		if (f.number == 1 && f.type == WIRE_BYTES)
			copy_text(&f, p->notification, sizeof(p->notification));
		else if (f.number == 2)
			p->pid = (pid_t)f.value;
	}
	return r;
}

static int read_features(const struct wire_field *outer, struct criu_features *ret)
{
	struct wire w = wire_inside(outer);
	struct wire_field f;
	int r;

	while ((r = wire_next(&w, &f)) > 0) {
		if (f.number == 1)
			ret->mem_track = f.value;
		else if (f.number == 2)
			ret->lazy_pages = f.value;
		else if (f.number == 3)
			ret->pidfd_store = f.value;
	}
	return r;
}

/* Major, minor and sublevel as two digits each. */
static int read_version(const struct wire_field *outer, unsigned *ret)
{
	struct wire w = wire_inside(outer);
	struct wire_field f;
	unsigned major = 0, minor = 0, sublevel = 0;
	int r;

	while ((r = wire_next(&w, &f)) > 0) {
		if (f.number == 1)
			major = (unsigned)f.value;
		else if (f.number == 2)
			minor = (unsigned)f.value;
		else if (f.number == 4)
			sublevel = (unsigned)f.value;
	}
	*ret = major * 10000 + minor * 100 + sublevel;
	return r;
}

static int read_restored(const struct wire_field *outer, pid_t *ret)
{
	struct wire w = wire_inside(outer);
	struct wire_field f;
	int r;

	while ((r = wire_next(&w, &f)) > 0)
		if (f.number == 1)
			*ret = (pid_t)f.value;
	return r;
}

static int read_field(const struct wire_field *f, struct criu_packet *p)
{
	bool message = f->type == WIRE_BYTES;

	switch (f->number) {
	case 1:
		p->type = (enum criu_request_type)f->value;
		return 0;
	case 2:
		p->success = f->value;
		return 0;
	case 4:
		return message ? read_restored(f, &p->answer.pid) : -EBADMSG;
	case 5:
		return message ? read_notification(f, p) : -EBADMSG;
	case 7:
		p->answer.code = (int)f->value;
		return 0;
	case 8:
		return message ? read_features(f, &p->answer.features) : -EBADMSG;
	case 9:
		if (message)
			copy_text(f, p->message, sizeof(p->message));
		return 0;
	case 10:
		return message ? read_version(f, &p->answer.version) : -EBADMSG;
	}
	return 0; /* newer than this */
}

int criu_packet_read(const void *data, size_t len, struct criu_packet *ret, struct err *e)
{
	struct wire w = wire_of(data, len);
	struct wire_field f;
	int r;

	*ret = (struct criu_packet){ 0 };
	while ((r = wire_next(&w, &f)) > 0)
		if ((r = read_field(&f, ret)) < 0)
			break;
	if (r < 0 || !ret->type)
		return err_say(e, EPROTO, "criu: its answer is not understood");
	return 0;
}
