#include "checkpoint/preflight/preflight.h"
#include "checkpoint/preflight/sockets.h"

#include "lib/fd.h"
#include "tests/unit/fresh_netns.h"

#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/shm.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <unistd.h>

static const struct preflight_finding *find(const struct preflight *p, enum preflight_kind kind)
{
	for (size_t i = 0; i < p->n; i++)
		if (p->findings[i].kind == kind)
			return &p->findings[i];
	return NULL;
}

static size_t count(const struct preflight *p, enum preflight_kind kind)
{
	size_t n = 0;

	for (size_t i = 0; i < p->n; i++)
		n += p->findings[i].kind == kind;
	return n;
}

/* ---- findings as values ---- */

static void test_findings(void **state)
{
	cleanup_arena struct arena a = ARENA_INIT;
	struct preflight p = { .arena = &a };

	(void)state;
	assert_null(preflight_fails(&p));
	preflight_add(&p, PREFLIGHT_UNINTERRUPTIBLE, "process 1 (a)", "waits");
	assert_null(preflight_fails(&p));
	preflight_add(&p, PREFLIGHT_IO_URING, "process 2 (b)", "uses %s", "io_uring");
	const struct preflight_finding *f = preflight_fails(&p);
	assert_ptr_equal(f, &p.findings[1]);
	assert_string_equal(f->name, "io_uring");
	assert_string_equal(preflight_severity_name(f->severity), "error");
	assert_string_equal(preflight_line(f, &a),
			    "process 2 (b) uses io_uring: let the program do without io_uring, or forbid it by seccomp, so "
			    "that it uses epoll");
	preflight_lower(&p, PREFLIGHT_IO_URING);
	assert_null(preflight_fails(&p));
	/* Each kind is told of by a word and what to do. */
	for (unsigned k = 0; k < PREFLIGHT_KINDS; k++) {
		preflight_add(&p, (enum preflight_kind)k, "x", "y");
		assert_non_null(p.findings[p.n - 1].name);
		assert_non_null(p.findings[p.n - 1].advice);
	}
}

/* As criu's own configuration files have them. */
static void test_options(void **state)
{
	static const struct preflight_options none = { 0 };
	struct preflight_options o = { 0 };

	(void)state;
	preflight_options_read("", &o);
	preflight_options_read(NULL, &o);
	preflight_options_read("# tcp-established\nfile-locks-not\nno file-locks\n\nghost-limit\n", &o);
	assert_memory_equal(&o, &none, sizeof(o));
	preflight_options_read("  tcp-established # always\nghost-limit 10M\nfile-locks", &o);
	assert_true(o.tcp_established && o.file_locks && !o.shell_job && !o.link_remap);
	assert_int_equal(o.ghost_limit_bytes, 10 << 20);
	preflight_options_read("ghost-limit=4096\nshell-job\nskip-in-flight\next-unix-sk\nlink-remap\n", &o);
	assert_int_equal(o.ghost_limit_bytes, 4096);
	assert_true(o.shell_job && o.tcp_skip_in_flight && o.ext_unix_sk && o.link_remap);
}

/* ---- mounts ---- */

static void test_mounts(void **state)
{
	static const char *const external[] = { "/data", "/etc/hosts" };
	static const char text[] = "1 0 0:40 / / rw - overlay overlay rw\n"
				   "2 1 0:5 / /proc rw - proc proc rw\n"
				   "3 1 0:41 / /dev rw - tmpfs tmpfs rw\n"
				   "4 3 0:42 / /dev/pts rw - devpts devpts rw\n"
				   "5 3 0:42 /0 /dev/console rw - devpts devpts rw\n" /* a bind of what is mounted */
				   "6 1 8:1 /srv/data /data rw - ext4 /dev/sda1 rw\n"
				   "7 1 8:1 /srv/data/sub /other rw - ext4 /dev/sda1 rw\n" /* below what is external */
				   "8 1 8:1 /srv/else /bad rw - ext4 /dev/sda1 rw\n"
				   "9 1 0:50 /part /worse rw - tmpfs tmpfs rw\n"
				   "10 1 0:51 / /fuse rw - fuse.sshfs x rw\n"
				   "nonsense\n"
				   "12 1 0:27 /x /sys/fs/cgroup ro - cgroup2 cgroup rw\n"
				   "11 1 0:40 /etc/hosts /etc/hosts rw - overlay overlay rw\n";
	cleanup_arena struct arena a = ARENA_INIT;
	struct preflight p = { .arena = &a };
	const struct preflight_container c = { .external_mounts = external, .n_external_mounts = 2 };

	(void)state;
	preflight_mounts(&p, &c, "the container", text);
	assert_int_equal(p.n, 3);
	assert_int_equal(p.findings[0].kind, PREFLIGHT_MOUNT_TYPE);
	assert_non_null(strstr(p.findings[0].why, "'/bad'"));
	assert_int_equal(p.findings[1].kind, PREFLIGHT_MOUNT_ROOT);
	assert_non_null(strstr(p.findings[1].why, "'/worse' of a part, '/part'"));
	assert_int_equal(p.findings[2].kind, PREFLIGHT_MOUNT_TYPE);
	assert_non_null(strstr(p.findings[2].why, "fuse.sshfs"));
}

/* ---- sockets ---- */

static struct preflight_sockets sockets_of(struct preflight_socket *v, size_t n)
{
	struct preflight_sockets s = { v, n };

	preflight_sockets_sort(&s);
	return s;
}

static void test_tcp(void **state)
{
	static const char text[] = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when uid timeout inode\n"
				   "   0: 0200000A:0050 0900000A:C82C 01 00000000:00000000 00:0 0 33 0 11 1\n"
				   "   1: 0200000A:0050 0900000A:C82D 01 00000000:00000000 00:0 0 33 0 12 1\n"
				   "   2: 0200000A:0050 0900000A:C82E 06 00000000:00000000 00:0 0 33 0 0 1\n"
				   "   3: 00000000:0050 00000000:0000 0A 00000000:00000002 00:0 0 33 0 13 1\n"
				   "   4: 0200000A:0050 0900000A:C82F 01 00000000:00000000 00:0 0 33 0 99 1\n";
	cleanup_arena struct arena a = ARENA_INIT;
	struct preflight p = { .arena = &a };
	struct preflight_options o = { 0 };
	/* The same socket twice: inherited by a child. 14 is of another namespace, where the text has no say. */
	struct preflight_socket v[] = {
		{ 13, 7, "process 1", "TCP" }, { 12, 7, "process 1", "TCP" }, { 11, 7, "process 1", "TCP" },
		{ 11, 7, "process 1", "TCP" }, { 99, 8, "process 2", "TCP" },
	};
	struct preflight_sockets s = sockets_of(v, 5);

	(void)state;
	assert_int_equal(s.n, 4);
	v[0].subject = v[1].subject = v[2].subject;
	preflight_sockets_tcp(&p, &o, &s, 7, text);
	assert_int_equal(p.n, 2);
	assert_non_null(strstr(find(&p, PREFLIGHT_TCP)->why,
			       "2 established TCP connections, one of them 10.0.0.2:80 to 10.0.0.9:"));
	assert_non_null(strstr(find(&p, PREFLIGHT_TCP_IN_FLIGHT)->why, "accepted 2 "));
	p.n = 0;
	o.tcp_established = o.tcp_skip_in_flight = true;
	preflight_sockets_tcp(&p, &o, &s, 7, text);
	assert_int_equal(p.n, 0);
}

static void test_protocols(void **state)
{
	cleanup_arena struct arena a = ARENA_INIT;
	struct preflight p = { .arena = &a };
	struct preflight_socket v[] = {
		{ 1, 7, "a", "UNIX-STREAM" }, { 2, 7, "b", "MPTCPv6" }, { 3, 7, "c", "AF_VSOCK" }, { 4, 7, "d", "" },
		{ 5, 7, "e", "NETLINK" },
	};
	struct preflight_sockets s = sockets_of(v, 5);

	(void)state;
	preflight_sockets_kinds(&p, &s);
	assert_int_equal(p.n, 2);
	assert_string_equal(find(&p, PREFLIGHT_MPTCP)->subject, "b");
	assert_string_equal(find(&p, PREFLIGHT_SOCKET)->subject, "c");
	assert_false(p.inet_sockets);
	v[3] = (struct preflight_socket){ 4, 7, "d", "UDPv6" };
	preflight_sockets_kinds(&p, &s);
	assert_true(p.inet_sockets);
}

static void test_unix(void **state)
{
	static const struct preflight_unix pairs[] = {
		{ 1, 2, false, false }, { 2, 1, false, false }, { 3, 70, false, false }, { 4, 71, false, true },
		{ 5, 0, true, true },	{ 80, 81, false, true }, { 71, 0, true, true },
	};
	static const struct preflight_unix waiting[] = {
		{ 1, 0, .in_flight = true }, { 2, 0, .in_flight = true, .unread_bytes = 768 }, { 3, 4, .unread_bytes = 768 },
		{ 4, 3 }, { 90, 0, .in_flight = true, .unread_bytes = 768 },
	};
	cleanup_arena struct arena a = ARENA_INIT;
	struct preflight p = { .arena = &a };
	struct preflight_container c = { .unix_sockets = pairs, .n_unix_sockets = 7 };
	struct preflight_socket v[] = {
		{ 1, 7, "a", "UNIX" }, { 2, 7, "b", "UNIX" }, { 3, 7, "c", "UNIX" }, { 4, 7, "d", "UNIX" },
		{ 5, 7, "e", "UNIX" },
	};
	struct preflight_sockets s = sockets_of(v, 5);

	(void)state;
	preflight_sockets_unix(&p, &c, &s, 7);
	assert_int_equal(p.n, 2);
	assert_string_equal(find(&p, PREFLIGHT_UNIX)->subject, "c");
	assert_string_equal(find(&p, PREFLIGHT_EXT_UNIX)->subject, "d");
	p.n = 0;
	c.options.ext_unix_sk = true;
	preflight_sockets_unix(&p, &c, &s, 7);
	assert_int_equal(p.n, 1);
	/* Of a datagram socket without a name nothing helps. */
	c.n_unix_sockets = 6;
	p.n = 0;
	preflight_sockets_unix(&p, &c, &s, 7);
	assert_int_equal(count(&p, PREFLIGHT_UNIX), 2);
	/* Only what was sent on its way to be accepted, and by whom we know. */
	p.n = 0;
	preflight_sockets_unix(&p, &(struct preflight_container){ .unix_sockets = waiting, .n_unix_sockets = 5 }, &s, 7);
	assert_int_equal(p.n, 1);
	assert_string_equal(find(&p, PREFLIGHT_UNIX_IN_FLIGHT)->subject, "b");
	p.n = 0;
	preflight_sockets_unix(&p, &c, &s, 8);
	c.unix_sockets = NULL;
	preflight_sockets_unix(&p, &c, &s, 7);
	assert_int_equal(p.n, 0);
}

/* ---- processes as they are ---- */

static bool connect_to_itself(void)
{
	struct sockaddr_in to = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	struct ifreq r = { .ifr_name = "lo", .ifr_flags = IFF_UP };
	socklen_t n = sizeof(to);
	int l = socket(AF_INET, SOCK_STREAM, 0), c = socket(AF_INET, SOCK_STREAM, 0);

	return ioctl(l, SIOCSIFFLAGS, &r) == 0 && bind(l, (struct sockaddr *)&to, n) == 0 && listen(l, 4) == 0 &&
	       getsockname(l, (struct sockaddr *)&to, &n) == 0 && connect(c, (struct sockaddr *)&to, n) == 0;
}

static bool use_io_uring(void)
{
	char params[120] = { 0 };
	return syscall(SYS_io_uring_setup, 4, params) >= 0;
}

static bool use_userfaultfd(void)
{
	return syscall(SYS_userfaultfd, 0) >= 0;
}

/* Its driver need not be there. */
static bool open_device(void)
{
	char path[] = "/tmp/ferry-preflight-XXXXXX";
	int fd = mkstemp(path);

	unlink(path);
	if (fd < 0 || mknod(path, S_IFCHR | 0600, makedev(10, 250)) < 0)
		return false;
	fd = open(path, O_PATH);
	unlink(path);
	return fd >= 0;
}

static bool open_deleted(void)
{
	char path[] = "/tmp/ferry-preflight-XXXXXX";
	int fd = mkstemp(path);

	unlink(path);
	return fd >= 0 && posix_fallocate(fd, 0, 3 << 20) == 0;
}

static bool map_deleted(void)
{
	char path[] = "/tmp/ferry-preflight-XXXXXX";
	int fd = mkstemp(path);

	unlink(path);
	bool good = fd >= 0 && posix_fallocate(fd, 0, 3 << 20) == 0 &&
		    mmap(NULL, 3 << 20, PROT_READ, MAP_PRIVATE, fd, 0) != MAP_FAILED;
	close(fd);
	return good;
}

static bool open_linked(void)
{
	char path[] = "/tmp/ferry-preflight-XXXXXX", other[sizeof(path) + 2];
	int fd = mkstemp(path);

	snprintf(other, sizeof(other), "%s-2", path);
	return fd >= 0 && link(path, other) == 0 && unlink(path) == 0;
}

static bool lock_file(void)
{
	char path[] = "/tmp/ferry-preflight-XXXXXX";
	int fd = mkstemp(path);

	return fd >= 0 && unlink(path) == 0 && flock(fd, LOCK_EX) == 0;
}

static bool use_shared_memory(void)
{
	int id = shmget(IPC_PRIVATE, 4096, IPC_CREAT | 0600);
	bool good = id >= 0 && shmat(id, NULL, 0) != (void *)-1;

	shmctl(id, IPC_RMID, NULL);
	return good;
}

static bool use_packets(void)
{
	return socket(AF_PACKET, SOCK_RAW, 0) >= 0 && socket(AF_ALG, SOCK_SEQPACKET, 0) >= 0;
}

/* A process that does so, and waits. */
static pid_t process_that(bool (*does)(void), bool session)
{
	int ready[2];
	char word = 'n';

	assert_int_equal(pipe2(ready, O_CLOEXEC), 0);
	pid_t pid = fork();
	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		if ((!session || setsid() >= 0) && unshare(CLONE_NEWNET) == 0 && (!does || does()))
			word = 'y';
		if (write(ready[1], &word, 1) == 1)
			for (;;)
				pause();
		_exit(1);
	}
	close(ready[1]);
	assert_int_equal(read(ready[0], &word, 1), 1);
	close(ready[0]);
	if (word == 'y')
		return pid;
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	return -1;
}

static void end(pid_t pid)
{
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
}

static void look(pid_t pid, const struct preflight_options *o, struct preflight *p)
{
	static const char *const all[] = { "/" };
	struct preflight_container c = { .init = pid, .pids = &pid, .n_pids = 1, .options = *o, .external_mounts = all };
	struct err e = ERR_INIT;

	p->n = 0;
	assert_int_equal(preflight_container(p, &c, &e), 0);
}

static void test_processes(void **state)
{
	static const struct {
		bool (*does)(void);
		enum preflight_kind kind;
		const char *why;
		struct preflight_options allows; /* with these it is none */
		bool optional; /* not every kernel has it, or lets us */
	} cases[] = {
		{ connect_to_itself, PREFLIGHT_TCP, "127.0.0.1:", { .tcp_established = true }, false },
		{ connect_to_itself, PREFLIGHT_TCP_IN_FLIGHT, "not accepted 1 TCP", { .tcp_skip_in_flight = true }, false },
		{ use_io_uring, PREFLIGHT_IO_URING, "io_uring", { 0 }, true },
		{ use_userfaultfd, PREFLIGHT_ANON_INODE, "[userfaultfd]", { 0 }, true },
		{ open_device, PREFLIGHT_DEVICE, "(10:250) open", { 0 }, true },
		{ open_deleted, PREFLIGHT_GHOST, "3072 KiB", { 0 }, false },
		{ map_deleted, PREFLIGHT_GHOST, "3072 KiB", { 0 }, false },
		{ open_linked, PREFLIGHT_LINK_REMAP, "another name", { .link_remap = true }, false },
		{ lock_file, PREFLIGHT_FILE_LOCKS, "holds a lock", { .file_locks = true }, false },
		{ use_shared_memory, PREFLIGHT_SYSV_IPC, "System V", { 0 }, false },
		{ use_packets, PREFLIGHT_SOCKET, "ALG", { 0 }, true },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		cleanup_arena struct arena a = ARENA_INIT;
		struct preflight p = { .arena = &a };
		const struct preflight_options none = { 0 };
		pid_t pid = process_that(cases[i].does, true);

		if (pid < 0 && cases[i].optional)
			continue;
		assert_true(pid > 0);
		look(pid, &none, &p);
		const struct preflight_finding *f = find(&p, cases[i].kind);
		assert_non_null(f);
		assert_non_null(strstr(f->why, cases[i].why));
		assert_non_null(strstr(f->subject, "(test_preflight)"));
		if (memcmp(&cases[i].allows, &none, sizeof(none)) != 0) {
			look(pid, &cases[i].allows, &p);
			assert_null(find(&p, cases[i].kind));
		}
		end(pid);
	}
	assert_int_equal(system("rm -f /tmp/ferry-preflight-*-2"), 0);
}

static void test_plain_process(void **state)
{
	cleanup_arena struct arena a = ARENA_INIT;
	struct preflight p = { .arena = &a };
	const struct preflight_options none = { 0 };
	pid_t pid = process_that(NULL, true);

	(void)state;
	assert_true(pid > 0);
	look(pid, &none, &p);
	/* What the test program has inherited from whoever runs it is not its own; but the kinds above are not there. */
	assert_null(find(&p, PREFLIGHT_TCP));
	assert_null(find(&p, PREFLIGHT_IO_URING));
	assert_null(find(&p, PREFLIGHT_GHOST));
	assert_null(find(&p, PREFLIGHT_SESSION));
	assert_null(find(&p, PREFLIGHT_TRACED));
	assert_int_equal(count(&p, PREFLIGHT_SHARED_PIDS), 1);
	assert_false(p.inet_sockets);

	assert_int_equal(ptrace(PTRACE_SEIZE, pid, NULL, NULL), 0);
	look(pid, &none, &p);
	assert_non_null(find(&p, PREFLIGHT_TRACED));
	end(pid);
}

static void test_session(void **state)
{
	cleanup_arena struct arena a = ARENA_INIT;
	struct preflight p = { .arena = &a };
	struct preflight_options o = { 0 };
	pid_t pid = process_that(NULL, false);

	(void)state;
	assert_true(pid > 0);
	look(pid, &o, &p);
	/* Whoever began this program's session may have ended, or be outside of its pid namespace (0). */
	assert_int_equal(find(&p, PREFLIGHT_SESSION) != NULL, getsid(0) == 0 || kill(getsid(0), 0) == 0);
	o.shell_job = true;
	look(pid, &o, &p);
	assert_null(find(&p, PREFLIGHT_SESSION));
	end(pid);
}

/* Processes end at any time, and pids that nobody has are passed over; but not the first. */
static void test_ended(void **state)
{
	cleanup_arena struct arena a = ARENA_INIT;
	struct preflight p = { .arena = &a };
	struct err e = ERR_INIT;
	pid_t pid = process_that(NULL, true), gone = process_that(NULL, true);
	pid_t pids[] = { pid, gone, 0x3fffffff };

	(void)state;
	kill(gone, SIGKILL);
	waitpid(gone, NULL, 0);
	struct preflight_container c = { .init = pid, .pids = pids, .n_pids = 3 };
	assert_int_equal(preflight_container(&p, &c, &e), 0);
	assert_null(find(&p, PREFLIGHT_OUTSIDE_TREE));
	end(pid);
	assert_int_equal(preflight_container(&p, &c, &e), -ESRCH);
}

/* One whose parents do not lead to the first process. */
static void test_outside_tree(void **state)
{
	cleanup_arena struct arena a = ARENA_INIT;
	struct preflight p = { .arena = &a };
	struct err e = ERR_INIT;
	pid_t pids[] = { process_that(NULL, true), process_that(connect_to_itself, true) };
	const struct preflight_container c = { .init = pids[0], .pids = pids, .n_pids = 2 };

	(void)state;
	assert_int_equal(preflight_container(&p, &c, &e), 0);
	assert_int_equal(count(&p, PREFLIGHT_OUTSIDE_TREE), 1);
	assert_null(find(&p, PREFLIGHT_TCP));
	end(pids[0]);
	end(pids[1]);
}

int main(void)
{
	const struct CMUnitTest values[] = {
		cmocka_unit_test(test_findings),  cmocka_unit_test(test_options), cmocka_unit_test(test_mounts),
		cmocka_unit_test(test_tcp),
		cmocka_unit_test(test_protocols), cmocka_unit_test(test_unix),
	};
	const struct CMUnitTest processes[] = {
		cmocka_unit_test(test_processes), cmocka_unit_test(test_plain_process), cmocka_unit_test(test_session),
		cmocka_unit_test(test_ended),	  cmocka_unit_test(test_outside_tree),
	};
	int failed = cmocka_run_group_tests(values, NULL, NULL);

	if (geteuid() != 0) {
		print_message("skipped: looking at processes needs root\n");
		return failed;
	}
	return failed + cmocka_run_group_tests(processes, NULL, NULL);
}
