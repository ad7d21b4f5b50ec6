/* What needs no network: challenges, logins, addresses, packets, the display. */
#include "overlay/registry/auth.h"
#include "overlay/registry/challenge.h"
#include "overlay/registry/request.h"
#include "overlay/registry/url.h"
#include "runtime/cli/image_display.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

/* ---- WWW-Authenticate ---- */

static struct challenge challenge_of(struct arena *a, const char *value)
{
	struct challenge c = { 0 };

	challenge_read(value, a, &c);
	return c;
}

static void test_challenges(void **state)
{
	cleanup_arena struct arena a = ARENA_INIT;
	struct challenge c;

	(void)state;
	c = challenge_of(&a, "Bearer realm=\"https://auth.example/token\",service=\"db.example\","
			     "scope=\"repository:a/b:pull\"");
	assert_int_equal(c.scheme, CHALLENGE_BEARER);
	assert_string_equal(c.realm, "https://auth.example/token");
	assert_string_equal(c.service, "db.example");
	assert_string_equal(c.scope, "repository:a/b:pull");

	/* Space, tokens without quotes, quoted quotes, the case of names, unknown parameters. */
	c = challenge_of(&a, "  bearer  Realm = https , SERVICE=\"a \\\"b\\\\\" ,error=\"x,y\"");
	assert_int_equal(c.scheme, CHALLENGE_BEARER);
	assert_string_equal(c.realm, "https");
	assert_string_equal(c.service, "a \"b\\");
	assert_null(c.scope);

	c = challenge_of(&a, "Basic realm=\"x\"");
	assert_int_equal(c.scheme, CHALLENGE_BASIC);
	c = challenge_of(&a, "Basic");
	assert_int_equal(c.scheme, CHALLENGE_BASIC);
	assert_int_equal(challenge_of(&a, "Negotiate").scheme, CHALLENGE_NONE);
	assert_int_equal(challenge_of(&a, "").scheme, CHALLENGE_NONE);
}

/* Several in one header, or in several: the best that is known. */
static void test_several_challenges(void **state)
{
	cleanup_arena struct arena a = ARENA_INIT;
	struct challenge c;

	(void)state;
	c = challenge_of(&a, "Negotiate, Basic realm=\"x\", Bearer realm=\"https://t.example\", Digest realm=\"y\", nonce=z");
	assert_int_equal(c.scheme, CHALLENGE_BEARER);
	assert_string_equal(c.realm, "https://t.example");
	challenge_read("Basic realm=\"x\"", &a, &c);
	assert_int_equal(c.scheme, CHALLENGE_BEARER);
}

static void test_bad_challenges(void **state)
{
	static const char *const bad[] = {
		"Bearer", "Bearer realm", "Bearer realm=", "Bearer realm=\"https://x", "Bearer service=\"x\"",
		"Bearer =x", "=", "\"", ",,,", "Bearer \"realm\"=x", "Bearer realm=\"\\",
	};
	cleanup_arena struct arena a = ARENA_INIT;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		assert_int_equal(challenge_of(&a, bad[i]).scheme, CHALLENGE_NONE);
}

static void test_token_url(void **state)
{
	cleanup_arena struct arena a = ARENA_INIT;
	struct challenge c = { .scheme = CHALLENGE_BEARER, .realm = "https://t.example/token", .service = "my db&x" };

	(void)state;
	assert_string_equal(challenge_url(&c, "repository:a/b:pull", &a),
			    "https://t.example/token?service=my%20db%26x&scope=repository:a/b:pull");
	/* The challenge's first, none twice. */
	c.service = NULL;
	c.scope = "repository:a/b:pull other";
	assert_string_equal(challenge_url(&c, "repository:a/b:pull repository:c:pull", &a),
			    "https://t.example/token?scope=repository:a/b:pull&scope=other&scope=repository:c:pull");
	c = (struct challenge){ .realm = "https://t.example/?x=1" };
	assert_string_equal(challenge_url(&c, "s", &a), "https://t.example/?x=1&scope=s");
	assert_string_equal(challenge_url(&c, "", &a), "https://t.example/?x=1");
}

/* ---- logins ---- */

static int login_of(struct arena *a, const char *text, const char *host, const char *path, struct registry_login *ret,
		    struct err *e)
{
	*ret = (struct registry_login){ 0 };
	return registry_auth_parse(text, strlen(text), host, path, a, ret, e);
}

static void test_logins(void **state)
{
	static const char text[] = "{\"auths\": {"
				   "\"db.example\": {\"auth\": \"bWU6c2VjcmV0\"}," /* me:secret */
				   "\"db.example/team\": {\"auth\": \"dGVhbTpwOnE=\"}," /* team:p:q */
				   "\"https://old.example/v1/\": {\"auth\": \"bWU6b2xk\"}," /* me:old */
				   "\"127.0.0.1:5000\": {\"auth\": \"YTo=\"}}}"; /* a: */
	cleanup_arena struct arena a = ARENA_INIT;
	struct err e = ERR_INIT;
	struct registry_login l;

	(void)state;
	assert_int_equal(login_of(&a, text, "db.example", "app", &l, &e), 1);
	assert_string_equal(l.user, "me");
	assert_string_equal(l.password, "secret");
	assert_int_equal(login_of(&a, text, "db.example", "team/app", &l, &e), 1);
	assert_string_equal(l.user, "team");
	assert_string_equal(l.password, "p:q");
	assert_int_equal(login_of(&a, text, "db.example", "teams/app", &l, &e), 1);
	assert_string_equal(l.user, "me");
	assert_int_equal(login_of(&a, text, "old.example", "app", &l, &e), 1);
	assert_string_equal(l.password, "old");
	assert_int_equal(login_of(&a, text, "127.0.0.1:5000", "app", &l, &e), 1);
	assert_string_equal(l.password, "");
	/* Neither another port nor a host that begins so. */
	assert_int_equal(login_of(&a, text, "127.0.0.1:50001", "app", &l, &e), 0);
	assert_int_equal(login_of(&a, text, "db.example:443", "app", &l, &e), 0);
	assert_int_equal(login_of(&a, text, "db.example.org", "app", &l, &e), 0);
	assert_null(l.user);
	assert_int_equal(login_of(&a, "{}", "db.example", "app", &l, &e), 0);
}

static void test_helpers(void **state)
{
	cleanup_arena struct arena a = ARENA_INIT;
	struct err e = ERR_INIT;
	struct registry_login l;

	(void)state;
	assert_int_equal(login_of(&a, "{\"auths\":{\"h.x\":{}},\"credsStore\":\"pass\"}", "h.x", "a", &l, &e), 1);
	assert_string_equal(l.helper, "pass");
	assert_true(l.said);
	assert_int_equal(login_of(&a, "{\"auths\":{},\"credsStore\":\"pass\"}", "h.x", "a", &l, &e), 1);
	assert_string_equal(l.helper, "pass");
	assert_false(l.said);
	/* What is in the file itself comes before the one for all, but after the one for this host. */
	assert_int_equal(login_of(&a, "{\"auths\":{\"h.x\":{\"auth\":\"YTpi\"}},\"credsStore\":\"pass\"}", "h.x", "a", &l, &e), 1);
	assert_null(l.helper);
	assert_string_equal(l.user, "a");
	assert_int_equal(login_of(&a, "{\"auths\":{\"h.x\":{\"auth\":\"YTpi\"}},\"credHelpers\":{\"h.x\":\"ecr\"}}", "h.x", "a",
				  &l, &e), 1);
	assert_string_equal(l.helper, "ecr");
	assert_null(l.user);
	assert_true(l.said);
	assert_int_equal(login_of(&a, "{\"credHelpers\":{\"h.x\":\"ecr\"}}", "y.x", "a", &l, &e), 0);
	assert_int_equal(login_of(&a, "{\"credHelpers\":{\"h.x\":\"\"},\"credsStore\":\"\"}", "h.x", "a", &l, &e), 0);
	assert_int_equal(login_of(&a, "{\"credHelpers\":[1],\"credsStore\":7}", "h.x", "a", &l, &e), 0);
}

static void test_helper_answers(void **state)
{
	static const struct {
		const char *text;
		int is;
	} cases[] = {
		{ "{\"ServerURL\":\"h.x\",\"Username\":\"me\",\"Secret\":\"s:1\"}\n", 1 },
		{ "{\"Username\":\"\",\"Secret\":\"\"}", 0 },
		{ "{}", 0 },
		{ "{\"Username\":\"<token>\",\"Secret\":\"t\"}", -ENOTSUP },
		{ "", -EPROTO }, { "[]", -EPROTO }, { "secret", -EPROTO }, { "{\"Username\":", -EPROTO },
	};
	cleanup_arena struct arena a = ARENA_INIT;
	struct err e = ERR_INIT;
	struct registry_login l;

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++)
		assert_int_equal(registry_helper_parse(cases[i].text, strlen(cases[i].text), &a, &l, &e), cases[i].is);
	assert_int_equal(registry_helper_parse(cases[0].text, strlen(cases[0].text), &a, &l, &e), 1);
	assert_string_equal(l.user, "me");
	assert_string_equal(l.password, "s:1");
	/* Nobody's answer is shown. */
	assert_int_equal(registry_helper_parse("secret", 6, &a, &l, &e), -EPROTO);
	assert_null(strstr(e.msg, "secret"));
}

static void test_refused_logins(void **state)
{
	cleanup_arena struct arena a = ARENA_INIT;
	struct err e = ERR_INIT;
	struct registry_login l;

	(void)state;
	assert_int_equal(login_of(&a, "{\"auths\":{\"h.x\":{\"auth\":\"bWU=\",\"identitytoken\":\"t\"}}}", "h.x", "a", &l, &e),
			 -ENOTSUP);
	/* Not "user:password", not base64; and the error does not show it. */
	assert_int_equal(login_of(&a, "{\"auths\":{\"h.x\":{\"auth\":\"bWU=\"}}}", "h.x", "a", &l, &e), -EINVAL);
	assert_int_equal(login_of(&a, "{\"auths\":{\"h.x\":{\"auth\":\"se!cret\"}}}", "h.x", "a", &l, &e), -EINVAL);
	assert_null(strstr(e.msg, "se!cret"));
	assert_int_equal(login_of(&a, "[", "h.x", "a", &l, &e), -EINVAL);
}

/* ---- addresses ---- */

static void test_addresses(void **state)
{
	static const char *const loopback[] = { "localhost",	"LOCALHOST:5000", "127.0.0.1",
						"127.1.2.3:80", "[::1]",	  "[::1]:5000" };
	static const char *const other[] = { "localhost.example", "db.example", "128.0.0.1", "127.0.0.1.example", "[::2]:5000",
					     "0.0.0.0", "127.0.0.1x:5", "127", "[::1", "" };
	cleanup_arena struct arena a = ARENA_INIT;

	(void)state;
	for (size_t i = 0; i < sizeof(loopback) / sizeof(*loopback); i++)
		assert_true(registry_host_is_loopback(loopback[i]));
	for (size_t i = 0; i < sizeof(other) / sizeof(*other); i++)
		assert_false(registry_host_is_loopback(other[i]));
	assert_string_equal(registry_url("https://db.example:5000", "team/app", "manifests", "1.0", &a),
			    "https://db.example:5000/v2/team/app/manifests/1.0");
}

/* ---- packets ---- */

static void test_packets(void **state)
{
	cleanup_arena struct arena a = ARENA_INIT;
	cleanup_buf struct buf b = BUF_INIT;
	struct registry_request q = { .method = "GET", .url = "https://x/", .length_bytes = INT64_MAX, .range = 1 }, got;
	struct err e = ERR_INIT;

	(void)state;
	registry_request_encode(&q, &b);
	assert_int_equal(registry_request_decode(b.data, b.len, &a, &got, &e), 0);
	assert_string_equal(got.method, "GET");
	assert_string_equal(got.url, "https://x/");
	assert_string_equal(got.accept, "");
	assert_true(got.length_bytes == INT64_MAX);
	assert_int_equal(got.offset_bytes, 0);
	assert_int_equal(got.range, 1);
	/* Too short, too long, a number that is none. */
	for (size_t n = 0; n < b.len; n++)
		assert_int_equal(registry_request_decode(b.data, n, &a, &got, &e), -EPROTO);
	buf_char(&b, 'x');
	assert_int_equal(registry_request_decode(b.data, b.len, &a, &got, &e), -EPROTO);
	struct registry_answer answer;
	assert_int_equal(registry_answer_decode("2x\0\0\0\0\0\0\0" "0\0", 11, &a, &answer, &e), -EPROTO);
	assert_int_equal(registry_answer_decode("200\0t\0d\0l\0r\0m\0c\0" "7\0", 18, &a, &answer, &e), 0);
	assert_int_equal(answer.status, 200);
	assert_string_equal(answer.code, "c");
	assert_int_equal(answer.chunk_min_bytes, 7);
}

/* ---- the display ---- */

static void test_display(void **state)
{
	const struct image_part parts[] = {
		{ "sha256:0123456789abcdef", IMAGE_PART_THERE, 0, 100 },
		{ "sha256:1123456789abcdef", IMAGE_PART_WORKING, 512, 1024 },
		{ "layer.tar", IMAGE_PART_WAITING, 0, -1 },
		{ "sha256:3123456789abcdef", IMAGE_PART_DONE, 1024, 1024 },
	};
	cleanup_buf struct buf out = BUF_INIT, short_one = BUF_INIT;

	(void)state;
	image_display_draw(parts, 4, 40, 4, &out);
	assert_string_equal(buf_text(&out), "0123456789ab  there already\n"
					    "1123456789ab  [=====>    ] 512B of 1.00KiB\n"
					    "layer.tar  waiting\n"
					    "3123456789ab  done, 1.00KiB\n");
	image_display_draw(parts, 4, 40, 3, &short_one);
	assert_string_equal(buf_text(&short_one), "2 of 4 layers, 1.50KiB of 2.00KiB\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_challenges),
		cmocka_unit_test(test_several_challenges),
		cmocka_unit_test(test_bad_challenges),
		cmocka_unit_test(test_token_url),
		cmocka_unit_test(test_logins),
		cmocka_unit_test(test_helpers),
		cmocka_unit_test(test_helper_answers),
		cmocka_unit_test(test_refused_logins),
		cmocka_unit_test(test_addresses),
		cmocka_unit_test(test_packets),
		cmocka_unit_test(test_display),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
