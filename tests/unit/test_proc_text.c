#include "checkpoint/preflight/proc_text.h"

#include <netinet/tcp.h>
#include <stdio.h>
#include <string.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

static void test_tcp(void **state)
{
	static const char listening[] = "   0: 0100007F:1F90 00000000:0000 0A 00000000:00000003 00:00000000 00000000     0"
					"        0 12345 1 0000000000000000 100 0 0 10 0";
	static const char established[] = "  17: 0200000A:0050 0900000A:C82C 01 00000000:00000000 02:000A 0 33 0 "
					  "4294967299 2 0000000000000000 20 4 30 10 -1";
	static const char six[] = "   1: 00000000000000000000000001000000:0016 B80D0120000000000000000001000000:D431 08 "
				  "00000000:00000000 00:00000000 00000000 0 0 777 1";
	struct proc_tcp t;

	(void)state;
	assert_true(proc_text_tcp(listening, &t));
	assert_int_equal(t.state, TCP_LISTEN);
	assert_int_equal(t.waiting, 3);
	assert_int_equal(t.inode, 12345);
	assert_string_equal(t.local, "127.0.0.1:8080");
	assert_false(proc_tcp_is_connected(t.state));

	assert_true(proc_text_tcp(established, &t));
	assert_int_equal(t.state, TCP_ESTABLISHED);
	assert_int_equal(t.waiting, 0);
	assert_int_equal(t.inode, 4294967299);
	assert_string_equal(t.local, "10.0.0.2:80");
	assert_string_equal(t.remote, "10.0.0.9:51244");
	assert_true(proc_tcp_is_connected(t.state));

	assert_true(proc_text_tcp(six, &t));
	assert_int_equal(t.state, TCP_CLOSE_WAIT);
	assert_string_equal(t.local, "[::1]:22");
	assert_string_equal(t.remote, "[2001:db8::1]:54321");
	assert_true(proc_tcp_is_connected(t.state));
	assert_false(proc_tcp_is_connected(TCP_TIME_WAIT));
	assert_false(proc_tcp_is_connected(TCP_CLOSE));
}

static void test_tcp_that_makes_no_sense(void **state)
{
	static const char *const lines[] = {
		"",
		"  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode",
		"   0: 0100007F:1F90",
		"   0: 0100007F:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 ",
		"   0: 0100007F0100007F:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000 0 0 12 1",
		"   0: 0100007 00000000:0000 0A 00000000:00000000 00:00000000 00000000 0 0 12 1",
	};
	struct proc_tcp t;

	(void)state;
	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++)
		assert_false(proc_text_tcp(lines[i], &t));
}

static void test_status(void **state)
{
	static const char inside[] = "Name:\tworker\\nTracerPid:\t9\nUmask:\t0022\nState:\tS (sleeping)\nTgid:\t4711\n"
				     "TracerPid:\t815\nThreads:\t12\nNSpid:\t4711\t7\nNSsid:\t4705\t1\n";
	static const char outside[] = "Name:\tsh\nState:\tZ (zombie)\nTracerPid:\t0\nNSpid:\t4711\t7\nNSsid:\t0\t0\n"
				      "Threads:\t1\n";
	struct proc_status s;

	(void)state;
	assert_true(proc_text_status(inside, &s));
	assert_string_equal(s.name, "worker\\nTracerPid:\t9");
	assert_int_equal(s.state, 'S');
	assert_int_equal(s.tracer, 815);
	assert_int_equal(s.threads, 12);
	assert_true(s.own_pids);
	assert_int_equal(s.session, 1);

	assert_true(proc_text_status(outside, &s));
	assert_int_equal(s.state, 'Z');
	assert_int_equal(s.session, 0);
	assert_true(proc_text_status("Name:\tx\nState:\tR\nNSpid:\t5\nNSsid:\t4\n", &s));
	assert_false(s.own_pids);
	assert_int_equal(s.session, 4);
	assert_int_equal(s.threads, 1);
	assert_false(proc_text_status("", &s));
	assert_false(proc_text_status("Name:\tx\n", &s));
}

static void test_fds(void **state)
{
	static const struct {
		const char *link;
		enum proc_fd_type type;
		bool deleted;
	} cases[] = {
		{ "socket:[1234]", PROC_FD_SOCKET, false },
		{ "pipe:[1234]", PROC_FD_PIPE, false },
		{ "anon_inode:[io_uring]", PROC_FD_ANON, false },
		{ "/memfd:x (deleted)", PROC_FD_MEMFD, false },
		{ "/tmp/x (deleted)", PROC_FD_FILE, true },
		{ " (deleted)", PROC_FD_OTHER, false },
		{ "/tmp/(deleted)", PROC_FD_FILE, false },
		{ "/", PROC_FD_FILE, false },
		{ "net:[4026532000]", PROC_FD_OTHER, false },
		{ "socket:[", PROC_FD_OTHER, false },
		{ "", PROC_FD_OTHER, false },
	};
	struct proc_fd f;

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		proc_text_fd(cases[i].link, &f);
		assert_int_equal(f.type, cases[i].type);
		assert_int_equal(f.deleted, cases[i].deleted);
	}
	proc_text_fd("socket:[18446744073709551615]", &f);
	assert_true(f.inode == UINT64_MAX);
	proc_text_fd("anon_inode:bpf-prog", &f);
	assert_string_equal(f.anon, "bpf-prog");
}

static void test_what_is_known(void **state)
{
	(void)state;
	assert_true(proc_anon_is_known("[eventfd]"));
	assert_true(proc_anon_is_known("inotify"));
	assert_false(proc_anon_is_known("[io_uring]"));
	assert_false(proc_anon_is_known("[userfaultfd]"));
	assert_false(proc_anon_is_known("[perf_event]"));
	assert_false(proc_anon_is_known("seccomp notify"));
	assert_false(proc_anon_is_known(""));
	assert_true(proc_device_is_known(false, 1, 3));
	assert_true(proc_device_is_known(false, 136, 300));
	assert_true(proc_device_is_known(false, 10, 200));
	assert_false(proc_device_is_known(false, 10, 232)); /* kvm */
	assert_false(proc_device_is_known(false, 10, 229)); /* fuse */
	assert_false(proc_device_is_known(true, 1, 3));
	assert_false(proc_device_is_known(false, 226, 128));
}

static void test_maps(void **state)
{
	static const struct {
		const char *path;
		enum proc_map_type type;
	} cases[] = {
		{ "", PROC_MAP_PLAIN },
		{ "[heap]", PROC_MAP_PLAIN },
		{ "/usr/lib/libc.so.6", PROC_MAP_PLAIN },
		{ "/usr/lib/libc.so.6 (deleted)", PROC_MAP_DELETED },
		{ "/dev/zero (deleted)", PROC_MAP_PLAIN },
		{ "/dev/shm/x", PROC_MAP_PLAIN },
		{ "/dev/shm/x (deleted)", PROC_MAP_DELETED },
		{ "/dev/dri/renderD128", PROC_MAP_DEVICE },
		{ "/SYSV00000000 (deleted)", PROC_MAP_SYSV },
		{ "/memfd:jit (deleted)", PROC_MAP_PLAIN },
		{ "/[aio] (deleted)", PROC_MAP_PLAIN },
		{ "anon_inode:[io_uring]", PROC_MAP_ANON_INODE },
	};
	char line[256];
	struct proc_map m;

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		snprintf(line, sizeof(line), "7f1c2d600000-7f1c2d622000 rw-s 00022000 fd:01 131%s%s",
			 *cases[i].path ? "                        " : " ", cases[i].path);
		assert_true(proc_text_map(line, &m));
		assert_string_equal(m.path, cases[i].path);
		assert_string_equal(m.range, "7f1c2d600000-7f1c2d622000");
		assert_true(m.shared);
		assert_int_equal(proc_map_type(&m), cases[i].type);
	}
	assert_true(proc_text_map("ffffffffff600000-ffffffffff601000 --xp 00000000 00:00 0                  [vsyscall]", &m));
	assert_false(m.shared);
	assert_false(proc_text_map("", &m));
	assert_false(proc_text_map("7f1c2d600000-7f1c2d622000", &m));
	assert_false(proc_text_map("7f1c2d600000-7f1c2d622000 rw 00022000 fd:01 131 /x", &m));
}

static void test_locks(void **state)
{
	(void)state;
	assert_int_equal(proc_text_locks("pos:\t0\nflags:\t0100002\nmnt_id:\t29\n"), 0);
	assert_int_equal(proc_text_locks("pos:\t0\nlock:\t1: FLOCK  ADVISORY  WRITE 17 00:1b:4 0 EOF\n"
					 "lock:\t2: POSIX  ADVISORY  READ 17 00:1b:4 0 9\n"), 2);
	assert_int_equal(proc_text_locks("clock:\n"), 0);
	assert_int_equal(proc_text_locks(NULL), 0);
}

static void test_mounts(void **state)
{
	char plain[] = "36 35 98:0 /mnt1 /mnt\\0402 rw,noatime master:1 shared:2 - ext3 /dev/root rw,errors=continue";
	char without[] = "36 35 0:5 / /proc rw - proc proc rw";
	char dash[] = "36 35 0:5 / - rw - tmpfs tmpfs rw";
	static const char *const bad[] = { "", "36", "36 35 98:0 / /", "36 35 98:0 / / rw master:1",
					   "36 35 x / / rw - ext4 x rw", "36 35 98:0 / / rw -" };
	struct proc_mount m;

	(void)state;
	assert_true(proc_text_mount(plain, &m));
	assert_int_equal(m.major, 98);
	assert_string_equal(m.root, "/mnt1");
	assert_string_equal(m.point, "/mnt 2");
	assert_string_equal(m.type, "ext3");
	assert_true(proc_text_mount(without, &m));
	assert_string_equal(m.type, "proc");
	assert_true(proc_text_mount(dash, &m));
	assert_string_equal(m.point, "-");
	assert_string_equal(m.type, "tmpfs");
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		char line[64];
		snprintf(line, sizeof(line), "%s", bad[i]);
		assert_false(proc_text_mount(line, &m));
	}
}

static void test_lines(void **state)
{
	char text[] = "a\n\nb", none[] = "";
	char *rest = text, *nothing = none;

	(void)state;
	assert_string_equal(proc_text_line(&rest), "a");
	assert_string_equal(proc_text_line(&rest), "");
	assert_string_equal(proc_text_line(&rest), "b");
	assert_null(proc_text_line(&rest));
	assert_null(proc_text_line(&nothing));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_tcp),	     cmocka_unit_test(test_tcp_that_makes_no_sense),
		cmocka_unit_test(test_status),	     cmocka_unit_test(test_fds),
		cmocka_unit_test(test_what_is_known), cmocka_unit_test(test_maps),
		cmocka_unit_test(test_locks),	     cmocka_unit_test(test_mounts),
		cmocka_unit_test(test_lines),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
