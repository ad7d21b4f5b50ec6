#include "runtime/cli/cli.h"

#include "lib/near.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

bool cli_takes_value(const struct cli_option *o)
{
	return o->type == CLI_STRING || o->type == CLI_STRINGS || o->type == CLI_INT;
}

/* "--name=value", "-n", ...: one word of the command line, taken apart. */
struct word {
	const char *whole;
	const char *name;
	size_t len; /* of the name */
	const char *value; /* after the "=", or NULL */
	bool single; /* one dash */
};

static struct word take_apart(const char *arg)
{
	struct word w = { .whole = arg, .name = arg + 1, .single = true };

	if (*w.name == '-') {
		w.name++;
		w.single = false;
	}
	w.len = strcspn(w.name, "=");
	if (w.name[w.len] == '=')
		w.value = w.name + w.len + 1;
	return w;
}

static const struct cli_option *find(const struct cli_option *table, const char *name, size_t len)
{
	for (const struct cli_option *o = table; o->name; o++) {
		if (strlen(o->name) == len && strncmp(o->name, name, len) == 0)
			return o;
		if (len == 1 && o->letter == *name)
			return o;
	}
	return NULL;
}

static bool is_help(const char *name, size_t len)
{
	return (len == 1 && *name == 'h') || (len == 4 && strncmp(name, "help", 4) == 0);
}

/* What Go's flag package takes for a bool: engines are written against that. */
static int set_bool(const struct cli_option *o, const char *value, bool *ret, struct err *e)
{
	static const char *const yes[] = { "1", "t", "T", "true", "TRUE", "True" };
	static const char *const no[] = { "0", "f", "F", "false", "FALSE", "False" };

	if (!value)
		return *ret = true, 0;
	for (size_t i = 0; i < sizeof(yes) / sizeof(*yes); i++) {
		if (strcmp(value, yes[i]) == 0)
			return *ret = true, 0;
		if (strcmp(value, no[i]) == 0)
			return *ret = false, 0;
	}
	return err_say(e, EINVAL, "invalid boolean value \"%s\" for --%s: use true or false", value, o->name);
}

static int set_int(const struct cli_option *o, const char *value, struct spec_i64 *ret, struct err *e)
{
	char *end;

	errno = 0;
	long long v = strtoll(value, &end, 0);
	if (end == value || *end || isspace((unsigned char)*value))
		return err_say(e, EINVAL, "invalid value \"%s\" for --%s: expected an integer", value, o->name);
	if (errno)
		return err_say(e, ERANGE, "invalid value \"%s\" for --%s: value out of range", value, o->name);
	*ret = (struct spec_i64){ .set = true, .v = v };
	return 0;
}

static int set_option(const struct cli_option *o, void *options, const char *value, struct arena *a, struct err *e)
{
	void *field = (char *)options + o->offset;
	bool ignored;

	switch (o->type) {
	case CLI_FLAG:
		return set_bool(o, value, field, e);
	case CLI_SWITCH:
		((struct spec_bool *)field)->set = true;
		return set_bool(o, value, &((struct spec_bool *)field)->v, e);
	case CLI_STRING:
		*(const char **)field = value;
		return 0;
	case CLI_STRINGS: {
		struct cli_strings *s = field;
		*arena_push(a, &s->v, &s->n) = value;
		return 0;
	}
	case CLI_INT:
		return set_int(o, value, field, e);
	case CLI_IGNORED:
		return set_bool(o, value, &ignored, e);
	case CLI_REFUSED:
		return err_say(e, ENOTSUP, "--%s is not supported: %s", o->name, o->help);
	}
	return 0;
}

/* "-td" for "-t -d", "-dp 80:80", "-t10": flags, and behind them there may be one option with a value. */
struct cluster {
	const char *flags;
	size_t n_flags;
	const struct cli_option *last; /* NULL: there is none */
	const char *value; /* of the last; NULL: it is the next word */
};

/* A value right behind its letter begins with no letter itself: a long name with one dash, mistyped, is not taken for one. */
static bool take_cluster(const struct cli_option *table, const struct word *w, struct cluster *ret)
{
	struct cluster c = { .flags = w->whole + 1 };

	if (!w->single || w->len < 2)
		return false;
	for (; c.flags[c.n_flags]; c.n_flags++) {
		const char *rest = c.flags + c.n_flags + 1;
		const struct cli_option *o = find(table, rest - 1, 1);
		if (!o)
			return false;
		if (!cli_takes_value(o))
			continue;
		if (isalpha((unsigned char)*rest))
			return false;
		c.last = o;
		c.value = *rest ? rest + (*rest == '=') : NULL;
		break;
	}
	*ret = c;
	return true;
}

/* Returns how many words after this one were its value, 0 or 1. */
static int set_cluster(const struct cli_option *table, const struct word *w, const struct cluster *c, const char *next,
		       void *options, struct arena *a, struct err *e)
{
	bool from_next = c->last && !c->value;

	if (from_next && !next)
		return err_say(e, EINVAL, "flag needs an argument: %s", w->whole);
	for (size_t i = 0; i < c->n_flags; i++) {
		int r = set_option(find(table, c->flags + i, 1), options, NULL, a, e);
		if (r < 0)
			return r;
	}
	int r = c->last ? set_option(c->last, options, from_next ? next : c->value, a, e) : 0;
	return r < 0 ? r : from_next;
}

/* The words before the hint are runc's. */
static int unknown(const struct cli_option *table, const struct word *w, struct arena *a, struct err *e)
{
	const char *name = arena_printf(a, "%.*s", (int)w->len, w->name);
	struct near near = { .word = name };

	for (const struct cli_option *o = table; w->len > 1 && o->name; o++)
		near_offer(&near, o->name, arena_printf(a, "--%s", o->name));
	return err_say(e, EINVAL, "flag provided but not defined: -%s%s", name, near_hint(&near, a));
}

/* Returns how many words after this one were its value, 0 or 1. */
static int parse_word(const struct cli_option *table, const char *arg, const char *next, void *options,
		      struct arena *a, bool *ret_help, struct err *e)
{
	struct word w = take_apart(arg);
	const struct cli_option *o = find(table, w.name, w.len);
	struct cluster cluster;
	int taken = 0, r;

	if (!o) {
		if (is_help(w.name, w.len))
			return *ret_help = true, 0;
		if (take_cluster(table, &w, &cluster))
			return set_cluster(table, &w, &cluster, next, options, a, e);
		return unknown(table, &w, a, e);
	}
	if (cli_takes_value(o) && !w.value) {
		if (!next)
			return err_say(e, EINVAL, "flag needs an argument: %s", w.whole);
		w.value = next;
		taken = 1;
	}
	r = set_option(o, options, w.value, a, e);
	return r < 0 ? r : taken;
}

int cli_parse(const struct cli_option *table, bool stop_at_first, void *options, struct arena *a, int argc, char **argv,
	      int *ret_args, bool *ret_help, struct err *e)
{
	int i, kept = 0;

	for (i = 0; i < argc; i++) {
		const char *arg = argv[i];
		if (strcmp(arg, "--") == 0) {
			i++;
			break;
		}
		if (arg[0] != '-' || !arg[1]) {
			argv[kept++] = argv[i];
			if (!stop_at_first)
				continue;
			i++;
			if (i < argc && strcmp(argv[i], "--") == 0)
				i++;
			break;
		}
		int taken = parse_word(table, arg, i + 1 < argc ? argv[i + 1] : NULL, options, a, ret_help, e);
		if (taken < 0)
			return taken;
		i += taken;
	}
	for (; i < argc; i++)
		argv[kept++] = argv[i];
	*ret_args = kept;
	return 0;
}
