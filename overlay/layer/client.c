/* ferry's side: starts the program that works on layers, a process for each. */
#include "overlay/layer/layer.h"

#include "lib/fd.h"
#include "lib/message.h"
#include "lib/proc.h"
#include "lib/program.h"
#include "overlay/layer/job.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/pidfd.h>
#include <unistd.h>

EMBEDDED_PROGRAM(layer, "ferry-layer", "libarchive.so.13");

/* A descriptor for what the job does not have. */
static int nothing(struct err *e)
{
	int fd = open("/dev/null", O_RDWR | O_CLOEXEC);
	return fd >= 0 ? fd : err_set(e, errno, "open /dev/null");
}

int layer_budget(struct err *e)
{
	int fd = memfd_create("ferry-layers", MFD_CLOEXEC);
	return fd >= 0 ? fd : err_set(e, errno, "make a file in memory");
}

int layer_start(const struct layer_job *j, struct layer_worker *ret, struct err *e)
{
	struct program_process process;
	cleanup_close int null = nothing(e);

	if (null < 0)
		return null;
	int fds[LAYER_FDS] = {
		[LAYER_FD_DIR] = j->dir >= 0 ? j->dir : null,
		[LAYER_FD_FROM] = j->from >= 0 ? j->from : null,
		[LAYER_FD_TO] = j->to >= 0 ? j->to : null,
		[LAYER_FD_BUDGET] = j->budget >= 0 ? j->budget : null,
	};
	if (program_start(&program_layer, (const char *const[]){ j->name ? j->name : "", NULL }, &process, e) < 0)
		return -e->code;
	struct layer_worker w = { .pid = process.pid, .sock = process.sock };
	w.pidfd = pidfd_open(w.pid, 0);
	if (w.pidfd < 0)
		err_set(e, errno, "open a process of ferry-layer");
	else if (message_send_data(w.sock, LAYER_DO, j, sizeof(*j), fds, LAYER_FDS, e) >= 0) {
		*ret = w;
		return 0;
	}
	layer_cancel(&w);
	return -e->code;
}

int layer_wait(struct layer_worker *w, struct layer_result *ret, struct err *e)
{
	struct program_process process = { .pid = w->pid, .sock = w->sock };
	int r = message_receive_data(w->sock, ret, sizeof(*ret), NULL, 0, e);

	if (r == 0)
		r = program_gone(&program_layer, &process, e);
	else
		program_end(&process);
	w->sock = -1;
	w->pid = -1;
	close_fd(&w->pidfd);
	return r < 0 ? r : 0;
}

void layer_cancel(struct layer_worker *w)
{
	close_fd(&w->sock);
	if (w->pid > 0) {
		kill(w->pid, SIGKILL);
		proc_reap(w->pid);
	}
	w->pid = -1;
	close_fd(&w->pidfd);
}
