#include "runtime/cli/format.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int no_path(const char *path, struct err *e)
{
	return err_say(e, EINVAL, "--format '%s': expected a path such as .State.Pid or .Mounts[0].Source", path);
}

static int no_member(const struct json *v, const char *path, const char *key, struct err *e)
{
	cleanup_buf struct buf names = BUF_INIT;

	for (size_t i = 0; v->type == JSON_OBJECT && i < v->n; i++)
		buf_printf(&names, "%s%s", i ? ", " : "", v->members[i].key);
	if (v->type != JSON_OBJECT)
		return err_say(e, EINVAL, "--format '%s': no '%s' in %s", path, key, json_type_name(v->type));
	return err_say(e, EINVAL, "--format '%s': no '%s': there is %s", path, key,
		       names.len ? buf_text(&names) : "nothing");
}

/* One step: *at is moved behind it, *v to where it leads. Without a value the error names the members. */
static int step(const struct json **v, const char **at, const char *path, struct arena *a, struct err *e)
{
	const char *s = *at, *end;
	char *key;

	if (s[0] == '[' && s[1] == '"') {
		end = strchr(s + 2, '"');
		if (!end || end[1] != ']')
			return no_path(path, e);
		key = arena_strndup(a, s + 2, (size_t)(end - s - 2));
		*at = end + 2;
	} else if (s[0] == '[') {
		size_t digits = strspn(s + 1, "0123456789");
		if (digits == 0 || digits > 9 || s[1 + digits] != ']')
			return no_path(path, e);
		size_t i = strtoul(s + 1, NULL, 10);
		*at = s + digits + 2;
		if ((*v)->type != JSON_ARRAY || i >= (*v)->n)
			return no_member(*v, path, arena_strndup(a, s, digits + 2), e);
		*v = &(*v)->members[i].value;
		return 0;
	} else if (s[0] == '.' && strcspn(s + 1, ".[") > 0) {
		end = s + 1 + strcspn(s + 1, ".[");
		key = arena_strndup(a, s + 1, (size_t)(end - s - 1));
		*at = end;
	} else
		return no_path(path, e);

	const struct json *next = (*v)->type == JSON_OBJECT ? json_get(*v, key) : NULL;
	if (!next)
		return no_member(*v, path, key, e);
	*v = next;
	return 0;
}

int cli_format(const struct json *doc, const char *path, struct buf *out, struct err *e)
{
	cleanup_arena struct arena a = ARENA_INIT;
	struct json_writer w = { .out = out };
	size_t len = strlen(path);
	const char *at = path;

	if (len >= 4 && strncmp(path, "{{", 2) == 0 && strcmp(path + len - 2, "}}") == 0) {
		size_t skip = 2 + strspn(path + 2, " ");
		for (len -= 2; len > skip && path[len - 1] == ' ';)
			len--;
		at = arena_strndup(&a, path + skip, len - skip);
	}
	if (!*at)
		return no_path(path, e);
	if (strcmp(at, ".") == 0)
		at++;
	while (*at)
		if (step(&doc, &at, path, &a, e) < 0)
			return -e->code;
	if (doc->type == JSON_STRING)
		buf_str(out, doc->text);
	else
		json_value(&w, NULL, doc);
	buf_char(out, '\n');
	return 0;
}
