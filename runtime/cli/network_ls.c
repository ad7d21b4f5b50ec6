/* network ls, inspect: which networks there are, and who is on them. */
#include "runtime/cli/commands.h"
#include "runtime/cli/format.h"
#include "runtime/cli/network.h"
#include "runtime/cli/table.h"
#include "runtime/log.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

struct ls_options {
	struct cli_strings filters;
	const char *format;
	bool quiet, noheading;
};

struct inspect_options {
	const char *format;
};

#define LS_OPTION(name, letter, type, field, value, help) \
	CLI_OPTION(name, letter, type, struct ls_options, field, value, help)

static const struct cli_option ls_options[] = {
	LS_OPTION("filter", 'f', CLI_STRINGS, filters, "KEY=VALUE",
		  "list only those with this name, driver, label, or dangling=true: without containers"),
	LS_OPTION("format", 0, CLI_STRING, format, "table|json", "how to print (default: table)"),
	LS_OPTION("noheading", 'n', CLI_FLAG, noheading, NULL, "a table without its head"),
	LS_OPTION("quiet", 'q', CLI_FLAG, quiet, NULL, "print names alone"),
	{ 0 },
};

static const struct cli_option inspect_options[] = {
	CLI_OPTION("format", 'f', CLI_STRING, struct inspect_options, format, "PATH",
		   "print one part of each: .subnets[0].subnet"),
	{ 0 },
};

/* ---- filters ---- */

static bool by_name(const struct network *x, const struct network_use *u, const char *value)
{
	(void)u;
	return strstr(x->name, value) != NULL;
}

static bool by_driver(const struct network *x, const struct network_use *u, const char *value)
{
	(void)u;
	return strcmp(net_driver_name(x->driver), value) == 0;
}

static bool by_label(const struct network *x, const struct network_use *u, const char *value)
{
	size_t key = strcspn(value, "=");

	(void)u;
	for (size_t i = 0; i < x->n_labels; i++)
		if (strlen(x->labels[i].key) == key && strncmp(x->labels[i].key, value, key) == 0 &&
		    (!value[key] || strcmp(x->labels[i].value, value + key + 1) == 0))
			return true;
	return false;
}

static bool by_dangling(const struct network *x, const struct network_use *u, const char *value)
{
	return strcmp(value, network_is_used(u, x->name) ? "false" : "true") == 0;
}

static const struct filter {
	const char *key;
	bool (*matches)(const struct network *x, const struct network_use *u, const char *value);
} filters[] = { { "name", by_name }, { "driver", by_driver }, { "label", by_label }, { "dangling", by_dangling } };

static const struct filter *find_filter(const char *text)
{
	size_t len = strcspn(text, "=");

	for (size_t i = 0; text[len] && i < sizeof(filters) / sizeof(*filters); i++)
		if (strlen(filters[i].key) == len && strncmp(filters[i].key, text, len) == 0)
			return &filters[i];
	return NULL;
}

static int check_filters(const struct cli_strings *texts, struct err *e)
{
	enum net_driver driver;

	for (size_t i = 0; i < texts->n; i++) {
		const char *text = texts->v[i], *value = strchr(text, '=');
		const struct filter *f = find_filter(text);
		if (!f)
			return err_say(e, EINVAL, "--filter '%s': expected KEY=VALUE, with name, driver, label or "
				       "dangling as the key", text);
		if (f->matches == by_driver && net_driver_parse(value + 1, &driver, e) < 0)
			return err_wrap(e, "--filter '%s'", text);
		if (f->matches == by_dangling && strcmp(value, "=true") != 0 && strcmp(value, "=false") != 0)
			return err_say(e, EINVAL, "--filter '%s': expected true or false", text);
	}
	return 0;
}

/* One of each key must match, and every label. */
static bool is_wanted(const struct network *x, const struct network_use *u, const struct cli_strings *texts)
{
	for (size_t i = 0; i < texts->n; i++) {
		const struct filter *f = find_filter(texts->v[i]);
		bool matches = f->matches(x, u, strchr(texts->v[i], '=') + 1);
		for (size_t k = 0; !matches && f->matches != by_label && k < texts->n; k++)
			matches = find_filter(texts->v[k]) == f && f->matches(x, u, strchr(texts->v[k], '=') + 1);
		if (!matches)
			return false;
	}
	return true;
}

/* ---- ls ---- */

static const char *subnets_text(const struct network *x, struct arena *a)
{
	char text[NET_ADDRESS_TEXT];
	const char *all = "";

	for (size_t i = 0; i < x->n_subnets; i++)
		all = arena_printf(a, "%s%s%s", all, i ? "," : "", net_address_cidr(&x->subnets[i].subnet, text));
	return all;
}

static void print_table(const struct ls_options *o, const struct network *all, size_t n, const struct network_use *u,
			struct arena *a)
{
	static const char *const head[] = { "NAME", "DRIVER", "INTERFACE", "SUBNETS", "CONTAINERS" };
	enum { COLUMNS = sizeof(head) / sizeof(*head) };
	cleanup_buf struct buf out = BUF_INIT;
	const char **cells = NULL;
	size_t n_cells = 0;

	for (size_t i = 0; i < COLUMNS && !o->noheading; i++)
		*arena_push(a, &cells, &n_cells) = head[i];
	for (size_t i = 0; i < n; i++) {
		size_t users = 0;
		for (size_t k = 0; k < u->n_endpoints; k++)
			users += network_link(&u->endpoints[k], all[i].name) != NULL;
		*arena_push(a, &cells, &n_cells) = all[i].name;
		*arena_push(a, &cells, &n_cells) = net_driver_name(all[i].driver);
		*arena_push(a, &cells, &n_cells) = all[i].interface;
		*arena_push(a, &cells, &n_cells) = subnets_text(&all[i], a);
		*arena_push(a, &cells, &n_cells) = arena_printf(a, "%zu", users);
	}
	cli_write_table(&out, cells, COLUMNS, n_cells / COLUMNS);
	fputs(buf_text(&out), stdout);
}

static int print_json(const struct network *all, size_t n, struct arena *a, struct err *e)
{
	cleanup_buf struct buf out = BUF_INIT;
	struct json_writer w = { .out = &out };
	struct json doc;

	json_begin_array(&w, NULL);
	for (size_t i = 0; i < n; i++) {
		if (network_document(&all[i], a, &doc, e) < 0)
			return -e->code;
		json_value(&w, NULL, &doc);
	}
	json_end_array(&w);
	puts(buf_text(&out));
	return 0;
}

static int run_ls(struct runtime *rt, const void *options, int argc, char **argv, struct err *e)
{
	const struct ls_options *o = options;
	cleanup_net struct net n = NET_INIT;
	struct network *all = NULL, *wanted = NULL;
	size_t n_all = 0, n_wanted = 0;
	struct network_use use;

	(void)argc, (void)argv;
	if (o->format && strcmp(o->format, "table") != 0 && strcmp(o->format, "json") != 0)
		return err_say(e, EINVAL, "invalid --format '%s': use table or json", o->format);
	if (check_filters(&o->filters, e) < 0 || network_use_load(rt, &n, &use, e) < 0 ||
	    network_list(&n, &rt->arena, &all, &n_all, e) < 0)
		return -e->code;
	for (size_t i = 0; i < n_all; i++)
		if (is_wanted(&all[i], &use, &o->filters))
			*arena_push(&rt->arena, &wanted, &n_wanted) = all[i];
	for (size_t i = 0; o->quiet && i < n_wanted; i++)
		puts(wanted[i].name);
	if (o->quiet)
		return 0;
	if (o->format && *o->format == 'j')
		return print_json(wanted, n_wanted, &rt->arena, e);
	print_table(o, wanted, n_wanted, &use, &rt->arena);
	return 0;
}

/* ---- inspect ---- */

static void write_interface(struct json_writer *w, const struct net_link *l)
{
	char text[NET_ADDRESS_TEXT];

	json_begin_object(w, l->interface);
	json_begin_array(w, "subnets");
	for (size_t i = 0; i < 2; i++) {
		if (!l->addresses[i].family)
			continue;
		json_begin_object(w, NULL);
		json_string(w, "ipnet", net_address_cidr(&l->addresses[i], text));
		if (l->gateways[i].family)
			json_string(w, "gateway", net_address_text(&l->gateways[i], text));
		json_end_object(w);
	}
	json_end_array(w);
	json_string(w, "mac_address", net_mac_text(l->mac, text));
	json_end_object(w);
}

/* The definition, and the containers by their ids. */
static int write_network(struct json_writer *w, const struct network *x, const struct network_use *u, struct arena *a,
			 struct err *e)
{
	struct json doc;

	if (network_document(x, a, &doc, e) < 0)
		return -e->code;
	json_begin_object(w, NULL);
	for (size_t i = 0; i < doc.n; i++)
		json_value(w, doc.members[i].key, &doc.members[i].value);
	json_begin_object(w, "containers");
	for (const struct net_endpoint *p = u->endpoints; p < u->endpoints + u->n_endpoints; p++) {
		const struct net_link *l = network_link(p, x->name);
		const char *slash = strrchr(p->owner, '/');
		if (!l)
			continue;
		json_begin_object(w, slash ? slash + 1 : p->owner);
		json_string(w, "name", network_user_name(p));
		json_begin_object(w, "interfaces");
		write_interface(w, l);
		json_end_object(w);
		json_end_object(w);
	}
	json_end_object(w);
	json_end_object(w);
	return 0;
}

static int inspect_one(const struct net *n, const char *name, const struct network_use *u, const char *format,
		       struct json_writer *to, struct buf *formatted, struct arena *a, struct err *e)
{
	cleanup_buf struct buf text = BUF_INIT;
	struct json_writer w = { .out = &text };
	struct network x;
	struct json doc;

	if (network_load(n, name, a, &x, e) < 0 || write_network(&w, &x, u, a, e) < 0 ||
	    json_parse(buf_text(&text), text.len, a, &doc, e) < 0)
		return -e->code;
	if (format)
		return cli_format(&doc, format, formatted, e);
	json_value(to, NULL, &doc);
	return 0;
}

/* Those that there are, are printed, whatever is wrong with others. */
static int run_inspect(struct runtime *rt, const void *options, int argc, char **argv, struct err *e)
{
	const struct inspect_options *o = options;
	cleanup_buf struct buf out = BUF_INIT, formatted = BUF_INIT;
	struct json_writer w = { .out = &out, .pretty = true };
	cleanup_net struct net n = NET_INIT;
	struct network_use use;
	bool failed = false;

	if (network_use_load(rt, &n, &use, e) < 0)
		return -e->code;
	json_begin_array(&w, NULL);
	for (int i = 0; i < argc; i++) {
		if (inspect_one(&n, argv[i], &use, o->format, &w, &formatted, &rt->arena, e) >= 0)
			continue;
		log_error("%s", e->msg);
		failed = true;
	}
	json_end_array(&w);
	if (o->format)
		fputs(buf_text(&formatted), stdout);
	else
		puts(buf_text(&out));
	return failed ? 1 : 0;
}

const struct cli_command command_network_ls = {
	.name = "network ls",
	.arguments = "",
	.summary = "List the networks that there are",
	.group = CLI_NETWORKS,
	.options = ls_options,
	.options_size = sizeof(struct ls_options),
	.run = run_ls,
};

const struct cli_command command_network_inspect = {
	.name = "network inspect",
	.arguments = "NETWORK...",
	.summary = "Print networks and the containers on them as JSON",
	.group = CLI_NETWORKS,
	.options = inspect_options,
	.options_size = sizeof(struct inspect_options),
	.min_args = 1,
	.max_args = -1,
	.run = run_inspect,
};
