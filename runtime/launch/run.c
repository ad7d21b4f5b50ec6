#include "lib/fd.h"
#include "lib/file.h"
#include "lib/message.h"
#include "lib/proc.h"
#include "runtime/launch/launch.h"
#include "runtime/lifecycle.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <string.h>
#include <unistd.h>

/*
 * Without a reader nothing may block on, or end up in, the caller's terminal. Errors still have to be said: see
 * give_back.
 */
static int detach_stdio(int saved[3], struct err *e)
{
	cleanup_close int null = open("/dev/null", O_RDWR | O_CLOEXEC);

	if (null < 0)
		return err_set(e, errno, "open '/dev/null'");
	for (int fd = 0; fd < 3; fd++) {
		saved[fd] = fcntl(fd, F_DUPFD_CLOEXEC, 3);
		if (dup2(null, fd) < 0)
			return err_set(e, errno, "dup2");
	}
	if (null < 3)
		take_fd(&null);
	return 0;
}

static void give_back(int saved[3])
{
	for (int fd = 0; fd < 3; fd++) {
		if (saved[fd] >= 0)
			dup2(saved[fd], fd);
		close_fd(&saved[fd]);
	}
}

static int run_detached(struct runtime *rt, const struct create_request *r, struct err *e)
{
	int saved[3] = { -1, -1, -1 }, ignored_exit;
	int result = detach_stdio(saved, e);

	if (result == 0)
		result = lifecycle_run(rt, r, &ignored_exit, e);
	give_back(saved);
	return result;
}

/* Waits for the end of a detached container, whose first process is our child, and deletes it. */
static _Noreturn void wait_and_delete(struct runtime *rt, const struct create_request *r, int answer)
{
	struct err e = ERR_INIT;
	struct container c = CONTAINER_INIT;
	int saved[3] = { -1, -1, -1 }, ignored_exit;

	setsid();
	if (detach_stdio(saved, &e) < 0 || lifecycle_run(rt, r, &ignored_exit, &e) < 0 ||
	    container_open(rt, r->id, false, &c, &e) < 0 || message_send(answer, 1, 0, NULL, 0, &e) < 0) {
		message_send_error(answer, &e);
		_exit(1);
	}
	for (int fd = 0; fd < 3; fd++)
		close_fd(&saved[fd]); /* whoever reads what we were started with is not kept waiting */
	close_fd(&answer);
	pid_t pid = c.pid;
	container_close(&c);
	proc_reap(pid);
	_exit(lifecycle_delete(rt, r->id, true, &e) < 0);
}

/* --detach and --rm: there is no daemon, so a process of our own stays with the container until its end. */
static int run_attended(struct runtime *rt, const struct create_request *r, struct err *e)
{
	int pair[2];

	if (message_pair(pair, e) < 0)
		return -e->code;
	pid_t child = fork();
	if (child == 0) {
		close_fd(&pair[0]);
		wait_and_delete(rt, r, pair[1]);
	}
	int code = errno;
	close_fd(&pair[1]);
	int n = child < 0 ? err_set(e, code, "fork") : message_receive(pair[0], NULL, NULL, e);
	close_fd(&pair[0]);
	if (n == 0)
		return err_say(e, ECHILD, "the process that stays with the container ended unexpectedly");
	return n < 0 ? n : 0;
}

/* True while there is a record of the container, with which its directory will be removed. */
static bool is_recorded(struct runtime *rt, const char *name)
{
	struct err ignored = ERR_INIT;
	struct container c = CONTAINER_INIT;
	bool found = container_open(rt, name, false, &c, &ignored) == 0;

	container_close(&c);
	return found;
}

static int run(struct runtime *rt, const struct launch_options *o, struct create_request *r, int *ret_exit, struct err *e)
{
	r->run = true;
	r->detach = o->detach;
	r->keep = !o->rm;
	r->discard = arena_new_array(&rt->arena, 2, const char *);
	r->discard[0] = r->bundle;
	return !o->detach ? lifecycle_run(rt, r, ret_exit, e) : o->rm ? run_attended(rt, r, e) : run_detached(rt, r, e);
}

int launch_run(struct runtime *rt, const struct launch_options *o, const char **ret_name, int *ret_exit, struct err *e)
{
	const char *storage = o->storage, *dir = NULL;
	cleanup_buf struct buf config = BUF_INIT;
	struct create_request r;
	struct launched l;

	*ret_exit = 0;
	if (strcmp(o->template, "host") != 0)
		return err_say(e, EINVAL, "unknown template '%s': only 'host' can be launched", o->template);
	if (o->name && container_check_id(o->name, e) < 0)
		return -e->code;
	if (!storage && launch_storage(rt, &storage, e) < 0)
		return -e->code;
	cleanup_close int lock = launch_make_directory(rt, storage, o->name, ret_name, &dir, e);
	if (lock < 0)
		return lock;

	int result = launch_prepare(rt, o, storage, *ret_name, dir, &l, &config, e);
	if (result == 0)
		result = launch_request(rt, &l, buf_text(&config), &r, e);
	if (result == 0)
		result = file_replace_at(AT_FDCWD, arena_printf(&rt->arena, "%s/config.json", dir), 0600, config.data,
					 config.len, e);
	if (result == 0)
		result = run(rt, o, &r, ret_exit, e);
	if (result < 0 && !is_recorded(rt, *ret_name)) {
		struct err ignored = ERR_INIT;
		remove_tree_at(AT_FDCWD, dir, &ignored);
	}
	return result;
}
