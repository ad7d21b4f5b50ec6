/* What is run, with which environment, and as whom: the command line over the image over the defaults. */
#include "runtime/launch/plan.h"

#include <errno.h>
#include <string.h>

static const char *environment(const struct launch_facts *f, const char *name)
{
	size_t n = strlen(name);

	for (const char *const *v = f->environ; *v; v++)
		if (strncmp(*v, name, n) == 0 && (*v)[n] == '=')
			return *v + n + 1;
	return NULL;
}

/* A later value of a name takes the place of the earlier. */
static void set_env(struct arena *a, struct launch_list *env, const char *name, size_t len, const char *value)
{
	const char *text = arena_printf(a, "%.*s=%s", (int)len, name, value);

	for (size_t i = 0; i < env->n; i++)
		if (strncmp(env->v[i], text, len + 1) == 0) {
			env->v[i] = text;
			return;
		}
	*arena_push(a, &env->v, &env->n) = text;
}

/* "NAME=value", or "NAME": the caller's value, and left out where he has none. */
static int add_env(const char *const *texts, size_t n, const char *what, const struct launch_facts *f, struct arena *a,
		   struct launch_list *env, struct err *e)
{
	for (size_t i = 0; i < n; i++) {
		const char *equals = strchr(texts[i], '=');
		size_t len = equals ? (size_t)(equals - texts[i]) : strlen(texts[i]);
		const char *value = equals ? equals + 1 : f ? environment(f, texts[i]) : NULL;
		if (len == 0)
			return err_say(e, EINVAL, "%s '%s': expected NAME or NAME=VALUE", what, texts[i]);
		if (value)
			set_env(a, env, texts[i], len, value);
	}
	return 0;
}

static int plan_env(const struct launch_options *o, const struct launch_facts *f, const struct launch_root *root,
		    const struct launch_user *u, const struct launched *l, struct arena *a, struct launch_list *ret,
		    struct err *e)
{
	static const char *const kept[] = { "LANG", "LC_ALL", "LC_CTYPE", "TZ", "COLORTERM" };
	static const char path[] = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
	const char *term = environment(f, "TERM");

	set_env(a, ret, "PATH", 4, path);
	set_env(a, ret, "HOME", 4, u->home);
	set_env(a, ret, "HOSTNAME", 8, launch_hostname(o, f, l, a));
	set_env(a, ret, "container", 9, "ferry");
	if (u->name && root->host)
		set_env(a, ret, "USER", 4, u->name);
	if (l->terminal)
		set_env(a, ret, "TERM", 4, term && *term ? term : "xterm");
	/* Whether an image has the caller's language and time zone is not known. */
	for (size_t i = 0; root->host && i < sizeof(kept) / sizeof(kept[0]); i++)
		if (environment(f, kept[i]))
			set_env(a, ret, kept[i], strlen(kept[i]), environment(f, kept[i]));
	if (root->image && add_env(root->image->env, root->image->n_env, "the image's environment", NULL, a, ret, e) < 0)
		return -e->code;
	if (add_env(f->env.v, f->env.n, "--env-file", f, a, ret, e) < 0)
		return -e->code;
	return add_env(o->env.v, o->env.n, "--env", f, a, ret, e);
}

static void append(struct arena *a, struct launched *l, const char *const *words, size_t n)
{
	for (size_t i = 0; i < n; i++)
		*arena_push(a, &l->command, &l->n_command) = words[i];
}

/* As Docker: an --entrypoint drops the image's command, too; an empty one is none. */
static int plan_command(const struct launch_options *o, const struct launch_facts *f, const struct launch_root *root,
			struct arena *a, struct launched *l, struct err *e)
{
	const struct image_config *image = root->image;

	if (o->entrypoint && *o->entrypoint)
		append(a, l, &o->entrypoint, 1);
	else if (!o->entrypoint && image)
		append(a, l, image->entrypoint, image->n_entrypoint);
	if (o->n_command > 0)
		append(a, l, o->command, o->n_command);
	else if (!o->entrypoint && image)
		append(a, l, image->cmd, image->n_cmd);
	if (l->n_command == 0 && image)
		return err_say(e, EINVAL, "the image '%s' does not say what to run: put a command behind its name",
			       o->template);
	if (l->n_command == 0)
		append(a, l, f->shell ? &f->shell : (const char *const[]){ "/bin/sh" }, 1);
	*arena_push(a, &l->command, &l->n_command) = NULL;
	l->n_command--;
	return 0;
}

static int plan_user(const struct launch_options *o, const struct launch_facts *f, const struct launch_root *root,
		     struct arena *a, struct launch_user *u, struct err *e)
{
	const char *image = root->image && root->image->user && *root->image->user ? root->image->user : NULL;
	const char *own = launch_keeps_id(o, f) ? arena_printf(a, "%u:%u", (unsigned)f->uid, (unsigned)f->gid) : NULL;
	const char *text = o->user ? o->user : own ? own : image ? image : "0";
	uint32_t gid;

	if (launch_find_user(text, f, a, u, e) < 0)
		return err_wrap(e, "%s '%s'", o->user ? "--user" : "the image's user", text);
	if (f->rootless && !o->user && !image)
		u->n_groups = 0;
	for (size_t i = 0; i < o->group_add.n; i++) {
		if (launch_find_group(o->group_add.v[i], f, a, &gid, e) < 0)
			return err_wrap(e, "--group-add '%s'", o->group_add.v[i]);
		*arena_push(a, &u->groups, &u->n_groups) = gid;
	}
	return 0;
}

/* A user who is not root has no effective capabilities: execve(2) sees to that. */
static void write_user(struct json_writer *w, const struct launch_user *u)
{
	json_begin_object(w, "user");
	json_uint(w, "uid", u->uid);
	json_uint(w, "gid", u->gid);
	if (u->n_groups > 0) {
		json_begin_array(w, "additionalGids");
		for (size_t i = 0; i < u->n_groups; i++)
			json_uint(w, NULL, u->groups[i]);
		json_end_array(w);
	}
	json_end_object(w);
}

static void write_capabilities(struct json_writer *w, uint64_t set)
{
	static const char *const sets[] = { "bounding", "effective", "permitted" };

	json_begin_object(w, "capabilities");
	for (size_t i = 0; i < sizeof(sets) / sizeof(sets[0]); i++) {
		json_begin_array(w, sets[i]);
		for (unsigned n = 0; spec_cap_name(n); n++)
			if (set & UINT64_C(1) << n)
				json_string(w, NULL, spec_cap_name(n));
		json_end_array(w);
	}
	json_end_object(w);
}

static int plan_cwd(const struct launch_options *o, const struct launch_root *root, const char **ret, struct err *e)
{
	const char *image = root->image && root->image->working_dir ? root->image->working_dir : "";

	*ret = o->workdir ? o->workdir : *image ? image : "/";
	if (**ret == '/')
		return 0;
	if (o->workdir)
		return err_say(e, EINVAL, "--workdir '%s': expected an absolute path", o->workdir);
	return err_say(e, EINVAL, "the image's working directory '%s' is not absolute: say --workdir", image);
}

int launch_plan_process(const struct launch_options *o, const struct launch_facts *f, const struct launch_root *root,
			const struct launch_security *security, struct arena *a, struct launched *l,
			struct json_writer *w, struct err *e)
{
	struct launch_user user = { 0 };
	struct launch_list env = { 0 };
	const char *cwd;

	if (plan_command(o, f, root, a, l, e) < 0 || plan_user(o, f, root, a, &user, e) < 0)
		return -e->code;
	if (plan_cwd(o, root, &cwd, e) < 0 || plan_env(o, f, root, &user, l, a, &env, e) < 0)
		return -e->code;

	json_begin_object(w, "process");
	json_bool(w, "terminal", l->terminal);
	if (l->terminal && f->rows) {
		json_begin_object(w, "consoleSize");
		json_int(w, "height", f->rows);
		json_int(w, "width", f->columns);
		json_end_object(w);
	}
	write_user(w, &user);
	json_strings(w, "args", l->command, l->n_command);
	json_strings(w, "env", env.v, env.n);
	json_string(w, "cwd", cwd);
	write_capabilities(w, security->capabilities);
	json_bool(w, "noNewPrivileges", security->no_new_privileges);
	if (security->apparmor)
		json_string(w, "apparmorProfile", security->apparmor);
	if (launch_write_rlimits(o, a, w, e) < 0)
		return -e->code;
	json_end_object(w);
	return 0;
}
