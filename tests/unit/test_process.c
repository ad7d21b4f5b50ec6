/* What a program finds when it runs: ids, capabilities, limits, environment, directory, descriptors. */
#include "tests/unit/run_process.h"

#include <errno.h>
#include <sched.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>

#define BIT(n) (UINT64_C(1) << (n))
#define CAPS "sed -n 's/^Cap\\(...\\):\\t/\\1 /p' /proc/self/status"

static void five_capability_sets(void **state)
{
	struct spec_capabilities caps = { .set = {
		[CAPS_BOUNDING] = BIT(0) | BIT(1) | BIT(5),
		[CAPS_PERMITTED] = BIT(0) | BIT(1),
		[CAPS_EFFECTIVE] = BIT(0),
		[CAPS_INHERITABLE] = BIT(1),
		[CAPS_AMBIENT] = BIT(1),
	} };
	struct script s;
	struct outcome o;

	(void)state;
	script_init(&s, CAPS);
	s.process.capabilities = &caps;
	s.process.user.uid = s.process.user.gid = 4321;
	script_run(&s, NULL, &o);
	/* Executed by a user who is not root: what is ambient is all there is. */
	assert_string_equal(o.out, "Inh 0000000000000002\nPrm 0000000000000002\nEff 0000000000000002\n"
				   "Bnd 0000000000000023\nAmb 0000000000000002\n");

	script_init(&s, CAPS);
	s.process.capabilities = &caps;
	script_run(&s, NULL, &o);
	assert_non_null(strstr(o.out, "Bnd 0000000000000023\n"));
	assert_non_null(strstr(o.out, "Prm 0000000000000023\n"));
}

static void no_capabilities_at_all(void **state)
{
	struct script s;
	struct outcome o;

	(void)state;
	script_init(&s, CAPS);
	script_run(&s, NULL, &o);
	assert_string_equal(o.out, "Inh 0000000000000000\nPrm 0000000000000000\nEff 0000000000000000\n"
				   "Bnd 0000000000000000\nAmb 0000000000000000\n");
}

static void what_cannot_be_granted_is_left_out_with_a_warning(void **state)
{
	cleanup_arena struct arena a = ARENA_INIT;
	const char *unknown[] = { "CAP_FLY" };
	struct spec_capabilities caps = {
		.set = {
			[CAPS_BOUNDING] = BIT(0) | BIT(62),
			[CAPS_PERMITTED] = BIT(0),
			[CAPS_EFFECTIVE] = BIT(0) | BIT(1),
			[CAPS_AMBIENT] = BIT(0),
		},
		.unknown = unknown,
		.n_unknown = 1,
	};
	struct process_options options = { 0 };
	struct process_plan plan;
	struct script s;
	struct err e;

	(void)state;
	script_init(&s, "true");
	s.process.capabilities = &caps;
	assert_int_equal(process_plan_make(&s.spec, &s.process, &options, &a, &plan, &e), 0);
	assert_int_equal(plan.caps[CAPS_BOUNDING], BIT(0));
	assert_int_equal(plan.caps[CAPS_EFFECTIVE], BIT(0));
	assert_int_equal(plan.caps[CAPS_AMBIENT], 0);
	assert_int_equal(plan.n_warnings, 3);
	assert_string_equal(plan.warnings[0], "ignoring unknown or unavailable capabilities: [CAP_FLY]");
	assert_non_null(strstr(plan.warnings[2], "CAP_CHOWN CAP_DAC_OVERRIDE"));
}

static void ids_groups_and_umask(void **state)
{
	uint32_t groups[] = { 7, 9 };
	struct script s;
	struct outcome o;

	(void)state;
	script_init(&s, "id -u; id -g; id -G; umask");
	s.process.user = (struct spec_user){ .uid = 1234, .gid = 5678, .umask = { true, 0027 },
					     .additional_gids = groups, .n_additional_gids = 2 };
	script_run(&s, NULL, &o);
	assert_string_equal(o.out, "1234\n5678\n5678 7 9\n0027\n");

	script_init(&s, "id -G; umask");
	script_run(&s, NULL, &o);
	assert_string_equal(o.out, "0\n0022\n");
}

static void groups_need_setgroups(void **state)
{
	cleanup_arena struct arena a = ARENA_INIT;
	struct process_options options = { .keep_groups = true };
	struct process_plan plan;
	uint32_t groups[] = { 7 };
	struct script s;
	struct err e;

	(void)state;
	script_init(&s, "true");
	s.process.user.additional_gids = groups;
	s.process.user.n_additional_gids = 1;
	assert_int_equal(process_plan_make(&s.spec, &s.process, &options, &a, &plan, &e), -EPERM);
	assert_non_null(strstr(e.msg, "cannot set any additional groups in a rootless container"));
}

static void a_pipe_for_output_belongs_to_the_user(void **state)
{
	struct script s;
	struct outcome o;

	(void)state;
	script_init(&s, "echo yes > /dev/stdout");
	s.process.user.uid = 1234;
	script_run(&s, NULL, &o);
	assert_string_equal(o.out, "yes\n");
}

static void limits(void **state)
{
	struct spec_rlimit l[] = {
		{ .resource = RLIMIT_NOFILE, .type = "RLIMIT_NOFILE", .soft = 100, .hard = 200 },
		{ .resource = RLIMIT_CORE, .type = "RLIMIT_CORE", .soft = 0, .hard = 0 },
	};
	struct script s;
	struct outcome o;

	(void)state;
	script_init(&s, "ulimit -Sn; ulimit -Hn; ulimit -Hc");
	s.process.rlimits = l;
	s.process.n_rlimits = 2;
	script_run(&s, NULL, &o);
	assert_string_equal(o.out, "100\n200\n0\n");
}

static void environment(void **state)
{
	struct process_options options = { .listen_fds = 1 };
	struct script s;
	struct outcome o;

	(void)state;
	script_init(&s, "echo $A $HOME $LISTEN_FDS; [ $LISTEN_PID = $$ ] && echo me; env | grep -c ^A=");
	s.env[1] = "A=1";
	s.env[2] = "HOME=";
	s.env[3] = "A=2";
	s.process.n_env = 4;
	unsetenv("LISTEN_FDNAMES");
	script_run(&s, &options, &o);
	assert_string_equal(o.out, "2 /root 1\nme\n1\n");

	/* HOME as given, and of a user that /etc/passwd does not know. */
	script_init(&s, "echo $HOME");
	s.env[1] = "HOME=/x";
	s.process.n_env = 2;
	script_run(&s, NULL, &o);
	assert_string_equal(o.out, "/x\n");
	script_init(&s, "echo $HOME");
	s.process.user.uid = 54321;
	script_run(&s, NULL, &o);
	assert_string_equal(o.out, "/\n");
}

static void working_directory(void **state)
{
	char dir[] = "/tmp/ferry-cwd-XXXXXX", deep[64];
	struct process_options exec = { .exec = true };
	struct script s;
	struct outcome o;

	(void)state;
	need_root();
	assert_non_null(mkdtemp(dir));
	snprintf(deep, sizeof(deep), "%s/a/b", dir);
	script_init(&s, "pwd");
	s.process.cwd = deep;

	run_spec(&s.spec, &exec, &o);
	assert_int_equal(o.e.code, ENOENT);
	assert_non_null(strstr(o.e.msg, "chdir to cwd"));
	script_run(&s, NULL, &o);
	assert_memory_equal(o.out, deep, strlen(deep));
	assert_int_equal(rmdir(deep), 0);
	snprintf(deep, sizeof(deep), "%s/a", dir);
	rmdir(deep);
	assert_int_equal(rmdir(dir), 0);
}

/* A descriptor of a directory outside of the root, as in CVE-2024-21626. */
static void working_directory_outside_of_the_root(void **state)
{
	cleanup_arena struct arena a = ARENA_INIT;
	struct process_options options = { 0 };
	struct process_plan plan;
	struct script s;
	struct err e = ERR_INIT;
	int status, code = 0;

	(void)state;
	script_init(&s, "pwd");
	assert_int_equal(process_plan_make(&s.spec, &s.process, &options, &a, &plan, &e), 0);
	pid_t pid = fork();
	if (pid == 0) {
		int fd = open("/", O_PATH | O_DIRECTORY);
		char path[64];
		snprintf(path, sizeof(path), "/self/fd/%d", fd);
		s.process.cwd = path;
		if (fd < 0 || chroot("/proc") < 0)
			_exit(99);
		_exit(-process_prepare(&plan, &e));
	}
	waitpid(pid, &status, 0);
	code = WEXITSTATUS(status);
	assert_int_equal(code, EPERM);
}

static void fails(const char *program, const char *path, const char *message)
{
	struct script s;
	struct outcome o;

	script_init(&s, NULL);
	s.args[0] = program;
	s.args[1] = NULL;
	s.env[0] = path;
	s.process.n_env = path ? 1 : 0;
	run_spec(&s.spec, NULL, &o);
	assert_string_equal(o.e.msg, message);
}

static void programs_that_cannot_run(void **state)
{
	char dir[] = "/tmp/ferry-path-XXXXXX", file[64], message[128], path[64];

	(void)state;
	need_root();
	fails("nosuch", "PATH=/bin:/usr/bin", "exec: \"nosuch\": executable file not found in $PATH");
	fails("nosuch", NULL, "exec: \"nosuch\": executable file not found in $PATH");
	fails("", "PATH=/bin", "exec: \"\": executable file not found in $PATH");
	fails("/nosuch", "PATH=/bin", "exec: \"/nosuch\": stat /nosuch: no such file or directory");
	fails("/etc", "PATH=/bin", "exec: \"/etc\": is a directory: permission denied");
	fails("/etc/passwd", "PATH=/bin", "exec: \"/etc/passwd\": permission denied");

	assert_non_null(mkdtemp(dir));
	snprintf(file, sizeof(file), "%s/prog", dir);
	int fd = open(file, O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
	assert_int_equal(write(fd, "junk\n", 5), 5);
	snprintf(path, sizeof(path), "PATH=%s:/bin", dir);
	fails("prog", path, "exec: \"prog\": permission denied");
	fchmod(fd, 0755);
	close(fd);
	snprintf(message, sizeof(message), "exec %s: exec format error", file);
	fails("prog", path, message);
	unlink(file);
	rmdir(dir);
}

static void programs_are_found_in_the_given_path(void **state)
{
	struct script s;
	struct outcome o;

	(void)state;
	script_init(&s, "echo found");
	s.args[0] = "sh";
	s.env[0] = "PATH=/nosuch:/bin";
	script_run(&s, NULL, &o);
	assert_string_equal(o.out, "found\n");
	s.process.n_env = 0;
	s.env[0] = NULL;
	script_run(&s, NULL, &o);
	assert_string_equal(o.out, "found\n");
}

/* Root may look at it, the user may not execute it. */
static void a_program_of_another_user(void **state)
{
	char dir[] = "/tmp/ferry-priv-XXXXXX", file[64];
	struct script s;
	struct outcome o;

	(void)state;
	need_root();
	assert_non_null(mkdtemp(dir));
	snprintf(file, sizeof(file), "%s/sh", dir);
	assert_int_equal(symlink("/bin/sh", file), 0);
	script_init(&s, "echo mine");
	s.args[0] = file;
	s.process.user.uid = 1234;
	run_spec(&s.spec, NULL, &o);
	assert_int_equal(o.e.code, EACCES);
	assert_non_null(strstr(o.e.msg, "permission denied"));

	/* But by PATH the next one is taken. */
	char path[64];
	snprintf(path, sizeof(path), "PATH=%s:/bin", dir);
	s.args[0] = "sh";
	s.env[0] = path;
	script_run(&s, NULL, &o);
	assert_string_equal(o.out, "mine\n");
	unlink(file);
	rmdir(dir);
}

static void other_descriptors_are_closed(void **state)
{
	struct process_options options = { .preserve_fds = 1, .listen_fds = 1 };
	struct script s;
	struct outcome o;

	(void)state;
	need_root();
	int open_ended = open("/", O_PATH);
	assert_true(dup2(open_ended, 3) == 3 && dup2(open_ended, 4) == 4 && dup2(open_ended, 40) == 40);
	script_init(&s, "for f in 3 4 40; do [ -e /proc/$$/fd/$f ] && echo $f; done; true");
	script_run(&s, &options, &o);
	close(40);
	close(4);
	close(3);
	if (open_ended > 4)
		close(open_ended);
	assert_string_equal(o.out, "3\n4\n");
}

static void flags_of_the_process(void **state)
{
	struct spec_personality personality = { 0x0008 };
	struct spec_io_priority io = { .class = 2, .priority = 6 };
	struct spec_scheduler scheduler = { .policy = 3 /* batch */, .nice = 5 };
	struct script s;
	struct outcome o;

	(void)state;
	script_init(&s, "cat /proc/self/oom_score_adj /proc/self/personality; grep ^NoNewPrivs /proc/self/status; "
			"nice; chrt -p $$ | head -1; ionice");
	s.process.oom_score_adj = (struct spec_i64){ true, 321 };
	s.process.no_new_privileges = true;
	s.process.io_priority = &io;
	s.process.scheduler = &scheduler;
	s.spec.lx.personality = &personality;
	script_run(&s, NULL, &o);
	assert_non_null(strstr(o.out, "321\n00000008\nNoNewPrivs:\t1\n5\n"));
	assert_non_null(strstr(o.out, "SCHED_BATCH"));
	assert_non_null(strstr(o.out, "best-effort: prio 6"));
}

static void affinity_of_exec(void **state)
{
	struct spec_cpu_affinity affinity = { .initial = "0", .final = "1" };
	struct process_options exec = { .exec = true };
	struct script s;
	struct outcome o;
	cpu_set_t all;

	(void)state;
	sched_getaffinity(0, sizeof(all), &all);
	if (!CPU_ISSET(0, &all) || !CPU_ISSET(1, &all))
		skip();
	script_init(&s, "sed -n 's/^Cpus_allowed_list:.//p' /proc/self/status");
	s.process.exec_cpu_affinity = &affinity;
	script_run(&s, &exec, &o);
	assert_string_equal(o.out, "1\n");
	affinity.final = NULL;
	script_run(&s, &exec, &o);
	assert_string_not_equal(o.out, "0\n");
	affinity.initial = "0-";
	run_spec(&s.spec, &exec, &o);
	assert_int_equal(o.e.code, EINVAL);
	assert_non_null(strstr(o.e.msg, "process.execCPUAffinity.initial"));
}

static void memory_policy(void **state)
{
	struct spec_memory_policy bind = { .mode = 2, .nodes = "0" };
	struct script s;
	struct outcome o;

	(void)state;
	if (access("/proc/self/numa_maps", F_OK) < 0)
		skip();
	script_init(&s, "head -1 /proc/self/numa_maps");
	s.spec.lx.memory_policy = &bind;
	script_run(&s, NULL, &o);
	assert_non_null(strstr(o.out, " bind:0 "));
}

static void a_keyring_of_its_own(void **state)
{
	struct process_options options = { .new_keyring = true, .keyring_name = "_ses.test" };
	struct script s;
	struct outcome o;

	(void)state;
	if (access("/proc/keys", F_OK) < 0)
		skip();
	script_init(&s, "cat /proc/keys");
	script_run(&s, &options, &o);
	assert_non_null(strstr(o.out, "_ses.test"));
}

static void labels_need_their_module(void **state)
{
	struct script s;
	struct outcome o;

	(void)state;
	script_init(&s, "echo ok");
	s.process.apparmor_profile = "unconfined";
	script_run(&s, NULL, &o);
	assert_string_equal(o.out, "ok\n");
	if (!apparmor_enabled()) {
		s.process.apparmor_profile = "containers-default";
		run_spec(&s.spec, NULL, &o);
		assert_non_null(strstr(o.e.msg, "apparmor is not enabled"));
	}
	s.process.apparmor_profile = NULL;
	if (!selinux_enabled()) {
		s.process.selinux_label = "system_u:system_r:container_t:s0";
		run_spec(&s.spec, NULL, &o);
		assert_string_equal(o.e.msg,
				    "selinux label is specified in config, but selinux is disabled or not supported");
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(five_capability_sets),
		cmocka_unit_test(no_capabilities_at_all),
		cmocka_unit_test(what_cannot_be_granted_is_left_out_with_a_warning),
		cmocka_unit_test(ids_groups_and_umask),
		cmocka_unit_test(groups_need_setgroups),
		cmocka_unit_test(a_pipe_for_output_belongs_to_the_user),
		cmocka_unit_test(limits),
		cmocka_unit_test(environment),
		cmocka_unit_test(working_directory),
		cmocka_unit_test(working_directory_outside_of_the_root),
		cmocka_unit_test(programs_that_cannot_run),
		cmocka_unit_test(programs_are_found_in_the_given_path),
		cmocka_unit_test(a_program_of_another_user),
		cmocka_unit_test(other_descriptors_are_closed),
		cmocka_unit_test(flags_of_the_process),
		cmocka_unit_test(affinity_of_exec),
		cmocka_unit_test(memory_policy),
		cmocka_unit_test(a_keyring_of_its_own),
		cmocka_unit_test(labels_need_their_module),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
