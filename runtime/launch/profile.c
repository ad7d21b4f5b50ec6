/*
 * A seccomp profile from a file: linux.seccomp of a config.json, or the form that engines use, which has besides
 * "archMap", and in its rules "includes" and "excludes" that say for whom they are.
 */
#include "runtime/launch/plan.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

/* Engines' names of the architectures that rules are for, as uname(2) and the filter have them. */
static const struct {
	const char *machine, *engine, *scmp;
} machines[] = {
	{ "x86_64", "amd64", "SCMP_ARCH_X86_64" }, { "aarch64", "arm64", "SCMP_ARCH_AARCH64" },
	{ "riscv64", "riscv64", "SCMP_ARCH_RISCV64" }, { "s390x", "s390x", "SCMP_ARCH_S390X" },
	{ "ppc64le", "ppc64le", "SCMP_ARCH_PPC64LE" },
};

static size_t find_machine(const struct launch_facts *f)
{
	for (size_t i = 0; i < sizeof(machines) / sizeof(machines[0]); i++)
		if (strcmp(machines[i].machine, f->machine) == 0)
			return i;
	return 0;
}

static bool kernel_is(const struct launch_facts *f, const char *least)
{
	int major, minor, want_major, want_minor;

	if (sscanf(f->release, "%d.%d", &major, &minor) != 2 ||
	    sscanf(least, "%d.%d", &want_major, &want_minor) != 2)
		return false;
	return major != want_major ? major > want_major : minor >= want_minor;
}

static bool has_capability(const char *name, const struct launch_security *s)
{
	int n = spec_cap_number(name);

	return n >= 0 && s->capabilities & UINT64_C(1) << n;
}

/* What "includes" or "excludes" say: @all, every part of it holds; else, any does. */
static bool holds(const struct json *when, bool all, const struct launch_security *s, const struct launch_facts *f)
{
	const struct json *caps = json_get(when, "caps"), *arches = json_get(when, "arches");
	const struct json *kernel = json_get(when, "minKernel");
	bool any = false, every = true;

	for (size_t i = 0; caps && caps->type == JSON_ARRAY && i < caps->n; i++) {
		bool has = caps->members[i].value.text && has_capability(caps->members[i].value.text, s);
		any |= has;
		every &= has;
	}
	if (arches && arches->type == JSON_ARRAY && arches->n > 0) {
		bool has = false;
		for (size_t i = 0; i < arches->n; i++) {
			const char *arch = arches->members[i].value.text;
			has |= arch && strcmp(arch, machines[find_machine(f)].engine) == 0;
		}
		any |= has;
		every &= has;
	}
	if (kernel && kernel->text) {
		any |= kernel_is(f, kernel->text);
		every &= kernel_is(f, kernel->text);
	}
	return all ? every : any;
}

static bool applies(const struct json *rule, const struct launch_security *s, const struct launch_facts *f)
{
	const struct json *includes = json_get(rule, "includes"), *excludes = json_get(rule, "excludes");

	if (includes && includes->type == JSON_OBJECT && !holds(includes, true, s, f))
		return false;
	return !excludes || excludes->type != JSON_OBJECT || !holds(excludes, false, s, f);
}

static void write_rules(struct json_writer *w, const struct json *rules, const struct launch_security *s,
			const struct launch_facts *f)
{
	json_begin_array(w, "syscalls");
	for (size_t i = 0; i < rules->n; i++) {
		const struct json *rule = &rules->members[i].value;
		if (rule->type != JSON_OBJECT || !applies(rule, s, f))
			continue;
		json_begin_object(w, NULL);
		for (size_t j = 0; j < rule->n; j++)
			if (rule->members[j].value.type != JSON_NULL)
				json_value(w, rule->members[j].key, &rule->members[j].value);
		json_end_object(w);
	}
	json_end_array(w);
}

/* The architectures of this machine: those that the map gives to its own. */
static void write_architectures(struct json_writer *w, const struct json *map, const struct launch_facts *f)
{
	const char *native = machines[find_machine(f)].scmp;

	json_begin_array(w, "architectures");
	json_string(w, NULL, native);
	for (size_t i = 0; i < map->n; i++) {
		const struct json *arch = json_get(&map->members[i].value, "architecture");
		const struct json *sub = json_get(&map->members[i].value, "subArchitectures");
		if (!arch || !arch->text || strcmp(arch->text, native) != 0 || !sub || sub->type != JSON_ARRAY)
			continue;
		for (size_t j = 0; j < sub->n; j++)
			json_value(w, NULL, &sub->members[j].value);
	}
	json_end_array(w);
}

int launch_write_profile(struct json_writer *w, const struct json *profile, const struct launch_security *s,
			 const struct launch_facts *f, struct err *e)
{
	if (profile->type != JSON_OBJECT || !json_get(profile, "defaultAction"))
		return err_say(e, EINVAL, "this is no seccomp profile: it has no \"defaultAction\"");
	json_begin_object(w, "seccomp");
	for (size_t i = 0; i < profile->n; i++) {
		const struct json_member *m = &profile->members[i];
		if (strcmp(m->key, "syscalls") == 0 && m->value.type == JSON_ARRAY)
			write_rules(w, &m->value, s, f);
		else if (strcmp(m->key, "archMap") == 0 && m->value.type == JSON_ARRAY)
			write_architectures(w, &m->value, f);
		else
			json_value(w, m->key, &m->value);
	}
	json_end_object(w);
	return 0;
}
