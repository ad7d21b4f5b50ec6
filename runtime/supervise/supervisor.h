/*
 * Inside the supervisor. One process, one loop (supervisor.c), one struct, no memory that grows: what needs more, a
 * start but for the first, or a check of the health, is done by a child that ends soon.
 *
 *	life.c       the container's start and end, and what follows
 *	starter.c    starting it
 *	streams.c    what it prints and reads: fifos in its directory, or its terminal
 *	log_file.c   what it printed, kept
 *	clients.c    those who are connected
 *	health.c     its health check
 */
#ifndef RUNTIME_SUPERVISE_SUPERVISOR_H
#define RUNTIME_SUPERVISE_SUPERVISOR_H

#include "lib/clock.h"
#include "runtime/launch/launched.h"
#include "runtime/lifecycle.h"
#include "runtime/supervise/protocol.h"
#include "runtime/supervise/supervise.h"

#include <poll.h>

enum { CLIENTS_MAX = 64, HEALTH_OUTPUT_MAX = 4096 };

enum client_kind {
	CLIENT_NEW, /* has not said yet what it wants */
	CLIENT_LAUNCHER, /* waits to hear that the program runs */
	CLIENT_WAITING, /* for the end */
	CLIENT_ATTACHED,
};

struct client {
	int fd; /* -1: none */
	enum client_kind kind;
	bool attach; /* launcher: is attached as soon as the program runs */
	bool input; /* may write to the program */
	/*
	 * The command that launched it in the foreground is like the pipe that its output would have gone to: the
	 * container waits for it. Any other that is too slow is dropped.
	 */
	bool waited_for;
	bool behind; /* has still to take s->chunk */
};

struct log_file {
	int fd; /* -1: not opened yet */
	int64_t size;
};

enum phase { PHASE_STARTING, PHASE_RUNNING, PHASE_ENDED, PHASE_RESTARTING, PHASE_DONE };

struct supervisor {
	struct runtime rt; /* a small one of its own */
	struct launched l;
	int dir; /* the container's, locked */
	int listener, signals;
	enum phase phase;
	struct client clients[CLIENTS_MAX];

	/* the container, while it runs */
	struct run_handles run;
	struct net_leaving leaving; /* what it had of its networks, after its end */
	bool is_child; /* else it was adopted, and its end shows at the pidfd alone */
	int starter_sock;
	int mounts; /* its mount namespace, held beyond its end; or -1 */

	/* streams */
	int out[2]; /* standard output and error; or the terminal, and -1 */
	int in; /* -1: closed */
	int own_slave; /* keeps the terminal from being hung up while no process has it open */
	bool in_ended; /* somebody said so: it stays closed over restarts */
	bool chunk_pending; /* somebody has still to take it */
	struct stream_packet *chunk, *input;
	size_t chunk_len, input_len; /* bytes alone */
	struct log_file log;

	/* what is due, by the monotonic clock in ms; -1: nothing */
	int64_t kill_at, restart_at, drained_at, reaped_at, shrink_at;
	int64_t started_ms, backoff_ms;

	/* how it ended, and why */
	int wait_status;
	bool stop_requested; /* it is not started again */
	bool restart_requested; /* but for this */
	bool deleted; /* somebody else did that */
	bool as_before; /* a restore that has not succeeded: what is noted of its last end holds */
	struct launched_status status;
	struct clock_text started_at, finished_at;
	char error[512];

	/* health */
	bool checks_health;
	int64_t health_at;
	pid_t health_pid;
	int health_pipe;
	char *health_output; /* HEALTH_OUTPUT_MAX and its end */
	size_t health_len;
};

/* ---- supervisor.c ---- */

/*
 * The whole story. @dir: locked. @launcher: gets the answer, -1 none. @request: how to start it, NULL: it runs already,
 * or has ended without anybody to note it. What @rt holds in memory is freed.
 */
struct supervise_order {
	struct runtime *rt;
	const struct launched *l;
	int dir, launcher;
	bool attach;
	struct create_request *request;
};
_Noreturn void supervisor_main(const struct supervise_order *o);

/* ---- life.c ---- */

void life_begin(struct supervisor *s, struct runtime *rt, struct create_request *request);
void life_starter_said(struct supervisor *s); /* its socket can be read */
int life_adopt(struct supervisor *s, struct err *e);
void life_adopted_ended(struct supervisor *s, bool reaped); /* its pidfd says so */
void life_reap(struct supervisor *s); /* SIGCHLD */
void life_ended(struct supervisor *s, int wait_status); /* the first process has ended */
void life_after_end(struct supervisor *s); /* and all that it printed is told */
int life_stop(struct supervisor *s, int signal, int64_t timeout_ms, bool restart, struct err *e);
void life_shut_down(struct supervisor *s); /* SIGTERM: the machine goes down, or the service that this is part of */
int life_signal(struct supervisor *s, int signal, struct err *e);
void life_timers(struct supervisor *s, int64_t now);
void life_save(struct supervisor *s);
void life_event(struct supervisor *s, const char *action, const char *key, const char *value);

/* ---- starter.c ---- */

/* Starts it, and fills s->run; this process's 0, 1 and 2 are then what it has. */
int starter_run(struct supervisor *s, struct runtime *rt, struct create_request *request, struct err *e);

/* The same in a child, from config.json. */
int starter_fork(struct supervisor *s, struct err *e);
int starter_receive(struct supervisor *s, struct err *e); /* what came of it */

/* ---- streams.c ---- */

int streams_open(struct supervisor *s, struct err *e);
int streams_take(const struct supervisor *s, struct err *e); /* to be this process's 0, 1 and 2 */
void streams_terminal(struct supervisor *s, int master); /* takes it */
void streams_close(struct supervisor *s);
/* Reads what is there, once from each. False: there was nothing. */
bool streams_read(struct supervisor *s);
bool streams_open_terminal(const struct supervisor *s); /* a terminal that somebody holds */
void streams_write(struct supervisor *s); /* what is in s->input */
void streams_end_input(struct supervisor *s);
int streams_resize(struct supervisor *s, int64_t number, struct err *e);

/* ---- log_file.c ---- */

void log_file_write(struct supervisor *s, enum stream stream, const char *data, size_t n);
void log_file_close(struct supervisor *s);

/* ---- clients.c ---- */

int clients_listen(struct supervisor *s, struct err *e);
void clients_accept(struct supervisor *s);
void clients_read(struct supervisor *s, struct client *c);
void clients_send_chunk(struct supervisor *s); /* to all that are attached; sets chunk_pending */
void clients_catch_up(struct supervisor *s); /* those that were behind */
void clients_started(struct supervisor *s);
void clients_failed(struct supervisor *s, const struct err *why);
void clients_ended(struct supervisor *s, int exit_code);
void clients_let_go(struct supervisor *s); /* the container waits for nobody any more */

/* ---- health.c ---- */

void health_begin(struct supervisor *s);
void health_timer(struct supervisor *s, int64_t now);
void health_read(struct supervisor *s);
void health_reaped(struct supervisor *s, int wait_status);
void health_end(struct supervisor *s);

#endif
