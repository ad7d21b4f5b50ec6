/* Runs a spec_process as a child of the test, through plan, grant, prepare and exec, and keeps what it printed. */
#ifndef TESTS_UNIT_RUN_PROCESS_H
#define TESTS_UNIT_RUN_PROCESS_H

#include "lib/fd.h"
#include "runtime/process/process.h"

#include <fcntl.h>
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

struct outcome {
	char out[16384];
	int status;
	struct err e; /* why it did not run; code 0 when it did */
};

static inline void read_to_end(int fd, char *to, size_t size)
{
	size_t n = 0;
	ssize_t got;

	while (n < size - 1 && (got = read(fd, to + n, size - 1 - n)) > 0)
		n += (size_t)got;
	to[n] = '\0';
}

static inline void run_plan(struct process_plan *plan, const char *state_json, struct outcome *ret)
{
	int out[2], errors[2];

	memset(ret, 0, sizeof(*ret));
	assert_int_equal(pipe2(out, O_CLOEXEC), 0);
	assert_int_equal(pipe2(errors, O_CLOEXEC), 0);
	fflush(NULL);
	pid_t pid = fork();
	if (pid == 0) {
		struct err e = ERR_INIT;
		dup2(out[1], 1);
		if (process_grant(plan, 0, &e) == 0 && process_prepare(plan, &e) == 0)
			process_exec(plan, state_json, &e);
		if (write(errors[1], &e, sizeof(e)) < 0)
			_exit(2);
		_exit(1);
	}
	close(out[1]);
	close(errors[1]);
	read_to_end(out[0], ret->out, sizeof(ret->out));
	if (read(errors[0], &ret->e, sizeof(ret->e)) < 0)
		fail();
	close(out[0]);
	close(errors[0]);
	assert_int_equal(waitpid(pid, &ret->status, 0), pid);
}

static inline void run_spec(const struct spec *s, const struct process_options *o, struct outcome *ret)
{
	static const struct process_options none = { 0 };
	cleanup_arena struct arena a = ARENA_INIT;
	struct process_plan plan;

	memset(ret, 0, sizeof(*ret));
	if (process_plan_make(s, s->process, o ? o : &none, &a, &plan, &ret->e) == 0)
		run_plan(&plan, NULL, ret);
}

/* A shell script, with a PATH and nothing else. */
struct script {
	const char *args[4], *env[8];
	struct spec_process process;
	struct spec spec;
};

static inline void need_root(void)
{
	if (geteuid() != 0) {
		print_message("needs root\n");
		skip();
	}
}

/* Skips the test without root: only he may give up capabilities of the bounding set, as every process does. */
static inline void script_init(struct script *s, const char *text)
{
	need_root();
	*s = (struct script){
		.args = { "/bin/sh", "-c", text, NULL },
		.env = { "PATH=/usr/sbin:/usr/bin:/sbin:/bin", NULL },
	};
	s->process.args = s->args;
	s->process.n_args = 3;
	s->process.env = s->env;
	s->process.n_env = 1;
	s->process.cwd = "/";
	s->spec.process = &s->process;
}

static inline void script_run(struct script *s, const struct process_options *o, struct outcome *ret)
{
	run_spec(&s->spec, o, ret);
	if (ret->e.code)
		print_error("%s\n", ret->e.msg);
	assert_int_equal(ret->e.code, 0);
}

#endif
