/* The user's mounts: --volume, --mount and --tmpfs, each one text. */
#include "runtime/launch/plan.h"
#include "runtime/volume/volume.h"

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
static int add_word(const char *word, struct arena *a, struct launch_volume *v, bool *propagation)
{
	struct spec_mount *m = &v->mount;

	v->nocopy |= strcmp(word, "nocopy") == 0;
	v->chown |= strcmp(word, "U") == 0;
	if (strcmp(word, "nocopy") == 0 || strcmp(word, "U") == 0)
		return 0;
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

/* Without what means nothing in it, so that two of the same place are known to be two. */
static const char *simplified(const char *path, struct arena *a)
{
	char *copy = arena_strdup(a, path), *to = copy, *part;

	for (char *rest = copy + strspn(copy, "/"); (part = strsep(&rest, "/"));) {
		if (!*part || strcmp(part, ".") == 0)
			continue;
		size_t len = strlen(part);
		*to++ = '/';
		memmove(to, part, len);
		to += len;
	}
	*to = '\0';
	return copy;
}

static int take_destination(const char *path, const char *option, const char *text, struct arena *a, const char **ret,
			    struct err *e)
{
	*ret = path && launch_is_plain_path(path) ? simplified(path, a) : "";
	if (**ret)
		return 0;
	return err_say(e, EINVAL, "%s '%s': the destination must be an absolute path other than '/'", option, text);
}

/* A path of the machine, or the name of a volume. */
static int find_source(const char *source, const struct launch_facts *f, const char *option, const char *text,
		       struct arena *a, struct launch_volume *ret, struct err *e)
{
	bool relative = source[0] == '.' && (source[1] == '/' || source[1] == '\0');

	if (relative && !f->cwd)
		return err_say(e, ENOENT, "%s '%s': the current directory has been removed", option, text);
	if (relative)
		source = arena_printf(a, "%s%s", f->cwd, source + 1);
	ret->mount.source = source;
	if (source[0] == '/')
		return ret->nocopy ? err_say(e, EINVAL, "%s '%s': nocopy is for volumes with names", option, text) : 0;
	if (!volume_is_name(source))
		return err_say(e, EINVAL,
			       "%s '%s': the source must be a path that starts with '/' or './', or a volume's name: "
			       "letters, digits, and after the first '_', '.' and '-'", option, text);
	if (!f->volumes)
		return err_say(e, EINVAL, "%s '%s': HOME is not set: say where volumes may be kept in FERRY_VOLUME_STORE",
			       option, text);
	ret->name = source;
	ret->mount.source = volume_data(f->volumes, source, a);
	return 0;
}

int launch_volume(const char *text, const struct launch_facts *f, struct arena *a, struct launch_volume *ret,
		  struct err *e)
{
	char *rest = arena_strdup(a, text);
	const char *source = strsep(&rest, ":"), *destination = strsep(&rest, ":");
	struct launch_volume v = { .mount.type = "bind" };
	struct spec_mount *m = &v.mount;
	bool propagation = false;

	if (!destination && *source == '/') {
		*ret = (struct launch_volume){ 0 };
		return take_destination(source, "--volume", text, a, &ret->mount.destination, e);
	}
	if (!*source || !destination || !*destination)
		return err_say(e, EINVAL, "--volume '%s': expected SOURCE:DESTINATION[:OPTION,...]", text);
	*arena_push(a, &m->options, &m->n_options) = "rbind";
	for (char *word; (word = strsep(&rest, ":,"));)
		if (add_word(word, a, &v, &propagation) < 0)
			return err_say(e, EINVAL, "--volume '%s': unknown option '%s'", text, word);
	if (!propagation)
		*arena_push(a, &m->options, &m->n_options) = "rprivate";
	if (find_source(source, f, "--volume", text, a, &v, e) < 0 ||
	    take_destination(destination, "--volume", text, a, &m->destination, e) < 0)
		return -e->code;
	*ret = v;
	return 1;
}

/* ---- --mount ---- */

struct mount_text {
	const char *type, *source, *destination, *propagation, *size, *mode;
	bool readonly, nonrecursive, idmap, nocopy, chown;
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
		{ "volume-nocopy", NULL, &t->nocopy }, { "U", NULL, &t->chown }, { "chown", NULL, &t->chown },
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

/* A path of the machine, or a volume with a name. */
static int bind_from(const struct mount_text *t, const char *text, const struct launch_facts *f, struct arena *a,
		     struct launch_volume *v, struct err *e)
{
	bool is_volume = strcmp(t->type, "volume") == 0, propagation = false;
	struct spec_mount *m = &v->mount;

	if (!t->source)
		return err_say(e, EINVAL, "--mount '%s': a bind mount needs source=PATH", text);
	if (t->size || t->mode)
		return err_say(e, EINVAL, "--mount '%s': tmpfs-size and tmpfs-mode are for type=tmpfs", text);
	v->nocopy = t->nocopy;
	v->chown = t->chown;
	if (find_source(t->source, f, "--mount", text, a, v, e) < 0)
		return -e->code;
	if (is_volume != (v->name != NULL))
		return err_say(e, EINVAL, "--mount '%s': the source of %s", text,
			       is_volume ? "a volume is its name, without '/'" :
					   "a bind mount is a path that starts with '/' or './'");
	m->type = "bind";
	*arena_push(a, &m->options, &m->n_options) = t->nonrecursive ? "bind" : "rbind";
	if (t->readonly)
		*arena_push(a, &m->options, &m->n_options) = t->nonrecursive ? "ro" : "rro";
	if (t->idmap)
		*arena_push(a, &m->options, &m->n_options) = "idmap";
	if (add_word(t->propagation ? t->propagation : "rprivate", a, v, &propagation) < 0 || !propagation)
		return err_say(e, EINVAL, "--mount '%s': unknown bind-propagation '%s'", text, t->propagation);
	return 1;
}

static int tmpfs_from(const struct mount_text *t, const char *text, struct arena *a, struct spec_mount *m, struct err *e)
{
	static const char *const always[] = { "nosuid", "nodev", "noexec" };

	if (t->source || t->propagation || t->nonrecursive || t->idmap || t->nocopy || t->chown)
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

int launch_mount(const char *text, const struct launch_facts *f, struct arena *a, struct launch_volume *ret,
		 struct err *e)
{
	struct mount_text t = { .type = "volume" };
	struct launch_volume v = { 0 };

	for (char *rest = arena_strdup(a, text), *word; (word = strsep(&rest, ","));) {
		char *value = word;
		const char *key = strsep(&value, "=");
		if (take_field(key, value, &t) < 0)
			return err_say(e, EINVAL, "--mount '%s': '%s%s%s' makes no sense here", text, key,
				       value ? "=" : "", value ? value : "");
	}
	if (take_destination(t.destination, "--mount", text, a, &v.mount.destination, e) < 0)
		return -e->code;
	*ret = v;
	int r = 0;
	if (strcmp(t.type, "bind") == 0 || (strcmp(t.type, "volume") == 0 && t.source))
		r = bind_from(&t, text, f, a, &v, e);
	else if (strcmp(t.type, "tmpfs") == 0)
		r = tmpfs_from(&t, text, a, &v.mount, e);
	else if (strcmp(t.type, "volume") != 0)
		return err_say(e, EINVAL, "--mount '%s': the type must be bind, tmpfs or volume", text);
	if (r > 0)
		*ret = v;
	return r;
}

int launch_tmpfs(const char *text, struct arena *a, struct spec_mount *ret, struct err *e)
{
	char *rest = arena_strdup(a, text);
	struct spec_mount m = { .type = "tmpfs", .source = "tmpfs" };

	if (take_destination(strsep(&rest, ":"), "--tmpfs", text, a, &m.destination, e) < 0)
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

static int each_volume(const struct launch_options *o, const struct launch_facts *f, bool anonymous, struct arena *a,
		       struct launch_volume **ret, size_t *ret_n, struct err *e)
{
	struct launch_volume v;

	for (size_t i = 0; i < o->volumes.n + o->mounts.n; i++) {
		int r = i < o->volumes.n ? launch_volume(o->volumes.v[i], f, a, &v, e) :
					   launch_mount(o->mounts.v[i - o->volumes.n], f, a, &v, e);
		if (r < 0)
			return r;
		if ((r == 0) == anonymous)
			*arena_push(a, ret, ret_n) = v;
	}
	return 0;
}

int launch_volumes(const struct launch_options *o, const struct launch_facts *f, struct arena *a,
		   struct launch_volume **ret, size_t *ret_n, struct err *e)
{
	return each_volume(o, f, false, a, ret, ret_n, e);
}

int launch_anonymous_volumes(const struct launch_options *o, const struct launch_facts *f,
			     const struct image_config *image, struct arena *a, struct launch_list *ret, struct err *e)
{
	struct launch_volume *volumes = NULL;
	size_t n = 0;

	for (size_t i = 0; image && i < image->n_volumes; i++) {
		if (!launch_is_plain_path(image->volumes[i]))
			return err_say(e, EINVAL, "the image's volume '%s' is not an absolute path", image->volumes[i]);
		*arena_push(a, &ret->v, &ret->n) = image->volumes[i];
	}
	if (each_volume(o, f, true, a, &volumes, &n, e) < 0)
		return -e->code;
	for (size_t i = 0; i < n; i++)
		*arena_push(a, &ret->v, &ret->n) = volumes[i].mount.destination;
	return 0;
}
