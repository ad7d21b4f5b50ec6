#include "checkpoint/request.h"
#include "checkpoint/wire.h"
#include "lib/fd.h"
#include "lib/message.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
/* cmocka wants the four above. */
#include <cmocka.h>

static const char *self;

/* ---- the wire ---- */

static void test_wire_there_and_back(void **state)
{
	static const uint64_t numbers[] = { 0, 1, 127, 128, 300, UINT32_MAX, INT64_MAX, UINT64_MAX };
	cleanup_buf struct buf b = BUF_INIT;
	struct wire_field f;

	(void)state;
	for (size_t i = 0; i < 8; i++)
		wire_put_number(&b, (uint32_t)i + 1, numbers[i]);
	wire_put_string(&b, 536870911, "text");
	buf_add(&b, "\x0d\x01\x02\x03\x04\x11\x01\x02\x03\x04\x05\x06\x07\x08", 14); /* 32 bits of 1, 64 bits of 2 */

	struct wire w = wire_of(b.data, b.len);
	for (size_t i = 0; i < 8; i++) {
		assert_int_equal(wire_next(&w, &f), 1);
		assert_int_equal(f.number, i + 1);
		assert_int_equal(f.type, WIRE_VARINT);
		assert_true(f.value == numbers[i]);
	}
	assert_int_equal(wire_next(&w, &f), 1);
	assert_int_equal(f.number, 536870911);
	assert_int_equal(f.len, 4);
	assert_memory_equal(f.data, "text", 4);
	assert_int_equal(f.whole_len, 10);
	assert_int_equal(wire_next(&w, &f), 1);
	assert_true(f.number == 1 && f.type == WIRE_32BIT && f.value == 0x04030201);
	assert_int_equal(wire_next(&w, &f), 1);
	assert_true(f.number == 2 && f.type == WIRE_64BIT && f.value == 0x0807060504030201);
	assert_int_equal(wire_next(&w, &f), 0);
}

static void test_wire_refuses(void **state)
{
	static const struct {
		const char *data;
		size_t len;
	} bad[] = {
		{ "\x08", 1 }, /* no value */
		{ "\x08\x80", 2 }, /* a value without its end */
		{ "\x08\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", 12 }, /* longer than 64 bits */
		{ "\x0a\x05" "abc", 5 }, /* longer than what is there */
		{ "\x0a\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", 11 },
		{ "\x0b", 1 }, /* groups are not used */
		{ "\x0f\x01", 2 }, /* no type */
		{ "\x02\x00", 2 }, /* number 0 */
		{ "\x0d\x01\x02", 3 },
		{ "\x09\x01\x02\x03\x04", 5 },
	};
	struct wire_field f;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct wire w = wire_of(bad[i].data, bad[i].len);
		assert_int_equal(wire_next(&w, &f), -EBADMSG);
	}
}

/* ---- requests and answers ---- */

static void test_request(void **state)
{
	struct criu_mount mount = { "/etc/hosts", "/etc/hosts" };
	const char *external[] = { "net[7]:N" };
	struct criu_inherit inherit = { "pipe:[5]", 1 };
	struct criu_join join = { "ipc", "/i" };
	struct criu_options o = CRIU_OPTIONS_INIT;
	const struct criu_request q = { .type = CRIU_DUMP, .options = &o };
	cleanup_buf struct buf b = BUF_INIT, empty = BUF_INIT;

	(void)state;
	criu_request_write(&q, &empty);
	/* Descriptors that are absent are not said; the mode of cgroups always is. */
	assert_int_equal(empty.len, 7);
	assert_memory_equal(empty.data, "\x08\x01\x12\x03\x90\x02\x00", 7);

	o.images = 0;
	o.pid = 300;
	o.tcp_established = true;
	o.root = "/r";
	o.cgroups = CRIU_CGROUPS_SOFT;
	o.network_lock = CRIU_LOCK_NFTABLES;
	o.pre_dump_mode = CRIU_PRE_DUMP_READ;
	o.page_server = "::1";
	o.page_server_port = 27;
	o.mounts = &mount, o.n_mounts = 1;
	o.external = external, o.n_external = 1;
	o.inherit = &inherit, o.n_inherit = 1;
	o.join = &join, o.n_join = 1;
	criu_request_write(&q, &b);
	static const char expected[] =
		"\x08\x01\x12\x5e\x08\x00\x10\xac\x02\x28\x01\x6a\x02/r\x90\x02\x03\xe8\x03\x02\x80\x04\x02"
		"\x5a\x07\x0a\x03::1\x10\x1b"
		"\xba\x01\x18\x0a\x0a/etc/hosts\x12\x0a/etc/hosts"
		"\xda\x01\x0c\x0a\x08pipe:[5]\x10\x01"
		"\xaa\x02\x08net[7]:N"
		"\xba\x02\x09\x0a\x03ipc\x12\x02/i";
	assert_int_equal(b.len, sizeof(expected) - 1);
	assert_memory_equal(b.data, expected, b.len);
}

static void test_feature_request(void **state)
{
	const struct criu_request q = { .type = CRIU_FEATURE_CHECK, .features = { .mem_track = true, .pidfd_store = true },
					.keep_open = true };
	cleanup_buf struct buf b = BUF_INIT;

	(void)state;
	criu_request_write(&q, &b);
	assert_int_equal(b.len, 10);
	assert_memory_equal(b.data, "\x08\x09\x20\x01\x2a\x04\x08\x01\x18\x01", 10);
}

static void test_answers(void **state)
{
	struct criu_packet p;
	struct err e = ERR_INIT;

	(void)state;
	assert_int_equal(criu_packet_read("\x08\x0a\x10\x01\x52\x06\x08\x04\x10\x01\x20\x01", 12, &p, &e), 0);
	assert_true(p.type == CRIU_VERSION && p.success);
	assert_int_equal(p.answer.version, 40101);
	assert_int_equal(criu_packet_read("\x08\x02\x10\x01\x22\x03\x08\xac\x02", 9, &p, &e), 0);
	assert_int_equal(p.answer.pid, 300);
	assert_int_equal(criu_packet_read("\x08\x06\x10\x01\x2a\x0d\x0a\x09post-dump\x10\x07", 19, &p, &e), 0);
	assert_int_equal(p.type, CRIU_NOTIFY);
	assert_string_equal(p.notification, "post-dump");
	assert_int_equal(p.pid, 7);
	/* A number of the future is passed over. */
	assert_int_equal(criu_packet_read("\x08\x09\x10\x01\x42\x04\x08\x00\x10\x01\xf8\x07\x01", 13, &p, &e), 0);
	assert_true(!p.answer.features.mem_track && p.answer.features.lazy_pages);
	assert_int_equal(criu_packet_read("\x08\x01\x10\x00\x38\x34\x4a\x03no.", 11, &p, &e), 0);
	assert_true(!p.success);
	assert_int_equal(p.answer.code, 52);
	assert_string_equal(p.message, "no.");

	assert_int_equal(criu_packet_read("", 0, &p, &e), -EPROTO);
	assert_int_equal(criu_packet_read("\x08\x01\x52\x01\x08", 5, &p, &e), -EPROTO);
	assert_int_equal(criu_packet_read("\x08\x01\x50\x01", 4, &p, &e), -EPROTO);
}

/* ---- conversations: this program plays CRIU ---- */

static void say(int sock, const char *packet, size_t len)
{
	struct err e = ERR_INIT;

	if (message_send_bytes(sock, packet, len, &e) < 0)
		_exit(9);
}

#define SAY(sock, packet) say((sock), (packet), sizeof(packet) - 1)

/* Says that it is about to restore, with a descriptor; then fails if that was refused. */
static void play_restore(int sock)
{
	struct err e = ERR_INIT;
	cleanup_buf struct buf b = BUF_INIT;
	int fd = STDIN_FILENO;
	char control[CMSG_SPACE(sizeof(int))] __attribute__((aligned(8))) = { 0 };
	static const char packet[] = "\x08\x06\x10\x01\x2a\x15\x0a\x11orphan-pts-master\x10\x07";
	struct iovec iov = { (void *)packet, sizeof(packet) - 1 };
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof(control) };
	struct cmsghdr *c = CMSG_FIRSTHDR(&msg);

	c->cmsg_level = SOL_SOCKET;
	c->cmsg_type = SCM_RIGHTS;
	c->cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(c), &fd, sizeof(fd));
	if (sendmsg(sock, &msg, 0) < 0 || message_receive_bytes(sock, 64, &b, &e) != 1)
		_exit(8);
	if (b.len == 4 && memcmp(b.data, "\x08\x06\x18\x01", 4) == 0)
		SAY(sock, "\x08\x02\x10\x01\x22\x02\x08\x2a");
	else
		SAY(sock, "\x08\x02\x10\x00");
}

static int play_criu(int sock)
{
	cleanup_buf struct buf b = BUF_INIT;
	struct err e = ERR_INIT;

	if (message_receive_bytes(sock, 4096, &b, &e) != 1)
		return 7;
	switch (b.data[1]) {
	case CRIU_VERSION:
		SAY(sock, "\x08\x0a\x10\x01\x52\x04\x08\x04\x10\x02");
		return 0;
	case CRIU_DUMP:
		SAY(sock, "\x08\x01\x10\x00\x38\x03"); /* no such process */
		return 1;
	case CRIU_RESTORE:
		play_restore(sock);
		return 0;
	case CRIU_CHECK:
		raise(SIGKILL);
		return 0;
	default:
		return 5;
	}
}

static void test_version(void **state)
{
	struct err e = ERR_INIT;
	unsigned version = 0;

	(void)state;
	assert_int_equal(criu_version(self, &version, &e), 0);
	assert_int_equal(version, 40200);
	assert_int_equal(criu_version("/nowhere/criu", &version, &e), -ENOENT);
	assert_string_equal(e.msg, "execute '/nowhere/criu': No such file or directory");
}

static int ask(enum criu_request_type t, criu_notified *notified, void *data, struct criu_answer *ret, struct err *e)
{
	const struct criu_start s = { .program = self, .cgroup = -1 };
	const struct criu_request q = { .type = t, .notified = notified, .data = data };
	struct criu c;

	int r = criu_start(&s, &c, e);
	if (r == 0)
		r = criu_ask(&c, &q, ret, e);
	criu_end(&c);
	assert_int_equal(criu_end(&c), -1);
	return r;
}

static void test_failures(void **state)
{
	struct err e = ERR_INIT;
	struct criu_answer a;

	(void)state;
	assert_int_equal(ask(CRIU_DUMP, NULL, NULL, &a, &e), -ESRCH);
	assert_string_equal(e.msg, "criu dump failed: No such process");
	assert_int_equal(ask(CRIU_CHECK, NULL, NULL, &a, &e), -EIO);
	assert_string_equal(e.msg, "criu check: ended by signal 9");
	assert_int_equal(ask(CRIU_PRE_DUMP, NULL, NULL, &a, &e), -EIO);
	assert_string_equal(e.msg, "criu pre-dump: ended with status 5 before it answered");
}

struct heard {
	char name[64];
	pid_t pid;
	bool fd, refuse;
};

static int notified(void *data, const char *name, pid_t pid, int fd, struct err *e)
{
	struct heard *h = data;

	snprintf(h->name, sizeof(h->name), "%s", name);
	h->pid = pid;
	h->fd = fd >= 0;
	close_fd(&fd);
	return h->refuse ? err_say(e, EPERM, "no") : 0;
}

static void test_notifications(void **state)
{
	struct heard h = { 0 };
	struct criu_answer a;
	struct err e = ERR_INIT;

	(void)state;
	assert_int_equal(ask(CRIU_RESTORE, notified, &h, &a, &e), 0);
	assert_int_equal(a.pid, 42);
	assert_string_equal(h.name, "orphan-pts-master");
	assert_int_equal(h.pid, 7);
	assert_true(h.fd);
	assert_int_equal(ask(CRIU_RESTORE, NULL, NULL, &a, &e), 0);

	/* What is refused is the error, not what follows from it. */
	h.refuse = true;
	assert_int_equal(ask(CRIU_RESTORE, notified, &h, &a, &e), -EPERM);
	assert_string_equal(e.msg, "no");
}

static int refuse_to_prepare(void *data, struct err *e)
{
	(void)data;
	return err_say(e, EXDEV, "not prepared");
}

static void test_preparing(void **state)
{
	const struct criu_start s = { .program = self, .cgroup = -1, .prepare = refuse_to_prepare };
	struct criu c;
	struct err e = ERR_INIT;

	(void)state;
	assert_int_equal(criu_start(&s, &c, &e), -EXDEV);
	assert_string_equal(e.msg, "not prepared");
	assert_int_equal(criu_end(&c), -1);
}

/* ---- which program ---- */

static void test_finding(void **state)
{
	cleanup_arena struct arena a = ARENA_INIT;
	struct err e = ERR_INIT;
	const char *found = NULL;

	(void)state;
	assert_int_equal(criu_find("/bin/sh", &a, &found, &e), 0);
	assert_string_equal(found, "/bin/sh");
	assert_int_equal(criu_find("/nowhere/criu", &a, &found, &e), -ENOENT);
	assert_string_equal(e.msg, "--criu: '/nowhere/criu': No such file or directory");
	setenv("FERRY_CRIU", "/bin/ls", 1);
	assert_int_equal(criu_find(NULL, &a, &found, &e), 0);
	assert_string_equal(found, "/bin/ls");
	setenv("FERRY_CRIU", "/nowhere", 1);
	assert_int_equal(criu_find(NULL, &a, &found, &e), -ENOENT);
	assert_string_equal(e.msg, "FERRY_CRIU: '/nowhere': No such file or directory");
	unsetenv("FERRY_CRIU");
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_wire_there_and_back),
		cmocka_unit_test(test_wire_refuses),
		cmocka_unit_test(test_request),
		cmocka_unit_test(test_feature_request),
		cmocka_unit_test(test_answers),
		cmocka_unit_test(test_version),
		cmocka_unit_test(test_failures),
		cmocka_unit_test(test_notifications),
		cmocka_unit_test(test_preparing),
		cmocka_unit_test(test_finding),
	};

	if (argc == 3 && strcmp(argv[1], "swrk") == 0)
		return play_criu(atoi(argv[2]));
	self = realpath("/proc/self/exe", NULL);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
