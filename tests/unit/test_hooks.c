/* Hooks: their order, what they are given, how they fail. */
#include "runtime/hooks.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define STATE "{\"id\":\"web\",\"pid\":7}"

static char dir[] = "/tmp/ferry-hooks-XXXXXX";
static char file[64];

static int set_up(void **state)
{
	(void)state;
	if (!mkdtemp(dir))
		return -1;
	snprintf(file, sizeof(file), "%s/out", dir);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	unlink(file);
	return rmdir(dir);
}

static const char *read_out(void)
{
	static char text[1024];
	int fd = open(file, O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? 0 : read(fd, text, sizeof(text) - 1);

	text[n > 0 ? n : 0] = '\0';
	if (fd >= 0)
		close(fd);
	unlink(file);
	return text;
}

/* A hook that is a shell script, which finds the file in its $1. */
struct script {
	const char *args[6];
	struct spec_hook hook;
};

static struct spec_hook script(struct script *s, const char *text)
{
	*s = (struct script){ .args = { "sh", "-c", text, "sh", file, NULL } };
	return (struct spec_hook){ .path = "/bin/sh", .args = s->args };
}

static void in_order_with_state_and_environment(void **state)
{
	const char *env[] = { "ONE=1", NULL };
	struct script s[2];
	struct spec_hook hooks[] = { script(&s[0], "cat > $1; /usr/bin/env | grep -Ev '^(PWD|_|SHLVL)=' >> $1; true"),
				     script(&s[1], "/bin/echo \"$ONE:$HOME\" >> $1") };
	struct spec_hooks h = { .of[HOOK_POSTSTART] = hooks, .n[HOOK_POSTSTART] = 2 };
	struct err e = ERR_INIT;

	(void)state;
	setenv("HOME", "/not/for/hooks", 1);
	hooks[1].env = env;
	assert_int_equal(hooks_run(&h, HOOK_POSTSTART, STATE, &e), 0);
	assert_string_equal(read_out(), STATE "1:\n");
	/* Only those of the kind that was asked for. */
	assert_int_equal(hooks_run(&h, HOOK_POSTSTOP, STATE, &e), 0);
	assert_string_equal(read_out(), "");
}

static void the_first_failure_stops_the_row(void **state)
{
	struct script s[3];
	struct spec_hook hooks[] = { script(&s[0], "echo a >> $1"), script(&s[1], "echo why it failed >&2; exit 3"),
				     script(&s[2], "echo c >> $1") };
	struct spec_hooks h = { .of[HOOK_CREATE_RUNTIME] = hooks, .n[HOOK_CREATE_RUNTIME] = 3 };
	struct err e = ERR_INIT;

	(void)state;
	assert_true(hooks_run(&h, HOOK_CREATE_RUNTIME, STATE, &e) < 0);
	assert_string_equal(e.msg, "error running createRuntime hook #1: '/bin/sh': exit status 3: why it failed");
	assert_string_equal(read_out(), "a\n");
}

static void failures(void **state)
{
	struct script s;
	struct spec_hook hook = script(&s, "kill -9 $$");
	struct spec_hooks h = { .of[HOOK_PRESTART] = &hook, .n[HOOK_PRESTART] = 1 };
	struct err e = ERR_INIT;

	(void)state;
	assert_true(hooks_run(&h, HOOK_PRESTART, STATE, &e) < 0);
	assert_string_equal(e.msg, "error running prestart hook #0: '/bin/sh': killed by signal 9");
	hook = (struct spec_hook){ .path = "/nosuch" };
	assert_int_equal(hooks_run(&h, HOOK_PRESTART, STATE, &e), -ENOENT);
	assert_string_equal(e.msg, "error running prestart hook #0: '/nosuch': execute: No such file or directory");
}

/* The state is longer than a pipe is wide, and nobody reads it. */
static void a_hook_need_not_read(void **state)
{
	enum { SIZE = 300000 };
	char *big = malloc(SIZE);
	struct spec_hook hook = { .path = "/bin/true" };
	struct spec_hooks h = { .of[HOOK_PRESTART] = &hook, .n[HOOK_PRESTART] = 1 };
	struct err e = ERR_INIT;

	(void)state;
	memset(big, ' ', SIZE - 1);
	big[SIZE - 1] = '\0';
	assert_int_equal(hooks_run(&h, HOOK_PRESTART, big, &e), 0);
	free(big);
}

/* Longer at each try, until the script has come so far. */
static void a_late_hook_is_killed_with_its_children(void **state)
{
	struct script s;
	struct spec_hook hook = script(&s, "sleep 600 & echo $! > $1; wait");
	struct spec_hooks h = { .of[HOOK_PRESTART] = &hook, .n[HOOK_PRESTART] = 1 };
	struct err e = ERR_INIT;
	struct timespec from, to;
	pid_t left = 0;
	char says[32];

	(void)state;
	for (int timeout_s = 1; left == 0 && timeout_s <= 64; timeout_s *= 2) {
		hook.timeout_s = (struct spec_i64){ true, timeout_s };
		clock_gettime(CLOCK_MONOTONIC, &from);
		assert_int_equal(hooks_run(&h, HOOK_PRESTART, STATE, &e), -ETIMEDOUT);
		clock_gettime(CLOCK_MONOTONIC, &to);
		assert_in_range(to.tv_sec - from.tv_sec, timeout_s, 500);
		snprintf(says, sizeof(says), "timed out after %d s", timeout_s);
		assert_non_null(strstr(e.msg, says));
		left = atoi(read_out());
	}
	assert_true(left > 0);
	for (int i = 0; i < 6000 && kill(left, 0) == 0; i++) {
		/* It may stay a zombie when nobody reaps orphans here. */
		char path[32], text[256] = "";
		snprintf(path, sizeof(path), "/proc/%d/stat", (int)left);
		int fd = open(path, O_RDONLY | O_CLOEXEC);
		if (fd < 0 || read(fd, text, sizeof(text) - 1) <= 0 || strstr(text, ") Z")) {
			if (fd >= 0)
				close(fd);
			return;
		}
		close(fd);
		usleep(10000);
	}
	assert_int_equal(kill(left, 0), -1);
}

static void in_time(void **state)
{
	struct spec_hook hook = { .path = "/bin/true", .timeout_s = { true, 30 } };
	struct spec_hooks h = { .of[HOOK_PRESTART] = &hook, .n[HOOK_PRESTART] = 1 };
	struct err e = ERR_INIT;

	(void)state;
	assert_int_equal(hooks_run(&h, HOOK_PRESTART, STATE, &e), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(in_order_with_state_and_environment),
		cmocka_unit_test(the_first_failure_stops_the_row),
		cmocka_unit_test(failures),
		cmocka_unit_test(a_hook_need_not_read),
		cmocka_unit_test(a_late_hook_is_killed_with_its_children),
		cmocka_unit_test(in_time),
	};
	return cmocka_run_group_tests(tests, set_up, tear_down);
}
