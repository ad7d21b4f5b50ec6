/* Limits: of the cgroup, of each process, and kernel parameters. */
#include "lib/near.h"
#include "runtime/launch/plan.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

static int check(const struct launch_options *o, struct err *e)
{
	const struct spec_i64 *memory = &o->memory_bytes, *swap = &o->memory_swap_bytes;

	if (memory->set && memory->v <= 0)
		return err_say(e, EINVAL, "--memory: must be more than nothing");
	if (swap->set && !memory->set)
		return err_say(e, EINVAL, "--memory-swap: counts memory and swap together, and needs --memory beside it");
	if (swap->set && swap->v != -1 && swap->v < memory->v)
		return err_say(e, EINVAL,
			       "--memory-swap: counts memory and swap together, and must not be less than --memory");
	if (o->memory_reservation_bytes.set && memory->set && o->memory_reservation_bytes.v > memory->v)
		return err_say(e, EINVAL, "--memory-reservation: must not be more than --memory");
	if (o->pids.set && (o->pids.v == 0 || o->pids.v < -1))
		return err_say(e, EINVAL, "--pids-limit %lld: expected a number above 0, or -1 for no limit",
			       (long long)o->pids.v);
	if (o->cpu_shares.set && (o->cpu_shares.v < 2 || o->cpu_shares.v > 262144))
		return err_say(e, EINVAL, "--cpu-shares %lld: expected a number from 2 to 262144; 1024 is what others have",
			       (long long)o->cpu_shares.v);
	return 0;
}

static void write_number(struct json_writer *w, const char *key, const struct spec_i64 *v)
{
	if (v->set)
		json_int(w, key, v->v);
}

int launch_write_resources(const struct launch_options *o, const struct launch_facts *f, struct json_writer *w,
			   struct err *e)
{
	if (check(o, e) < 0)
		return -e->code;
	json_begin_object(w, "resources");
	if (!f->rootless)
		launch_write_device_rules(o, f, w);
	if (o->memory_bytes.set || o->memory_reservation_bytes.set) {
		json_begin_object(w, "memory");
		write_number(w, "limit", &o->memory_bytes);
		write_number(w, "swap", &o->memory_swap_bytes);
		write_number(w, "reservation", &o->memory_reservation_bytes);
		json_end_object(w);
	}
	if (o->cpu_quota_us.set || o->cpu_shares.set || o->cpuset_cpus || o->cpuset_mems) {
		json_begin_object(w, "cpu");
		write_number(w, "quota", &o->cpu_quota_us);
		if (o->cpu_quota_us.set)
			json_uint(w, "period", LAUNCH_CPU_PERIOD_US);
		write_number(w, "shares", &o->cpu_shares);
		if (o->cpuset_cpus)
			json_string(w, "cpus", o->cpuset_cpus);
		if (o->cpuset_mems)
			json_string(w, "mems", o->cpuset_mems);
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

static bool parse_rlimit(const char *text, size_t len, uint64_t *ret)
{
	if ((len == 2 && memcmp(text, "-1", 2) == 0) || (len == 9 && memcmp(text, "unlimited", 9) == 0))
		return *ret = UINT64_MAX, true;
	if (len == 0 || len > 19 || strspn(text, "0123456789") < len)
		return false;
	*ret = strtoull(text, NULL, 10);
	return true;
}

/* "nofile", as the specification calls it; NULL: none is called so. */
static const char *find_rlimit(const char *name)
{
	const char *type;

	for (unsigned i = 0; (type = spec_rlimit_name(i)); i++)
		if (strcasecmp(type + strlen("RLIMIT_"), name) == 0)
			return type;
	return NULL;
}

static int unknown_rlimit(const char *text, const char *name, struct arena *a, struct err *e)
{
	struct near near = { .word = name };
	const char *type, *all = "";

	for (unsigned i = 0; (type = spec_rlimit_name(i)); i++) {
		char *word = arena_strdup(a, type + strlen("RLIMIT_"));
		for (char *c = word; *c; c++)
			*c = (char)tolower((unsigned char)*c);
		near_offer(&near, word, word);
		all = arena_printf(a, "%s%s%s", all, i ? ", " : "", word);
	}
	const char *hint = near_hint(&near, a);
	return err_say(e, EINVAL, "--ulimit '%s': unknown limit%s%s", text, *hint ? hint : ": there are ", *hint ? "" : all);
}

struct ulimits {
	struct spec_rlimit *v;
	size_t n;
};

/* "nofile=1024:2048". Of two for the same limit the later counts. */
static int add_rlimit(const char *text, struct arena *a, struct ulimits *u, struct err *e)
{
	const char *equals = strchr(text, '='), *values = equals ? equals + 1 : "", *colon = strchr(values, ':');
	struct spec_rlimit l = { 0 }, *to = NULL;

	if (!equals || equals == text ||
	    !parse_rlimit(values, colon ? (size_t)(colon - values) : strlen(values), &l.soft) ||
	    (colon && !parse_rlimit(colon + 1, strlen(colon + 1), &l.hard)))
		return err_say(e, EINVAL, "--ulimit '%s': expected NAME=SOFT[:HARD], such as nofile=1024:4096", text);
	if (!colon)
		l.hard = l.soft;
	if (l.soft > l.hard)
		return err_say(e, EINVAL, "--ulimit '%s': the first number must not be more than the second", text);
	const char *name = arena_strndup(a, text, (size_t)(equals - text));
	l.type = find_rlimit(name);
	if (!l.type)
		return unknown_rlimit(text, name, a, e);
	for (size_t i = 0; i < u->n; i++)
		if (u->v[i].type == l.type)
			to = &u->v[i];
	if (!to)
		to = arena_push(a, &u->v, &u->n);
	*to = l;
	return 0;
}

int launch_write_rlimits(const struct launch_options *o, struct arena *a, struct json_writer *w, struct err *e)
{
	struct ulimits u = { 0 };

	for (size_t i = 0; i < o->ulimits.n; i++)
		if (add_rlimit(o->ulimits.v[i], a, &u, e) < 0)
			return -e->code;
	if (u.n > 0)
		json_begin_array(w, "rlimits");
	for (size_t i = 0; i < u.n; i++) {
		json_begin_object(w, NULL);
		json_string(w, "type", u.v[i].type);
		json_uint(w, "soft", u.v[i].soft);
		json_uint(w, "hard", u.v[i].hard);
		json_end_object(w);
	}
	if (u.n > 0)
		json_end_array(w);
	if (o->oom_score_adj.set && (o->oom_score_adj.v < -1000 || o->oom_score_adj.v > 1000))
		return err_say(e, EINVAL, "--oom-score-adj %lld: expected a number from -1000 to 1000",
			       (long long)o->oom_score_adj.v);
	write_number(w, "oomScoreAdj", &o->oom_score_adj);
	return 0;
}

int launch_write_sysctl(const struct launch_options *o, struct arena *a, struct json_writer *w, struct err *e)
{
	struct spec_pair *pairs = NULL;
	size_t n = 0;

	for (size_t i = 0; i < o->sysctls.n; i++) {
		const char *text = o->sysctls.v[i], *equals = strchr(text, '=');
		if (!equals || equals == text)
			return err_say(e, EINVAL, "--sysctl '%s': expected NAME=VALUE", text);
		launch_set_pair(a, &pairs, &n, arena_strndup(a, text, (size_t)(equals - text)), equals + 1);
	}
	if (n == 0)
		return 0;
	json_begin_object(w, "sysctl");
	for (size_t i = 0; i < n; i++)
		json_string(w, pairs[i].key, pairs[i].value);
	json_end_object(w);
	return 0;
}

void launch_set_pair(struct arena *a, struct spec_pair **pairs, size_t *n, const char *key, const char *value)
{
	size_t i = 0;

	while (i < *n && strcmp((*pairs)[i].key, key) != 0)
		i++;
	if (i == *n)
		arena_push(a, pairs, n)->key = key;
	(*pairs)[i].value = value;
}
