/*
 * For the tests of namespaces/: the example configuration built by hand, and what runs a test in namespaces of its own,
 * in a child process, on a directory of its own.
 */
#ifndef TESTS_NS_EXAMPLE_H
#define TESTS_NS_EXAMPLE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "lib/file.h"
#include "lib/sys.h"
#include "namespaces/namespaces.h"
#include "namespaces/rootfs_plan.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define OPTIONS(...) (const char *[]){ __VA_ARGS__ }, sizeof((const char *[]){ __VA_ARGS__ }) / sizeof(char *)
#define MOUNT(dest, src, fs, ...) { .destination = dest, .source = src, .type = fs, \
	.options = (const char *[]){ __VA_ARGS__ }, .n_options = sizeof((const char *[]){ __VA_ARGS__ }) / sizeof(char *) }

static inline void example_spec(struct arena *a, struct spec *s)
{
	static const struct spec_namespace namespaces[] = {
		{ CLONE_NEWPID, NULL }, { CLONE_NEWNET, NULL }, { CLONE_NEWIPC, NULL }, { CLONE_NEWUTS, NULL },
		{ CLONE_NEWNS, NULL }, { CLONE_NEWCGROUP, NULL },
	};
	static const char *masked[] = {
		"/proc/acpi", "/proc/asound", "/proc/kcore", "/proc/keys", "/proc/latency_stats", "/proc/timer_list",
		"/proc/timer_stats", "/proc/sched_debug", "/sys/firmware", "/proc/scsi",
	};
	static const char *readonly[] = {
		"/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger", "/proc/tty",
	};
	const struct spec_mount mounts[] = {
		{ .destination = "/proc", .type = "proc", .source = "proc" },
		MOUNT("/dev", "tmpfs", "tmpfs", "nosuid", "strictatime", "mode=755", "size=65536k"),
		MOUNT("/dev/pts", "devpts", "devpts", "nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620",
		      "gid=5"),
		MOUNT("/dev/shm", "shm", "tmpfs", "nosuid", "noexec", "nodev", "mode=1777", "size=65536k"),
		MOUNT("/dev/mqueue", "mqueue", "mqueue", "nosuid", "noexec", "nodev"),
		MOUNT("/sys", "sysfs", "sysfs", "nosuid", "noexec", "nodev", "ro"),
		MOUNT("/sys/fs/cgroup", "cgroup", "cgroup", "nosuid", "noexec", "nodev", "relatime", "ro"),
	};

	*s = (struct spec){ .oci_version = "1.2.0", .hostname = "example" };
	s->root = arena_new(a, struct spec_root);
	s->root->path = "rootfs";
	s->root->readonly = true;
	s->n_mounts = sizeof(mounts) / sizeof(mounts[0]);
	s->mounts = arena_dup(a, mounts, sizeof(mounts));
	for (size_t i = 0; i < s->n_mounts; i++)
		s->mounts[i].options = arena_dup(a, mounts[i].options, mounts[i].n_options * sizeof(char *));
	s->lx.namespaces = arena_dup(a, namespaces, sizeof(namespaces));
	s->lx.n_namespaces = sizeof(namespaces) / sizeof(namespaces[0]);
	s->lx.masked_paths = masked;
	s->lx.n_masked_paths = sizeof(masked) / sizeof(masked[0]);
	s->lx.readonly_paths = readonly;
	s->lx.n_readonly_paths = sizeof(readonly) / sizeof(readonly[0]);
}

/* Adds a mount at the end. */
static inline struct spec_mount *add_mount(struct arena *a, struct spec *s, const struct spec_mount *m)
{
	struct spec_mount *all = arena_new_array(a, s->n_mounts + 1, struct spec_mount);

	if (s->n_mounts)
		memcpy(all, s->mounts, s->n_mounts * sizeof(*all));
	all[s->n_mounts] = *m;
	all[s->n_mounts].options = arena_dup(a, m->options, m->n_options * sizeof(char *));
	s->mounts = all;
	return &all[s->n_mounts++];
}

/* A bundle with an empty root in a new directory, removed by bundle_remove. */
static inline void bundle_make(char bundle[64])
{
	char path[128];

	strcpy(bundle, "/tmp/ferry-unit-XXXXXX");
	assert_non_null(mkdtemp(bundle));
	chmod(bundle, 0755);
	snprintf(path, sizeof(path), "%s/rootfs", bundle);
	assert_int_equal(mkdir(path, 0755), 0);
}

static inline void bundle_remove(const char *bundle)
{
	struct err e = ERR_INIT;

	if (remove_tree_at(AT_FDCWD, bundle, &e) < 0)
		fail_msg("%s", e.msg);
}

struct container {
	struct spec *spec;
	struct rootfs_options options;
	struct ns_plan ns;
	struct rootfs_plan *rootfs;
	uid_t euid;
};

#define CHILD_SKIP 77

/* Checks inside the child, where cmocka's own jumps lead nowhere. */
#define CHECK(cond) \
	do { \
		if (!(cond)) { \
			fprintf(stderr, "%s:%d: %s: errno %d\n", __FILE__, __LINE__, #cond, errno); \
			_exit(1); \
		} \
	} while (0)
#define CHECK_OK(call, e) \
	do { \
		if ((call) < 0) { \
			fprintf(stderr, "%s:%d: %s: %s\n", __FILE__, __LINE__, #call, (e)->msg); \
			_exit(1); \
		} \
	} while (0)

static inline int plan_container(struct container *c, struct arena *a, struct err *e)
{
	if (ns_plan_make(c->spec, c->euid, a, &c->ns, e) < 0)
		return -e->code;
	c->options.host_userns = !(c->ns.create & CLONE_NEWUSER);
	c->options.cgroup_namespace = c->ns.create_cgroup;
	return rootfs_plan_make(c->spec, &c->options, a, &c->rootfs, e);
}

/*
 * Plans, clones C and runs @inside in it between the steps: with step 0 before rootfs_enter, 1 after rootfs_seal.
 * Returns C's exit code; -1 with the error when the parent's part failed.
 */
static inline int run_container(struct container *c, int (*inside)(struct container *, int step, struct err *),
				struct err *e)
{
	struct arena a = ARENA_INIT;
	int ready[2], status;

	if (plan_container(c, &a, e) < 0 || ns_plan_open(&c->ns, e) < 0 || rootfs_open_sources(c->rootfs, e) < 0) {
		arena_finish(&a);
		return -1;
	}
	if (pipe2(ready, O_CLOEXEC) < 0)
		return -1;
	struct clone_args args = { .flags = c->ns.create, .exit_signal = SIGCHLD };
	pid_t pid = sys_clone3(&args);
	if (pid == 0) {
		char go;
		close(ready[1]);
		CHECK(read(ready[0], &go, 1) == 1);
		CHECK_OK(ns_become_root(&c->ns, e), e);
		CHECK_OK(ns_configure(&c->ns, e), e);
		CHECK_OK(rootfs_mount(c->rootfs, e), e);
		CHECK_OK(inside(c, 0, e), e);
		CHECK_OK(rootfs_enter(c->rootfs, e), e);
		CHECK_OK(rootfs_seal(c->rootfs, e), e);
		_exit(inside(c, 1, e));
	}
	int r = pid < 0 ? err_set(e, errno, "clone3") : ns_map_ids(&c->ns, pid, e);
	if (r == 0 && write(ready[1], "", 1) != 1)
		r = -1;
	close(ready[0]);
	close(ready[1]);
	rootfs_plan_close(c->rootfs);
	ns_plan_close(&c->ns);
	arena_finish(&a);
	if (pid > 0 && waitpid(pid, &status, 0) == pid && r == 0)
		r = WIFEXITED(status) ? WEXITSTATUS(status) : 128;
	return r;
}

/* Reads a file of at most 64 KiB into static memory. */
static inline const char *slurp(const char *path)
{
	static char text[65536];
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n = 0, got;

	while (fd >= 0 && (got = read(fd, text + n, sizeof(text) - 1 - (size_t)n)) > 0)
		n += got;
	if (fd >= 0)
		close(fd);
	text[n] = '\0';
	return text;
}

/* The line of mountinfo of the topmost mount on @target, or NULL. */
static inline const char *mount_line(const char *target)
{
	static char line[1024];
	char *save, *found = NULL, *text = strdup(slurp("/proc/self/mountinfo"));

	for (char *l = strtok_r(text, "\n", &save); l; l = strtok_r(NULL, "\n", &save)) {
		char where[512];
		if (sscanf(l, "%*s %*s %*s %*s %511s", where) == 1 && strcmp(where, target) == 0)
			found = strncpy(line, l, sizeof(line) - 1);
	}
	free(text);
	return found;
}

static inline bool mount_has(const char *target, const char *words)
{
	const char *l = mount_line(target);
	return l && strstr(l, words);
}

#endif
