/* Definitions on the machine: made, found, listed; the default one by many at once. In a network namespace of the test's own. */
#include "tests/unit/fixture_dir.h"

#include "netns/netns.h"

#include <dirent.h>
#include <errno.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include <cmocka.h>

struct example {
	struct fixture_dir dir;
	char definitions[80], state[80];
};

static void example_finish(struct example *x)
{
	fixture_dir_finish(&x->dir);
}
#define cleanup_example __attribute__((cleanup(example_finish)))

static void example_init(struct example *x)
{
	x->dir = fixture_dir_in("/dev/shm");
	snprintf(x->definitions, sizeof(x->definitions), "%s/definitions", x->dir.path);
	snprintf(x->state, sizeof(x->state), "%s/state", x->dir.path);
}

static void open_net(struct example *x, bool alone, struct net *ret)
{
	struct err e = ERR_INIT;

	if (net_open(x->definitions, x->state, alone, ret, &e) < 0)
		fail_msg("%s", e.msg);
}

static int create(struct example *x, const char *name, struct err *e)
{
	cleanup_arena struct arena a = ARENA_INIT;
	cleanup_net struct net n = NET_INIT;
	struct network network = { .name = name };

	open_net(x, true, &n);
	return network_create(&n, &network, &a, e);
}

/* All names in the directory of the definitions but for "." and "..", which are counted. */
static size_t count_files(struct example *x)
{
	DIR *d = opendir(x->definitions);
	size_t n = 0;

	assert_non_null(d);
	while (readdir(d))
		n++;
	closedir(d);
	return n - 2;
}

static void networks_are_listed_by_name(void **state)
{
	cleanup_arena struct arena a = ARENA_INIT;
	cleanup_net struct net n = NET_INIT;
	cleanup_example struct example x;
	struct err e = ERR_INIT;
	struct network *all;
	size_t n_all;

	(void)state;
	example_init(&x);
	assert_int_equal(create(&x, "web", &e), 0);
	assert_int_equal(create(&x, "db", &e), 0);
	assert_int_equal(create(&x, "web", &e), -EEXIST);
	open_net(&x, false, &n);
	assert_int_equal(network_list(&n, &a, &all, &n_all, &e), 0);
	assert_int_equal(n_all, 3);
	assert_string_equal(all[0].name, "db");
	assert_string_equal(all[1].name, "ferry");
	assert_string_equal(all[1].interface, "ferry0");
	assert_string_equal(all[2].name, "web");
	assert_string_equal(all[2].interface, "ferry1");
	assert_int_equal(all[1].subnets[0].subnet.prefix, 16);
	assert_int_equal(count_files(&x), 3);
}

static void what_is_not_there(void **state)
{
	cleanup_arena struct arena a = ARENA_INIT;
	cleanup_net struct net n = NET_INIT;
	cleanup_example struct example x;
	struct err e = ERR_INIT;
	struct network got = { .mtu = 7 };

	(void)state;
	example_init(&x);
	assert_int_equal(create(&x, "web", &e), 0);
	open_net(&x, false, &n);
	assert_int_equal(network_load(&n, "wbe", &a, &got, &e), -ENOENT);
	assert_string_equal(e.msg, "no network \"wbe\": did you mean \"web\"?");
	assert_int_equal(network_load(&n, "../state/x", &a, &got, &e), -EINVAL);
	fixture_file(&x.dir, "definitions/bad.json", "{ \"name\": \"bad\" }");
	assert_int_equal(network_load(&n, "bad", &a, &got, &e), -EINVAL);
	assert_string_equal(e.msg, "network \"bad\": bad.json: driver: missing");
	assert_int_equal(got.mtu, 7);
	assert_int_equal(count_files(&x), 2);
}

/* What a killed process left does not count, and goes with the next. */
static void unfinished_files(void **state)
{
	cleanup_arena struct arena a = ARENA_INIT;
	cleanup_net struct net n = NET_INIT;
	cleanup_example struct example x;
	struct err e = ERR_INIT;
	struct network *all;
	size_t n_all;

	(void)state;
	example_init(&x);
	assert_int_equal(create(&x, "web", &e), 0);
	fixture_file(&x.dir, "definitions/.new.1", "{ \"na");
	open_net(&x, true, &n);
	assert_int_equal(network_list(&n, &a, &all, &n_all, &e), 0);
	assert_int_equal(n_all, 2);
	net_close(&n);
	assert_int_equal(create(&x, "db", &e), 0);
	assert_int_equal(count_files(&x), 3);
}

enum { CROWD = 32 };

/* With the lock shared, as a container's start holds it. */
static int load_default(struct example *x)
{
	cleanup_arena struct arena a = ARENA_INIT;
	cleanup_net struct net n = NET_INIT;
	struct err e = ERR_INIT;
	struct network got;

	if (net_open(x->definitions, x->state, false, &n, &e) < 0 || network_load(&n, NETWORK_DEFAULT, &a, &got, &e) < 0)
		return 1;
	return strcmp(got.interface, "ferry0") == 0 && got.n_subnets == 1 ? 0 : 2;
}

static void many_need_the_default_network_first(void **state)
{
	cleanup_example struct example x;
	int begin[2], status;
	pid_t pids[CROWD];
	char go;

	(void)state;
	example_init(&x);
	assert_int_equal(pipe(begin), 0);
	for (int i = 0; i < CROWD; i++) {
		pids[i] = fork();
		assert_true(pids[i] >= 0);
		if (pids[i] > 0)
			continue;
		close(begin[1]);
		_exit(read(begin[0], &go, 1) == 0 ? load_default(&x) : 100);
	}
	close(begin[0]);
	close(begin[1]);
	for (int i = 0; i < CROWD; i++) {
		assert_int_equal(waitpid(pids[i], &status, 0), pids[i]);
		assert_int_equal(status, 0);
	}
	assert_int_equal(count_files(&x), 1);
}

static int enter_netns(void **state)
{
	(void)state;
	return unshare(CLONE_NEWNET) < 0 && unshare(CLONE_NEWUSER | CLONE_NEWNET) < 0 ? -1 : 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(networks_are_listed_by_name),
		cmocka_unit_test(what_is_not_there),
		cmocka_unit_test(unfinished_files),
		cmocka_unit_test(many_need_the_default_network_first),
	};
	return cmocka_run_group_tests_name("network_store", tests, enter_netns, NULL);
}
