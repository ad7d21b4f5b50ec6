/* What containers have of their networks, as people look at it. */
#include "runtime/cli/network_settings.h"

#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>

#include <cmocka.h>

static const char *exposed[] = { "80/tcp", "100/tcp", "53/udp" }, *published[] = { "8080:80/tcp", "127.0.0.1::53-54/udp" };
static const char *aliases[] = { "alias" };

static struct launched a_container(struct launched_attachment *x)
{
	*x = (struct launched_attachment){ .network = "web", .aliases = aliases, .n_aliases = 1 };
	return (struct launched){ .network = { .mode = NETWORK_ATTACHED, .attachments = x, .n_attachments = 1,
					       .exposed = exposed, .n_exposed = 3, .ports = published, .n_ports = 2 } };
}

static struct net_endpoint an_endpoint(struct net_link *link, struct net_port ports[3])
{
	struct err e = ERR_INIT;
	struct net_endpoint x = { .links = link, .n_links = 1, .ports = ports, .n_ports = 3 };

	*link = (struct net_link){ .network = "web", .interface = "eth0", .mac = { 2, 0, 0, 0, 0, 1 } };
	ports[0] = (struct net_port){ IPPROTO_TCP, { 0 }, 8080, 80, 1 };
	ports[1] = (struct net_port){ IPPROTO_UDP, { 0 }, 40000, 53, 2 };
	ports[2] = (struct net_port){ IPPROTO_TCP, { 0 }, 9090, 80, 1 };
	assert_int_equal(net_address_parse("127.0.0.1", false, &ports[1].host, &e), 0);
	assert_int_equal(net_address_parse("::1", false, &ports[2].host, &e), 0);
	assert_int_equal(net_address_parse("10.1.0.2/24", true, &link->addresses[0], &e), 0);
	assert_int_equal(net_address_parse("fd01::2/64", true, &link->addresses[1], &e), 0);
	assert_int_equal(net_address_parse("10.1.0.1", false, &link->gateways[0], &e), 0);
	return x;
}

static void ports_in_a_line(void **state)
{
	cleanup_arena struct arena a = ARENA_INIT;
	struct launched_attachment attachment;
	struct launched l = a_container(&attachment);
	struct net_port ports[3];
	struct net_link link;
	struct net_endpoint x = an_endpoint(&link, ports), none = { 0 };

	(void)state;
	assert_string_equal(cli_ports(&l, &x, &a),
			    "0.0.0.0:8080->80/tcp, [::]:8080->80/tcp, 127.0.0.1:40000-40001->53-54/udp, [::1]:9090->80/tcp, 100/tcp");
	assert_string_equal(cli_ports(&l, &none, &a), "80/tcp, 100/tcp, 53/udp");
}

static void as_docker_inspects(void **state)
{
	cleanup_arena struct arena a = ARENA_INIT;
	cleanup_buf struct buf out = BUF_INIT;
	struct json_writer w = { .out = &out };
	struct launched_attachment attachment;
	struct launched l = a_container(&attachment);
	struct net_port ports[3];
	struct net_link link;
	struct net_endpoint x = an_endpoint(&link, ports);

	(void)state;
	json_begin_object(&w, NULL);
	cli_write_network_settings(&w, &l, &x, &a);
	cli_write_network_mode(&w, &l, &a);
	json_end_object(&w);
	assert_string_equal(buf_text(&out),
		"{\"NetworkSettings\":{\"Ports\":{\"80/tcp\":[{\"HostIp\":\"0.0.0.0\",\"HostPort\":\"8080\"},"
		"{\"HostIp\":\"::\",\"HostPort\":\"8080\"},{\"HostIp\":\"::1\",\"HostPort\":\"9090\"}],"
		"\"53/udp\":[{\"HostIp\":\"127.0.0.1\",\"HostPort\":\"40000\"}],"
		"\"54/udp\":[{\"HostIp\":\"127.0.0.1\",\"HostPort\":\"40001\"}],\"100/tcp\":null},"
		"\"IPAddress\":\"10.1.0.2\",\"IPPrefixLen\":24,\"Gateway\":\"10.1.0.1\",\"GlobalIPv6Address\":\"fd01::2\","
		"\"GlobalIPv6PrefixLen\":64,\"IPv6Gateway\":\"\",\"MacAddress\":\"02:00:00:00:00:01\","
		"\"Networks\":{\"web\":{\"Aliases\":[\"alias\"],\"IPAddress\":\"10.1.0.2\",\"IPPrefixLen\":24,"
		"\"Gateway\":\"10.1.0.1\",\"GlobalIPv6Address\":\"fd01::2\",\"GlobalIPv6PrefixLen\":64,\"IPv6Gateway\":\"\","
		"\"MacAddress\":\"02:00:00:00:00:01\",\"Interface\":\"eth0\"}}},"
		"\"NetworkMode\":\"web\",\"PortBindings\":{\"80/tcp\":[{\"HostIp\":\"\",\"HostPort\":\"8080\"}],"
		"\"53/udp\":[{\"HostIp\":\"127.0.0.1\",\"HostPort\":\"\"}],\"54/udp\":[{\"HostIp\":\"127.0.0.1\",\"HostPort\":\"\"}]}}");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(ports_in_a_line),
		cmocka_unit_test(as_docker_inspects),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
