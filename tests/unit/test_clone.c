/* What a clone's documents are, out of its source's. */
#include "runtime/clone/clone.h"

#include <errno.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#define SOURCE "/var/lib/ferry/launch/web"
#define SNAPSHOT SOURCE "/snapshots/snap0"

static const char *image_root[] = {
	"lowerdir+=/images/layers/2", "lowerdir+=/images/layers/1", "upperdir=" SOURCE "/upper", "workdir=" SOURCE "/work",
	"index=off",
};

static struct spec_namespace uts = { .flag = CLONE_NEWUTS };

static struct launched_attachment attachments[] = {
	{ .network = "ferry", .mac = "02:00:00:00:00:01", .ip = "10.88.0.7" },
	{ .network = "inner", .interface = "inner0", .ip6 = "fd00::7" },
};

static struct clone_source make_source(struct spec *spec)
{
	static const char *ports[] = { "8080:80/tcp" };

	spec->lx.namespaces = &uts;
	spec->lx.n_namespaces = 1;
	return (struct clone_source){
		.l = { .id = "web", .name = "shop", .dir = SOURCE, .image = "nginx", .image_digest = "sha256:0", .created = "then",
		       .root_options = image_root, .n_root_options = 5, .restart = RESTART_ALWAYS, .stop_timeout_ms = 10000,
		       .network = { .mode = NETWORK_ATTACHED, .attachments = attachments, .n_attachments = 2, .ports = ports,
				    .n_ports = 1 } },
		.snapshot = "snap0",
		.dir = SNAPSHOT,
		.spec = spec,
	};
}

static struct launched plan(const struct clone_source *s, struct arena *a)
{
	static const char *publish[] = { "9090:80" };
	const struct clone_request r = { .source = s, .name = "one", .publish = publish, .n_publish = 1 };
	struct launched l = { .id = "one", .name = "one", .dir = "/var/lib/ferry/launch/one", .created = "now" };

	clone_plan(&r, a, &l);
	return l;
}

static void test_launched(void **state)
{
	(void)state;
	cleanup_arena struct arena a = ARENA_INIT;
	struct spec spec = { 0 };
	const struct clone_source s = make_source(&spec);
	const struct launched l = plan(&s, &a);
	static const char *const root[] = {
		"lowerdir+=" SNAPSHOT "/upper", "lowerdir+=/images/layers/2", "lowerdir+=/images/layers/1",
		"upperdir=/var/lib/ferry/launch/one/upper", "workdir=/var/lib/ferry/launch/one/work", "index=off",
	};

	assert_string_equal(l.id, "one");
	assert_string_equal(l.created, "now");
	assert_string_equal(l.image, "nginx");
	assert_string_equal(l.cloned_from, SNAPSHOT);
	assert_int_equal(l.restart, RESTART_ALWAYS);
	assert_int_equal(l.n_root_options, sizeof(root) / sizeof(root[0]));
	for (size_t i = 0; i < l.n_root_options; i++)
		assert_string_equal(l.root_options[i], root[i]);
	/* On the same networks, as somebody else. */
	assert_int_equal(l.network.n_attachments, 2);
	assert_string_equal(l.network.attachments[0].network, "ferry");
	assert_null(l.network.attachments[0].ip);
	assert_null(l.network.attachments[0].mac);
	assert_string_equal(l.network.attachments[1].interface, "inner0");
	assert_null(l.network.attachments[1].ip6);
	assert_int_equal(l.network.n_ports, 1);
	assert_string_equal(l.network.ports[0], "9090:80");
	assert_string_equal(s.l.network.attachments[0].ip, "10.88.0.7");
}

/* The kernel takes no layer that lies in another of the same overlay. */
static void test_copied(void **state)
{
	(void)state;
	static const char *host_root[] = { "lowerdir=/", "upperdir=" SOURCE "/upper", "workdir=" SOURCE "/work" };
	cleanup_arena struct arena a = ARENA_INIT;
	struct spec spec = { 0 };
	struct clone_source s = make_source(&spec);

	assert_false(clone_is_copied(&s, &a));
	s.l.root_options = host_root;
	s.l.n_root_options = 3;
	assert_true(clone_is_copied(&s, &a));
	const struct launched l = plan(&s, &a);
	assert_int_equal(l.n_root_options, 3);
	assert_string_equal(l.root_options[0], "lowerdir=/");
	assert_string_equal(l.root_options[1], "upperdir=/var/lib/ferry/launch/one/upper");
}

static void test_config(void **state)
{
	(void)state;
	cleanup_arena struct arena a = ARENA_INIT;
	cleanup_buf struct buf out = BUF_INIT;
	struct spec spec = { 0 };
	struct clone_source s = make_source(&spec);
	struct err e = ERR_INIT;

	s.config = "{\"hostname\":\"shop\",\"root\":{\"path\":\"" SOURCE "/root\",\"readonly\":false},"
		   "\"process\":{\"args\":[\"shop\",\"" SOURCE "/root\"],\"env\":[\"PATH=/bin\",\"HOSTNAME=shop\"]},"
		   "\"mounts\":[{\"destination\":\"/etc/hosts\",\"source\":\"" SOURCE "/hosts\"},"
		   "{\"destination\":\"/data\",\"source\":\"" SOURCE "-data\"},{\"destination\":\"/proc\"},"
		   "{\"destination\":\"/srv\",\"type\":\"overlay\",\"source\":\"overlay\",\"options\":[\"lowerdir=" SOURCE
		   "/srv\",\"upperdir=" SOURCE "/upper-srv\",\"workdir=" SOURCE "/work-srv\"]}],"
		   "\"linux\":{\"cgroupsPath\":\"shops.slice:ferry:web\",\"n\":18446744073709551615}}";
	const struct launched l = plan(&s, &a);
	assert_int_equal(clone_config(&s, &l, &a, &out, &e), 0);
	assert_string_equal(buf_text(&out),
		"{\"hostname\":\"one\",\"root\":{\"path\":\"/var/lib/ferry/launch/one/root\",\"readonly\":false},"
		"\"process\":{\"args\":[\"shop\",\"" SOURCE "/root\"],\"env\":[\"PATH=/bin\",\"HOSTNAME=one\"]},"
		"\"mounts\":[{\"destination\":\"/etc/hosts\",\"source\":\"/var/lib/ferry/launch/one/hosts\"},"
		"{\"destination\":\"/data\",\"source\":\"" SOURCE "-data\"},{\"destination\":\"/proc\"},"
		"{\"destination\":\"/srv\",\"type\":\"overlay\",\"source\":\"overlay\",\"options\":[\"lowerdir=" SOURCE
		"/srv\",\"upperdir=/var/lib/ferry/launch/one/upper-srv\",\"workdir=/var/lib/ferry/launch/one/work-srv\"]}],"
		"\"linux\":{\"cgroupsPath\":\"shops.slice:ferry:one\",\"n\":18446744073709551615}}");
	s.config = "{\"root\":";
	assert_true(clone_config(&s, &l, &a, &out, &e) < 0);
}

static void test_hostname(void **state)
{
	(void)state;
	cleanup_arena struct arena a = ARENA_INIT;
	struct spec spec = { 0 };
	const struct clone_source s = make_source(&spec);
	struct launched l = plan(&s, &a);

	assert_string_equal(clone_hostname(&s, &l, &a), "one");
	l.name = "a-name-that-is-longer-than-what-the-kernel-takes-for-the-name-of-a-host";
	assert_int_equal(strlen(clone_hostname(&s, &l, &a)), 64);
	spec.lx.n_namespaces = 0;
	assert_null(clone_hostname(&s, &l, &a));
}

static void test_variables(void **state)
{
	(void)state;
	cleanup_arena struct arena a = ARENA_INIT;
	struct spec spec = { 0 };
	struct clone_source s = make_source(&spec);
	const struct launched l = plan(&s, &a);
	const char **first, **second;
	struct err e = ERR_INIT;

	assert_int_equal(clone_variables(&s, &l, &a, &first, &e), 0);
	assert_string_equal(first[0], "FERRY_CLONE_NAME=one");
	assert_string_equal(first[2], "FERRY_CLONE_SOURCE=shop/snap0");
	assert_int_equal(strlen(first[4]), strlen("FERRY_CLONE_GENERATION=") + 32);
	assert_null(first[5]);
	s.template = "warm";
	assert_int_equal(clone_variables(&s, &l, &a, &second, &e), 0);
	assert_string_not_equal(first[4], second[4]);
	assert_string_equal(second[5], "FERRY_CLONE_TEMPLATE=warm");
	assert_null(second[6]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_launched), cmocka_unit_test(test_copied),	   cmocka_unit_test(test_config),
		cmocka_unit_test(test_hostname), cmocka_unit_test(test_variables),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
