/* The container object: ids, the record, the lock, recovery, the start socket. */
#include "lib/fd.h"
#include "lib/file.h"
#include "lib/message.h"
#include "lib/proc.h"
#include "runtime/container.h"
#include "runtime/record.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

struct fixture {
	struct runtime rt;
	char root[64];
};

static int set_up(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));
	struct err e = ERR_INIT;

	strcpy(f->root, "/tmp/ferry-unit-XXXXXX");
	assert_non_null(mkdtemp(f->root));
	assert_int_equal(runtime_init(&f->rt, f->root, NULL, "disabled", &e), 0);
	*state = f;
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *f = *state;
	struct err e = ERR_INIT;

	assert_int_equal(remove_tree_at(AT_FDCWD, f->root, &e), 0);
	runtime_finish(&f->rt);
	free(f);
	return 0;
}

static void ids(void **state)
{
	static const char *const good[] = { "a", "web-1", "A.b_c+d", "0123456789abcdef" };
	static const char *const bad[] = { "", ".", "..", ".cache", "a/b", "../x", "a b", "a\nb", "\xc3\xa9" };
	struct err e = ERR_INIT;
	char longest[1026];

	(void)state;
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++)
		assert_int_equal(container_check_id(good[i], &e), 0);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(container_check_id(bad[i], &e), -EINVAL);
	memset(longest, 'x', sizeof(longest) - 1);
	longest[1025] = '\0';
	assert_int_equal(container_check_id(longest, &e), -EINVAL);
	longest[1024] = '\0';
	assert_int_equal(container_check_id(longest, &e), 0);
}

/* A container whose process is this very one, so that it counts as running. */
static void make(struct fixture *f, const char *id, struct container *c)
{
	struct err e = ERR_INIT;
	struct proc_stat st;

	assert_int_equal(container_new(&f->rt, id, c, &e), 0);
	assert_int_equal(proc_stat(getpid(), &st, &e), 0);
	c->pid = getpid();
	c->start_time = st.start_time;
	c->bundle = "/bundle";
	c->rootfs = "/bundle/rootfs";
	c->created = "2001-02-03T04:05:06.000000007Z";
	c->cgroup = (struct cgroup_ref){ .driver = CGROUP_DISABLED };
}

static void record_comes_back_whole(void **state)
{
	struct fixture *f = *state;
	struct container c, again;
	struct err e = ERR_INIT;
	struct spec_pair annotations[] = { { "k", "v \"quoted\"" }, { "org.x", "" } };

	make(f, "web", &c);
	c.annotations = annotations;
	c.n_annotations = 2;
	c.launched = true;
	c.cgroup.path = "/a/b";
	c.cgroup.scope = "ferry-web.scope";
	c.cgroup.driver = CGROUP_SYSTEMD;
	c.cgroup.user_session = true;
	assert_int_equal(record_save(&c, &e), 0);
	container_close(&c);

	assert_int_equal(container_open(&f->rt, "web", false, &again, &e), 0);
	assert_int_equal(again.pid, getpid());
	assert_string_equal(again.bundle, "/bundle");
	assert_string_equal(again.rootfs, "/bundle/rootfs");
	assert_string_equal(again.created, "2001-02-03T04:05:06.000000007Z");
	assert_int_equal(again.n_annotations, 2);
	assert_string_equal(again.annotations[0].value, "v \"quoted\"");
	assert_true(again.launched);
	assert_int_equal(again.cgroup.driver, CGROUP_SYSTEMD);
	assert_string_equal(again.cgroup.path, "/a/b");
	assert_string_equal(again.cgroup.scope, "ferry-web.scope");
	assert_true(again.cgroup.user_session);
	container_close(&again);
}

static void damaged_record_is_an_error(void **state)
{
	static const char *const texts[] = {
		"", "{", "[]", "{}", "{\"pid\":\"x\",\"cgroupDriver\":\"disabled\"}", "{\"pid\":1,\"cgroupDriver\":\"x\"}",
	};
	struct fixture *f = *state;
	struct container c, again;
	struct err e = ERR_INIT;

	make(f, "web", &c);
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		assert_int_equal(file_replace_at(c.dir, "state.json", 0600, texts[i], strlen(texts[i]), &e), 0);
		assert_true(container_open(&f->rt, "web", false, &again, &e) < 0);
		assert_non_null(strstr(e.msg, "container 'web'"));
	}
	container_close(&c);
}

static void unknown_and_existing(void **state)
{
	struct fixture *f = *state;
	struct container c, other;
	struct err e = ERR_INIT;

	assert_int_equal(container_open(&f->rt, "web", false, &other, &e), -ENOENT);
	assert_string_equal(e.msg, "container \"web\" does not exist");
	make(f, "web", &c);
	assert_int_equal(record_save(&c, &e), 0);
	container_close(&c);
	assert_int_equal(container_new(&f->rt, "web", &other, &e), -EEXIST);
	assert_non_null(strstr(e.msg, "container with given ID already exists"));
}

/* What a killed create leaves: a directory, perhaps a record without a pid, nobody who holds the lock. */
static void half_made_is_recovered(void **state)
{
	struct fixture *f = *state;
	struct container c;
	struct err e = ERR_INIT;
	const char **list;
	size_t n;

	for (int with_record = 0; with_record < 2; with_record++) {
		make(f, "half", &c);
		c.pid = 0;
		if (with_record)
			assert_int_equal(record_save(&c, &e), 0);
		/* Somebody is at work on it: it stays. */
		assert_int_equal(container_list(&f->rt, &list, &n, &e), 0);
		assert_int_equal(n, 1);
		container_close(&c);
		/* Nobody is. */
		assert_int_equal(container_list(&f->rt, &list, &n, &e), 0);
		assert_int_equal(n, 0);
		assert_int_equal(container_open(&f->rt, "half", true, &c, &e), -ENOENT);
	}
	/* And a new one of the same name may be made over it. */
	make(f, "half", &c);
	container_close(&c);
	make(f, "half", &c);
	container_close(&c);
}

static void recycled_pid_is_stopped(void **state)
{
	struct fixture *f = *state;
	struct container c;
	struct err e = ERR_INIT;
	enum container_status status;

	make(f, "web", &c);
	assert_int_equal(container_status(&f->rt, &c, &status, &e), 0);
	assert_int_equal(status, STATUS_RUNNING);
	c.start_time--;
	assert_int_equal(container_status(&f->rt, &c, &status, &e), 0);
	assert_int_equal(status, STATUS_STOPPED);
	assert_int_equal(container_pidfd(&c, &e), -ESRCH);
	assert_string_equal(e.msg, "container not running");
	container_close(&c);
}

/* The waiting process: answers a start with an error, then accepts one. */
static void wait_for_start(int listener)
{
	struct err e = ERR_INIT;
	int fd;

	if (start_socket_wait(listener, &fd, &e) < 0)
		_exit(1);
	err_say(&e, ENOENT, "exec: \"x\": not found");
	message_send_error(fd, &e);
	close(fd);
	if (start_socket_wait(listener, &fd, &e) < 0)
		_exit(1);
	_exit(0); /* closes the connection, as exec does */
}

static void start_socket(void **state)
{
	struct fixture *f = *state;
	struct container c;
	struct err e = ERR_INIT;
	int status;

	make(f, "web", &c);
	assert_int_equal(start_socket_waiting(&c, &e), 0);
	int listener = start_socket_listen(&c, &e);
	assert_true(listener >= 0);
	pid_t pid = fork();
	if (pid == 0)
		wait_for_start(listener);
	close(listener);
	/* Asking does not start it. */
	assert_int_equal(start_socket_waiting(&c, &e), 1);
	assert_int_equal(start_socket_waiting(&c, &e), 1);
	assert_int_equal(start_socket_go(&c, &e), -ENOENT);
	assert_string_equal(e.msg, "exec: \"x\": not found");
	assert_int_equal(start_socket_go(&c, &e), 0);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	assert_int_equal(start_socket_waiting(&c, &e), 0);
	container_close(&c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(ids),
		cmocka_unit_test_setup_teardown(record_comes_back_whole, set_up, tear_down),
		cmocka_unit_test_setup_teardown(damaged_record_is_an_error, set_up, tear_down),
		cmocka_unit_test_setup_teardown(unknown_and_existing, set_up, tear_down),
		cmocka_unit_test_setup_teardown(half_made_is_recovered, set_up, tear_down),
		cmocka_unit_test_setup_teardown(recycled_pid_is_stopped, set_up, tear_down),
		cmocka_unit_test_setup_teardown(start_socket, set_up, tear_down),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
