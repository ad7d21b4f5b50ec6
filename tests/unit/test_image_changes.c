#include "overlay/image/changes.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
/* cmocka wants the four above. */
#include <cmocka.h>

#define BASE                                                                                                           \
	"{\"kept\":[1],\"config\":{\"Env\":[\"A=1\",\"B=2\"],\"Cmd\":[\"old\"],\"WorkingDir\":\"/srv\",\"Other\":true}}"

/* The configuration after the changes, as text; or the error. */
static const char *after(struct arena *a, const char *base, const char *const *changes, size_t n)
{
	struct json_writer w = { .out = arena_new(a, struct buf) };
	struct err e = ERR_INIT;
	struct json j;

	assert_int_equal(json_parse(base, strlen(base), a, &j, &e), 0);
	if (changes_apply(&j, changes, n, a, &e) < 0)
		return arena_strdup(a, e.msg);
	json_value(&w, NULL, &j);
	const char *text = arena_strdup(a, buf_text(w.out));
	buf_finish(w.out);
	return text;
}

#define AFTER(base, ...) \
	after(&a, base, (const char *const[]){ __VA_ARGS__ }, sizeof((const char *[]){ __VA_ARGS__ }) / sizeof(char *))

static void test_what_is_not_known_stays(void **state)
{
	cleanup_arena struct arena a = ARENA_INIT;

	(void)state;
	assert_string_equal(after(&a, BASE, NULL, 0), BASE);
	assert_string_equal(AFTER("{}", "USER www"), "{\"config\":{\"User\":\"www\"}}");
	assert_string_equal(AFTER("{\"config\":null}", "USER 1:2"), "{\"config\":{\"User\":\"1:2\"}}");
}

static void test_commands(void **state)
{
	cleanup_arena struct arena a = ARENA_INIT;

	(void)state;
	assert_string_equal(AFTER("{}", "CMD [\"a\", \"b c\"]"), "{\"config\":{\"Cmd\":[\"a\",\"b c\"]}}");
	assert_string_equal(AFTER("{}", "cmd echo $HOME"),
			    "{\"config\":{\"Cmd\":[\"/bin/sh\",\"-c\",\"echo $HOME\"]}}");
	assert_string_equal(AFTER("{\"config\":{\"Cmd\":[\"old\"]}}", "ENTRYPOINT [\"e\"]"),
			    "{\"config\":{\"Cmd\":null,\"Entrypoint\":[\"e\"]}}");
	assert_string_equal(AFTER("{\"config\":{\"Cmd\":[\"old\"]}}", "CMD [\"new\"]", "ENTRYPOINT [\"e\"]"),
			    "{\"config\":{\"Cmd\":[\"new\"],\"Entrypoint\":[\"e\"]}}");
}

static void test_pairs(void **state)
{
	cleanup_arena struct arena a = ARENA_INIT;

	(void)state;
	assert_string_equal(AFTER("{\"config\":{\"Env\":[\"A=1\",\"AB=2\"]}}",
				  "ENV A=\"x y\" C='d' E=f\\ g", "ENV H i  j "),
			    "{\"config\":{\"Env\":[\"A=x y\",\"AB=2\",\"C=d\",\"E=f g\",\"H=i  j \"]}}");
	assert_string_equal(AFTER("{\"config\":{\"Labels\":{\"a\":\"b\"}}}", "LABEL a=c x.y=\"\"", "LABEL z a b"),
			    "{\"config\":{\"Labels\":{\"a\":\"c\",\"x.y\":\"\",\"z\":\"a b\"}}}");
	assert_string_equal(AFTER("{}", "ENV A=1 junk"), "change 'ENV A=1 junk': expected NAME=VALUE, not 'junk'");
	assert_string_equal(AFTER("{}", "ENV =1"), "change 'ENV =1': expected NAME=VALUE, not '=1'");
}

static void test_sets(void **state)
{
	cleanup_arena struct arena a = ARENA_INIT;

	(void)state;
	assert_string_equal(AFTER("{}", "EXPOSE 80 53/udp", "EXPOSE 80/tcp"),
			    "{\"config\":{\"ExposedPorts\":{\"80/tcp\":{},\"53/udp\":{}}}}");
	assert_string_equal(AFTER("{}", "VOLUME [\"/a\"]", "VOLUME /b /c"),
			    "{\"config\":{\"Volumes\":{\"/a\":{},\"/b\":{},\"/c\":{}}}}");
	assert_string_equal(AFTER("{}", "EXPOSE 70000"),
			    "change 'EXPOSE 70000': '70000' is not a port such as 80 or 53/udp");
	assert_string_equal(AFTER("{}", "VOLUME b"), "change 'VOLUME b': 'b' is not an absolute path");
}

static void test_texts(void **state)
{
	cleanup_arena struct arena a = ARENA_INIT;

	(void)state;
	assert_string_equal(AFTER("{\"config\":{\"WorkingDir\":\"/srv\"}}", "WORKDIR a", "WORKDIR b"),
			    "{\"config\":{\"WorkingDir\":\"/srv/a/b\"}}");
	assert_string_equal(AFTER("{}", "WORKDIR /x"), "{\"config\":{\"WorkingDir\":\"/x\"}}");
	assert_string_equal(AFTER("{}", "STOPSIGNAL SIGQUIT"), "{\"config\":{\"StopSignal\":\"SIGQUIT\"}}");
	if (!strstr(AFTER("{}", "STOPSIGNAL SIGNONE"), "SIGNONE"))
		fail_msg("a signal that is none was taken");
}

static void test_no_instruction(void **state)
{
	static const char *const bad[] = { "", "RUN x", "CMD", "FROM scratch", "CMDx y" };
	cleanup_arena struct arena a = ARENA_INIT;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		if (strncmp(AFTER("{}", bad[i]), "change '", 8) != 0)
			fail_msg("'%s' was taken", bad[i]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_what_is_not_known_stays),
		cmocka_unit_test(test_commands),
		cmocka_unit_test(test_pairs),
		cmocka_unit_test(test_sets),
		cmocka_unit_test(test_texts),
		cmocka_unit_test(test_no_instruction),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
