/* ls: all containers, what they do and what they use. */
#include "runtime/cli/commands.h"
#include "runtime/cli/containers.h"
#include "runtime/cli/network_settings.h"
#include "runtime/cli/table.h"
#include "runtime/container.h"
#include "runtime/launch/launched_overlays.h"

#include "lib/clock.h"
#include "lib/fd.h"
#include "lib/file.h"
#include "lib/json.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct options {
	struct cli_strings filters;
	const char *format;
	bool all, quiet, no_trunc, size;
};

#define OPTION(name, letter, type, field, value, help) \
	CLI_OPTION(name, letter, type, struct options, field, value, help)

static const struct cli_option options_table[] = {
	OPTION("all", 'a', CLI_FLAG, all, NULL, "list those that do not run, too, as is always done"),
	OPTION("filter", 'f', CLI_STRINGS, filters, "KEY=VALUE",
	       "list only those with this status, name, id, image, label, health or exited"),
	OPTION("format", 0, CLI_STRING, format, "table|json", "how to print (default: table)"),
	OPTION("no-trunc", 0, CLI_FLAG, no_trunc, NULL, "print long commands and names of images whole"),
	OPTION("quiet", 'q', CLI_FLAG, quiet, NULL, "print names alone"),
	OPTION("size", 's', CLI_FLAG, size, NULL, "print how much each has written"),
	{ 0 },
};

/* ---- filters ---- */

static bool by_status(const struct cli_container *c, const char *value)
{
	return strcmp(launched_state_name(c->status.state), value) == 0;
}

static bool by_name(const struct cli_container *c, const char *value)
{
	return strstr(c->l.name, value) != NULL;
}

static bool by_id(const struct cli_container *c, const char *value)
{
	return strncmp(c->l.id, value, strlen(value)) == 0;
}

static bool by_image(const struct cli_container *c, const char *value)
{
	size_t len = strlen(value);

	return c->l.image && strncmp(c->l.image, value, len) == 0 && (!c->l.image[len] || c->l.image[len] == ':');
}

static bool by_label(const struct cli_container *c, const char *value)
{
	size_t key = strcspn(value, "=");

	for (size_t i = 0; i < c->l.n_labels; i++)
		if (strlen(c->l.labels[i].key) == key && strncmp(c->l.labels[i].key, value, key) == 0 &&
		    (!value[key] || strcmp(c->l.labels[i].value, value + key + 1) == 0))
			return true;
	return false;
}

static bool by_health(const struct cli_container *c, const char *value)
{
	return strcmp(launched_health_name(c->status.health), value) == 0;
}

static bool by_exit_code(const struct cli_container *c, const char *value)
{
	char *end;
	long code = strtol(value, &end, 10);

	return *value && !*end && c->status.state == LAUNCHED_EXITED && c->status.exit_code == code;
}

static const char *state_name(int i)
{
	return i <= LAUNCHED_EXITED ? launched_state_name((enum launched_state)i) : NULL;
}

static const char *health_name(int i)
{
	return i <= HEALTH_UNHEALTHY ? launched_health_name((enum launched_healthiness)i) : NULL;
}

static const struct filter {
	const char *key;
	bool (*matches)(const struct cli_container *c, const char *value);
	bool each; /* several of the same key must all match; else one of them */
	const char *(*value)(int i); /* those that there are, until NULL; without it any is one */
} filters[] = {
	{ "status", by_status, false, state_name },
	{ "name", by_name, false, NULL },
	{ "id", by_id, false, NULL },
	{ "image", by_image, false, NULL },
	{ "ancestor", by_image, false, NULL },
	{ "label", by_label, true, NULL },
	{ "health", by_health, false, health_name },
	{ "exited", by_exit_code, false, NULL },
};

/* A word that nothing can have would list nothing, and nobody would know why. */
static int check_value(const struct filter *f, const char *text, const char *value, struct err *e)
{
	cleanup_buf struct buf words = BUF_INIT;
	const char *word;
	char *end;

	if (f->matches == by_exit_code) {
		long code = strtol(value, &end, 10);
		return *value && !*end && code >= 0 && code <= 255 ? 0 :
		       err_say(e, EINVAL, "--filter '%s': expected an exit code, from 0 to 255", text);
	}
	for (int i = 0; f->value && (word = f->value(i)); i++) {
		if (strcmp(word, value) == 0)
			return 0;
		buf_printf(&words, "%s%s", !i ? "" : f->value(i + 1) ? ", " : " or ", word);
	}
	return f->value ? err_say(e, EINVAL, "--filter '%s': expected %s", text, buf_text(&words)) : 0;
}

/* *ret_value: what follows "KEY=". */
static int find_filter(const char *text, const struct filter **ret, const char **ret_value, struct err *e)
{
	size_t len = strcspn(text, "=");

	if (!text[len])
		return err_say(e, EINVAL, "--filter '%s': expected KEY=VALUE", text);
	for (size_t i = 0; i < sizeof(filters) / sizeof(filters[0]); i++) {
		if (strlen(filters[i].key) != len || strncmp(filters[i].key, text, len) != 0)
			continue;
		*ret = &filters[i];
		*ret_value = text + len + 1;
		return check_value(&filters[i], text, *ret_value, e);
	}
	return err_say(e, EINVAL, "--filter '%s': the keys are status, name, id, image, label, health and exited",
		       text);
}

/* All of --filter, taken apart. */
struct wanted {
	const struct filter *filter;
	const char *value;
};

static int read_filters(const struct cli_strings *texts, struct wanted *ret, struct err *e)
{
	for (size_t i = 0; i < texts->n; i++)
		if (find_filter(texts->v[i], &ret[i].filter, &ret[i].value, e) < 0)
			return -e->code;
	return 0;
}

static bool is_wanted(const struct cli_container *c, const struct wanted *w, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		const struct filter *f = w[i].filter;
		bool matches = f->matches(c, w[i].value);
		for (size_t k = 0; !f->each && !matches && k < n; k++)
			matches = w[k].filter == f && f->matches(c, w[k].value);
		if (!matches)
			return false;
	}
	return true;
}

/* ---- what is printed ---- */

enum { COLUMNS = 8 }; /* without SIZE */

struct listing {
	const struct options *o;
	struct timespec now;
	const char **cells;
	size_t n_cells, n_rows;
	struct json_writer json;
};

static const char *ago(const struct listing *l, const char *time, struct arena *a)
{
	struct timespec t;

	return time && clock_parse(time, &t) ? cli_age(l->now.tv_sec - t.tv_sec, a) : NULL;
}

static const char *status_text(const struct listing *l, const struct cli_container *c, struct arena *a)
{
	static const char *const health[] = { "", " (health: starting)", " (healthy)", " (unhealthy)" };
	const struct launched_status *s = &c->status;
	const char *up = ago(l, s->started_at, a), *since = ago(l, s->finished_at, a);

	since = since ? arena_printf(a, " (%d) %s ago", s->exit_code, since) : "";
	switch (s->state) {
	case LAUNCHED_RUNNING:
		return arena_printf(a, "Up%s%s%s", up ? " " : "", up ? up : "", health[s->health]);
	case LAUNCHED_PAUSED:
		return arena_printf(a, "Up%s%s (Paused)", up ? " " : "", up ? up : "");
	case LAUNCHED_RESTARTING:
		return arena_printf(a, "Restarting%s", since);
	case LAUNCHED_EXITED:
		return arena_printf(a, "Exited%s", since);
	case LAUNCHED_CREATED:
		break;
	}
	return "Created";
}

/* In one line, whatever its arguments hold. */
static const char *command_text(const struct cli_container *c, bool whole, struct arena *a)
{
	enum { SHOWN = 20 };
	cleanup_buf struct buf b = BUF_INIT;

	for (size_t i = 0; i < c->l.n_command; i++) {
		if (i)
			buf_char(&b, ' ');
		for (const char *s = c->l.command[i]; *s; s++)
			buf_char(&b, (unsigned char)*s < ' ' || *s == 127 ? ' ' : *s);
	}
	if (whole || b.len <= SHOWN)
		return arena_printf(a, "\"%s\"", buf_text(&b));
	return arena_printf(a, "\"%.*s...\"", SHOWN - 3, buf_text(&b));
}

/* Of the processes and their files in the page cache; -1 where nobody counts it. */
static int64_t memory_of(struct runtime *rt, const struct cli_container *c)
{
	cleanup_container struct container oci = CONTAINER_INIT;
	cleanup_close int cgroup = -1;
	struct err ignored = ERR_INIT;
	cleanup_buf struct buf text = BUF_INIT;

	if (!c->status.pid || container_open(rt, c->l.id, false, &oci, &ignored) < 0 ||
	    container_cgroup(rt, &oci, &cgroup, &ignored) < 0 || cgroup < 0 ||
	    file_read_once_at(cgroup, "memory.current", &text, &ignored) < 0)
		return -1;
	return strtoll(buf_text(&text), NULL, 10);
}

static int64_t size_of(struct runtime *rt, const struct cli_container *c, const struct options *o)
{
	struct err ignored = ERR_INIT;
	uint64_t bytes;

	return o->size && c->l.dir && launched_size(rt, &c->l, &bytes, &ignored) == 0 ? (int64_t)bytes : -1;
}

/* One that does not run has nothing. */
static void network_of(struct runtime *rt, const struct cli_container *c, const char **ret_addresses,
		       const char **ret_ports)
{
	struct err ignored = ERR_INIT;
	struct net_endpoint x;

	*ret_addresses = *ret_ports = "";
	if (!c->status.pid || cli_endpoint(rt, &c->l, &x, &ignored) < 0)
		return;
	*ret_addresses = cli_addresses(&x, &rt->arena);
	*ret_ports = cli_ports(&c->l, &x, &rt->arena);
}

static void add_row(struct runtime *rt, struct listing *l, const struct cli_container *c)
{
	struct arena *a = &rt->arena;
	const char *created = ago(l, c->l.created, a);
	int64_t memory = memory_of(rt, c), size = size_of(rt, c, l->o);
	const char *image = c->l.image ? c->l.image : "", *addresses, *ports;

	network_of(rt, c, &addresses, &ports);
	const char *row[] = {
		c->l.name,
		l->o->no_trunc || strlen(image) <= 40 ? image : arena_printf(a, "...%s", image + strlen(image) - 37),
		command_text(c, l->o->no_trunc, a),
		created ? arena_printf(a, "%s ago", created) : "",
		status_text(l, c, a),
		addresses,
		ports,
		memory < 0 ? "-" : cli_size((uint64_t)memory, a),
		size < 0 ? "-" : cli_size((uint64_t)size, a),
	};

	for (size_t i = 0; i < COLUMNS + (size_t)l->o->size; i++)
		*arena_push(a, &l->cells, &l->n_cells) = row[i];
	l->n_rows++;
}

static void add_object(struct runtime *rt, struct listing *l, const struct cli_container *c)
{
	struct json_writer *w = &l->json;
	int64_t memory = memory_of(rt, c), size = size_of(rt, c, l->o);
	const char *addresses, *ports;

	network_of(rt, c, &addresses, &ports);
	json_begin_object(w, NULL);
	json_string(w, "Id", c->l.id);
	json_string(w, "Name", c->l.name);
	json_string(w, "Image", c->l.image);
	json_strings(w, "Command", c->l.command, c->l.n_command);
	json_string(w, "Created", c->l.created);
	json_string(w, "State", launched_state_name(c->status.state));
	json_string(w, "Status", status_text(l, c, &rt->arena));
	json_string(w, "Addresses", addresses);
	json_string(w, "Ports", ports);
	json_int(w, "Pid", c->status.pid);
	json_int(w, "ExitCode", c->status.exit_code);
	json_string(w, "Health", launched_health_name(c->status.health));
	json_begin_object(w, "Labels");
	for (size_t i = 0; i < c->l.n_labels; i++)
		json_string(w, c->l.labels[i].key, c->l.labels[i].value);
	json_end_object(w);
	if (memory >= 0)
		json_int(w, "Memory", memory);
	if (size >= 0)
		json_int(w, "Size", size);
	json_end_object(w);
}

static int run_ls(struct runtime *rt, const void *options, int argc, char **argv, struct err *e)
{
	static const char *const head[] = { "NAME",    "IMAGE", "COMMAND", "CREATED", "STATUS",
					    "ADDRESS", "PORTS", "MEMORY",  "SIZE" };
	const struct options *o = options;
	bool json = o->format && strcmp(o->format, "json") == 0;
	cleanup_buf struct buf out = BUF_INIT;
	struct listing l = { .o = o, .json = { .out = &out } };
	struct wanted *wanted = arena_new_array(&rt->arena, o->filters.n, struct wanted);
	struct cli_container *all;
	size_t n, columns = COLUMNS + (size_t)o->size;

	(void)argc, (void)argv;
	if (o->format && !json && strcmp(o->format, "table") != 0)
		return err_say(e, EINVAL, "invalid format option \"%s\": use table or json", o->format);
	if (read_filters(&o->filters, wanted, e) < 0 || cli_containers(rt, &all, &n, e) < 0)
		return -e->code;
	clock_gettime(CLOCK_REALTIME, &l.now);
	for (size_t i = 0; i < columns; i++)
		*arena_push(&rt->arena, &l.cells, &l.n_cells) = head[i];
	if (json)
		json_begin_array(&l.json, NULL);
	for (size_t i = 0; i < n; i++) {
		if (!is_wanted(&all[i], wanted, o->filters.n))
			continue;
		if (o->quiet)
			buf_printf(&out, "%s\n", all[i].l.name);
		else if (json)
			add_object(rt, &l, &all[i]);
		else
			add_row(rt, &l, &all[i]);
	}
	if (json)
		json_end_array(&l.json);
	else if (!o->quiet)
		cli_write_table(&out, l.cells, columns, l.n_rows + 1);
	printf(json ? "%s\n" : "%s", buf_text(&out));
	return 0;
}

const struct cli_command command_ls = {
	.name = "ls",
	.arguments = "",
	.summary = "List all containers and what they use",
	.group = CLI_LOOK,
	.options = options_table,
	.options_size = sizeof(struct options),
	.run = run_ls,
};
