#include "overlay/image/changes.h"

#include "lib/signal.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* ---- the tree ---- */

static struct json *grow(struct json *j, struct arena *a)
{
	struct json_member *bigger = arena_new_array(a, j->n + 1, struct json_member);

	if (j->n)
		memcpy(bigger, j->members, j->n * sizeof(*bigger));
	j->members = bigger;
	return &bigger[j->n++].value;
}

struct json *json_make(struct json *object, const char *key, enum json_type type, struct arena *a)
{
	struct json *v = (struct json *)json_get(object, key);

	if (!v) {
		v = grow(object, a);
		object->members[object->n - 1].key = arena_strdup(a, key);
		*v = (struct json){ .type = type };
	}
	if (v->type != type)
		*v = (struct json){ .type = type };
	return v;
}

struct json *json_append(struct json *array, struct arena *a)
{
	return grow(array, a);
}

struct json json_text(const char *text, struct arena *a)
{
	return (struct json){ .type = JSON_STRING, .text = arena_strdup(a, text) };
}

static void set_null(struct json *object, const char *key, struct arena *a)
{
	json_make(object, key, JSON_NULL, a);
}

/* ---- instructions ---- */

struct change {
	struct json *config; /* "config" of the configuration */
	const char *text; /* what stands after the instruction */
	bool cmd_set; /* by an earlier one */
	struct arena *arena;
	struct err *err;
};

/* The next word, or NULL: quotes hold blanks together, a backslash takes the next character as it is. */
static char *next_word(const char **at, struct arena *a)
{
	const char *s = *at;
	char quote = 0, *word, *to;

	while (isspace((unsigned char)*s))
		s++;
	if (!*s)
		return NULL;
	word = to = arena_alloc(a, strlen(s) + 1);
	for (; *s && (quote || !isspace((unsigned char)*s)); s++) {
		if (quote ? *s == quote : *s == '"' || *s == '\'')
			quote = quote ? 0 : *s;
		else if (*s == '\\' && s[1] && quote != '\'')
			*to++ = *++s;
		else
			*to++ = *s;
	}
	*at = s;
	return word;
}

/* ["a", "b"], or NULL: the text is not of that form. */
static const struct json *words_of_json(const char *text, struct arena *a)
{
	struct json *j = arena_new(a, struct json);
	struct err ignored;

	if (*text != '[' || json_parse(text, strlen(text), a, j, &ignored) < 0 || j->type != JSON_ARRAY)
		return NULL;
	for (size_t i = 0; i < j->n; i++)
		if (j->members[i].value.type != JSON_STRING)
			return NULL;
	return j;
}

/* A command: its words, or a text for the shell. */
static void set_command(struct change *c, const char *key)
{
	struct json *to = json_make(c->config, key, JSON_ARRAY, c->arena);
	const struct json *words = words_of_json(c->text, c->arena);

	if (words) {
		*to = *words;
		return;
	}
	*to = (struct json){ .type = JSON_ARRAY };
	const char *const shell[] = { "/bin/sh", "-c", c->text };
	for (size_t i = 0; i < sizeof(shell) / sizeof(*shell); i++)
		*json_append(to, c->arena) = json_text(shell[i], c->arena);
}

static int change_cmd(struct change *c)
{
	set_command(c, "Cmd");
	c->cmd_set = true;
	return 0;
}

/* What the base gave as arguments is not for another program. */
static int change_entrypoint(struct change *c)
{
	set_command(c, "Entrypoint");
	if (!c->cmd_set)
		set_null(c->config, "Cmd", c->arena);
	return 0;
}

static void set_env(struct change *c, const char *name, size_t len, const char *value)
{
	struct json *env = json_make(c->config, "Env", JSON_ARRAY, c->arena);
	struct json *to = NULL;

	for (size_t i = 0; i < env->n; i++) {
		struct json *v = &env->members[i].value;
		if (v->type == JSON_STRING && strncmp(v->text, name, len) == 0 && v->text[len] == '=')
			to = v;
	}
	if (!to)
		to = json_append(env, c->arena);
	*to = json_text(arena_printf(c->arena, "%.*s=%s", (int)len, name, value), c->arena);
}

static void set_label(struct change *c, const char *name, size_t len, const char *value)
{
	struct json *labels = json_make(c->config, "Labels", JSON_OBJECT, c->arena);

	*json_make(labels, arena_strndup(c->arena, name, len), JSON_STRING, c->arena) = json_text(value, c->arena);
}

/* NAME=VALUE..., or NAME and one blank before a value that goes on to the end. */
static int change_pairs(struct change *c, void (*set)(struct change *, const char *, size_t, const char *))
{
	const char *at = c->text;
	size_t len = strcspn(at, "= \t");

	if (at[len] != '=' && at[len]) {
		set(c, at, len, at + len + strspn(at + len, " \t"));
		return 0;
	}
	for (char *word; (word = next_word(&at, c->arena));) {
		len = strcspn(word, "=");
		if (len == 0 || !word[len])
			return err_say(c->err, EINVAL, "expected NAME=VALUE, not '%s'", word);
		set(c, word, len, word + len + 1);
	}
	return 0;
}

static int change_env(struct change *c)
{
	return change_pairs(c, set_env);
}

static int change_label(struct change *c)
{
	return change_pairs(c, set_label);
}

/* "80", "80/tcp", "53/udp" */
static int change_expose(struct change *c)
{
	const char *at = c->text;

	for (char *word; (word = next_word(&at, c->arena));) {
		size_t digits = strspn(word, "0123456789");
		const char *rest = word + digits;
		if (digits == 0 || digits > 5 || atoi(word) < 1 || atoi(word) > 65535 ||
		    (*rest && strcmp(rest, "/tcp") != 0 && strcmp(rest, "/udp") != 0 && strcmp(rest, "/sctp") != 0))
			return err_say(c->err, EINVAL, "'%s' is not a port such as 80 or 53/udp", word);
		json_make(json_make(c->config, "ExposedPorts", JSON_OBJECT, c->arena),
			  arena_printf(c->arena, "%s%s", word, *rest ? "" : "/tcp"), JSON_OBJECT, c->arena);
	}
	return 0;
}

static int add_volume(struct change *c, const char *path)
{
	if (path[0] != '/')
		return err_say(c->err, EINVAL, "'%s' is not an absolute path", path);
	json_make(json_make(c->config, "Volumes", JSON_OBJECT, c->arena), path, JSON_OBJECT, c->arena);
	return 0;
}

static int change_volume(struct change *c)
{
	const struct json *words = words_of_json(c->text, c->arena);
	const char *at = c->text;

	for (size_t i = 0; words && i < words->n; i++)
		if (add_volume(c, words->members[i].value.text) < 0)
			return -c->err->code;
	for (char *word; !words && (word = next_word(&at, c->arena));)
		if (add_volume(c, word) < 0)
			return -c->err->code;
	return 0;
}

static void set_text(struct change *c, const char *key, const char *text)
{
	*json_make(c->config, key, JSON_STRING, c->arena) = json_text(text, c->arena);
}

static int change_user(struct change *c)
{
	return set_text(c, "User", c->text), 0;
}

/* Relative to the one before, as in a Dockerfile. */
static int change_workdir(struct change *c)
{
	const struct json *before = json_get(c->config, "WorkingDir");
	const char *dir = before && before->type == JSON_STRING ? before->text : "";

	if (c->text[0] == '/')
		set_text(c, "WorkingDir", c->text);
	else
		set_text(c, "WorkingDir",
			 arena_printf(c->arena, "%s%s%s", dir, *dir && dir[strlen(dir) - 1] == '/' ? "" : "/",
				      c->text));
	return 0;
}

static int change_stopsignal(struct change *c)
{
	int r = signal_number(c->text, c->err);
	return r < 0 ? r : (set_text(c, "StopSignal", c->text), 0);
}

static const struct {
	const char *name;
	int (*change)(struct change *c);
} instructions[] = {
	{ "CMD", change_cmd },	     { "ENTRYPOINT", change_entrypoint }, { "ENV", change_env },
	{ "EXPOSE", change_expose }, { "LABEL", change_label },		  { "STOPSIGNAL", change_stopsignal },
	{ "USER", change_user },     { "VOLUME", change_volume },	  { "WORKDIR", change_workdir },
};

static int apply_one(struct change *c, const char *text)
{
	size_t len = strcspn(text, " \t");

	c->text = text + len + strspn(text + len, " \t");
	for (size_t i = 0; i < sizeof(instructions) / sizeof(*instructions); i++) {
		if (strlen(instructions[i].name) != len || strncasecmp(instructions[i].name, text, len) != 0)
			continue;
		if (!*c->text)
			return err_say(c->err, EINVAL, "nothing stands after it");
		return instructions[i].change(c);
	}
	return err_say(c->err, EINVAL,
		       "expected CMD, ENTRYPOINT, ENV, EXPOSE, LABEL, STOPSIGNAL, USER, VOLUME or WORKDIR");
}

int changes_apply(struct json *config, const char *const *changes, size_t n, struct arena *a, struct err *e)
{
	struct change c = { .config = json_make(config, "config", JSON_OBJECT, a), .arena = a, .err = e };

	for (size_t i = 0; i < n; i++)
		if (apply_one(&c, changes[i] + strspn(changes[i], " \t")) < 0)
			return err_wrap(e, "change '%s'", changes[i]);
	return 0;
}
