/*
 * ferry-layer: does the one job that comes on standard input, a socket of messages, and answers there. Started by client.c.
 */
#include "overlay/layer/job.h"
#include "overlay/layer/worker.h"

#include "lib/fd.h"
#include "lib/message.h"

#include <errno.h>
#include <locale.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

static int do_job(const struct layer_job *j, struct layer_result *ret, struct err *e)
{
	static int (*const verbs[])(const struct layer_job *, struct layer_result *, struct err *) = {
		[LAYER_UNPACK] = layer_unpack,
		[LAYER_PACK] = layer_pack,
		[LAYER_COMPARE] = layer_compare,
		[LAYER_SPLIT] = layer_split,
		[LAYER_ARCHIVE] = layer_archive,
		[LAYER_EXTRACT] = layer_extract,
		[LAYER_SAVE] = layer_archive,
		[LAYER_LOAD] = layer_extract,
	};

	return verbs[j->verb](j, ret, e);
}

/* What the job does not have came as /dev/null. */
static int take_or_close(int asked, int fd)
{
	if (asked >= 0)
		return fd;
	close_fd(&fd);
	return -1;
}

static int receive(struct layer_job *j, struct err *e)
{
	int fds[LAYER_FDS];
	int r = message_receive_data(STDIN_FILENO, j, sizeof(*j), fds, LAYER_FDS, e);

	if (r <= 0)
		return r;
	j->dir = take_or_close(j->dir, fds[LAYER_FD_DIR]);
	j->from = take_or_close(j->from, fds[LAYER_FD_FROM]);
	j->to = take_or_close(j->to, fds[LAYER_FD_TO]);
	j->budget = take_or_close(j->budget, fds[LAYER_FD_BUDGET]);
	return r;
}

/* Ends by _exit: whoever waits has the answer, and the kernel is faster at freeing. */
int main(int argc, char **argv)
{
	struct layer_result result;
	struct err e = ERR_INIT;
	struct layer_job j;

	/* The kernel names a process executed by descriptor after the number. */
	prctl(PR_SET_NAME, "ferry-layer");
	umask(0);
	signal(SIGPIPE, SIG_IGN); /* an error says more */
	/* libarchive writes names as text in UTF-8, in any other locale as bytes with a remark. */
	setlocale(LC_CTYPE, "C.UTF-8");
	int r = receive(&j, &e);
	j.name = argc > 1 ? argv[1] : "";
	if (r == 0)
		_exit(1);
	if (r < 0 || worker_confine(&j, &e) < 0 || do_job(&j, &result, &e) < 0)
		message_send_error(STDOUT_FILENO, &e);
	else
		message_send_data(STDOUT_FILENO, LAYER_DONE, &result, sizeof(result), NULL, 0, &e);
	_exit(e.code != 0);
}
