#include "lib/fd.h"
#include "lib/sys.h"
#include "runtime/hooks.h"
#include "runtime/lifecycle.h"
#include "runtime/log.h"
#include "runtime/notify.h"
#include "runtime/start.h"

#include <errno.h>
#include <signal.h>

int poststart_hooks(struct container *c, const struct spec *s, struct err *e)
{
	cleanup_buf struct buf state = BUF_INIT;

	if (s->hooks.n[HOOK_POSTSTART] == 0)
		return 0;
	container_write_state(c, STATUS_RUNNING, &state, false);
	return hooks_run(&s->hooks, HOOK_POSTSTART, buf_text(&state), e);
}

void poststop_hooks(struct container *c, const struct spec *s)
{
	cleanup_buf struct buf state = BUF_INIT;
	struct err e = ERR_INIT;

	if (s->hooks.n[HOOK_POSTSTOP] == 0)
		return;
	container_write_state(c, STATUS_STOPPED, &state, false);
	for (size_t i = 0; i < s->hooks.n[HOOK_POSTSTOP]; i++)
		if (hooks_run_one(&s->hooks, HOOK_POSTSTOP, i, buf_text(&state), &e) < 0)
			log_warn("container '%s': %s", c->id, e.msg);
}

static int wait_until_ready(struct container *c, int notify, struct err *e)
{
	cleanup_close int pidfd = container_pidfd(c, e);

	if (pidfd >= 0)
		return notify_relay(notify, pidfd, c->pid, e);
	close_fd(&notify);
	return pidfd == -ESRCH ? 0 : pidfd; /* ended already */
}

int lifecycle_start(struct runtime *rt, const char *id, struct err *e)
{
	cleanup_container struct container c = CONTAINER_INIT;
	enum container_status status;
	struct spec *spec;

	if (container_open(rt, id, true, &c, e) < 0 || container_status(rt, &c, &status, e) < 0)
		return -e->code;
	switch (status) {
	case STATUS_CREATED:
		break;
	case STATUS_STOPPED:
		return err_say(e, EINVAL, "cannot start a container that has stopped");
	default:
		return err_say(e, EINVAL, "cannot start an already running container");
	}
	if (container_load_config(&c, &rt->arena, &spec, e) < 0)
		return -e->code;
	cleanup_close int notify = notify_open(c.dir, e);
	if (notify < 0 && e->code)
		return -e->code;
	log_debug("container '%s': start process %d", id, (int)c.pid);
	if (start_socket_go(&c, e) < 0)
		return -e->code;
	/* Since 1.3 of the specification a poststart hook that fails ends the container. */
	if (poststart_hooks(&c, spec, e) < 0) {
		struct err gone = ERR_INIT;
		cleanup_close int pidfd = container_pidfd(&c, &gone);
		if (pidfd >= 0)
			pidfd_send_signal(pidfd, SIGKILL, NULL, 0);
		return -e->code;
	}
	return notify < 0 ? 0 : wait_until_ready(&c, take_fd(&notify), e);
}
