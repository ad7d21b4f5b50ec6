#include "netns/criu_lock.h"

#include "lib/fd.h"
#include "netns/netns.h"
#include "tests/unit/fresh_netns.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

static void run(const char *command)
{
	assert_int_equal(system(command), 0);
}

static int open_netns(void)
{
	int fd = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);

	assert_true(fd >= 0);
	return fd;
}

/* The container's own rules, which stay. */
static const char own[] = "nft 'add table inet mine { chain input { type filter hook input priority 0; accept; }; };"
			  " add table ip filter { chain INPUT { type filter hook input priority 0; tcp dport 80 accept; };"
			  " chain OUTPUT { type filter hook output priority 0; }; }; add table inet CRIUS'";

static void test_nothing(void **state)
{
	struct err e = ERR_INIT;

	(void)state;
	fresh_netns();
	cleanup_close int netns = open_netns();
	assert_int_equal(net_unlock(netns, &e), 0);
	run(own);
	run("nft list ruleset >/tmp/ferry-lock-$PPID");
	assert_int_equal(net_unlock(netns, &e), 0);
	run("nft list ruleset | cmp - /tmp/ferry-lock-$PPID; r=$?; rm /tmp/ferry-lock-$PPID; exit $r");
}

/* What CRIU writes when it is told to lock by nftables; twice, when it was killed twice. */
static void test_nftables(void **state)
{
	struct err e = ERR_INIT;

	(void)state;
	fresh_netns();
	cleanup_close int netns = open_netns();
	run(own);
	run("nft list ruleset >/tmp/ferry-lock-$PPID");
	for (int i = 0; i < 2; i++)
		run(i ? "nft 'add table inet CRIU-18 { chain output { type filter hook output priority 0; policy drop; "
			"meta mark 0x0000c114 accept; }; }'"
		      : "nft 'add table inet CRIU-17 { set conns { type ipv4_addr . inet_service; }; chain input { type filter "
			"hook input priority 0; policy drop; meta mark 0x0000c114 accept; }; }'");
	assert_int_equal(net_unlock(netns, &e), 1);
	run("nft list ruleset | cmp - /tmp/ferry-lock-$PPID; r=$?; rm /tmp/ferry-lock-$PPID; exit $r");
	assert_int_equal(net_unlock(netns, &e), 0);
}

/* And by iptables, as its program for nf_tables makes it. */
static void test_iptables(void **state)
{
	struct err e = ERR_INIT;

	(void)state;
	fresh_netns();
	cleanup_close int netns = open_netns();
	run(own);
	run("nft 'add table ip6 filter { chain INPUT { type filter hook input priority 0; }; }'");
	run("nft list ruleset >/tmp/ferry-lock-$PPID");
	for (int six = 0; six < 2; six++) {
		char command[512];
		snprintf(command, sizeof(command),
			 "nft 'add chain %1$s filter CRIU; insert rule %1$s filter INPUT counter jump CRIU;%2$s"
			 " add rule %1$s filter CRIU meta mark 0xc114 counter accept; add rule %1$s filter CRIU counter drop'",
			 six ? "ip6" : "ip", six ? "" : " insert rule ip filter OUTPUT counter jump CRIU;");
		run(command);
	}
	assert_int_equal(net_unlock(netns, &e), 1);
	run("nft list ruleset | cmp - /tmp/ferry-lock-$PPID; r=$?; rm /tmp/ferry-lock-$PPID; exit $r");
	assert_int_equal(net_unlock(netns, &e), 0);
}

/* Nothing comes from outside; loopback is not locked. */
static void test_own(void **state)
{
	struct err e = ERR_INIT;

	(void)state;
	fresh_netns();
	cleanup_close int netns = open_netns();
	run(own);
	run("ip link set lo up");
	run("nft list ruleset >/tmp/ferry-lock-$PPID");
	assert_int_equal(net_lock(netns, &e), 0);
	run("nft list table inet CRIU-restore | tr -s '\\n\\t ' '   ' | grep -qx 'table inet CRIU-restore { chain input { type filter "
	    "hook input priority filter; policy accept; iif != \"lo\" drop } } '");
	run("ping -q -c 1 -W 1 127.0.0.1 >/dev/null");
	assert_int_equal(net_lock(netns, &e), 0);
	assert_int_equal(net_unlock(netns, &e), 1);
	run("nft list ruleset | cmp - /tmp/ferry-lock-$PPID; r=$?; rm /tmp/ferry-lock-$PPID; exit $r");
}

static uint32_t inode_of(int fd)
{
	struct stat st;

	assert_int_equal(fstat(fd, &st), 0);
	return (uint32_t)st.st_ino;
}

static void test_unix_sockets(void **state)
{
	cleanup_arena struct arena a = ARENA_INIT;
	struct net_unix_socket *v;
	struct err e = ERR_INIT;
	bool one = false, other = false, alone = false;
	int pair[2];
	size_t n;

	(void)state;
	fresh_netns();
	cleanup_close int netns = open_netns();
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
	cleanup_close int single = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	assert_int_equal(net_unix_sockets(netns, &a, &v, &n, &e), 0);
	for (size_t i = 0; i < n; i++) {
		one |= v[i].inode == inode_of(pair[0]) && v[i].peer == inode_of(pair[1]) && !v[i].datagram;
		other |= v[i].inode == inode_of(pair[1]) && v[i].peer == inode_of(pair[0]);
		alone |= v[i].inode == inode_of(single) && v[i].peer == 0 && !v[i].named && v[i].datagram;
	}
	assert_true(one && other && alone);
	close(pair[0]);
	close(pair[1]);
}

/* Connections that wait to be accepted, with and without something sent. */
static void test_unix_in_flight(void **state)
{
	const struct sockaddr_un to = { .sun_family = AF_UNIX, .sun_path = "\0ferry-in-flight" };
	cleanup_arena struct arena a = ARENA_INIT;
	struct net_unix_socket *v;
	struct err e = ERR_INIT;
	bool silent = false, sent = false, listens = false;
	size_t n;

	(void)state;
	fresh_netns();
	cleanup_close int netns = open_netns();
	cleanup_close int l = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	cleanup_close int one = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	cleanup_close int other = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_int_equal(bind(l, (const struct sockaddr *)&to, sizeof(to)) | listen(l, 4), 0);
	assert_int_equal(connect(one, (const struct sockaddr *)&to, sizeof(to)), 0);
	assert_int_equal(connect(other, (const struct sockaddr *)&to, sizeof(to)), 0);
	assert_int_equal(send(other, "x", 1, 0), 1);
	assert_int_equal(net_unix_sockets(netns, &a, &v, &n, &e), 0);
	for (size_t i = 0; i < n; i++) {
		silent |= v[i].inode == inode_of(one) && v[i].in_flight && !v[i].unread_bytes;
		sent |= v[i].inode == inode_of(other) && v[i].in_flight && v[i].unread_bytes;
		listens |= v[i].inode == inode_of(l) && !v[i].in_flight;
	}
	assert_true(silent && sent && listens);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_nothing),
		cmocka_unit_test(test_nftables),
		cmocka_unit_test(test_iptables),
		cmocka_unit_test(test_own),
		cmocka_unit_test(test_unix_sockets),
		cmocka_unit_test(test_unix_in_flight),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
