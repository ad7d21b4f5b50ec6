/* config.md, "POSIX-platform Hooks". */
#include "spec/tables.h"

#include <limits.h>

const char *const spec_hook_names[HOOK_KINDS] = {
	[HOOK_PRESTART] = "prestart", [HOOK_CREATE_RUNTIME] = "createRuntime",
	[HOOK_CREATE_CONTAINER] = "createContainer", [HOOK_START_CONTAINER] = "startContainer",
	[HOOK_POSTSTART] = "poststart", [HOOK_POSTSTOP] = "poststop",
};

static const struct field hook_fields[] = {
	{ "path", FIELD_STRING, AT(struct spec_hook, path), .required = true },
	{ "args", FIELD_STRINGS, AT(struct spec_hook, args) },
	{ "env", FIELD_STRINGS, AT(struct spec_hook, env) },
	{ "timeout", FIELD_OPT_INT, AT(struct spec_hook, timeout_s), .min = 1, .max = INT_MAX / 1000 },
};

static int finish_hook(struct decode *d, const struct json *value, void *to)
{
	struct spec_hook *h = to;

	(void)value;
	if (*h->path != '/')
		return decode_bad(d, "path", "'%s' is not an absolute path", h->path);
	if (h->args && !h->args[0])
		h->args = NULL;
	if (!h->env)
		h->env = arena_new_array(d->arena, 1, const char *);
	return 0;
}

static const struct object hook = { FIELDS(hook_fields), sizeof(struct spec_hook), finish_hook };

#define KIND(member, kind) \
	{ member, FIELD_OBJECTS, AT(struct spec_hooks, of[kind]), COUNT(struct spec_hooks, n[kind]), .object = &hook }
static const struct field hooks_fields[] = {
	KIND("prestart", HOOK_PRESTART), KIND("createRuntime", HOOK_CREATE_RUNTIME),
	KIND("createContainer", HOOK_CREATE_CONTAINER), KIND("startContainer", HOOK_START_CONTAINER),
	KIND("poststart", HOOK_POSTSTART), KIND("poststop", HOOK_POSTSTOP),
};
const struct object hooks_object = { FIELDS(hooks_fields) };
