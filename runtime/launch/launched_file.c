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
	struct json_writer w = { .out = &b, .pretty = true };

	write_launched(&w, l);
	buf_char(&b, '\n');
	return file_replace_at(dir, "launch.json", 0600, b.data, b.len, e);
}

int launched_save_status(int dir, const struct launched_status *s, struct err *e)
{
	cleanup_buf struct buf b = BUF_INIT;
	struct json_writer w = { .out = &b, .pretty = true };

	write_status(&w, s);
	buf_char(&b, '\n');
	return file_replace_at(dir, "status.json", 0600, b.data, b.len, e);
}
