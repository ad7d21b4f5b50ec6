#include "checkpoint/request.h"

#include "lib/fd.h"
#include "lib/message.h"
#include "lib/proc.h"
#include "lib/sys.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum { ANSWER_MAX = 64 * 1024, MSG_ATTACHED = 1 };

static int keep_open(int fd, struct err *e)
{
	return fcntl(fd, F_SETFD, 0) < 0 ? err_set(e, errno, "pass descriptor %d on to criu", fd) : 0;
}

static int be_quiet(struct err *e)
{
	cleanup_close int null = open("/dev/null", O_WRONLY | O_CLOEXEC);

	if (null < 0 || dup2(null, STDOUT_FILENO) < 0 || dup2(null, STDERR_FILENO) < 0)
		return err_set(e, errno, "open '/dev/null'");
	return 0;
}

/* In the new process. Of what is open only what was asked for stays so: the caller may hold a container's files. */
static int execute(const struct criu_start *s, int sock, int report, struct err *e)
{
	char number[12];
	sigset_t none;

	if (s->attach && message_receive(report, NULL, NULL, e) != MSG_ATTACHED)
		_exit(1); /* the caller knows why */
	if (s->prepare && s->prepare(s->data, e) < 0)
		return -e->code;
	if (s->quiet && be_quiet(e) < 0)
		return -e->code;
	if (sys_close_range(3, ~0u, CLOSE_RANGE_CLOEXEC) < 0)
		return err_set(e, errno, "close_range");
	if (keep_open(sock, e) < 0)
		return -e->code;
	for (size_t i = 0; i < s->n_keep; i++)
		if (s->keep[i] >= 0 && keep_open(s->keep[i], e) < 0)
			return -e->code;
	/* The caller may have blocked all signals; CRIU waits for SIGCHLD. */
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	signal(SIGCHLD, SIG_DFL);
	snprintf(number, sizeof(number), "%d", sock);
	execl(s->program, s->program, "swrk", number, (char *)NULL);
	return err_set(e, errno, "execute '%s'", s->program);
}

static int start(const struct criu_start *s, int sock[2], int report[2], struct criu *ret, struct err *e)
{
	pid_t pid = proc_clone(s->namespaces, s->cgroup, &ret->pidfd);

	if (pid < 0)
		return err_set(e, errno, "clone a process for criu");
	if (pid == 0) {
		close_fd(&report[0]);
		execute(s, sock[1], report[1], e);
		message_send_error(report[1], e);
		_exit(1);
	}
	ret->pid = pid;
	close_fd(&report[1]);
	close_fd(&sock[1]);
	if (s->attach && (s->attach(s->data, pid, e) < 0 || message_send(report[0], MSG_ATTACHED, 0, NULL, 0, e) < 0))
		return -e->code;
	/* The other end goes with its execve. */
	return message_receive(report[0], NULL, NULL, e);
}

int criu_start(const struct criu_start *s, struct criu *ret, struct err *e)
{
	int sock[2] = { -1, -1 }, report[2] = { -1, -1 };

	*ret = CRIU_INIT;
	int r = message_pair(sock, e);
	if (r == 0)
		r = message_pair(report, e);
	if (r == 0)
		r = start(s, sock, report, ret, e);
	ret->sock = take_fd(&sock[0]);
	close_fd(&sock[1]);
	close_fd(&report[0]); /* which ends a process that still waits */
	close_fd(&report[1]);
	if (r < 0)
		criu_end(ret);
	return r;
}

int criu_end(struct criu *c)
{
	int status = -1;

	close_fd(&c->sock);
	if (c->pid > 0)
		status = proc_reap(c->pid);
	close_fd(&c->pidfd);
	*c = CRIU_INIT;
	return status;
}

/* What it was asked for, for messages. */
static const char *verb(enum criu_request_type t)
{
	switch (t) {
	case CRIU_DUMP:
		return "dump";
	case CRIU_RESTORE:
		return "restore";
	case CRIU_PRE_DUMP:
		return "pre-dump";
	case CRIU_CPUINFO_CHECK:
		return "check the processor";
	case CRIU_CPUINFO_DUMP:
		return "save what the processor has";
	default:
		return "check";
	}
}

static int gone(struct criu *c, enum criu_request_type t, struct err *e)
{
	int status = criu_end(c);

	if (WIFSIGNALED(status))
		return err_say(e, EIO, "criu %s: ended by signal %d", verb(t), WTERMSIG(status));
	return err_say(e, EIO, "criu %s: ended with status %d before it answered", verb(t), WEXITSTATUS(status));
}

/* What it says in its answer is the first line of what it says in its log. */
static int failed(const struct criu_packet *p, enum criu_request_type t, bool has_log, struct err *e)
{
	int code = p->answer.code > 0 ? p->answer.code : EIO;

	if (p->message[0] && !has_log)
		return err_say(e, code, "criu %s failed: %s", verb(t), p->message);
	if (p->answer.code > 0)
		return err_set(e, code, "criu %s failed", verb(t));
	return err_say(e, code, "criu %s failed", verb(t));
}

/*
 * A refusal is told to CRIU, which then undoes what it has done. @refused keeps the first one, which is why it is about to
 * fail.
 */
static int answer(struct criu *c, const struct criu_request *q, const struct criu_packet *p, int fd, struct err *refused,
		  struct err *e)
{
	cleanup_buf struct buf b = BUF_INIT;
	cleanup_close int passed = fd;
	struct err why = ERR_INIT;
	bool well = true;

	if (q->notified)
		well = q->notified(q->data, p->notification, p->pid, take_fd(&passed), &why) >= 0;
	if (!well && !refused->code)
		*refused = why;
	criu_notify_answer_write(well, &b);
	/* If it is gone, that is seen by whoever receives next. */
	int r = message_send_bytes(c->sock, b.data, b.len, e);
	return r == -EPIPE || r == -ECONNRESET ? 0 : r;
}

/*
 * Waits until it says something; false: it has ended, and has said nothing more. What it leaves behind when it is killed may have
 * the socket's other end open for as long as it lives.
 */
static bool is_heard(const struct criu *c)
{
	struct pollfd p[] = { { .fd = c->sock, .events = POLLIN }, { .fd = c->pidfd, .events = POLLIN } };

	while (poll(p, 2, -1) < 0 && errno == EINTR)
		;
	/* Its end may have come between the two looks. */
	return p[0].revents || poll(p, 1, 0) > 0;
}

static int converse(struct criu *c, const struct criu_request *q, struct criu_answer *ret, struct err *refused,
		    struct err *e)
{
	cleanup_buf struct buf b = BUF_INIT;
	char *data = buf_reserve(&b, ANSWER_MAX);
	struct criu_packet p;

	for (;;) {
		cleanup_close int fd = -1;
		ssize_t n = is_heard(c) ? message_receive_raw(c->sock, data, ANSWER_MAX, &fd, 1, e) : 0;
		if (n < 0)
			return err_wrap(e, "criu's answer");
		if (n == 0)
			return gone(c, q->type, e);
		if (criu_packet_read(data, (size_t)n, &p, e) < 0)
			return -e->code;
		if (p.type == CRIU_NOTIFY && p.success) {
			if (answer(c, q, &p, take_fd(&fd), refused, e) < 0)
				return -e->code;
			continue;
		}
		if (ret)
			*ret = p.answer;
		return p.success ? 0 : failed(&p, q->type, q->options && q->options->log_file, e);
	}
}

int criu_ask(struct criu *c, const struct criu_request *q, struct criu_answer *ret, struct err *e)
{
	cleanup_buf struct buf b = BUF_INIT;
	struct err refused = ERR_INIT;

	if (ret)
		*ret = (struct criu_answer){ 0 };
	criu_request_write(q, &b);
	int r = message_send_bytes(c->sock, b.data, b.len, e);
	if (r < 0 && r != -EPIPE)
		return err_wrap(e, "ask criu");
	r = converse(c, q, ret, &refused, e);
	if (refused.code)
		*e = refused;
	if (ret)
		ret->refused = refused.code;
	return r < 0 || refused.code ? -e->code : 0;
}

int criu_ask_alone(const char *program, const struct criu_request *q, struct criu_answer *ret, struct err *e)
{
	struct criu_start s = { .program = program, .cgroup = -1, .quiet = true };
	struct criu c;

	int r = criu_start(&s, &c, e);
	if (r < 0)
		return r;
	r = criu_ask(&c, q, ret, e);
	criu_end(&c);
	return r;
}

int criu_version(const char *program, unsigned *ret, struct err *e)
{
	const struct criu_request q = { .type = CRIU_VERSION };
	struct criu_answer a;

	int r = criu_ask_alone(program, &q, &a, e);
	*ret = a.version;
	return r;
}

int criu_features(const char *program, struct criu_features *ret, struct err *e)
{
	const struct criu_request q = { .type = CRIU_FEATURE_CHECK,
					.features = { .mem_track = true, .lazy_pages = true, .pidfd_store = true } };
	struct criu_answer a;

	int r = criu_ask_alone(program, &q, &a, e);
	*ret = a.features;
	return r;
}
