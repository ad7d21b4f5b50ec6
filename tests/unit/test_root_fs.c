/* A root of many layers, as kernels want it that take all options of a mount at once. */
#include "lib/sys.h"
#include "namespaces/rootfs_plan.h"

#include <errno.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

enum { LAYERS = 150, NO_RIGHTS = 77 };

/* "/tmp" is a new tmpfs, in a mount namespace of this process alone. */
static int make_layers(struct fs_param *params, struct arena *a)
{
	if (unshare(CLONE_NEWNS) < 0)
		return NO_RIGHTS;
	if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 || mount("tmpfs", "/tmp", "tmpfs", 0, NULL) < 0)
		return 1;
	for (int i = 0; i < LAYERS; i++) {
		const char *dir = arena_printf(a, "/tmp/a-name-that-is-much-too-long-to-be-there-often-%d", i);
		FILE *f = NULL;
		if (mkdir(dir, 0755) < 0 || !(f = fopen(arena_printf(a, "%s/file", dir), "we")))
			return 2;
		fprintf(f, "%d", i);
		fclose(f);
		params[i] = (struct fs_param){ "lowerdir+", dir };
	}
	return mkdir("/tmp/root", 0755) < 0 || mkdir("/tmp/upper", 0755) < 0 || mkdir("/tmp/work", 0755) < 0 ? 3 : 0;
}

static int mount_and_look(void)
{
	cleanup_arena struct arena a = ARENA_INIT;
	struct fs_param params[LAYERS + 2];
	struct mount_plan m = { .type = "overlay", .source = "overlay" };
	struct err e = ERR_INIT;
	char text[16] = "";
	int r = make_layers(params, &a);

	if (r)
		return r;
	params[LAYERS] = (struct fs_param){ "upperdir", "/tmp/upper" };
	params[LAYERS + 1] = (struct fs_param){ "workdir", "/tmp/work" };
	m.options.params = params;
	m.options.n_params = LAYERS + 2;
	if (chdir("/tmp") < 0)
		return 4;
	int root = root_fs_mount_long(&m, "/tmp/root", &e);
	if (root < 0) {
		fprintf(stderr, "%s\n", e.msg);
		return 5;
	}
	int fd = openat(root, "file", O_RDONLY | O_CLOEXEC);
	if (fd < 0 || read(fd, text, sizeof(text) - 1) < 0 || strcmp(text, "0") != 0)
		return 6; /* the first is the top */
	if (mknodat(root, "new", S_IFREG | 0644, 0) < 0 || access("/tmp/upper/new", F_OK) < 0)
		return 7;
	if (access("/tmp/root/file", F_OK) == 0 || access("upper", F_OK) < 0)
		return 8; /* mounted nowhere any more; the working directory is the one from before */
	return 0;
}

static void many_layers_at_once(void **state)
{
	int status;

	(void)state;
	pid_t pid = fork();
	if (pid == 0)
		_exit(mount_and_look());
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	if (WEXITSTATUS(status) == NO_RIGHTS)
		skip();
	assert_int_equal(WEXITSTATUS(status), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(many_layers_at_once) };

	return cmocka_run_group_tests_name("root_fs", tests, NULL, NULL);
}
