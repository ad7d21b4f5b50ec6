/* The configuration of a launched container, as the text of a config.json: what each of its parts writes, in order. */
#include "lib/signal.h"
#include "runtime/launch/plan.h"

#include <errno.h>
#include <signal.h>
#include <string.h>

enum { HOSTNAME_MAX = 64, STOP_TIMEOUT_MS = 10000, LOG_MAX_BYTES = 10 << 20, LOG_FILES = 3 };

static bool is_host_uts(const struct launch_options *o)
{
	return o->uts_mode && strcmp(o->uts_mode, "host") == 0;
}

const char *launch_hostname(const struct launch_options *o, const struct launch_facts *f, const struct launched *l,
			    struct arena *a)
{
	if (o->hostname || is_host_uts(o))
		return o->hostname ? o->hostname : f->hostname;
	size_t len = strlen(l->name) < HOSTNAME_MAX ? strlen(l->name) : HOSTNAME_MAX;
	return arena_strndup(a, l->name, len);
}

/* It stands in files, a word of a line. */
static int check_hostname(const struct launch_options *o, struct err *e)
{
	static const char allowed[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._";
	const char *name = o->hostname;

	if (!name)
		return 0;
	if (is_host_uts(o))
		return err_say(e, EINVAL, "--hostname: with --uts host it would be the machine's");
	if (!*name || strlen(name) > HOSTNAME_MAX || name[strspn(name, allowed)])
		return err_say(e, EINVAL, "--hostname '%s': expected up to %d letters, digits, '-', '.' and '_'", name,
			       HOSTNAME_MAX);
	return 0;
}

static int plan_labels(const struct launch_options *o, const struct launch_facts *f, const struct image_config *image,
		       struct arena *a, struct launched *l, struct err *e)
{
	for (size_t i = 0; image && i < image->n_labels; i++)
		launch_set_pair(a, &l->labels, &l->n_labels, image->labels[i].key, image->labels[i].value);
	for (size_t i = 0; i < f->n_labels; i++)
		launch_set_pair(a, &l->labels, &l->n_labels, f->labels[i].key, f->labels[i].value);
	for (size_t i = 0; i < o->labels.n; i++) {
		const char *text = o->labels.v[i], *equals = strchr(text, '=');
		if (!*text || equals == text)
			return err_say(e, EINVAL, "--label '%s': expected NAME or NAME=VALUE", text);
		launch_set_pair(a, &l->labels, &l->n_labels,
				equals ? arena_strndup(a, text, (size_t)(equals - text)) : text, equals ? equals + 1 : "");
	}
	return 0;
}

/* What launch.json keeps. */
static int plan_launched(const struct launch_options *o, const struct launch_facts *f, const struct launch_root *root,
			 struct arena *a, struct launched *l, struct err *e)
{
	l->image = o->rootfs ? o->rootfs : o->template;
	l->image_digest = root->image_digest;
	l->layers = root->layers;
	l->n_layers = root->n_layers;
	l->root_options = root->options;
	l->n_root_options = root->n_options;
	l->restart = o->restart;
	l->restart_max = o->restart_max;
	l->stop_signal = o->stop_signal;
	l->stop_timeout_ms = o->stop_timeout_ms.set ? o->stop_timeout_ms.v : STOP_TIMEOUT_MS;
	l->rm = o->rm;
	l->terminal = !o->no_terminal && (o->terminal || (f->on_terminal && !o->detach));
	l->init = o->init;
	l->stdin_open = o->stdin_open || !o->detach;
	l->log_max_bytes = o->log_max_bytes.set ? o->log_max_bytes.v : LOG_MAX_BYTES;
	l->log_files = o->log_files.set ? o->log_files.v : LOG_FILES;
	if (l->stop_signal == 0 && root->image && root->image->stop_signal && *root->image->stop_signal &&
	    (l->stop_signal = signal_number(root->image->stop_signal, e)) < 0)
		return err_wrap(e, "the image's stop signal");
	if (l->stop_signal == 0)
		l->stop_signal = SIGTERM;
	if (o->rm && o->restart != RESTART_NO)
		return err_say(e, EINVAL, "--rm and --restart contradict each other");
	return plan_labels(o, f, root->image, a, l, e);
}

static void write_root(const struct launch_options *o, const struct launch_root *root, struct json_writer *w)
{
	json_begin_object(w, "root");
	json_string(w, "path", root->path);
	json_bool(w, "readonly", o->read_only);
	json_end_object(w);
}

/* The text of a file has been found to be a document; what is in it is judged with the rest. */
static int write_seccomp(const struct launch_security *s, const struct launch_facts *f, struct arena *a,
			 struct json_writer *w, struct err *e)
{
	struct json profile;

	if (!s->seccomp)
		return launch_write_seccomp(w, f->machine, s->capabilities), 0;
	if (strcmp(s->seccomp, "unconfined") == 0)
		return 0;
	if (json_parse(f->seccomp, strlen(f->seccomp), a, &profile, e) < 0)
		return err_wrap(e, "--security-opt seccomp=%s", s->seccomp);
	return launch_write_profile(w, &profile, s, f, e) < 0 ? err_wrap(e, "--security-opt seccomp=%s", s->seccomp) : 0;
}

static int write_linux(const struct launch_options *o, const struct launch_facts *f, const struct launch_security *s,
		       const struct launched *l, struct arena *a, struct json_writer *w, struct err *e)
{
	json_begin_object(w, "linux");
	if (launch_write_namespaces(o, f, l, a, w, e) < 0 || launch_write_resources(o, f, w, e) < 0)
		return -e->code;
	if (launch_write_sysctl(o, a, w, e) < 0 || write_seccomp(s, f, a, w, e) < 0)
		return -e->code;
	launch_write_devices(f, w);
	json_strings(w, "maskedPaths", s->masked.v, s->masked.n);
	json_strings(w, "readonlyPaths", s->readonly.v, s->readonly.n);
	json_end_object(w);
	return 0;
}

int launch_plan(const struct launch_options *o, const struct launch_facts *f, const struct launch_root *root,
		struct arena *a, struct launched *l, struct buf *out, struct err *e)
{
	struct json_writer w = { .out = out };
	struct launch_security security;

	if (check_hostname(o, e) < 0 || plan_launched(o, f, root, a, l, e) < 0 ||
	    launch_plan_health(o, root->image, a, l, e) < 0)
		return -e->code;
	if (launch_security_plan(o, f, root->host, a, &security, e) < 0 ||
	    launch_plan_network(o, f, root->image, a, &l->network, e) < 0)
		return -e->code;
	json_begin_object(&w, NULL);
	json_string(&w, "ociVersion", SPEC_VERSION);
	json_begin_object(&w, "annotations");
	json_string(&w, "ferry.template", o->rootfs ? o->rootfs : o->template);
	json_end_object(&w);
	write_root(o, root, &w);
	if (!is_host_uts(o))
		json_string(&w, "hostname", launch_hostname(o, f, l, a));
	if (launch_plan_process(o, f, root, &security, a, l, &w, e) < 0)
		return -e->code;
	if (launch_write_mounts(o, f, root, l, a, &w, e) < 0)
		return -e->code;
	if (write_linux(o, f, &security, l, a, &w, e) < 0)
		return -e->code;
	json_end_object(&w);
	return 0;
}
