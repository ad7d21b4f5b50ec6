#include "checkpoint/preflight/preflight.h"
#include "checkpoint/preflight/proc_text.h"

#include <string.h>

/* File systems that criu makes anew by itself. Others it must be told to leave to whoever restores. */
static const char *const makes_itself[] = {
	"autofs", "binfmt_misc", "btrfs", "cgroup", "cgroup2", "debugfs", "devpts", "devtmpfs", "fusectl", "mqueue",
	"overlay", "proc", "pstore", "securityfs", "sysfs", "tmpfs", "tracefs",
};

static bool is_one_of(const char *what, const char *const *list, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (strcmp(list[i], what) == 0)
			return true;
	return false;
}

/* "/a" holds "/a" and "/a/b"; "/" holds all. */
static bool holds(const char *root, const char *path)
{
	size_t n = strlen(root);

	if (strcmp(root, "/") == 0)
		return true;
	return strncmp(root, path, n) == 0 && (path[n] == '\0' || path[n] == '/');
}

struct mounts {
	const struct preflight_container *c;
	struct proc_mount *v;
	bool *known; /* criu gets it from somewhere */
	size_t n;
};

static bool is_given(const struct mounts *ms, const struct proc_mount *m)
{
	return strcmp(m->point, "/") == 0 || is_one_of(m->point, ms->c->external_mounts, ms->c->n_external_mounts);
}

static bool is_makable(const struct proc_mount *m)
{
	return is_one_of(m->type, makes_itself, sizeof(makes_itself) / sizeof(makes_itself[0]));
}

/* Of a hierarchy of cgroups the root is named as the reader's cgroup namespace has it, but it is the container's. */
static bool is_made(const struct proc_mount *m)
{
	return is_makable(m) && (strcmp(m->root, "/") == 0 || strncmp(m->type, "cgroup", 6) == 0);
}

/* It is a bind mount of what another one that is known shows. */
static bool is_bind(const struct mounts *ms, const struct proc_mount *m)
{
	for (size_t i = 0; i < ms->n; i++) {
		const struct proc_mount *other = &ms->v[i];
		if (ms->known[i] && other->major == m->major && other->minor == m->minor && holds(other->root, m->root))
			return true;
	}
	return false;
}

void preflight_mounts(struct preflight *p, const struct preflight_container *c, const char *subject, const char *mountinfo)
{
	char *rest = arena_strdup(p->arena, mountinfo), *line;
	struct mounts ms = { .c = c };
	struct proc_mount m;

	while ((line = proc_text_line(&rest)))
		if (proc_text_mount(line, &m))
			*arena_push(p->arena, &ms.v, &ms.n) = m;
	ms.known = arena_new_array(p->arena, ms.n + 1, bool);
	for (size_t i = 0; i < ms.n; i++)
		ms.known[i] = is_given(&ms, &ms.v[i]) || is_made(&ms.v[i]);
	for (size_t i = 0; i < ms.n; i++) {
		const struct proc_mount *at = &ms.v[i];
		if (ms.known[i] || is_bind(&ms, at))
			continue;
		if (is_makable(at))
			preflight_add(p, PREFLIGHT_MOUNT_ROOT, subject,
				      "has a mount at '%s' of a part, '%s', of a file system that is not mounted as a whole",
				      at->point, at->root);
		else
			preflight_add(p, PREFLIGHT_MOUNT_TYPE, subject,
				      "has a mount at '%s' of a file system that criu cannot make anew, %s", at->point,
				      at->type);
	}
}
