/* inspect: all that is known of containers as JSON, with the members that Docker's users know. */
#include "runtime/cli/commands.h"
#include "runtime/cli/containers.h"
#include "runtime/cli/format.h"
#include "runtime/cli/network_settings.h"
#include "runtime/launch/launched_overlays.h"
#include "runtime/volume/volume.h"

#include "lib/json.h"

#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>

struct options {
	const char *format;
	bool size;
};

static const struct cli_option options_table[] = {
	CLI_OPTION("format", 'f', CLI_STRING, struct options, format, "PATH", "print this alone: .State.Pid"),
	CLI_OPTION("size", 's', CLI_FLAG, struct options, size, NULL, "say how much each has written: .SizeRw"),
	{ 0 },
};

/* What Docker says of a time that never was. */
static const char *time_or_never(const char *time)
{
	return time ? time : "0001-01-01T00:00:00Z";
}

static const char *text_or_empty(const char *text)
{
	return text ? text : "";
}

static void write_state(struct json_writer *w, const struct cli_container *c)
{
	const struct launched_status *s = &c->status;

	json_begin_object(w, "State");
	json_string(w, "Status", launched_state_name(s->state));
	json_bool(w, "Running", s->state == LAUNCHED_RUNNING || s->state == LAUNCHED_PAUSED);
	json_bool(w, "Paused", s->state == LAUNCHED_PAUSED);
	json_bool(w, "Restarting", s->state == LAUNCHED_RESTARTING);
	json_bool(w, "OOMKilled", s->oom_killed);
	json_bool(w, "Dead", false);
	json_int(w, "Pid", s->pid);
	json_int(w, "ExitCode", s->exit_code);
	json_string(w, "Error", text_or_empty(s->error));
	json_string(w, "StartedAt", time_or_never(s->started_at));
	json_string(w, "FinishedAt", time_or_never(s->finished_at));
	if (c->l.health.command) {
		json_begin_object(w, "Health");
		json_string(w, "Status", launched_health_name(s->health));
		json_int(w, "FailingStreak", s->failing_streak);
		json_string(w, "Output", text_or_empty(s->health_output));
		json_end_object(w);
	}
	json_end_object(w);
}

static void write_health_check(struct json_writer *w, const struct launched_health *h)
{
	const int64_t ns = 1000000;

	if (!h->command)
		return;
	json_begin_object(w, "Healthcheck");
	json_begin_array(w, "Test");
	json_string(w, NULL, "CMD");
	for (size_t i = 0; i < h->n_command; i++)
		json_string(w, NULL, h->command[i]);
	json_end_array(w);
	json_int(w, "Interval", h->interval_ms * ns);
	json_int(w, "Timeout", h->timeout_ms * ns);
	json_int(w, "StartPeriod", h->start_period_ms * ns);
	json_int(w, "StartInterval", h->start_interval_ms * ns);
	json_int(w, "Retries", h->retries);
	json_end_object(w);
}

static void write_config(struct json_writer *w, const struct cli_container *c, const struct spec *s)
{
	const struct spec_process *p = s->process;
	char user[32] = "";

	if (p)
		snprintf(user, sizeof(user), "%u:%u", p->user.uid, p->user.gid);
	json_begin_object(w, "Config");
	json_string(w, "Hostname", text_or_empty(s->hostname));
	json_string(w, "Domainname", text_or_empty(s->domainname));
	json_string(w, "User", user);
	json_bool(w, "Tty", p && p->terminal);
	json_bool(w, "OpenStdin", c->l.stdin_open);
	json_strings(w, "Env", p ? p->env : NULL, p ? p->n_env : 0);
	json_strings(w, "Cmd", p ? p->args : NULL, p ? p->n_args : 0);
	json_string(w, "Image", text_or_empty(c->l.image));
	json_string(w, "WorkingDir", p ? p->cwd : "");
	write_health_check(w, &c->l.health);
	json_begin_object(w, "Labels");
	for (size_t i = 0; i < c->l.n_labels; i++)
		json_string(w, c->l.labels[i].key, c->l.labels[i].value);
	for (size_t i = 0; !c->l.dir && i < s->n_annotations; i++)
		json_string(w, s->annotations[i].key, s->annotations[i].value);
	json_end_object(w);
	if (c->l.stop_signal) {
		const char *name = sigabbrev_np(c->l.stop_signal);
		char text[32];
		snprintf(text, sizeof(text), name ? "SIG%s" : "%s%d", name ? name : "", c->l.stop_signal);
		json_string(w, "StopSignal", text);
		json_int(w, "StopTimeout", c->l.stop_timeout_ms / 1000);
	}
	json_end_object(w);
}

static int64_t nano_cpus(const struct spec_cpu *cpu)
{
	if (!cpu || !cpu->quota.set || cpu->quota.v <= 0)
		return 0;
	return (int64_t)((double)cpu->quota.v * 1e9 / (cpu->period.v ? (double)cpu->period.v : 1e5) + 0.5);
}

static void write_capabilities(struct json_writer *w, const struct spec_process *p)
{
	json_begin_array(w, "Capabilities");
	for (unsigned i = 0; p && p->capabilities && spec_cap_name(i); i++)
		if (p->capabilities->set[CAPS_BOUNDING] & (UINT64_C(1) << i))
			json_string(w, NULL, spec_cap_name(i));
	json_end_array(w);
}

static void write_host_config(struct json_writer *w, const struct cli_container *c, const struct spec *s,
			      struct arena *a)
{
	static const struct spec_resources none;
	const struct spec_resources *r = s->lx.resources ? s->lx.resources : &none;
	const struct spec_memory *m = r->memory;
	const struct spec_namespace *userns = spec_find_namespace(s, CLONE_NEWUSER);

	json_begin_object(w, "HostConfig");
	json_int(w, "Memory", m && m->limit.set ? m->limit.v : 0);
	json_int(w, "MemorySwap", m && m->swap.set ? m->swap.v : 0);
	json_int(w, "MemoryReservation", m && m->reservation.set ? m->reservation.v : 0);
	json_int(w, "NanoCpus", nano_cpus(r->cpu));
	json_uint(w, "CpuShares", r->cpu && r->cpu->shares.set ? r->cpu->shares.v : 0);
	json_string(w, "CpusetCpus", r->cpu ? text_or_empty(r->cpu->cpus) : "");
	json_int(w, "PidsLimit", r->pids_limit.set ? r->pids_limit.v : 0);
	json_begin_object(w, "RestartPolicy");
	json_string(w, "Name", restart_policy_name(c->l.restart));
	json_int(w, "MaximumRetryCount", c->l.restart_max);
	json_end_object(w);
	json_bool(w, "AutoRemove", c->l.rm);
	json_bool(w, "Init", c->l.init);
	json_bool(w, "ReadonlyRootfs", s->root && s->root->readonly);
	json_string(w, "UsernsMode", userns ? "private" : "host");
	write_capabilities(w, s->process);
	cli_write_network_mode(w, &c->l, a);
	json_begin_object(w, "LogConfig");
	json_string(w, "Type", c->l.dir ? "local" : "none");
	json_end_object(w);
	json_end_object(w);
}

static bool has_option(const struct spec_mount *m, const char *option)
{
	for (size_t i = 0; i < m->n_options; i++)
		if (strcmp(m->options[i], option) == 0)
			return true;
	return false;
}

/* What is shown of the host: the file systems that every container has are no news. */
static void write_mounts(struct runtime *rt, struct json_writer *w, const struct spec *s)
{
	const char *volumes = volumes_path(rt);

	json_begin_array(w, "Mounts");
	for (size_t i = 0; i < s->n_mounts; i++) {
		const struct spec_mount *m = &s->mounts[i];
		if (!has_option(m, "bind") && !has_option(m, "rbind"))
			continue;
		const char *volume = volumes ? volume_of_data(volumes, m->source, &rt->arena) : NULL;
		json_begin_object(w, NULL);
		json_string(w, "Type", volume ? "volume" : "bind");
		if (volume)
			json_string(w, "Name", volume);
		json_string(w, "Source", m->source);
		json_string(w, "Destination", m->destination);
		json_bool(w, "RW", !has_option(m, "ro") && !has_option(m, "rro"));
		json_strings(w, "Options", m->options, m->n_options);
		json_end_object(w);
	}
	json_end_array(w);
}

static int write_graph_driver(struct runtime *rt, struct json_writer *w, const struct launched *l, bool size,
			      struct err *e)
{
	struct launched_overlay *overlays;
	uint64_t bytes;
	size_t n;

	if (launched_overlays(rt, l, &overlays, &n, e) < 0)
		return -e->code;
	json_begin_object(w, "GraphDriver");
	json_string(w, "Name", "overlay");
	json_begin_object(w, "Data");
	if (n > 0) {
		json_begin_array(w, "LowerDirs");
		for (size_t i = 0; i < overlays[0].dirs.n_lowers; i++)
			json_string(w, NULL, overlays[0].dirs.lowers[i]);
		json_end_array(w);
		json_string(w, "UpperDir", overlays[0].dirs.upper);
	}
	json_end_object(w);
	json_end_object(w);
	if (size && launched_size(rt, l, &bytes, e) < 0)
		return -e->code;
	if (size)
		json_uint(w, "SizeRw", bytes);
	return 0;
}

struct inspection {
	const struct options *o;
	struct json_writer w;
	struct buf formatted;
};

static int write_container(struct runtime *rt, struct json_writer *w, const struct cli_container *c, bool size,
			   struct err *e)
{
	struct net_endpoint endpoint;
	struct spec *s;

	if (cli_container_spec(rt, c, &s, e) < 0 || cli_endpoint(rt, &c->l, &endpoint, e) < 0)
		return -e->code;
	json_begin_object(w, NULL);
	json_string(w, "Id", c->l.id);
	json_string(w, "Name", c->l.name);
	json_string(w, "Created", c->l.created);
	json_string(w, "Path", c->l.n_command ? c->l.command[0] : "");
	json_strings(w, "Args", c->l.n_command ? c->l.command + 1 : NULL, c->l.n_command ? c->l.n_command - 1 : 0);
	write_state(w, c);
	json_string(w, "Image", text_or_empty(c->l.image));
	json_string(w, "ImageDigest", text_or_empty(c->l.image_digest));
	json_string(w, "ClonedFrom", text_or_empty(c->l.cloned_from));
	json_int(w, "RestartCount", c->status.restart_count);
	json_string(w, "Platform", "linux");
	if (c->l.dir) {
		json_string(w, "Directory", c->l.dir);
		json_string(w, "LogPath", arena_printf(&rt->arena, "%s/log", c->l.dir));
	}
	write_host_config(w, c, s, &rt->arena);
	write_config(w, c, s);
	write_mounts(rt, w, s);
	if (c->l.dir)
		cli_write_network_settings(w, &c->l, &endpoint, &rt->arena);
	if (c->l.dir && write_graph_driver(rt, w, &c->l, size, e) < 0)
		return -e->code;
	json_end_object(w);
	return 0;
}

static int inspect_one(struct runtime *rt, const struct cli_container *c, void *to, struct err *e)
{
	struct inspection *in = to;
	cleanup_buf struct buf text = BUF_INIT;
	struct json_writer w = { .out = &text };
	struct json doc;

	if (write_container(rt, &w, c, in->o->size, e) < 0 ||
	    json_parse(buf_text(&text), text.len, &rt->arena, &doc, e) < 0)
		return -e->code;
	if (in->o->format)
		return cli_format(&doc, in->o->format, &in->formatted, e);
	json_value(&in->w, NULL, &doc);
	return 0;
}

static int run_inspect(struct runtime *rt, const void *options, int argc, char **argv, struct err *e)
{
	cleanup_buf struct buf out = BUF_INIT;
	struct inspection in = { .o = options, .w = { .out = &out, .pretty = true } };

	json_begin_array(&in.w, NULL);
	int r = cli_each_container(rt, argc, argv, inspect_one, &in, e);
	json_end_array(&in.w);
	if (r >= 0 && in.o->format)
		fputs(buf_text(&in.formatted), stdout);
	else if (r >= 0)
		puts(buf_text(&out));
	buf_finish(&in.formatted);
	return r;
}

const struct cli_command command_inspect = {
	.name = "inspect",
	.arguments = "CONTAINER...",
	.summary = "Print all that is known of containers as JSON",
	.group = CLI_LOOK,
	.options = options_table,
	.options_size = sizeof(struct options),
	.min_args = 1,
	.max_args = -1,
	.run = run_inspect,
};
