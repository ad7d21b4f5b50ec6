/* Signatures of images: against what minisign itself wrote, and what a policy says. */
#include "overlay/trust/trust.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/stat.h>

#include <cmocka.h>

#include "tests/unit/fixture_dir.h"

#define KEY "RWRkFPbIi41m4UGscdOhh78orUT7QtMOF77wHtVJzqBHevJT5tKQy+ca"
#define OTHER_KEY "RWQf6LRCGA9i53mlYecO4IzT51TGPpvWucNSCh1CBM0QTaLn73Y7GFO3"
#define OF_HASH "RURkFPbIi41m4YrtJJGGtifdFDdPOpJ8GLjafXbjNQspWIABkN8uIMKpqswQ+1xrjRfID2QLylyRt1nBByjDtg6Iba3u4WpeWgE="
#define OF_COMMENT "lyR4beNlqcUiRAVjkFNYeMWv17/JmCH8WCWxXZV+637OqZMVHBZbHDQCKGjAFlzvHIedyaQSS+TlwxwyP3iuAw=="
#define LEGACY "RWRkFPbIi41m4SExv6uHprFMmFEMJl8Zqo9PEb18USjHU55Me3jz40sBUXQRlGPnmPymOlZdw+ezw+fo94mlj/wjztP/TTN4gww="
#define HEAD "untrusted comment: a test\n"
#define COMMENT "trusted comment: made for a test\n"

static const char content[] = "an image, so to speak\n";
static const char good[] = HEAD OF_HASH "\n" COMMENT OF_COMMENT "\n";

static const char signed_by_key[] = "{ \"default\": \"reject\", \"images\": {"
				    " \"here.example/team\": { \"signedBy\": [\"" OTHER_KEY "\", \"" KEY "\"] },"
				    " \"here.example/team/free\": \"accept\","
				    " \"other\": { \"signedBy\": [\"" OTHER_KEY "\"] } } }";

static int load(const char *text, struct arena *a, struct trust_policy *ret, struct err *e)
{
	cleanup_fixture struct fixture_dir d = fixture_dir_new();
	char path[96];

	fixture_file(&d, "policy.json", text);
	snprintf(path, sizeof(path), "%s/policy.json", d.path);
	return trust_policy_load(path, a, ret, e);
}

static int check(const char *policy, const char *name, const char *bytes, const char *signature, struct err *e)
{
	cleanup_arena struct arena a = ARENA_INIT;
	struct trust t = { .signature = signature, .where = "signature 'f.minisig'" };

	assert_int_equal(load(policy, &a, &t.policy, e), 0);
	return trust_document(&t, name, bytes, strlen(bytes), e);
}

static void a_signature_of_minisign_holds(void **state)
{
	struct err e = ERR_INIT;

	(void)state;
	assert_int_equal(check(signed_by_key, "here.example/team:1", content, good, &e), 0);
	assert_int_equal(check(signed_by_key, "here.example/team/app:1", content, good, &e), 0);
	/* As an editor on another system may have left it. */
	assert_int_equal(check(signed_by_key, "here.example/team", content,
			       "untrusted comment: x\r\n" OF_HASH "\r\ntrusted comment: made for a test\r\n" OF_COMMENT
			       "\r\n", &e), 0);
}

static void refused(const char *name, const char *bytes, const char *signature, const char *why)
{
	struct err e = ERR_INIT;

	assert_int_equal(check(signed_by_key, name, bytes, signature, &e), -EKEYREJECTED);
	if (!strstr(e.msg, why) || !strstr(e.msg, name))
		fail_msg("said: %s\nexpected: %s", e.msg, why);
}

static void what_is_refused_says_why(void **state)
{
	(void)state;
	refused("here.example/team:1", content, NULL, "there is no signature 'f.minisig'");
	refused("here.example/team:1", "an image, so to speak?\n", good, "not of this image");
	refused("other:1", content, good, "by a key that the policy does not list");
	refused("here.example/team:1", content, HEAD OF_HASH "\ntrusted comment: made for anything\n" OF_COMMENT "\n",
		"not of this image");
	refused("here.example/team:1", content, HEAD LEGACY "\n" COMMENT OF_COMMENT "\n", "without a hash");
	refused("here.example/team:1", content, HEAD OF_HASH "\n", "without its trusted comment");
	refused("here.example/team:1", content, HEAD "RURk\n", "no signature of minisign's");
	refused("here.example/team:1", content, "", "no signature of minisign's");
	refused("here.example:1", content, good, "(default)");
	refused("", content, good, "(default)"); /* without a name */
}

static void the_longest_rule_that_covers_a_name_counts(void **state)
{
	struct err e = ERR_INIT;

	(void)state;
	assert_int_equal(check(signed_by_key, "here.example/team/free:2", content, NULL, &e), 0);
	refused("here.example/teams:1", content, good, "(default)"); /* not of the team */
	refused("here.example/team/freedom:1", content, NULL, "there is no signature");
}

static void without_a_policy_everything_is_accepted(void **state)
{
	cleanup_arena struct arena a = ARENA_INIT;
	struct err e = ERR_INIT;
	struct trust t = { 0 };

	(void)state;
	assert_int_equal(trust_policy_load("/nonexistent/policy.json", &a, &t.policy, &e), 0);
	assert_int_equal(trust_document(&t, "x:1", content, strlen(content), &e), 0);
}

static void a_policy_that_is_not_understood_is_an_error(void **state)
{
	static const struct {
		const char *text, *why;
	} bad[] = {
		{ "{ \"defaults\": \"reject\" }", "unknown member 'defaults'" },
		{ "{ \"default\": \"deny\" }", "default: expected \"accept\", \"reject\"" },
		{ "{ \"images\": [] }", "images: expected an object" },
		{ "{ \"images\": { \"a\": { \"signedBy\": [] } } }", "'a': signedBy: expected a list" },
		{ "{ \"images\": { \"a\": { \"signedby\": [\"" KEY "\"] } } }", "'a': signedBy: expected a list" },
		{ "{ \"images\": { \"a\": { \"signedBy\": [7] } } }", "signedBy[0]: expected a string, got a number" },
		{ "{ \"images\": { \"a\": { \"signedBy\": [\"RWRk\"] } } }", "no public key" },
		{ "{ \"images\": { \"a\": { \"signedBy\": [\"" KEY "x\"] } } }", "no public key" },
		{ "reject", "line 1" },
		{ "[]", "expected an object" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		cleanup_arena struct arena a = ARENA_INIT;
		struct err e = ERR_INIT;
		struct trust_policy p;
		assert_int_equal(load(bad[i].text, &a, &p, &e), -EINVAL);
		if (!strstr(e.msg, bad[i].why) || !strstr(e.msg, "/policy.json'"))
			fail_msg("'%s' said: %s", bad[i].text, e.msg);
	}
}

static void a_policy_that_others_can_write_is_an_error(void **state)
{
	cleanup_fixture struct fixture_dir d = fixture_dir_new();
	cleanup_arena struct arena a = ARENA_INIT;
	struct err e = ERR_INIT;
	struct trust_policy p;
	char path[96];

	(void)state;
	fixture_file(&d, "policy.json", "{}");
	snprintf(path, sizeof(path), "%s/policy.json", d.path);
	assert_int_equal(chmod(path, 0664), 0);
	assert_int_equal(trust_policy_load(path, &a, &p, &e), -EPERM);
	assert_int_equal(chmod(path, 0644), 0);
	assert_int_equal(trust_policy_load(path, &a, &p, &e), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_signature_of_minisign_holds),
		cmocka_unit_test(what_is_refused_says_why),
		cmocka_unit_test(the_longest_rule_that_covers_a_name_counts),
		cmocka_unit_test(without_a_policy_everything_is_accepted),
		cmocka_unit_test(a_policy_that_is_not_understood_is_an_error),
		cmocka_unit_test(a_policy_that_others_can_write_is_an_error),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
