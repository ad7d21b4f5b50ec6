/* The configuration of a launched container, as the text of a config.json. */
#include "lib/json.h"
#include "runtime/launch/launch.h"

#include <errno.h>
#include <signal.h>
#include <string.h>

enum { STOP_TIMEOUT_MS = 10000, LOG_MAX_BYTES = 10 << 20, LOG_FILES = 3 };

static size_t count(const char *const *list)
{
	size_t n = 0;

	while (list[n])
		n++;
	return n;
}

static const char *environment(const struct launch_facts *f, const char *name)
{
	size_t n = strlen(name);

	for (const char *const *v = f->environ; *v; v++)
		if (strncmp(*v, name, n) == 0 && (*v)[n] == '=')
			return *v + n + 1;
	return NULL;
}

struct env {
	const char **v;
	size_t n;
};

/* A later value of a name takes the place of the earlier. */
static void set_env(struct arena *a, struct env *env, const char *name, size_t len, const char *value)
{
	const char *text = arena_printf(a, "%.*s=%s", (int)len, name, value);

	for (size_t i = 0; i < env->n; i++)
		if (strncmp(env->v[i], text, len + 1) == 0) {
			env->v[i] = text;
			return;
		}
	*arena_push(a, &env->v, &env->n) = text;
}

static int plan_env(const struct launch_options *o, const struct launch_facts *f, const struct launch_user *u,
		    bool terminal, const char *hostname, struct arena *a, struct env *ret, struct err *e)
{
	static const char *const kept[] = { "LANG", "LC_ALL", "LC_CTYPE", "TZ", "COLORTERM" };
	static const char path[] = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
	const char *term = environment(f, "TERM");

	set_env(a, ret, "PATH", 4, path);
	set_env(a, ret, "HOME", 4, u->home);
	set_env(a, ret, "HOSTNAME", 8, hostname);
	set_env(a, ret, "container", 9, "ferry");
	if (u->name)
		set_env(a, ret, "USER", 4, u->name);
	if (terminal)
		set_env(a, ret, "TERM", 4, term && *term ? term : "xterm");
	for (size_t i = 0; i < sizeof(kept) / sizeof(kept[0]); i++)
		if (environment(f, kept[i]))
			set_env(a, ret, kept[i], strlen(kept[i]), environment(f, kept[i]));
	for (size_t i = 0; i < o->n_env; i++) {
		const char *equals = strchr(o->env[i], '=');
		size_t len = equals ? (size_t)(equals - o->env[i]) : strlen(o->env[i]);
		const char *value = equals ? equals + 1 : environment(f, o->env[i]);
		if (len == 0)
			return err_say(e, EINVAL, "--env '%s': expected NAME or NAME=VALUE", o->env[i]);
		if (value) /* a name alone that the caller does not have is left out */
			set_env(a, ret, o->env[i], len, value);
	}
	return 0;
}

static void write_capabilities(struct json_writer *w)
{
	static const char *const sets[] = { "bounding", "effective", "permitted" };

	json_begin_object(w, "capabilities");
	for (size_t i = 0; i < sizeof(sets) / sizeof(sets[0]); i++)
		json_strings(w, sets[i], launch_capabilities, count(launch_capabilities));
	json_end_object(w);
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

static int write_process(struct json_writer *w, const struct launch_options *o, const struct launch_facts *f,
			 const char *hostname, const struct launched *l, struct arena *a, struct err *e)
{
	struct launch_user user = { 0 };
	struct env env = { 0 };

	if (launch_find_user(o->user ? o->user : "0", f, a, &user, e) < 0)
		return -e->code;
	if (f->rootless && !o->user)
		user.n_groups = 0;
	if (o->workdir && o->workdir[0] != '/')
		return err_say(e, EINVAL, "--workdir '%s': expected an absolute path", o->workdir);
	if (plan_env(o, f, &user, l->terminal, hostname, a, &env, e) < 0)
		return -e->code;

	json_begin_object(w, "process");
	json_bool(w, "terminal", l->terminal);
	write_user(w, &user);
	json_strings(w, "args", l->command, l->n_command);
	json_strings(w, "env", env.v, env.n);
	json_string(w, "cwd", o->workdir ? o->workdir : "/");
	write_capabilities(w);
	json_bool(w, "noNewPrivileges", true);
	json_end_object(w);
	return 0;
}

static void write_mount(struct json_writer *w, const char *destination, const char *type, const char *source,
			const char *const *options, size_t n)
{
	json_begin_object(w, NULL);
	json_string(w, "destination", destination);
	json_string(w, "type", type);
	json_string(w, "source", source);
	json_strings(w, "options", options, n);
	json_end_object(w);
}

/* The overlays but that of "/", which is the root itself; then the system's; then the user's volumes. */
static int write_mounts(struct json_writer *w, const struct launch_options *o, const struct launch_facts *f,
			const struct host_view *view, struct arena *a, struct err *e)
{
	json_begin_array(w, "mounts");
	for (size_t i = 0; i < view->n_layers; i++) {
		const struct overlay_layer *l = &view->layers[i];
		if (strcmp(l->lower, "/") != 0)
			write_mount(w, l->lower, "overlay", "overlay", l->options, l->n_options);
	}
	launch_write_mounts(w, f);
	for (size_t i = 0; i < o->n_volumes; i++) {
		struct spec_mount m;
		if (launch_volume(o->volumes[i], f->cwd, a, &m, e) < 0)
			return -e->code;
		write_mount(w, m.destination, m.type, m.source, m.options, m.n_options);
	}
	json_end_array(w);
	return 0;
}

static void write_map(struct json_writer *w, const char *key, uint32_t id, const struct spec_idmap *more)
{
	json_begin_array(w, key);
	for (int i = 0; i < (more->size > 0 ? 2 : 1); i++) {
		json_begin_object(w, NULL);
		json_uint(w, "containerID", i == 0 ? 0 : 1);
		json_uint(w, "hostID", i == 0 ? id : more->host_id);
		json_uint(w, "size", i == 0 ? 1 : more->size);
		json_end_object(w);
	}
	json_end_array(w);
}

static void write_namespaces(struct json_writer *w, const struct launch_facts *f)
{
	static const char *const kinds[] = { "pid", "mount", "uts", "ipc", "cgroup", "network" };

	json_begin_array(w, "namespaces");
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]) + f->rootless; i++) {
		json_begin_object(w, NULL);
		json_string(w, "type", i < sizeof(kinds) / sizeof(kinds[0]) ? kinds[i] : "user");
		json_end_object(w);
	}
	json_end_array(w);
	if (f->rootless) {
		write_map(w, "uidMappings", f->uid, &f->subuid);
		write_map(w, "gidMappings", f->gid, &f->subgid);
	}
}

static int write_resources(struct json_writer *w, const struct launch_options *o, const struct launch_facts *f,
			   struct err *e)
{
	if (o->memory_bytes.set && o->memory_bytes.v <= 0)
		return err_say(e, EINVAL, "--memory: must be more than nothing");
	if (o->pids.set && (o->pids.v == 0 || o->pids.v < -1))
		return err_say(e, EINVAL, "--pids %lld: expected a number above 0, or -1 for no limit",
			       (long long)o->pids.v);

	json_begin_object(w, "resources");
	if (!f->rootless)
		launch_write_device_rules(w);
	if (o->memory_bytes.set) {
		json_begin_object(w, "memory");
		json_int(w, "limit", o->memory_bytes.v);
		json_end_object(w);
	}
	if (o->cpu_quota_us.set) {
		json_begin_object(w, "cpu");
		json_int(w, "quota", o->cpu_quota_us.v);
		json_uint(w, "period", LAUNCH_CPU_PERIOD_US);
		json_end_object(w);
	}
	if (o->pids.set) {
		json_begin_object(w, "pids");
		json_int(w, "limit", o->pids.v);
		json_end_object(w);
	}
	json_end_object(w);
	return 0;
}

/* What launch.json keeps. */
static void plan_launched(const struct launch_options *o, const struct launch_facts *f, const struct host_view *view,
			  struct arena *a, struct launched *l)
{
	const struct overlay_layer *root = view->n_layers > 0 ? &view->layers[0] : NULL;

	l->image = o->template;
	l->command = o->command;
	l->n_command = o->n_command;
	if (o->n_command == 0)
		*arena_push(a, &l->command, &l->n_command) = f->shell ? f->shell : "/bin/sh";
	if (root && strcmp(root->lower, "/") == 0) {
		l->root_options = root->options;
		l->n_root_options = root->n_options;
	}
	l->rm = o->rm;
	l->terminal = !o->detach && !o->no_terminal && (o->terminal || f->on_terminal);
	l->stdin_open = !o->detach;
	l->stop_signal = SIGTERM;
	l->stop_timeout_ms = STOP_TIMEOUT_MS;
	l->log_max_bytes = LOG_MAX_BYTES;
	l->log_files = LOG_FILES;
}

int launch_plan(const struct launch_options *o, const struct launch_facts *f, const struct host_view *view,
		struct arena *a, struct launched *l, struct buf *out, struct err *e)
{
	struct json_writer w = { .out = out, .pretty = true };
	const char *hostname = o->hostname ? o->hostname : l->name;

	plan_launched(o, f, view, a, l);
	json_begin_object(&w, NULL);
	json_string(&w, "ociVersion", SPEC_VERSION);
	json_begin_object(&w, "annotations");
	json_string(&w, "ferry.template", o->template);
	json_end_object(&w);
	json_begin_object(&w, "root");
	json_string(&w, "path", view->root);
	json_bool(&w, "readonly", o->read_only);
	json_end_object(&w);
	json_string(&w, "hostname", hostname);
	if (write_process(&w, o, f, hostname, l, a, e) < 0 || write_mounts(&w, o, f, view, a, e) < 0)
		return -e->code;
	json_begin_object(&w, "linux");
	write_namespaces(&w, f);
	if (write_resources(&w, o, f, e) < 0)
		return -e->code;
	launch_write_seccomp(&w, f->machine);
	json_strings(&w, "maskedPaths", launch_masked_paths, count(launch_masked_paths));
	json_strings(&w, "readonlyPaths", launch_readonly_paths, count(launch_readonly_paths));
	json_end_object(&w);
	json_end_object(&w);
	return 0;
}
