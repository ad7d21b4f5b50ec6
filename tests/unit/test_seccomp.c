/* Seccomp profiles: what they do to a program, what is refused, the cache, the listener. */
#include "runtime/process/steps.h"
#include "tests/unit/run_process.h"

#include <dirent.h>
#include <errno.h>
#include <linux/audit.h>
#include <linux/seccomp.h>
#include <seccomp.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>

#define RULE(a, ...) \
	{ .names = (const char *[]){ __VA_ARGS__ }, \
	  .n_names = sizeof((const char *[]){ __VA_ARGS__ }) / sizeof(char *), \
	  .action = a }

/* Runs @act under @profile in a child that says what came out by its exit status. */
static int under(struct spec_seccomp *profile, const char *cache, int (*act)(void))
{
	cleanup_arena struct arena a = ARENA_INIT;
	struct spec_process process = { .args = (const char *[]){ "x", NULL }, .env = (const char *[]){ NULL } };
	struct spec spec = { .process = &process, .lx.seccomp = profile };
	struct process_options options = { .cache_dir = cache };
	struct process_plan plan;
	struct err e = ERR_INIT;
	int status;

	if (process_plan_make(&spec, &process, &options, &a, &plan, &e) < 0)
		print_error("%s\n", e.msg);
	assert_int_equal(e.code, 0);
	pid_t pid = fork();
	if (pid == 0) {
		signal(SIGSYS, SIG_DFL); /* cmocka handles it */
		if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 || seccomp_install(&plan, NULL, &e) < 0)
			_exit(99);
		syscall(SYS_exit_group, act()); /* a sanitizer's _exit would need more than the profile allows */
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return status;
}

static int exit_code(struct spec_seccomp *profile, int (*act)(void))
{
	int status = under(profile, NULL, act);

	assert_true(WIFEXITED(status));
	return WEXITSTATUS(status);
}

static int signal_of(struct spec_seccomp *profile, int (*act)(void))
{
	int status = under(profile, NULL, act);

	return WIFSIGNALED(status) ? WTERMSIG(status) : 0;
}

static int get_ppid(void)
{
	return syscall(SYS_getppid) < 0 ? errno : 0;
}

static int personality_of(unsigned long domain)
{
	return syscall(SYS_personality, domain) < 0 ? errno : 0;
}

static int personality_query(void)
{
	return personality_of(0xffffffff);
}

static int personality_8(void)
{
	return personality_of(8);
}

static int personality_0(void)
{
	return personality_of(0);
}

static int newest_call(void)
{
	return syscall(4000) < 0 ? errno : 0;
}

static void actions(void **state)
{
	static const struct {
		const char *action;
		int code, signal;
	} table[] = {
		{ "SCMP_ACT_ALLOW", 0, 0 },
		{ "SCMP_ACT_LOG", 0, 0 },
		{ "SCMP_ACT_ERRNO", EPERM, 0 },
		{ "SCMP_ACT_TRACE", ENOSYS, 0 }, /* nobody traces */
		{ "SCMP_ACT_TRAP", 0, SIGSYS },
		{ "SCMP_ACT_KILL", 0, SIGSYS },
		{ "SCMP_ACT_KILL_THREAD", 0, SIGSYS },
		{ "SCMP_ACT_KILL_PROCESS", 0, SIGSYS },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		struct spec_seccomp_rule rule = RULE(table[i].action, "getppid", "no_such_call_in_any_kernel");
		struct spec_seccomp s = { .default_action = "SCMP_ACT_ALLOW", .rules = &rule, .n_rules = 1 };
		if (table[i].signal)
			assert_int_equal(signal_of(&s, get_ppid), table[i].signal);
		else
			assert_int_equal(exit_code(&s, get_ppid), table[i].code);
	}
}

static void errno_of_a_rule(void **state)
{
	struct spec_seccomp_rule rule = RULE("SCMP_ACT_ERRNO", "getppid");
	struct spec_seccomp s = { .default_action = "SCMP_ACT_ALLOW", .rules = &rule, .n_rules = 1 };

	(void)state;
	rule.errno_ret = (struct spec_u64){ true, EXDEV };
	assert_int_equal(exit_code(&s, get_ppid), EXDEV);
}

static void default_errno(void **state)
{
	struct spec_seccomp_rule rules[] = {
		RULE("SCMP_ACT_ALLOW", "exit", "exit_group", "personality"),
		RULE("SCMP_ACT_ERRNO", "getppid"), /* as the default: redundant */
	};
	struct spec_seccomp s = { .default_action = "SCMP_ACT_ERRNO", .rules = rules, .n_rules = 2 };

	(void)state;
	assert_int_equal(exit_code(&s, get_ppid), EPERM);
	s.default_errno_ret = (struct spec_u64){ true, EXDEV };
	rules[1].errno_ret = s.default_errno_ret;
	assert_int_equal(exit_code(&s, get_ppid), EXDEV);
	assert_int_equal(exit_code(&s, personality_query), 0);
}

static void calls_newer_than_the_profile(void **state)
{
	struct spec_seccomp_rule rules[] = { RULE("SCMP_ACT_ALLOW", "exit", "exit_group", "openat2") };
	struct spec_seccomp s = { .default_action = "SCMP_ACT_ERRNO", .rules = rules, .n_rules = 1 };

	(void)state;
	assert_int_equal(exit_code(&s, newest_call), ENOSYS);
	assert_int_equal(exit_code(&s, get_ppid), EPERM);
	s.default_action = "SCMP_ACT_KILL_PROCESS";
	assert_int_equal(exit_code(&s, newest_call), ENOSYS);
	/* Also when the profile has other architectures before and after. */
	const char *archs[] = { "SCMP_ARCH_AARCH64", "SCMP_ARCH_X86_64", "SCMP_ARCH_X86", "SCMP_ARCH_X32" };
	s.architectures = archs;
	s.n_architectures = 4;
	assert_int_equal(exit_code(&s, newest_call), ENOSYS);
	assert_int_equal(signal_of(&s, get_ppid), SIGSYS);
}

static void operators(void **state)
{
	static const struct {
		const char *op;
		uint64_t value, value_two;
		int at_0, at_8; /* of personality(0) and personality(8) */
	} table[] = {
		{ "SCMP_CMP_EQ", 8, 0, 0, EXDEV },
		{ "SCMP_CMP_NE", 8, 0, EXDEV, 0 },
		{ "SCMP_CMP_LT", 8, 0, EXDEV, 0 },
		{ "SCMP_CMP_LE", 8, 0, EXDEV, EXDEV },
		{ "SCMP_CMP_GT", 7, 0, 0, EXDEV },
		{ "SCMP_CMP_GE", 8, 0, 0, EXDEV },
		{ "SCMP_CMP_MASKED_EQ", 0xf, 8, 0, EXDEV },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		struct spec_seccomp_arg arg = { 0, table[i].value, table[i].value_two, table[i].op };
		struct spec_seccomp_rule rule = RULE("SCMP_ACT_ERRNO", "personality");
		struct spec_seccomp s = { .default_action = "SCMP_ACT_ALLOW", .rules = &rule, .n_rules = 1 };
		rule.errno_ret = (struct spec_u64){ true, EXDEV };
		rule.args = &arg;
		rule.n_args = 1;
		assert_int_equal(exit_code(&s, personality_0), table[i].at_0);
		assert_int_equal(exit_code(&s, personality_8), table[i].at_8);
	}
}

static void one_argument_twice_means_either(void **state)
{
	struct spec_seccomp_arg args[] = { { 0, 0, 0, "SCMP_CMP_EQ" }, { 0, 8, 0, "SCMP_CMP_EQ" } };
	struct spec_seccomp_rule rules[] = {
		RULE("SCMP_ACT_ALLOW", "personality"),
		RULE("SCMP_ACT_ALLOW", "exit", "exit_group"),
	};
	struct spec_seccomp s = { .default_action = "SCMP_ACT_ERRNO", .rules = rules, .n_rules = 2 };

	(void)state;
	rules[0].args = args;
	rules[0].n_args = 2;
	assert_int_equal(exit_code(&s, personality_0), 0);
	assert_int_equal(exit_code(&s, personality_8), 0);
	assert_int_equal(exit_code(&s, personality_query), EPERM);
}

static void refused(struct spec_seccomp *profile, const char *message)
{
	cleanup_arena struct arena a = ARENA_INIT;
	struct spec_process process = { .args = (const char *[]){ "x", NULL }, .env = (const char *[]){ NULL } };
	struct spec spec = { .process = &process, .lx.seccomp = profile };
	struct process_options options = { 0 };
	struct process_plan plan;
	struct err e = ERR_INIT;

	assert_true(process_plan_make(&spec, &process, &options, &a, &plan, &e) < 0);
	assert_string_equal(e.msg, message);
}

static void profiles_that_are_refused(void **state)
{
	struct spec_seccomp_rule rule = RULE("SCMP_ACT_NOTIFY", "getppid");
	struct spec_seccomp s = { .default_action = "SCMP_ACT_NOTIFY", .rules = &rule, .n_rules = 1 };
	struct spec_seccomp_arg arg = { 6, 0, 0, "SCMP_CMP_EQ" };
	const char *archs[] = { "SCMP_ARCH_VAX" };

	(void)state;
	refused(&s, "linux.seccomp: SCMP_ACT_NOTIFY cannot be used as default action");
	s.default_action = "SCMP_ACT_ALLOW";
	refused(&s, "linux.seccomp: listenerPath: must be set when SCMP_ACT_NOTIFY is used");
	s.listener_path = "/nosuch";
	rule.names[0] = "sendmsg";
	refused(&s, "linux.seccomp: SCMP_ACT_NOTIFY cannot be used for the sendmsg syscall");
	rule.action = "SCMP_ACT_ERRNO";
	rule.errno_ret = (struct spec_u64){ true, 70000 };
	refused(&s, "linux.seccomp: syscalls[0]: errno 70000 is too large");
	rule.errno_ret.set = false;
	rule.args = &arg;
	rule.n_args = 1;
	refused(&s, "linux.seccomp: syscalls[0]: args[0].index: system calls have 6 arguments");
	rule.n_args = 0;
	s.architectures = archs;
	s.n_architectures = 1;
	refused(&s, "linux.seccomp: architectures[0]: 'SCMP_ARCH_VAX' is not known");
}

static void flags(void **state)
{
	const char *some[] = { "SECCOMP_FILTER_FLAG_LOG", "SECCOMP_FILTER_FLAG_TSYNC",
			       "SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV" };
	struct spec_seccomp_rule rule = RULE("SCMP_ACT_ERRNO", "getppid");
	struct spec_seccomp s = { .default_action = "SCMP_ACT_ALLOW", .rules = &rule, .n_rules = 1, .flags = some,
				  .n_flags = 3 };
	cleanup_arena struct arena a = ARENA_INIT;
	struct process_plan plan = { 0 };
	struct err e;

	(void)state;
	assert_int_equal(seccomp_plan(&s, &a, &plan, &e), 0);
	assert_int_equal(plan.filter_flags, SECCOMP_FILTER_FLAG_LOG | SECCOMP_FILTER_FLAG_TSYNC);
	assert_int_equal(exit_code(&s, get_ppid), EPERM);
	s.flags = NULL;
	s.n_flags = 0;
	assert_int_equal(seccomp_plan(&s, &a, &plan, &e), 0);
	assert_int_equal(plan.filter_flags, SECCOMP_FILTER_FLAG_SPEC_ALLOW);
	for (size_t i = 0; i < 3; i++)
		assert_true(seccomp_flag_supported(some[i]));
	assert_false(seccomp_flag_supported("SECCOMP_FILTER_FLAG_NEW"));
}

static size_t files_in(const char *dir, char ret[PATH_MAX])
{
	DIR *d = opendir(dir);
	size_t n = 0;

	for (struct dirent *ent; d && (ent = readdir(d));) {
		if (ent->d_name[0] == '.')
			continue;
		snprintf(ret, PATH_MAX, "%s/%s", dir, ent->d_name);
		n++;
	}
	if (d)
		closedir(d);
	return n;
}

/* What the program says to a system call, as the kernel runs it. */
static uint32_t answer(const struct sock_fprog *p, uint32_t arch, int nr, uint64_t first)
{
	const struct seccomp_data data = { .nr = nr, .arch = arch, .args = { first } };
	uint32_t a = 0;

	for (size_t i = 0; i < p->len; i++) {
		const struct sock_filter *f = &p->filter[i];
		bool taken;
		switch (f->code) {
		case BPF_LD | BPF_W | BPF_ABS:
			assert_true(f->k + sizeof(a) <= sizeof(data));
			memcpy(&a, (const char *)&data + f->k, sizeof(a));
			continue;
		case BPF_ALU | BPF_AND | BPF_K:
			a &= f->k;
			continue;
		case BPF_RET | BPF_K:
			return f->k;
		case BPF_JMP | BPF_JA:
			i += f->k;
			continue;
		case BPF_JMP | BPF_JEQ | BPF_K:
			taken = a == f->k;
			break;
		case BPF_JMP | BPF_JGT | BPF_K:
			taken = a > f->k;
			break;
		case BPF_JMP | BPF_JGE | BPF_K:
			taken = a >= f->k;
			break;
		default:
			fail_msg("instruction %#x", f->code);
			return 0;
		}
		i += taken ? f->jt : f->jf;
	}
	fail_msg("no end");
	return 0;
}

enum { CALLS = 440 };

static bool is_named(const struct spec_seccomp_rule *r, const char *name)
{
	for (size_t i = 0; name && i < r->n_names; i++)
		if (strcmp(r->names[i], name) == 0)
			return true;
	return false;
}

/* A profile of many names becomes a tree; each call of each architecture is answered as the profile says. */
static void many_names(void **state)
{
	static const struct {
		uint32_t arch, audit;
	} archs[] = { { SCMP_ARCH_X86_64, AUDIT_ARCH_X86_64 }, { SCMP_ARCH_X86, AUDIT_ARCH_I386 } };
	const char *allowed[CALLS], *architectures[] = { "SCMP_ARCH_X86_64", "SCMP_ARCH_X86" };
	struct spec_seccomp_arg none = { .index = 0, .value = 0, .op = "SCMP_CMP_EQ" };
	struct spec_seccomp_rule rules[] = { { .names = allowed, .action = "SCMP_ACT_ALLOW" }, RULE("SCMP_ACT_LOG", "personality") };
	struct spec_seccomp s = { .default_action = "SCMP_ACT_KILL_PROCESS", .architectures = architectures,
				  .n_architectures = 2, .rules = rules, .n_rules = 2 };
	cleanup_arena struct arena a = ARENA_INIT;
	struct sock_fprog p;
	struct err e;

	(void)state;
	for (int nr = 0; nr < CALLS; nr++) {
		char *name = seccomp_syscall_resolve_num_arch(SCMP_ARCH_X86_64, nr);
		if (name && nr % 3 && strcmp(name, "personality") != 0)
			allowed[rules[0].n_names++] = arena_strdup(&a, name);
		free(name);
	}
	rules[1].args = &none;
	rules[1].n_args = 1;
	assert_int_equal(seccomp_compile(&s, &a, &p, &e), 0);
	for (size_t i = 0; i < sizeof(archs) / sizeof(archs[0]); i++) {
		int last = 0;
		for (int nr = 0; nr < CALLS; nr++) {
			char *name = seccomp_syscall_resolve_num_arch(archs[i].arch, nr);
			if (is_named(&rules[0], name))
				last = nr;
			free(name);
		}
		for (int nr = 0; nr < CALLS + 100; nr++) {
			char *name = seccomp_syscall_resolve_num_arch(archs[i].arch, nr);
			/* By these, calls that have names of their own are made as well; libseccomp knows which. */
			if (name && (strcmp(name, "socketcall") == 0 || strcmp(name, "ipc") == 0)) {
				free(name);
				continue;
			}
			uint32_t expected = is_named(&rules[0], name) ? SECCOMP_RET_ALLOW :
					    nr > last ? SECCOMP_RET_ERRNO | ENOSYS : SECCOMP_RET_KILL_PROCESS;
			assert_int_equal(answer(&p, archs[i].audit, nr, 7), expected);
			if (name && strcmp(name, "personality") == 0)
				expected = SECCOMP_RET_LOG;
			assert_int_equal(answer(&p, archs[i].audit, nr, 0), expected);
			free(name);
		}
	}
	assert_int_equal(answer(&p, AUDIT_ARCH_AARCH64, 0, 0), SECCOMP_RET_KILL_THREAD);
}

/* The programs of the cache and of the compiler are the same, and damaged files are as good as none. */
static void cache(void **state)
{
	char dir[] = "/tmp/ferry-seccomp-XXXXXX", below[64], file[PATH_MAX];
	struct spec_seccomp_rule rule = RULE("SCMP_ACT_ERRNO", "getppid");
	struct spec_seccomp s = { .default_action = "SCMP_ACT_ALLOW", .rules = &rule, .n_rules = 1 };
	cleanup_arena struct arena a = ARENA_INIT;
	cleanup_buf struct buf key = BUF_INIT, other = BUF_INIT;
	struct sock_fprog program = { 0 }, cached = { 0 };
	struct stat st;
	struct err e;

	(void)state;
	assert_non_null(mkdtemp(dir));
	snprintf(below, sizeof(below), "%s/a/b", dir);
	seccomp_cache_key(&s, &key);
	assert_false(seccomp_cache_load(below, &key, &a, &cached));
	assert_int_equal(WEXITSTATUS(under(&s, below, get_ppid)), EPERM);
	assert_int_equal(files_in(below, file), 1);
	assert_int_equal(WEXITSTATUS(under(&s, below, get_ppid)), EPERM);
	assert_int_equal(seccomp_compile(&s, &a, &program, &e), 0);
	assert_true(seccomp_cache_load(below, &key, &a, &cached));
	assert_int_equal(cached.len, program.len);
	assert_memory_equal(cached.filter, program.filter, program.len * sizeof(struct sock_filter));

	/* Another key under the same name. */
	rule.errno_ret = (struct spec_u64){ true, EPERM };
	seccomp_cache_key(&s, &other);
	assert_false(other.len == key.len && memcmp(other.data, key.data, key.len) == 0);
	assert_false(seccomp_cache_load(below, &other, &a, &cached));

	/* Others could have written it; it is cut; a byte is wrong. */
	assert_int_equal(chmod(file, 0622), 0);
	assert_false(seccomp_cache_load(below, &key, &a, &cached));
	assert_int_equal(chmod(file, 0600), 0);
	assert_true(seccomp_cache_load(below, &key, &a, &cached));
	assert_int_equal(stat(file, &st), 0);
	int fd = open(file, O_WRONLY | O_CLOEXEC);
	assert_int_equal(pwrite(fd, "\xee", 1, st.st_size - 1), 1);
	assert_false(seccomp_cache_load(below, &key, &a, &cached));
	assert_int_equal(ftruncate(fd, st.st_size - 8), 0);
	assert_false(seccomp_cache_load(below, &key, &a, &cached));
	close(fd);
	seccomp_cache_store(below, &key, &program);
	assert_true(seccomp_cache_load(below, &key, &a, &cached));
	/* A cache that cannot be made is no reason to fail. */
	assert_int_equal(WEXITSTATUS(under(&s, "/proc/nowhere", get_ppid)), EPERM);

	unlink(file);
	rmdir(below);
	snprintf(below, sizeof(below), "%s/a", dir);
	rmdir(below);
	assert_int_equal(rmdir(dir), 0);
}

/* Without no_new_privs, as a user who is not root: installed while there still is CAP_SYS_ADMIN. */
static void without_no_new_privs(void **state)
{
	struct spec_seccomp_rule rule = RULE("SCMP_ACT_ERRNO", "mkdir", "mkdirat");
	struct spec_seccomp profile = { .default_action = "SCMP_ACT_ALLOW", .rules = &rule, .n_rules = 1 };
	struct script s;
	struct outcome o;

	(void)state;
	rule.errno_ret = (struct spec_u64){ true, EXDEV };
	for (uint32_t uid = 0; uid < 2; uid++) {
		script_init(&s, "mkdir /tmp/x 2>&1; grep -E '^(NoNewPrivs|Seccomp|CapEff)' /proc/self/status");
		s.process.user.uid = uid;
		s.spec.lx.seccomp = &profile;
		script_run(&s, NULL, &o);
		assert_non_null(strstr(o.out, "Invalid cross-device link\n"));
		assert_non_null(strstr(o.out, "CapEff:\t0000000000000000\nNoNewPrivs:\t0\nSeccomp:\t2\n"));
	}
}

/* Receives what the runtime sends: one document, one descriptor. */
static int receive(int listener, char *text, size_t size)
{
	union {
		struct cmsghdr align;
		char space[CMSG_SPACE(sizeof(int))];
	} control;
	struct iovec iov = { text, size - 1 };
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1, .msg_control = &control,
			      .msg_controllen = sizeof(control) };
	cleanup_close int sock = accept(listener, NULL, NULL);
	int fd = -1;
	ssize_t n = recvmsg(sock, &msg, MSG_CMSG_CLOEXEC);

	assert_true(n > 0);
	text[n] = '\0';
	struct cmsghdr *c = CMSG_FIRSTHDR(&msg);
	assert_non_null(c);
	memcpy(&fd, CMSG_DATA(c), sizeof(fd));
	return fd;
}

static void listener(void **state)
{
	char dir[] = "/tmp/ferry-listen-XXXXXX", text[4096];
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	struct spec_seccomp_rule rule = RULE("SCMP_ACT_NOTIFY", "getppid");
	struct spec_seccomp s = { .default_action = "SCMP_ACT_ALLOW", .rules = &rule, .n_rules = 1,
				  .listener_metadata = "meta" };
	const char *args[] = { "x", NULL }, *env[] = { NULL };
	struct spec_process process = { .args = args, .env = env };
	struct spec spec = { .process = &process, .lx.seccomp = &s };
	struct process_options options = { 0 };
	cleanup_arena struct arena a = ARENA_INIT;
	struct process_plan plan;
	struct err e = ERR_INIT;
	int status;

	(void)state;
	assert_non_null(mkdtemp(dir));
	snprintf(address.sun_path, sizeof(address.sun_path), "%s/s", dir);
	cleanup_close int sock = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_true(bind(sock, (struct sockaddr *)&address, sizeof(address)) == 0 && listen(sock, 1) == 0);
	s.listener_path = address.sun_path;
	assert_int_equal(process_plan_make(&spec, &process, &options, &a, &plan, &e), 0);
	assert_int_equal(process_plan_open(&plan, &e), 0);
	pid_t pid = fork();
	if (pid == 0) {
		prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
		if (seccomp_install(&plan, "{\"ociVersion\":\"1.0.2\",\"id\":\"web\",\"pid\":77}", &e) < 0)
			_exit(99);
		_exit((int)syscall(SYS_getppid) & 0xff);
	}
	process_plan_close(&plan);
	cleanup_close int fd = receive(sock, text, sizeof(text));
	assert_string_equal(text, "{\"ociVersion\":\"" SPEC_VERSION "\",\"fds\":[\"seccompFd\"],\"pid\":77,"
				  "\"metadata\":\"meta\","
				  "\"state\":{\"ociVersion\":\"1.0.2\",\"id\":\"web\",\"pid\":77}}");
	struct seccomp_notif request = { 0 };
	assert_int_equal(ioctl(fd, SECCOMP_IOCTL_NOTIF_RECV, &request), 0);
	struct seccomp_notif_resp answer = { .id = request.id, .val = 42 };
	assert_int_equal(ioctl(fd, SECCOMP_IOCTL_NOTIF_SEND, &answer), 0);
	waitpid(pid, &status, 0);
	assert_int_equal(WEXITSTATUS(status), 42);
	unlink(address.sun_path);
	assert_int_equal(rmdir(dir), 0);
	assert_int_equal(process_plan_open(&plan, &e), -ENOENT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(actions),
		cmocka_unit_test(errno_of_a_rule),
		cmocka_unit_test(default_errno),
		cmocka_unit_test(calls_newer_than_the_profile),
		cmocka_unit_test(operators),
		cmocka_unit_test(one_argument_twice_means_either),
		cmocka_unit_test(profiles_that_are_refused),
		cmocka_unit_test(flags),
		cmocka_unit_test(many_names),
		cmocka_unit_test(cache),
		cmocka_unit_test(without_no_new_privs),
		cmocka_unit_test(listener),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
