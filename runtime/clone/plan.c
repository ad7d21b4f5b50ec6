/* A clone's documents, out of its source's: pure. */
#include "runtime/clone/clone.h"

#include "checkpoint/images/clone.h"
#include "lib/json.h"
#include "overlay/changes.h"
#include "overlay/overlay.h"

#include <errno.h>
#include <sched.h>
#include <string.h>
#include <sys/random.h>

enum { HOSTNAME_MAX = 64 };

/* ---- launch.json ---- */

bool clone_is_copied(const struct clone_source *s, struct arena *a)
{
	struct overlay_dirs dirs;

	overlay_dirs_parse((const char *const *)s->l.root_options, s->l.n_root_options, a, &dirs);
	for (size_t i = 0; i < dirs.n_lowers; i++)
		if (path_is_below(s->dir, dirs.lowers[i]))
			return true;
	return false;
}

static const char *move_option(const char *from, const char *to, struct arena *a, const char *option)
{
	const char *moved = images_clone_option(option, from, to, a);

	return moved ? moved : option;
}

/* As those of the source, with the snapshot's files on top of the lower ones where these do not hold them. */
static void plan_root(const struct clone_source *s, struct arena *a, struct launched *l)
{
	static const char lower[] = "lowerdir";
	const char **options = NULL;
	bool stacked = false;

	l->n_root_options = 0;
	for (size_t i = 0; i < s->l.n_root_options; i++) {
		const char *option = s->l.root_options[i];
		if (!stacked && strncmp(option, lower, strlen(lower)) == 0 && !clone_is_copied(s, a)) {
			*arena_push(a, &options, &l->n_root_options) = arena_printf(a, "lowerdir+=%s/upper", s->dir);
			stacked = true;
		}
		*arena_push(a, &options, &l->n_root_options) = move_option(s->l.dir, l->dir, a, option);
	}
	l->root_options = options;
}

static void plan_network(const struct clone_request *r, struct arena *a, struct launched_network *n)
{
	struct launched_attachment *attachments = arena_new_array(a, n->n_attachments, struct launched_attachment);

	/* Names that others know it by are the source's, too. */
	for (size_t i = 0; i < n->n_attachments; i++)
		attachments[i] = (struct launched_attachment){ .network = n->attachments[i].network,
							       .interface = n->attachments[i].interface };
	n->attachments = attachments;
	n->ports = r->publish;
	n->n_ports = r->n_publish;
}

void clone_plan(const struct clone_request *r, struct arena *a, struct launched *l)
{
	const struct launched own = *l;

	*l = r->source->l;
	l->id = own.id;
	l->name = own.name;
	l->dir = own.dir;
	l->created = own.created;
	l->cloned_from = r->source->dir;
	if (r->rm) {
		l->rm = true;
		l->restart = RESTART_NO;
	}
	plan_root(r->source, a, l);
	plan_network(r, a, &l->network);
}

/* ---- config.json ---- */

const char *clone_hostname(const struct clone_source *s, const struct launched *l, struct arena *a)
{
	const struct spec_namespace *uts = spec_find_namespace(s->spec, CLONE_NEWUTS);

	return uts && !uts->path ? arena_strndup(a, l->name, strnlen(l->name, HOSTNAME_MAX)) : NULL;
}

static struct json *member(struct json *object, const char *key, enum json_type type)
{
	for (size_t i = 0; object && object->type == JSON_OBJECT && i < object->n; i++)
		if (strcmp(object->members[i].key, key) == 0 && object->members[i].value.type == type)
			return &object->members[i].value;
	return NULL;
}

/* What lies in the source's directory lies in the clone's. */
static void move_path(const char *from, const char *to, struct arena *a, struct json *path)
{
	const size_t n = strlen(from);

	if (path && strncmp(path->text, from, n) == 0 && (path->text[n] == '/' || !path->text[n]))
		path->text = arena_printf(a, "%s%s", to, path->text + n);
}

static void move_mount(const char *from, const char *to, struct arena *a, struct json *mount)
{
	const struct json *options = member(mount, "options", JSON_ARRAY), *type = member(mount, "type", JSON_STRING);

	move_path(from, to, a, member(mount, "source", JSON_STRING));
	if (!options || !type || strcmp(type->text, "overlay") != 0)
		return;
	for (size_t i = 0; i < options->n; i++) {
		struct json *option = &options->members[i].value;
		if (option->type == JSON_STRING)
			option->text = move_option(from, to, a, option->text);
	}
}

/* "PARENT/ID", "SLICE:ferry:ID" */
static void rename_cgroup(const char *from, const char *to, struct arena *a, struct json *path)
{
	const size_t n = strlen(from), len = path ? strlen(path->text) : 0;

	if (len > n && strcmp(path->text + len - n, from) == 0 && strchr("/:", path->text[len - n - 1]))
		path->text = arena_printf(a, "%.*s%s", (int)(len - n), path->text, to);
}

static void set_hostname(const char *hostname, struct arena *a, struct json *config)
{
	static const char variable[] = "HOSTNAME=";
	struct json *name = member(config, "hostname", JSON_STRING);
	struct json *env = member(member(config, "process", JSON_OBJECT), "env", JSON_ARRAY);

	if (name)
		name->text = hostname;
	for (size_t i = 0; env && i < env->n; i++) {
		struct json *v = &env->members[i].value;
		if (v->type == JSON_STRING && strncmp(v->text, variable, strlen(variable)) == 0)
			v->text = arena_printf(a, "%s%s", variable, hostname);
	}
}

int clone_move_config(const char *text, const struct launched *from, const struct launched *to, const char *hostname,
		      struct arena *a, struct buf *out, struct err *e)
{
	struct json_writer w = { .out = out };
	struct json config;

	if (json_parse(text, strlen(text), a, &config, e) < 0)
		return err_wrap(e, "config.json");
	struct json *mounts = member(&config, "mounts", JSON_ARRAY);
	for (size_t i = 0; mounts && i < mounts->n; i++)
		move_mount(from->dir, to->dir, a, &mounts->members[i].value);
	move_path(from->dir, to->dir, a, member(member(&config, "root", JSON_OBJECT), "path", JSON_STRING));
	rename_cgroup(from->id, to->id, a, member(member(&config, "linux", JSON_OBJECT), "cgroupsPath", JSON_STRING));
	if (hostname)
		set_hostname(hostname, a, &config);
	json_value(&w, NULL, &config);
	return 0;
}

int clone_config(const struct clone_source *s, const struct launched *l, struct arena *a, struct buf *out, struct err *e)
{
	return clone_move_config(s->config, &s->l, l, clone_hostname(s, l, a), a, out, e);
}

/* ---- what its programs are told ---- */

int clone_variables(const struct clone_source *s, const struct launched *l, struct arena *a, const char ***ret,
		    struct err *e)
{
	cleanup_buf struct buf generation = BUF_INIT;
	const char **v = NULL;
	uint8_t random[16];
	size_t n = 0;

	if (getrandom(random, sizeof(random), 0) != sizeof(random))
		return err_set(e, errno, "getrandom");
	for (size_t i = 0; i < sizeof(random); i++)
		buf_printf(&generation, "%02x", random[i]);
	*arena_push(a, &v, &n) = arena_printf(a, "FERRY_CLONE_NAME=%s", l->name);
	*arena_push(a, &v, &n) = arena_printf(a, "FERRY_CLONE_ID=%s", l->id);
	*arena_push(a, &v, &n) = arena_printf(a, "FERRY_CLONE_SOURCE=%s/%s", s->l.name, s->snapshot);
	*arena_push(a, &v, &n) = arena_printf(a, "FERRY_CLONE_CREATED=%s", l->created);
	*arena_push(a, &v, &n) = arena_printf(a, "FERRY_CLONE_GENERATION=%s", buf_text(&generation));
	if (s->template)
		*arena_push(a, &v, &n) = arena_printf(a, "FERRY_CLONE_TEMPLATE=%s", s->template);
	*arena_push(a, &v, &n) = NULL;
	*ret = v;
	return 0;
}
