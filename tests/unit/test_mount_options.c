#include "ns_example.h"

static struct arena arena;

static struct mount_options parse(const char *const *words, size_t n)
{
	struct mount_options o;
	mount_options_parse(words, n, &arena, &o);
	return o;
}

#define PARSE(...) parse((const char *[]){ __VA_ARGS__ }, sizeof((const char *[]){ __VA_ARGS__ }) / sizeof(char *))

static void test_names_sorted(void **state)
{
	/* config.md: what MUST, SHOULD and MAY be understood */
	static const char *const spec[] = {
		"async", "atime", "bind", "defaults", "dev", "diratime", "dirsync", "exec", "iversion", "lazytime", "loud",
		"noatime", "nodev", "nodiratime", "noexec", "noiversion", "nolazytime", "norelatime", "nostrictatime", "nosuid",
		"private", "rbind", "relatime", "remount", "ro", "rprivate", "rshared", "rslave", "runbindable", "rw", "shared",
		"silent", "slave", "strictatime", "suid", "sync", "unbindable", "nosymfollow", "symfollow", "ratime", "rdev",
		"rdiratime", "rexec", "rnoatime", "rnodev", "rnodiratime", "rnoexec", "rnorelatime", "rnostrictatime",
		"rnosuid", "rnosymfollow", "rrelatime", "rro", "rrw", "rstrictatime", "rsuid", "rsymfollow", "idmap", "ridmap",
		"mand", "nomand", "tmpcopyup",
	};
	const char *const *names = mount_option_names();
	size_t n = 0;

	(void)state;
	for (; names[n]; n++)
		if (n)
			assert_true(strcmp(names[n - 1], names[n]) < 0);
	assert_int_equal(n, sizeof(spec) / sizeof(spec[0]));
	for (size_t i = 0; i < sizeof(spec) / sizeof(spec[0]); i++) {
		struct mount_options o = parse(&spec[i], 1);
		if (o.n_params) /* only the superblock's flags reach the file system, by their own name */
			assert_non_null(strstr("async dirsync lazytime mand nolazytime nomand sync", spec[i]));
	}
}

static void test_attributes(void **state)
{
	(void)state;
	struct mount_options o = PARSE("ro", "nosuid", "nodev", "noexec", "nosymfollow", "nodiratime");
	assert_int_equal(o.attr.set, MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC |
					     MOUNT_ATTR_NOSYMFOLLOW | MOUNT_ATTR_NODIRATIME);
	assert_int_equal(o.attr.clr, 0);
	assert_int_equal(o.rec_attr.set | o.rec_attr.clr, 0);

	o = PARSE("rro", "rnosuid");
	assert_int_equal(o.rec_attr.set, MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID);
	assert_int_equal(o.attr.set | o.attr.clr, 0);
	assert_int_equal(mount_options_fsmount_attrs(&o), MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID);
}

static void test_last_wins(void **state)
{
	(void)state;
	struct mount_options o = PARSE("ro", "rw", "suid", "nosuid");
	assert_int_equal(o.attr.set, MOUNT_ATTR_NOSUID);
	assert_int_equal(o.attr.clr, MOUNT_ATTR_RDONLY);

	o = PARSE("ro", "rrw"); /* the recursive one takes the plain one back */
	assert_int_equal(o.attr.set, 0);
	assert_int_equal(o.rec_attr.clr, MOUNT_ATTR_RDONLY);
	o = PARSE("rro", "rw"); /* the top alone is writable */
	assert_int_equal(o.rec_attr.set, MOUNT_ATTR_RDONLY);
	assert_int_equal(o.attr.clr, MOUNT_ATTR_RDONLY);
	assert_int_equal(mount_options_fsmount_attrs(&o), 0);

	o = PARSE("rprivate", "shared");
	assert_int_equal(o.propagation, MS_SHARED);
	assert_false(o.propagation_rec);
	o = PARSE("bind", "rbind");
	assert_true(o.bind && o.rbind);
	o = PARSE("rbind", "bind");
	assert_true(o.bind && !o.rbind);
}

static void test_access_time(void **state)
{
	(void)state;
	struct mount_options o = PARSE("noatime", "strictatime");
	assert_int_equal(o.attr.set, MOUNT_ATTR_STRICTATIME);
	assert_int_equal(o.attr.clr, MOUNT_ATTR__ATIME);
	o = PARSE("noatime", "atime");
	assert_int_equal(o.attr.set, MOUNT_ATTR_RELATIME);
	assert_int_equal(o.attr.clr, MOUNT_ATTR__ATIME);
	o = PARSE("strictatime", "atime"); /* only takes noatime back */
	assert_int_equal(o.attr.set, MOUNT_ATTR_STRICTATIME);
	o = PARSE("rnoatime");
	assert_int_equal(o.rec_attr.set, MOUNT_ATTR_NOATIME);
	assert_int_equal(o.rec_attr.clr, MOUNT_ATTR__ATIME);
}

static void test_params(void **state)
{
	(void)state;
	struct mount_options o = PARSE("size=64k,nosuid,mode=755", "hidepid", "lowerdir=/a\\,b:/c,upperdir=/d",
				       "context=\"a:b:c1,c2\"", "", "sync");
	assert_int_equal(o.n_params, 7);
	assert_int_equal(o.attr.set, MOUNT_ATTR_NOSUID);
	assert_string_equal(mount_options_param(&o, "size"), "64k");
	assert_string_equal(mount_options_param(&o, "mode"), "755");
	assert_string_equal(o.params[2].key, "hidepid");
	assert_null(o.params[2].value);
	assert_string_equal(mount_options_param(&o, "lowerdir"), "/a\\,b:/c");
	assert_string_equal(mount_options_param(&o, "upperdir"), "/d");
	assert_string_equal(mount_options_param(&o, "context"), "\"a:b:c1,c2\"");
	assert_string_equal(o.params[6].key, "sync");
	assert_null(mount_options_param(&o, "hidepid"));
}

static void test_propagation_word(void **state)
{
	uint64_t flag;
	bool rec;

	(void)state;
	assert_true(mount_propagation_parse("rslave", &flag, &rec));
	assert_true(flag == MS_SLAVE && rec);
	assert_true(mount_propagation_parse("unbindable", &flag, &rec));
	assert_true(flag == MS_UNBINDABLE && !rec);
	assert_false(mount_propagation_parse("ro", &flag, &rec));
	assert_false(mount_propagation_parse("", &flag, &rec));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_names_sorted), cmocka_unit_test(test_attributes),
		cmocka_unit_test(test_last_wins),    cmocka_unit_test(test_access_time),
		cmocka_unit_test(test_params),	     cmocka_unit_test(test_propagation_word),
	};
	int r = cmocka_run_group_tests(tests, NULL, NULL);
	arena_finish(&arena);
	return r;
}
