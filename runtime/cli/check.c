/* check: what would make a checkpoint fail, of this machine and of a container. */
#include "runtime/cli/commands.h"
#include "runtime/checkpoint/preflight.h"

#include "lib/fd.h"
#include "lib/json.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

struct options {
	const char *format, *criu, *image_path;
	bool no_cache;
	struct preflight_options with;
};

#define WITH(name, field, help) CLI_OPTION(name, 0, CLI_FLAG, struct options, with.field, NULL, help)

static const struct cli_option options_table[] = {
	CLI_OPTION("criu", 0, CLI_STRING, struct options, criu, "FILE", "the program criu to check"),
	WITH("ext-unix-sk", ext_unix_sk, "as if checkpoint was given this option"),
	WITH("file-locks", file_locks, "likewise"),
	CLI_OPTION("format", 'f', CLI_STRING, struct options, format, "text|json", "how to print (default: text)"),
	WITH("link-remap", link_remap, "as if checkpoint was given this option"),
	CLI_OPTION("image-path", 0, CLI_STRING, struct options, image_path, "DIR",
		   "also whether the images there can be restored here"),
	CLI_OPTION("no-cache", 0, CLI_FLAG, struct options, no_cache, NULL, "prove anew that a dump works"),
	WITH("shell-job", shell_job, "as if checkpoint was given this option"),
	WITH("tcp-established", tcp_established, "likewise"),
	WITH("tcp-skip-in-flight", tcp_skip_in_flight, "likewise"),
	{ 0 },
};

/* What was found out. */
struct checked {
	struct preflight_host host;
	struct preflight of_host, of_container;
	const char *container; /* its id; NULL: none was asked for */
};

static const char *self_dump_word(enum self_dump d)
{
	static const char *const words[] = { "not tried", "works", "no sockets", "fails" };

	return words[d];
}

static const char *lock_word(enum criu_network_lock lock)
{
	return lock == CRIU_LOCK_IPTABLES ? "iptables" : lock == CRIU_LOCK_NFTABLES ? "nftables" : "none";
}

/* ---- for people ---- */

static void print_findings(const struct preflight *p)
{
	for (size_t i = 0; i < p->n; i++) {
		const struct preflight_finding *f = &p->findings[i];
		printf("%s: %s: %s %s\n\t%s\n", preflight_severity_name(f->severity), f->name, f->subject, f->why, f->advice);
	}
}

static void print_text(const struct checked *c, struct arena *a)
{
	const struct preflight_host *h = &c->host;

	printf("kernel           %s\n", h->kernel);
	if (h->program)
		printf("criu             %s\n", h->program);
	if (h->version) {
		printf("version          %s\n", criu_version_text(h->version, a));
		printf("self-dump        %s\n", self_dump_word(h->self_dump));
		printf("network lock     %s\n", lock_word(h->lock));
		printf("memory tracking  %s\n", h->features.mem_track ? "yes" : "no");
		printf("lazy pages       %s\n", h->features.lazy_pages ? "yes" : "no");
	}
	print_findings(&c->of_host);
	print_findings(&c->of_container);
	if (preflight_fails(&c->of_host) || preflight_fails(&c->of_container))
		return;
	if (c->container)
		printf("container '%s' can be checkpointed\n", c->container);
	else
		puts("containers can be checkpointed");
}

/* ---- for programs ---- */

static void write_findings(struct json_writer *w, const struct preflight *p)
{
	json_begin_array(w, "findings");
	for (size_t i = 0; i < p->n; i++) {
		const struct preflight_finding *f = &p->findings[i];
		json_begin_object(w, NULL);
		json_string(w, "severity", preflight_severity_name(f->severity));
		json_string(w, "kind", f->name);
		json_string(w, "subject", f->subject);
		json_string(w, "why", f->why);
		json_string(w, "advice", f->advice);
		json_end_object(w);
	}
	json_end_array(w);
}

static void print_json(const struct checked *c, struct arena *a)
{
	const struct preflight_host *h = &c->host;
	cleanup_buf struct buf out = BUF_INIT;
	struct json_writer w = { .out = &out, .pretty = true };

	json_begin_object(&w, NULL);
	json_bool(&w, "ok", !preflight_fails(&c->of_host) && !preflight_fails(&c->of_container));
	json_begin_object(&w, "host");
	json_string(&w, "kernel", h->kernel);
	json_string(&w, "criu", h->program);
	json_string(&w, "version", h->version ? criu_version_text(h->version, a) : NULL);
	json_string(&w, "selfDump", self_dump_word(h->self_dump));
	json_string(&w, "networkLock", lock_word(h->lock));
	json_bool(&w, "memoryTracking", h->features.mem_track);
	json_bool(&w, "lazyPages", h->features.lazy_pages);
	write_findings(&w, &c->of_host);
	json_end_object(&w);
	if (c->container) {
		json_begin_object(&w, "container");
		json_string(&w, "id", c->container);
		write_findings(&w, &c->of_container);
		json_end_object(&w);
	}
	json_end_object(&w);
	puts(buf_text(&out));
}

/* ---- the command ---- */

static int check_container(struct runtime *rt, struct container *c, const struct options *o, struct checked *x,
			   struct err *e)
{
	struct criu_options plan = CRIU_OPTIONS_INIT;
	enum container_status status;
	struct spec *s;

	if (container_status(rt, c, &status, e) < 0)
		return -e->code;
	if (status == STATUS_STOPPED)
		return err_say(e, ESRCH, "container '%s' is not running", c->id);
	if (container_load_config(c, &rt->arena, &s, e) < 0 || checkpoint_plan(rt, c, s, &plan, e) < 0)
		return -e->code;
	return runtime_check_container(rt, c, &o->with, &plan, &x->of_container, e);
}

static int check_images(const char *path, struct checked *x, struct err *e)
{
	cleanup_close int images = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (images < 0)
		return err_set(e, errno, "--image-path: open '%s'", path);
	if (faccessat(images, "inventory.img", F_OK, 0) < 0)
		return err_set(e, errno, "--image-path '%s': no images of a checkpoint: 'inventory.img'", path);
	return x->host.version ? preflight_cpu(&x->of_host, x->host.program, images, images, e) : 0;
}

static int run_check(struct runtime *rt, const void *options, int argc, char **argv, struct err *e)
{
	const struct options *o = options;
	cleanup_container struct container c = CONTAINER_INIT;
	struct checked x = { .of_host.arena = &rt->arena, .of_container.arena = &rt->arena };

	if (o->format && strcmp(o->format, "text") != 0 && strcmp(o->format, "json") != 0)
		return err_say(e, EINVAL, "invalid --format '%s': use text or json", o->format);
	if (argc > 0 && (container_find(rt, argv[0], false, &c, e) < 0 || check_container(rt, &c, o, &x, e) < 0))
		return -e->code;
	if (runtime_check_host(rt, o->criu, o->no_cache, &x.of_host, &x.host, e) < 0)
		return -e->code;
	x.container = c.id;
	if (x.container && !x.of_container.inet_sockets && x.host.self_dump == SELF_DUMP_NO_SOCKETS)
		preflight_lower(&x.of_host, PREFLIGHT_SELF_DUMP);
	if (o->image_path && check_images(o->image_path, &x, e) < 0)
		return -e->code;
	if (o->format && *o->format == 'j')
		print_json(&x, &rt->arena);
	else
		print_text(&x, &rt->arena);
	return preflight_fails(&x.of_host) || preflight_fails(&x.of_container) ? 1 : 0;
}

const struct cli_command command_check = {
	.name = "check",
	.arguments = "[CONTAINER]",
	.summary = "Say what would make a checkpoint fail, before anything is frozen",
	.details = "Without a container only of this machine. That criu works on this kernel is proved by a dump of a small\n"
		   "process with a TCP connection. Exits with 1 when a checkpoint would fail.\n",
	.group = CLI_LOOK,
	.options = options_table,
	.options_size = sizeof(struct options),
	.max_args = 1,
	.run = run_check,
};
