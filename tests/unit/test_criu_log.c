#include "checkpoint/criu_log.h"

#include "tests/unit/fixture_dir.h"

#include <errno.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

static void expect(const char *log, const char *line, const char *words)
{
	struct criu_cause c;

	assert_true(criu_log_cause(log, &c));
	assert_string_equal(c.line, line);
	if (words) {
		assert_non_null(c.words);
		assert_non_null(strstr(c.words, words));
		assert_non_null(c.advice);
	} else {
		assert_null(c.words);
		assert_null(c.advice);
	}
}

/* The first error that is known counts, wherever it stands. */
static void test_known(void **state)
{
	(void)state;
	expect("(00.001000) Version: 4.1\n"
	       "(00.010000) Error (criu/files.c:1): Something before that is not known\n"
	       "(00.020000) Error (criu/sk-inet.c:1): Connected TCP socket, consider using --tcp-established option.\n"
	       "(00.030000) Error (criu/cr-dump.c:1): Dumping FAILED.\n",
	       "Connected TCP socket, consider using --tcp-established option", "established TCP");
	expect("(00.020000)     17: Error (criu/files-reg.c:1): File bin/x has bad size 5 (expect 6)\n",
	       "File bin/x has bad size 5 (expect 6)", "another size");
	expect("(00.020000) pie: 17: Error (criu/pie/restorer.c:1): Pid 3 do not match expected 4\n",
	       "Pid 3 do not match expected 4", "a process id");
	expect("(00.020000) Error (criu/sk-inet.c:1): Connected TCP socket in image\n", "Connected TCP socket in image",
	       "the image has");
	expect("(00.020000) Error (criu/namespaces.c:1): Can't dump nested pid namespace for 9\n"
	       "(00.020000) Error (criu/namespaces.c:1): Can't make pidns id\n",
	       "Can't dump nested pid namespace for 9", "namespace of its own");
	expect("pie: 14699: Error (criu/pie/parasite.c:1): send_fds failed (-22)\n"
	       "(00.07) Error (criu/parasite-syscall.c:1): Can't retrieve FDs from socket\n", "send_fds failed (-22)",
	       "io_uring");
	/* What CRIU 4.1 says of every socket of the Internet's protocols from Linux 6.16 on, and what it goes on after. */
	expect("(00.082392) Error (criu/util.c:1): rlimit: Can't setup RLIMIT_NOFILE for self: Operation not permitted\n"
	       "(00.110108) Error (criu/sockets.c:1): sockets: Can't get 1:16 opt: Operation not supported\n"
	       "(00.112427) Error (criu/cr-dump.c:1): Dump files (pid: 28246) failed with -1\n",
	       "sockets: Can't get 1:16 opt: Operation not supported", "kernel's sockets");
	/* It is no error to CRIU that nobody is there, and one that what it has not begun with cannot be ended. */
	expect("(00.051796) Can't connect to server 127.0.0.1:9\n"
	       "(00.058855) Error (compel/src/lib/infect.c:1): Unable to detach from 29070: No such process\n"
	       "(00.058864) Error (criu/cr-dump.c:1): Dumping FAILED.\n",
	       "Can't connect to server 127.0.0.1:9", "page server");
	/* As it writes to standard error. */
	expect("Error (criu/vdso.c:1): vdso: Failed to fill self vdso symtable\n",
	       "vdso: Failed to fill self vdso symtable", "does not know this kernel");
	expect("(00.1) Error (criu/files.c:1): Can't dump file 5 of that type [600] (anon anon_inode:[io_uring])",
	       "Can't dump file 5 of that type [600] (anon anon_inode:[io_uring])", "io_uring");
}

/* Of those that nobody knows the first that is no consequence. */
static void test_unknown(void **state)
{
	struct criu_cause c;

	(void)state;
	expect("(00.010000) Error (criu/cr-dump.c:1): Dump files (pid: 9) failed with -1\n"
	       "(00.010000) Error (criu/a.c:1): The moon is full\n"
	       "(00.010000) Error (criu/b.c:1): The moon is new\n", "The moon is full", NULL);
	expect("(00.010000) Error (criu/cr-dump.c:1): Dumping FAILED.\n", "Dumping FAILED", NULL);
	expect("(00.01) Error (criu/util.c:1): rlimit: Can't setup it\n(00.02) Error (criu/a.c:1): The moon\n",
	       "The moon", NULL);
	assert_false(criu_log_cause("", &c));
	assert_false(criu_log_cause("(00.010000) Warn  (criu/a.c:1): Connected TCP socket\n", &c));
	assert_false(criu_log_cause("Error (", &c));
	assert_false(criu_log_cause("(00.010000) Error (criu/a.c:1)", &c));
}

/* A file's name may hold anything: it is no error of CRIU, and no second line. */
static void test_hostile(void **state)
{
	struct criu_cause c;
	char log[2048];

	(void)state;
	assert_false(criu_log_cause("(00.010000) Dumping path for 3 fd via self 17 [/tmp/Error (x): link-remap]\n", &c));
	expect("(00.1) Error (criu/a.c:1): A \033[31mname\r\tof it\n", "A  [31mname  of it", NULL);
	memset(log, 'x', sizeof(log));
	memcpy(log, "(00.1) Error (criu/a.c:1): ", 27);
	log[sizeof(log) - 1] = '\0';
	assert_true(criu_log_cause(log, &c));
	assert_int_equal(strlen(c.line), sizeof(c.line) - 1);
}

static void test_explain(void **state)
{
	cleanup_fixture struct fixture_dir d = fixture_dir_new();
	struct err e = ERR_INIT;

	(void)state;
	fixture_file(&d, "dump.log", "(00.1) Error (criu/sk-inet.c:1): Connected TCP socket, consider\n");
	err_say(&e, EIO, "criu dump failed");
	assert_int_equal(criu_log_explain(d.fd, "dump.log", "/w/dump.log", &e), -EIO);
	assert_string_equal(e.msg, "criu dump failed: a process has an established TCP connection: give --tcp-established "
				   "(\"Connected TCP socket, consider\"); see '/w/dump.log'");
	fixture_file(&d, "dump.log", "(00.1) Error (criu/a.c:1): The moon is full\n");
	err_say(&e, EIO, "criu dump failed");
	criu_log_explain(d.fd, "dump.log", "/w/dump.log", &e);
	assert_string_equal(e.msg, "criu dump failed: The moon is full; see '/w/dump.log'");
	fixture_file(&d, "dump.log", "");
	err_say(&e, EIO, "criu dump failed");
	criu_log_explain(d.fd, "dump.log", "/w/dump.log", &e);
	assert_string_equal(e.msg, "criu dump failed; its log '/w/dump.log' names no error");
	err_say(&e, ENOSPC, "criu dump failed");
	assert_int_equal(criu_log_explain(d.fd, "no.log", "/w/no.log", &e), -ENOSPC);
	assert_string_equal(e.msg, "criu dump failed; it left no log at '/w/no.log'");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_known),
		cmocka_unit_test(test_unknown),
		cmocka_unit_test(test_hostile),
		cmocka_unit_test(test_explain),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
