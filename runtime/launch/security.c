/* Capabilities, and what --security-opt and --privileged change of the walls around a container. */
#include "lib/near.h"
#include "runtime/launch/plan.h"

#include <errno.h>
#include <linux/capability.h>
#include <string.h>
#include <strings.h>

#define BIT(name) (UINT64_C(1) << (name))

/* Enough for packages, services and ordinary administration inside. */
static const uint64_t usual =
	BIT(CAP_AUDIT_WRITE) | BIT(CAP_CHOWN) | BIT(CAP_DAC_OVERRIDE) | BIT(CAP_FOWNER) | BIT(CAP_FSETID) | BIT(CAP_KILL) |
	BIT(CAP_MKNOD) | BIT(CAP_NET_BIND_SERVICE) | BIT(CAP_NET_RAW) | BIT(CAP_SETFCAP) | BIT(CAP_SETGID) |
	BIT(CAP_SETPCAP) | BIT(CAP_SETUID) | BIT(CAP_SYS_CHROOT);

static const char *const masked[] = {
	"/proc/acpi", "/proc/asound", "/proc/interrupts", "/proc/kcore", "/proc/keys", "/proc/latency_stats",
	"/proc/sched_debug", "/proc/scsi", "/proc/timer_list", "/proc/timer_stats", "/sys/devices/virtual/powercap",
	"/sys/firmware",
};

static const char *const readonly[] = { "/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger" };

static int unknown_capability(const char *option, const char *name, struct arena *a, struct err *e)
{
	struct near near = { .word = name };

	for (unsigned n = 0; spec_cap_name(n); n++) {
		near_offer(&near, spec_cap_name(n), spec_cap_name(n));
		near_offer(&near, spec_cap_name(n) + 4, spec_cap_name(n));
	}
	return err_say(e, EINVAL, "%s '%s': unknown capability%s", option, name, near_hint(&near, a));
}

static int parse_capabilities(const struct launch_list *names, const char *option, uint64_t all, struct arena *a,
			      uint64_t *ret, struct err *e)
{
	*ret = 0;
	for (size_t i = 0; i < names->n; i++) {
		const char *name = names->v[i];
		if (strcasecmp(name, "ALL") == 0) {
			*ret |= all;
			continue;
		}
		int n = spec_cap_number(name);
		if (n < 0)
			n = spec_cap_number(arena_printf(a, "CAP_%s", name));
		if (n < 0)
			return unknown_capability(option, name, a, e);
		*ret |= BIT(n);
	}
	return 0;
}

static bool says_all(const struct launch_list *names)
{
	for (size_t i = 0; i < names->n; i++)
		if (strcasecmp(names->v[i], "ALL") == 0)
			return true;
	return false;
}

bool launch_needs_all_capabilities(const struct launch_options *o)
{
	return o->privileged || says_all(&o->cap_add);
}

/* What is named is taken away or given; "ALL" of the one stands before names of the other. */
static int plan_capabilities(const struct launch_options *o, const struct launch_facts *f, struct arena *a,
			     uint64_t *ret, struct err *e)
{
	uint64_t add, drop;

	if (parse_capabilities(&o->cap_add, "--cap-add", f->capabilities, a, &add, e) < 0 ||
	    parse_capabilities(&o->cap_drop, "--cap-drop", UINT64_MAX, a, &drop, e) < 0)
		return -e->code;
	if (o->privileged)
		*ret = f->capabilities & ~drop;
	else if (says_all(&o->cap_drop))
		*ret = add;
	else
		*ret = (usual | add) & ~drop;
	return 0;
}

static int parse_yes(const char *value, bool *ret)
{
	if (!value || strcmp(value, "true") == 0)
		return *ret = true, 0;
	return strcmp(value, "false") == 0 ? (*ret = false, 0) : -EINVAL;
}

static void remove_path(struct launch_list *list, const char *path)
{
	size_t kept = 0;

	for (size_t i = 0; i < list->n; i++)
		if (strcmp(list->v[i], path) != 0)
			list->v[kept++] = list->v[i];
	list->n = kept;
}

/* "mask=/a:/b" hides paths, "unmask=/a:/b" and "unmask=ALL" show what is hidden or read-only otherwise. */
static int change_masks(const char *value, bool mask, struct arena *a, struct launch_security *s)
{
	if (!value || !*value)
		return -EINVAL;
	if (!mask && strcasecmp(value, "ALL") == 0) {
		s->masked.n = s->readonly.n = 0;
		return 0;
	}
	for (char *rest = arena_strdup(a, value), *path; (path = strsep(&rest, ":"));) {
		if (!launch_is_plain_path(path))
			return -EINVAL;
		if (mask)
			*arena_push(a, &s->masked.v, &s->masked.n) = path;
		else {
			remove_path(&s->masked, path);
			remove_path(&s->readonly, path);
		}
	}
	return 0;
}

static int apply_option(const char *name, const char *value, struct arena *a, struct launch_security *s)
{
	if (strcmp(name, "no-new-privileges") == 0)
		return parse_yes(value, &s->no_new_privileges);
	if (strcmp(name, "mask") == 0 || strcmp(name, "unmask") == 0)
		return change_masks(value, name[0] == 'm', a, s);
	if (!value || !*value)
		return -EINVAL;
	if (strcmp(name, "seccomp") == 0)
		return s->seccomp = value, 0;
	if (strcmp(name, "apparmor") == 0)
		return s->apparmor = strcmp(value, "unconfined") == 0 ? NULL : value, 0;
	if (strcmp(name, "label") == 0) /* launched containers have none anyway */
		return strcmp(value, "disable") == 0 ? 0 : -EINVAL;
	if (strcmp(name, "systempaths") == 0 && strcmp(value, "unconfined") == 0)
		return change_masks("ALL", false, a, s);
	return -EINVAL;
}

static int apply_options(const struct launch_options *o, struct arena *a, struct launch_security *s, struct err *e)
{
	for (size_t i = 0; i < o->security_opts.n; i++) {
		const char *text = o->security_opts.v[i];
		size_t n = strcspn(text, "=:");
		const char *value = text[n] ? text + n + 1 : NULL;
		if (apply_option(arena_strndup(a, text, n), value, a, s) < 0)
			return err_say(e, EINVAL,
				       "--security-opt '%s': expected no-new-privileges[=false], seccomp=unconfined|FILE, "
				       "apparmor=PROFILE, label=disable, mask=PATH[:PATH...] or unmask=ALL|PATH[:PATH...]",
				       text);
	}
	return 0;
}

const char *launch_seccomp_file(const struct launch_options *o, struct arena *a)
{
	struct launch_security s = { 0 };
	struct err ignored = ERR_INIT;

	if (apply_options(o, a, &s, &ignored) < 0 || !s.seccomp || strcmp(s.seccomp, "unconfined") == 0)
		return NULL;
	return s.seccomp;
}

int launch_security_plan(const struct launch_options *o, const struct launch_facts *f, bool host, struct arena *a,
			 struct launch_security *ret, struct err *e)
{
	struct launch_security s = { .no_new_privileges = host && !o->privileged };

	if (o->privileged)
		s.seccomp = "unconfined";
	for (size_t i = 0; !o->privileged && i < sizeof(masked) / sizeof(masked[0]); i++)
		*arena_push(a, &s.masked.v, &s.masked.n) = masked[i];
	for (size_t i = 0; !o->privileged && i < sizeof(readonly) / sizeof(readonly[0]); i++)
		*arena_push(a, &s.readonly.v, &s.readonly.n) = readonly[i];
	if (plan_capabilities(o, f, a, &s.capabilities, e) < 0 || apply_options(o, a, &s, e) < 0)
		return -e->code;
	*ret = s;
	return 0;
}
