/* launch.json and status.json: written member by member, read by tables. */
#include "runtime/launch/launched.h"

#include "lib/file.h"
#include "lib/json.h"
#include "spec/decode.h"

#include <errno.h>

enum { FILE_MAX = 4 << 20 };

static const struct name restart_names[] = {
	{ "no", RESTART_NO },
	{ "on-failure", RESTART_ON_FAILURE },
	{ "always", RESTART_ALWAYS },
	{ "unless-stopped", RESTART_UNLESS_STOPPED },
	{ NULL },
};

static const struct name health_names[] = {
	{ "none", HEALTH_NONE },
	{ "starting", HEALTH_STARTING },
	{ "healthy", HEALTH_HEALTHY },
	{ "unhealthy", HEALTH_UNHEALTHY },
	{ NULL },
};

static const char *const state_names[] = { "created", "running", "paused", "restarting", "exited" };

const char *launched_state_name(enum launched_state s)
{
	return state_names[s];
}

const char *launched_health_name(enum launched_healthiness h)
{
	return health_names[h].name;
}

const char *restart_policy_name(enum restart_policy p)
{
	return restart_names[p].name;
}

#define HEALTH(member) AT(struct launched_health, member)
static const struct field health_fields[] = {
	{ "command", FIELD_STRINGS, HEALTH(command), COUNT(struct launched_health, n_command) },
	{ "intervalMs", FIELD_INT, HEALTH(interval_ms) },
	{ "timeoutMs", FIELD_INT, HEALTH(timeout_ms) },
	{ "startPeriodMs", FIELD_INT, HEALTH(start_period_ms) },
	{ "startIntervalMs", FIELD_INT, HEALTH(start_interval_ms) },
	{ "retries", FIELD_INT, HEALTH(retries) },
};
static const struct object health_object = { FIELDS(health_fields) };

static const struct name network_names[] = {
	{ "none", NETWORK_NONE },	    { "host", NETWORK_HOST }, { "attached", NETWORK_ATTACHED },
	{ "container", NETWORK_CONTAINER }, { "path", NETWORK_PATH }, { "pasta", NETWORK_PASTA },
	{ NULL },
};

#define ATTACHMENT(member) AT(struct launched_attachment, member)
static const struct field attachment_fields[] = {
	{ "network", FIELD_STRING, ATTACHMENT(network), .required = true },
	{ "interface", FIELD_STRING, ATTACHMENT(interface) },
	{ "mac", FIELD_STRING, ATTACHMENT(mac) },
	{ "ip", FIELD_STRING, ATTACHMENT(ip) },
	{ "ip6", FIELD_STRING, ATTACHMENT(ip6) },
	{ "aliases", FIELD_STRINGS, ATTACHMENT(aliases), COUNT(struct launched_attachment, n_aliases) },
};
static const struct object attachment_object = { FIELDS(attachment_fields), .size = sizeof(struct launched_attachment) };

#define NETWORK(member) AT(struct launched_network, member)
#define NETWORK_COUNT(member) COUNT(struct launched_network, member)
static const struct field network_fields[] = {
	{ "mode", FIELD_NAME, NETWORK(mode), .names = network_names },
	{ "ifPossible", FIELD_BOOL, NETWORK(if_possible) },
	{ "of", FIELD_STRING, NETWORK(of) },
	{ "attachments", FIELD_OBJECTS, NETWORK(attachments), NETWORK_COUNT(n_attachments), .object = &attachment_object },
	{ "ports", FIELD_STRINGS, NETWORK(ports), NETWORK_COUNT(n_ports) },
	{ "exposed", FIELD_STRINGS, NETWORK(exposed), NETWORK_COUNT(n_exposed) },
	{ "rateBps", FIELD_UINT, NETWORK(shaping.rate_bps) },
	{ "burstBytes", FIELD_UINT, NETWORK(shaping.burst_bytes) },
	{ "delayUs", FIELD_UINT, NETWORK(shaping.delay_us) },
	{ "jitterUs", FIELD_UINT, NETWORK(shaping.jitter_us) },
	{ "lossPpm", FIELD_UINT, NETWORK(shaping.loss_ppm) },
	{ "dns", FIELD_STRINGS, NETWORK(dns), NETWORK_COUNT(n_dns) },
	{ "dnsSearch", FIELD_STRINGS, NETWORK(dns_search), NETWORK_COUNT(n_dns_search) },
	{ "dnsOptions", FIELD_STRINGS, NETWORK(dns_options), NETWORK_COUNT(n_dns_options) },
	{ "hosts", FIELD_STRINGS, NETWORK(hosts), NETWORK_COUNT(n_hosts) },
};
static const struct object network_object = { FIELDS(network_fields) };

const char *launched_network_mode_name(enum launched_network_mode m)
{
	return network_names[m].name;
}

#define LAUNCHED(member) AT(struct launched, member)
static const struct field launched_fields[] = {
	{ "image", FIELD_STRING, LAUNCHED(image), .required = true },
	{ "imageDigest", FIELD_STRING, LAUNCHED(image_digest) },
	{ "layers", FIELD_STRINGS, LAUNCHED(layers), COUNT(struct launched, n_layers) },
	{ "rootOptions", FIELD_STRINGS, LAUNCHED(root_options), COUNT(struct launched, n_root_options) },
	{ "created", FIELD_STRING, LAUNCHED(created), .required = true },
	{ "command", FIELD_STRINGS, LAUNCHED(command), COUNT(struct launched, n_command) },
	{ "labels", FIELD_PAIRS, LAUNCHED(labels), COUNT(struct launched, n_labels) },
	{ "restart", FIELD_NAME, LAUNCHED(restart), .names = restart_names },
	{ "restartMax", FIELD_INT, LAUNCHED(restart_max) },
	{ "stopSignal", FIELD_INT, LAUNCHED(stop_signal) },
	{ "stopTimeoutMs", FIELD_INT, LAUNCHED(stop_timeout_ms) },
	{ "rm", FIELD_BOOL, LAUNCHED(rm) },
	{ "terminal", FIELD_BOOL, LAUNCHED(terminal) },
	{ "stdinOpen", FIELD_BOOL, LAUNCHED(stdin_open) },
	{ "init", FIELD_BOOL, LAUNCHED(init) },
	{ "logMaxBytes", FIELD_INT, LAUNCHED(log_max_bytes) },
	{ "logFiles", FIELD_INT, LAUNCHED(log_files) },
	{ "health", FIELD_EMBEDDED, LAUNCHED(health), .object = &health_object },
	{ "network", FIELD_EMBEDDED, LAUNCHED(network), .object = &network_object },
	{ "clonedFrom", FIELD_STRING, LAUNCHED(cloned_from) },
};
static const struct object launched_object = { FIELDS(launched_fields) };

#define STATUS(member) AT(struct launched_status, member)
static const struct field status_fields[] = {
	{ "exitCode", FIELD_INT, STATUS(exit_code) },
	{ "error", FIELD_STRING, STATUS(error) },
	{ "startedAt", FIELD_STRING, STATUS(started_at) },
	{ "finishedAt", FIELD_STRING, STATUS(finished_at) },
	{ "restartCount", FIELD_INT, STATUS(restart_count) },
	{ "oomKilled", FIELD_BOOL, STATUS(oom_killed) },
	{ "stopped", FIELD_BOOL, STATUS(stopped) },
	{ "health", FIELD_NAME, STATUS(health), .names = health_names },
	{ "failingStreak", FIELD_INT, STATUS(failing_streak) },
	{ "healthOutput", FIELD_STRING, STATUS(health_output) },
};
static const struct object status_object = { FIELDS(status_fields) };

static int load(int dir, const char *file, const struct object *object, void *to, struct arena *a, struct err *e)
{
	cleanup_buf struct buf text = BUF_INIT;

	if (file_read_at(dir, file, FILE_MAX, &text, e) < 0)
		return -e->code;
	return decode_document(buf_text(&text), text.len, object, a, to, e) < 0 ? err_wrap(e, "%s", file) : 0;
}

int launched_load(int dir, struct launched *ret, struct arena *a, struct err *e)
{
	struct launched l = { .id = ret->id, .name = ret->name, .dir = ret->dir };
	int r = load(dir, "launch.json", &launched_object, &l, a, e);

	if (r == 0)
		*ret = l;
	return r;
}

int launched_load_status(int dir, struct launched_status *ret, struct arena *a, struct err *e)
{
	struct launched_status s = { 0 };
	int r = load(dir, "status.json", &status_object, &s, a, e);

	if (r < 0 && r != -ENOENT)
		return r;
	*ret = s;
	return 0;
}

/* ---- writing ---- */

static void write_text(struct json_writer *w, const char *key, const char *value)
{
	if (value)
		json_string(w, key, value);
}

static void write_texts(struct json_writer *w, const char *key, const char **values, size_t n)
{
	if (values)
		json_strings(w, key, values, n);
}

static void write_health(struct json_writer *w, const struct launched_health *h)
{
	if (!h->command)
		return;
	json_begin_object(w, "health");
	json_strings(w, "command", h->command, h->n_command);
	json_int(w, "intervalMs", h->interval_ms);
	json_int(w, "timeoutMs", h->timeout_ms);
	json_int(w, "startPeriodMs", h->start_period_ms);
	json_int(w, "startIntervalMs", h->start_interval_ms);
	json_int(w, "retries", h->retries);
	json_end_object(w);
}

static void write_attachments(struct json_writer *w, const struct launched_network *n)
{
	json_begin_array(w, "attachments");
	for (size_t i = 0; i < n->n_attachments; i++) {
		const struct launched_attachment *x = &n->attachments[i];
		json_begin_object(w, NULL);
		json_string(w, "network", x->network);
		write_text(w, "interface", x->interface);
		write_text(w, "mac", x->mac);
		write_text(w, "ip", x->ip);
		write_text(w, "ip6", x->ip6);
		write_texts(w, "aliases", x->aliases, x->n_aliases);
		json_end_object(w);
	}
	json_end_array(w);
}

static void write_number(struct json_writer *w, const char *key, uint64_t value)
{
	if (value)
		json_uint(w, key, value);
}

static void write_network(struct json_writer *w, const struct launched_network *n)
{
	json_begin_object(w, "network");
	json_string(w, "mode", launched_network_mode_name(n->mode));
	if (n->if_possible)
		json_bool(w, "ifPossible", true);
	write_text(w, "of", n->of);
	if (n->n_attachments > 0)
		write_attachments(w, n);
	write_texts(w, "ports", n->ports, n->n_ports);
	write_texts(w, "exposed", n->exposed, n->n_exposed);
	write_number(w, "rateBps", n->shaping.rate_bps);
	write_number(w, "burstBytes", n->shaping.burst_bytes);
	write_number(w, "delayUs", n->shaping.delay_us);
	write_number(w, "jitterUs", n->shaping.jitter_us);
	write_number(w, "lossPpm", n->shaping.loss_ppm);
	write_texts(w, "dns", n->dns, n->n_dns);
	write_texts(w, "dnsSearch", n->dns_search, n->n_dns_search);
	write_texts(w, "dnsOptions", n->dns_options, n->n_dns_options);
	write_texts(w, "hosts", n->hosts, n->n_hosts);
	json_end_object(w);
}

static void write_launched(struct json_writer *w, const struct launched *l)
{
	json_begin_object(w, NULL);
	json_string(w, "image", l->image);
	write_text(w, "imageDigest", l->image_digest);
	write_texts(w, "layers", l->layers, l->n_layers);
	write_texts(w, "rootOptions", l->root_options, l->n_root_options);
	json_string(w, "created", l->created);
	write_texts(w, "command", l->command, l->n_command);
	json_begin_object(w, "labels");
	for (size_t i = 0; i < l->n_labels; i++)
		json_string(w, l->labels[i].key, l->labels[i].value);
	json_end_object(w);
	json_string(w, "restart", restart_policy_name(l->restart));
	json_int(w, "restartMax", l->restart_max);
	json_int(w, "stopSignal", l->stop_signal);
	json_int(w, "stopTimeoutMs", l->stop_timeout_ms);
	json_bool(w, "rm", l->rm);
	json_bool(w, "terminal", l->terminal);
	json_bool(w, "stdinOpen", l->stdin_open);
	json_bool(w, "init", l->init);
	json_int(w, "logMaxBytes", l->log_max_bytes);
	json_int(w, "logFiles", l->log_files);
	write_health(w, &l->health);
	write_network(w, &l->network);
	write_text(w, "clonedFrom", l->cloned_from);
	json_end_object(w);
}

static void write_status(struct json_writer *w, const struct launched_status *s)
{
	json_begin_object(w, NULL);
	json_int(w, "exitCode", s->exit_code);
	write_text(w, "error", s->error);
	write_text(w, "startedAt", s->started_at);
	write_text(w, "finishedAt", s->finished_at);
	json_int(w, "restartCount", s->restart_count);
	json_bool(w, "oomKilled", s->oom_killed);
	json_bool(w, "stopped", s->stopped);
	json_string(w, "health", launched_health_name(s->health));
	json_int(w, "failingStreak", s->failing_streak);
	write_text(w, "healthOutput", s->health_output);
	json_end_object(w);
}

int launched_save(int dir, const struct launched *l, struct err *e)
{
	cleanup_buf struct buf b = BUF_INIT;
	struct json_writer w = { .out = &b };

	write_launched(&w, l);
	buf_char(&b, '\n');
	return file_replace_at(dir, "launch.json", 0600, b.data, b.len, e);
}

int launched_save_status(int dir, const struct launched_status *s, struct err *e)
{
	cleanup_buf struct buf b = BUF_INIT;
	struct json_writer w = { .out = &b };

	write_status(&w, s);
	buf_char(&b, '\n');
	return file_replace_at(dir, "status.json", 0600, b.data, b.len, e);
}
