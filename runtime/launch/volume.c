/* The user's mounts: --volume, --mount and --tmpfs, each one text. */
#include "runtime/launch/plan.h"

#include <errno.h>
#include <string.h>

/* Options of a volume, and what they are as options of the bind mount; NULL: nothing. */
static const struct {
	const char *word, *option;
} words[] = {
	{ "ro", "rro" }, /* with all that is mounted below the source */
	{ "rw", "rw" },
	{ "nosuid", "nosuid" }, { "nodev", "nodev" }, { "noexec", "noexec" },
	{ "private", "rprivate" }, { "rprivate", "rprivate" },
	{ "slave", "rslave" }, { "rslave", "rslave" },
	{ "shared", "rshared" }, { "rshared", "rshared" },
	{ "idmap", "idmap" },
	{ "z", NULL }, { "Z", NULL }, /* labels of SELinux, which launched containers have not */
};

/* Adds the option that @word is. -EINVAL when there is none. */
static int add_word(const char *word, struct arena *a, struct spec_mount *m, bool *propagation)
{
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		if (strcmp(words[i].word, word) != 0)
			continue;
		if (words[i].option)
			*arena_push(a, &m->options, &m->n_options) = words[i].option;
		*propagation |= strstr(word, "private") || strstr(word, "slave") || strstr(word, "shared");
		return 0;
	}
	return -EINVAL;
}

/* Every ".." is refused, so that the text says where the volume is. */
bool launch_is_plain_path(const char *path)
{
	for (const char *at = strstr(path, ".."); at; at = strstr(at + 1, ".."))
		if ((at == path || at[-1] == '/') && (at[2] == '/' || at[2] == '\0'))
			return false;
	return path[0] == '/';
}

static int check_destination(const char *path, const char *option, const char *text, struct err *e)
{
	if (path && launch_is_plain_path(path) && path[strspn(path, "/")])
		return 0;
	return err_say(e, EINVAL, "%s '%s': the destination must be an absolute path other than '/'", option, text);
}

static int find_source(const char *source, const char *cwd, const char *option, const char *text, struct arena *a,
		       const char **ret, struct err *e)
{
	if (source[0] == '.' && (source[1] == '/' || source[1] == '\0'))
		source = arena_printf(a, "%s%s", cwd, source + 1);
	*ret = source;
	if (source[0] == '/')
		return 0;
	return err_say(e, EINVAL,
		       "%s '%s': there are no volumes with names: the source must be a path that starts with '/' or './'",
		       option, text);
}

int launch_volume(const char *text, const char *cwd, struct arena *a, struct spec_mount *ret, struct err *e)
{
	char *rest = arena_strdup(a, text);
	const char *source = strsep(&rest, ":"), *destination = strsep(&rest, ":");
	struct spec_mount m = { .type = "bind" };
	bool propagation = false;

	if (!destination && *source == '/') {
		*ret = (struct spec_mount){ .destination = source };
		return check_destination(source, "--volume", text, e);
	}
	if (!*source || !destination || !*destination)
		return err_say(e, EINVAL, "--volume '%s': expected SOURCE:DESTINATION[:OPTION,...]", text);
	if (find_source(source, cwd, "--volume", text, a, &m.source, e) < 0 ||
	    check_destination(destination, "--volume", text, e) < 0)
		return -e->code;
	m.destination = destination;
	*arena_push(a, &m.options, &m.n_options) = "rbind";
	for (char *word; (word = strsep(&rest, ":,"));)
		if (add_word(word, a, &m, &propagation) < 0)
			return err_say(e, EINVAL, "--volume '%s': unknown option '%s'", text, word);
	if (!propagation)
		*arena_push(a, &m.options, &m.n_options) = "rprivate";
	*ret = m;
	return 1;
}

/* ---- --mount ---- */

struct mount_text {
	const char *type, *source, *destination, *propagation, *size, *mode;
	bool readonly, nonrecursive, idmap;
};

static int is_yes(const char *value, bool *ret)
{
	if (!value || strcmp(value, "true") == 0 || strcmp(value, "1") == 0)
		return *ret = true, 0;
	if (strcmp(value, "false") == 0 || strcmp(value, "0") == 0)
		return *ret = false, 0;
	return -EINVAL;
}

/* Takes one "KEY=VALUE" in. -EINVAL: the key is unknown or the value does not fit. */
static int take_field(const char *key, const char *value, struct mount_text *t)
{
	const struct {
		const char *key;
		const char **text;
		bool *flag;
	} fields[] = {
		{ "type", &t->type, NULL }, { "source", &t->source, NULL }, { "src", &t->source, NULL },
		{ "destination", &t->destination, NULL }, { "dst", &t->destination, NULL },
		{ "target", &t->destination, NULL }, { "bind-propagation", &t->propagation, NULL },
		{ "tmpfs-size", &t->size, NULL }, { "tmpfs-mode", &t->mode, NULL },
		{ "readonly", NULL, &t->readonly }, { "ro", NULL, &t->readonly },
		{ "bind-nonrecursive", NULL, &t->nonrecursive }, { "idmap", NULL, &t->idmap },
	};

	for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++) {
		if (strcmp(fields[i].key, key) != 0)
			continue;
		if (fields[i].flag)
			return is_yes(value, fields[i].flag);
		*fields[i].text = value;
		return value ? 0 : -EINVAL;
	}
	return -EINVAL;
}

static int bind_from(const struct mount_text *t, const char *text, const char *cwd, struct arena *a,
		     struct spec_mount *m, struct err *e)
{
	bool propagation = false;

	if (!t->source)
		return err_say(e, EINVAL, "--mount '%s': a bind mount needs source=PATH", text);
	if (t->size || t->mode)
		return err_say(e, EINVAL, "--mount '%s': tmpfs-size and tmpfs-mode are for type=tmpfs", text);
	if (find_source(t->source, cwd, "--mount", text, a, &m->source, e) < 0)
		return -e->code;
	m->type = "bind";
	*arena_push(a, &m->options, &m->n_options) = t->nonrecursive ? "bind" : "rbind";
	if (t->readonly)
		*arena_push(a, &m->options, &m->n_options) = t->nonrecursive ? "ro" : "rro";
	if (t->idmap)
		*arena_push(a, &m->options, &m->n_options) = "idmap";
	if (add_word(t->propagation ? t->propagation : "rprivate", a, m, &propagation) < 0 || !propagation)
		return err_say(e, EINVAL, "--mount '%s': unknown bind-propagation '%s'", text, t->propagation);
	return 1;
}

static int tmpfs_from(const struct mount_text *t, const char *text, struct arena *a, struct spec_mount *m, struct err *e)
{
	static const char *const always[] = { "nosuid", "nodev", "noexec" };

	if (t->source || t->propagation || t->nonrecursive || t->idmap)
		return err_say(e, EINVAL, "--mount '%s': a tmpfs has no source and nothing that belongs to one", text);
	m->type = "tmpfs";
	m->source = "tmpfs";
	for (size_t i = 0; i < sizeof(always) / sizeof(always[0]); i++)
		*arena_push(a, &m->options, &m->n_options) = always[i];
	if (t->size)
		*arena_push(a, &m->options, &m->n_options) = arena_printf(a, "size=%s", t->size);
	if (t->mode)
		*arena_push(a, &m->options, &m->n_options) = arena_printf(a, "mode=%s", t->mode);
	if (t->readonly)
		*arena_push(a, &m->options, &m->n_options) = "ro";
	return 1;
}

int launch_mount(const char *text, const char *cwd, struct arena *a, struct spec_mount *ret, struct err *e)
{
	struct mount_text t = { .type = "volume" };
	struct spec_mount m = { 0 };

	for (char *rest = arena_strdup(a, text), *word; (word = strsep(&rest, ","));) {
		char *value = word;
		const char *key = strsep(&value, "=");
		if (take_field(key, value, &t) < 0)
			return err_say(e, EINVAL, "--mount '%s': '%s%s%s' makes no sense here", text, key,
				       value ? "=" : "", value ? value : "");
	}
	if (check_destination(t.destination, "--mount", text, e) < 0)
		return -e->code;
	m.destination = t.destination;
	*ret = m;
	int r = 0;
	if (strcmp(t.type, "bind") == 0)
		r = bind_from(&t, text, cwd, a, &m, e);
	else if (strcmp(t.type, "tmpfs") == 0)
		r = tmpfs_from(&t, text, a, &m, e);
	else if (strcmp(t.type, "volume") != 0)
		return err_say(e, EINVAL, "--mount '%s': the type must be bind, tmpfs or volume", text);
	else if (t.source)
		return err_say(e, ENOTSUP, "--mount '%s': there are no volumes with names: use type=bind and a directory",
			       text);
	if (r > 0)
		*ret = m;
	return r;
}

int launch_tmpfs(const char *text, struct arena *a, struct spec_mount *ret, struct err *e)
{
	char *rest = arena_strdup(a, text);
	struct spec_mount m = { .type = "tmpfs", .source = "tmpfs", .destination = strsep(&rest, ":") };

	if (check_destination(m.destination, "--tmpfs", text, e) < 0)
		return -e->code;
	*arena_push(a, &m.options, &m.n_options) = "nosuid";
	*arena_push(a, &m.options, &m.n_options) = "nodev";
	*arena_push(a, &m.options, &m.n_options) = "noexec";
	/* The last word of two that contradict each other counts. What is no word of ours is the kernel's to judge. */
	for (char *word; (word = strsep(&rest, ","));)
		if (*word)
			*arena_push(a, &m.options, &m.n_options) = word;
	*ret = m;
	return 0;
}

int launch_anonymous_volumes(const struct launch_options *o, const struct image_config *image, struct arena *a,
			     struct launch_list *ret, struct err *e)
{
	struct spec_mount m;

	for (size_t i = 0; image && i < image->n_volumes; i++) {
		if (!launch_is_plain_path(image->volumes[i]))
			return err_say(e, EINVAL, "the image's volume '%s' is not an absolute path", image->volumes[i]);
		*arena_push(a, &ret->v, &ret->n) = image->volumes[i];
	}
	for (size_t i = 0; i < o->volumes.n; i++) {
		int r = launch_volume(o->volumes.v[i], "/", a, &m, e);
		if (r < 0)
			return r;
		if (r == 0)
			*arena_push(a, &ret->v, &ret->n) = m.destination;
	}
	for (size_t i = 0; i < o->mounts.n; i++) {
		int r = launch_mount(o->mounts.v[i], "/", a, &m, e);
		if (r < 0)
			return r;
		if (r == 0)
			*arena_push(a, &ret->v, &ret->n) = m.destination;
	}
	return 0;
}
