#include "netns/endpoint.h"

#include "lib/fd.h"
#include "netns/leaving.h"
#include "tests/unit/fixture_dir.h"

#include <errno.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <sys/stat.h>
/* cmocka wants the two before. */
#include <cmocka.h>

static struct net_address address(const char *text)
{
	struct net_address x;
	struct err e = ERR_INIT;

	assert_int_equal(net_address_parse(text, true, &x, &e), 0);
	return x;
}

static void test_names(void **state)
{
	cleanup_arena struct arena a = ARENA_INIT;
	const char *key = endpoint_key("/run/ferry/web", &a), *link, *other;
	struct err e = ERR_INIT;

	(void)state;
	assert_int_equal(strlen(key), ENDPOINT_KEY);
	assert_string_equal(key, endpoint_key("/run/ferry/web", &a));
	assert_string_not_equal(key, endpoint_key("/run/ferry/web2", &a));
	assert_int_equal(endpoint_host_link(&a, &link, &e), 0);
	assert_int_equal(endpoint_host_link(&a, &other, &e), 0);
	assert_memory_equal(link, "fv", 2);
	assert_int_equal(strlen(link), strlen("fv") + 11);
	assert_string_not_equal(link, other);
}

static struct net net_of(const struct fixture_dir *dir)
{
	return (struct net){ .definitions = -1, .state = dir->fd, .lock = -1, .filter = -1 };
}

static void test_record(void **state)
{
	cleanup_arena struct arena a = ARENA_INIT;
	const char *aliases[] = { "www", "w\"\n" }, *dns[] = { "10.0.0.53", "fd00::53" };
	struct net_link links[] = {
		{ .network = "ferry", .interface = "eth0", .host_link = "fv0", .mac = { 2, 0, 10, 89, 0, 2 },
		  .addresses = { address("10.89.0.2/24"), address("fd00::2/64") },
		  .gateways = { address("10.89.0.1/24"), address("fd00::1/64") }, .aliases = aliases, .n_aliases = 2 },
		{ .network = "wire", .interface = "data" },
	};
	struct net_port ports[] = {
		{ .protocol = IPPROTO_TCP, .host_port = 8080, .container_port = 80, .count = 1 },
		{ .protocol = IPPROTO_UDP, .host = address("127.0.0.1/32"), .host_port = 65535, .container_port = 53, .count = 1 },
	};
	struct net_endpoint x = {
		.key = "0123456789ab", .owner = "/run/ferry/web", .name = "web", .netns = 7, .links = links, .n_links = 2, .ports = ports,
		.n_ports = 2, .shaping = { 1, 2, 3, 4, 5 }, .dns = dns, .n_dns = 2,
	}, y, *all;
	struct err e = ERR_INIT;
	cleanup_fixture struct fixture_dir dir = fixture_dir_new();
	char brief[256] = "";
	size_t n;

	(void)state;
	struct net net = net_of(&dir);
	assert_int_equal(endpoint_load(&net, x.key, &a, &y, &e), -ENOENT);
	assert_int_equal(endpoint_list(&net, &a, &all, &n, &e), 0);
	assert_int_equal(n, 0);
	for (int times = 0; times < 2; times++)
		assert_int_equal(endpoint_save(&net, &x, &e), 0);
	assert_int_equal(endpoint_load(&net, x.key, &a, &y, &e), 0);
	assert_string_equal(y.key, x.key);
	assert_string_equal(y.owner, x.owner);
	assert_string_equal(y.name, x.name);
	assert_int_equal(y.netns, 7);
	assert_int_equal(y.n_links, 2);
	assert_string_equal(y.links[0].host_link, "fv0");
	assert_null(y.links[1].host_link);
	assert_memory_equal(y.links[0].mac, links[0].mac, 6);
	assert_memory_equal(y.links[0].addresses, links[0].addresses, sizeof(links[0].addresses));
	assert_memory_equal(y.links[0].gateways, links[0].gateways, sizeof(links[0].gateways));
	assert_memory_equal(y.links[1].addresses, links[1].addresses, sizeof(links[1].addresses));
	assert_string_equal(y.links[0].aliases[1], "w\"\n");
	assert_int_equal(y.n_ports, 2);
	assert_memory_equal(&y.ports[1].host, &ports[1].host, sizeof(ports[1].host));
	assert_int_equal(y.ports[0].host.family, 0);
	assert_int_equal(y.ports[1].host_port, 65535);
	assert_int_equal(y.shaping.rate_bps, x.shaping.rate_bps);
	assert_int_equal(y.shaping.burst_bytes, x.shaping.burst_bytes);
	assert_int_equal(y.shaping.delay_us, x.shaping.delay_us);
	assert_int_equal(y.shaping.jitter_us, x.shaping.jitter_us);
	assert_int_equal(y.shaping.loss_ppm, x.shaping.loss_ppm);
	assert_int_equal(y.n_dns, 2);
	assert_true(readlinkat(dir.fd, "endpoints/0123456789ab", brief, sizeof(brief) - 1) > 0);
	assert_string_equal(brief, "ferry,wire 10.0.0.53,fd00::53");

	x.n_links = 1;
	x.n_dns = 0;
	assert_int_equal(endpoint_save(&net, &x, &e), 0);
	memset(brief, 0, sizeof(brief));
	assert_true(readlinkat(dir.fd, "endpoints/0123456789ab", brief, sizeof(brief) - 1) > 0);
	assert_string_equal(brief, "ferry ");
	assert_int_equal(endpoint_list(&net, &a, &all, &n, &e), 0);
	assert_int_equal(n, 1);
	assert_int_equal(all[0].n_links, 1);
	assert_int_equal(endpoint_move(&net, x.key, "gone", &e), 0);
	assert_int_equal(endpoint_move(&net, x.key, "gone", &e), -ENOENT);
	assert_int_equal(endpoint_load(&net, x.key, &a, &y, &e), -ENOENT);
	/* Nothing but the directory is left. */
	assert_int_equal(unlinkat(dir.fd, "endpoints", AT_REMOVEDIR), 0);
}

static void test_begun(void **state)
{
	cleanup_arena struct arena a = ARENA_INIT;
	const char *key = "0123456789ab", **keys;
	struct net_endpoint x, *all;
	struct err e = ERR_INIT;
	cleanup_fixture struct fixture_dir dir = fixture_dir_new();
	size_t n;

	(void)state;
	struct net net = net_of(&dir);
	assert_null(endpoint_owner(&net, key, &a));
	assert_int_equal(endpoint_begin(&net, key, "/run/ferry/web", &e), 0);
	assert_int_equal(endpoint_begin(&net, key, "/run/ferry/web", &e), -EEXIST);
	assert_int_equal(endpoint_load(&net, key, &a, &x, &e), -EINVAL);
	assert_string_equal(endpoint_owner(&net, key, &a), "/run/ferry/web");
	assert_int_equal(endpoint_list(&net, &a, &all, &n, &e), 0);
	assert_int_equal(n, 0);
	assert_int_equal(endpoint_keys(&net, &a, &keys, &n, &e), 0);
	assert_int_equal(n, 1);
	assert_string_equal(keys[0], key);
	assert_false(endpoint_has_more(&net, key));
	assert_int_equal(endpoint_begin_more(&net, key, &e), 1);
	assert_int_equal(endpoint_begin_more(&net, key, &e), 0);
	assert_true(endpoint_has_more(&net, key));
	assert_int_equal(endpoint_end_more(&net, key, &e), 0);
	assert_false(endpoint_has_more(&net, key));
	assert_int_equal(endpoint_begin_more(&net, key, &e), 1);
	assert_int_equal(endpoint_move(&net, key, "gone", &e), 0);
	assert_int_equal(unlinkat(dir.fd, "endpoints", AT_REMOVEDIR), 0);
}

static int count(struct net_leaving *l, void *data, struct err *e)
{
	int *n = data;

	(void)e;
	assert_true(l->fd >= 0);
	++*n;
	return 0;
}

static void test_leaving(void **state)
{
	cleanup_arena struct arena a = ARENA_INIT;
	struct net_endpoint x = { .key = "0123456789ab", .owner = "/run/ferry/web", .netns = 7 }, y;
	struct net_leaving first, second, none;
	struct err e = ERR_INIT;
	cleanup_fixture struct fixture_dir dir = fixture_dir_new();
	int n = 0;

	(void)state;
	struct net net = net_of(&dir);
	assert_int_equal(leaving_begin(&net, x.key, &none, &e), 0);
	assert_int_equal(none.fd, -1);
	/* The same container may have gone twice, one soon after the other. */
	assert_int_equal(endpoint_save(&net, &x, &e), 0);
	assert_int_equal(leaving_begin(&net, x.key, &first, &e), 0);
	assert_int_equal(endpoint_load(&net, x.key, &a, &y, &e), -ENOENT);
	assert_int_equal(endpoint_save(&net, &x, &e), 0);
	assert_int_equal(leaving_begin(&net, x.key, &second, &e), 0);
	assert_int_equal(leaving_each(&net, count, &n, &e), 0);
	assert_int_equal(n, 0);
	assert_int_equal(leaving_load(&net, &first, &a, &y, &e), 0);
	assert_string_equal(y.key, x.key);
	assert_int_equal(y.netns, 7);
	/* Who held it was killed. */
	close_fd(&second.fd);
	assert_int_equal(leaving_each(&net, count, &n, &e), 0);
	assert_int_equal(n, 1);
	assert_int_equal(leaving_end(&net, &first, &e), 0);
	assert_int_equal(first.fd, -1);
	assert_int_equal(leaving_end(&net, &second, &e), 0);
	assert_int_equal(leaving_each(&net, count, &n, &e), 0);
	assert_int_equal(n, 1);
	assert_int_equal(unlinkat(dir.fd, "leaving", AT_REMOVEDIR), 0);
}

static void test_damaged(void **state)
{
#define GOOD_SHAPING "\"shaping\":{\"rate_bps\":0,\"burst_bytes\":0,\"delay_us\":0,\"jitter_us\":0,\"loss_ppm\":0}"
#define DOCUMENT(links, ports) \
	"{\"owner\":\"/o\",\"netns\":-1,\"links\":[" links "],\"ports\":[" ports "]," GOOD_SHAPING ",\"dns\":[]}"
#define LINK(mac, addresses) \
	"{\"network\":\"n\",\"interface\":\"i\",\"mac\":\"" mac "\",\"addresses\":[" addresses "],\"gateways\":[]," \
	"\"aliases\":[]}"
	static const struct {
		const char *text;
		bool good;
	} cases[] = {
		{ DOCUMENT("", ""), true },
		{ DOCUMENT(LINK("02:00:00:00:00:01", "\"10.0.0.2/8\""), ""), true },
		{ "", false },
		{ "{", false },
		{ "[]", false },
		{ "{\"owner\":\"/o\"}", false },
		{ DOCUMENT("1", ""), false },
		{ DOCUMENT(LINK("02:00:00:00:00", ""), ""), false },
		{ DOCUMENT(LINK("02:00:00:00:00:01", "\"10.0.0.2\""), ""), false },
		{ DOCUMENT(LINK("02:00:00:00:00:01", "\"10.0.0.2/8\",\"10.0.0.3/8\",\"10.0.0.4/8\""), ""), false },
		{ DOCUMENT("", "{\"protocol\":6,\"host_port\":65536,\"container_port\":1,\"count\":1}"), false },
		{ DOCUMENT("", "{\"protocol\":6,\"host_port\":1,\"container_port\":1,\"count\":0}"), false },
		{ DOCUMENT("", "{\"protocol\":6,\"host_port\":1,\"container_port\":1,\"count\":1,\"host\":3}"), false },
	};
	cleanup_arena struct arena a = ARENA_INIT;
	cleanup_fixture struct fixture_dir dir = fixture_dir_new();
	struct net_endpoint x;

	(void)state;
	struct net net = net_of(&dir);
	assert_int_equal(mkdirat(dir.fd, "endpoints", 0755), 0);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct err e = ERR_INIT;
		assert_int_equal(file_replace_at(dir.fd, "endpoints/0123456789ab.json", 0600, cases[i].text,
						 strlen(cases[i].text), &e), 0);
		assert_int_equal(endpoint_load(&net, "0123456789ab", &a, &x, &e), cases[i].good ? 0 : -EINVAL);
		if (!cases[i].good)
			assert_non_null(strstr(e.msg, "endpoints/0123456789ab.json"));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_names),
		cmocka_unit_test(test_record),
		cmocka_unit_test(test_begun),
		cmocka_unit_test(test_leaving),
		cmocka_unit_test(test_damaged),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
