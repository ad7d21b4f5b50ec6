#include "runtime/process/steps.h"

#include "lib/buf.h"
#include "lib/fd.h"
#include "lib/file.h"

#include <errno.h>
#include <seccomp.h>
#include <string.h>
#include <sys/mman.h>

enum { ARGS_MAX = 6, PROGRAM_MAX = BPF_MAXINSNS * sizeof(struct sock_filter) };

static void release_ctx(scmp_filter_ctx *ctx)
{
	if (*ctx)
		seccomp_release(*ctx);
}

static int add_archs(scmp_filter_ctx ctx, const struct spec_seccomp *s, struct err *e)
{
	for (size_t i = 0; i < s->n_architectures; i++) {
		uint32_t arch;
		if (seccomp_arch(s->architectures[i], &arch, e) < 0)
			return err_wrap(e, "architectures[%zu]", i);
		int r = seccomp_arch_add(ctx, arch);
		if (r == -EINVAL)
			return err_say(e, EINVAL, "architectures[%zu]: this libseccomp does not know %s", i,
				       s->architectures[i]);
		if (r < 0 && r != -EEXIST)
			return err_set(e, -r, "architectures[%zu]: add %s", i, s->architectures[i]);
	}
	return 0;
}

static int convert_args(const struct spec_seccomp_rule *rule, struct scmp_arg_cmp *ret, bool *ret_twice, struct err *e)
{
	unsigned seen = 0;

	*ret_twice = false;
	for (size_t i = 0; i < rule->n_args; i++) {
		const struct spec_seccomp_arg *a = &rule->args[i];
		int op;
		if (a->index >= ARGS_MAX)
			return err_say(e, EINVAL, "args[%zu].index: system calls have %d arguments", i, ARGS_MAX);
		if (seccomp_operator(a->op, &op, e) < 0)
			return err_wrap(e, "args[%zu].op", i);
		*ret_twice |= seen >> a->index & 1;
		seen |= 1U << a->index;
		ret[i] = (struct scmp_arg_cmp){ a->index, (enum scmp_compare)op, a->value, a->value_two };
	}
	return 0;
}

static int add_rule(scmp_filter_ctx ctx, uint32_t action, const char *name, int nr, unsigned n,
		    const struct scmp_arg_cmp *args, struct err *e)
{
	int r = seccomp_rule_add_array(ctx, action, nr, n, args);
	return r < 0 && r != -EEXIST ? err_set(e, -r, "add a rule for %s", name) : 0;
}

static int add_rules(scmp_filter_ctx ctx, const struct spec_seccomp_rule *rule, uint32_t default_action,
		     struct arena *a, struct err *e)
{
	struct scmp_arg_cmp *args = arena_new_array(a, rule->n_args + 1, struct scmp_arg_cmp);
	uint32_t action = 0;
	bool twice;

	if (seccomp_action(rule->action, &rule->errno_ret, &action, e) < 0 || convert_args(rule, args, &twice, e) < 0)
		return -e->code;
	/* Says what is so anyway, which libseccomp refuses. */
	if (action == default_action)
		return 0;
	for (size_t i = 0; i < rule->n_names; i++) {
		const char *name = rule->names[i];
		int nr = seccomp_syscall_resolve_name(name);
		/* Profiles name the calls of every kernel and architecture. */
		if (nr == __NR_SCMP_ERROR)
			continue;
		/* The same argument twice cannot be one rule: any condition is enough, as engines' profiles rely on. */
		if (!twice && add_rule(ctx, action, name, nr, (unsigned)rule->n_args, args, e) < 0)
			return -e->code;
		for (size_t k = 0; twice && k < rule->n_args; k++)
			if (add_rule(ctx, action, name, nr, 1, &args[k], e) < 0)
				return -e->code;
	}
	return 0;
}

/* Through a memory file, as libseccomp before 2.6 writes only to descriptors. */
static int export(scmp_filter_ctx ctx, struct arena *a, struct sock_fprog *ret, struct err *e)
{
	cleanup_close int fd = memfd_create("seccomp", MFD_CLOEXEC);
	cleanup_buf struct buf b = BUF_INIT;

	if (fd < 0)
		return err_set(e, errno, "memfd_create");
	int r = seccomp_export_bpf(ctx, fd);
	if (r < 0)
		return err_set(e, -r, "compile");
	if (lseek(fd, 0, SEEK_SET) < 0)
		return err_set(e, errno, "lseek");
	if (fd_read_all(fd, PROGRAM_MAX, &b, e) < 0)
		return err_wrap(e, "compiled program");
	ret->len = (unsigned short)(b.len / sizeof(struct sock_filter));
	ret->filter = arena_dup(a, b.data, b.len);
	return 0;
}

/*
 * As a search tree by the call's number, not one comparison after the other: calls are quicker, and so is loading, where
 * the kernel runs the program once for each number there is. A few names are not worth it, and with none some versions of
 * libseccomp forget the default.
 */
enum { NAMES_FOR_A_TREE = 16 };

static size_t n_names(const struct spec_seccomp *s)
{
	size_t n = 0;

	for (size_t i = 0; i < s->n_rules; i++)
		n += s->rules[i].n_names;
	return n;
}

int seccomp_compile(const struct spec_seccomp *s, struct arena *a, struct sock_fprog *ret, struct err *e)
{
	uint32_t default_action = 0;

	if (seccomp_action(s->default_action, &s->default_errno_ret, &default_action, e) < 0)
		return err_wrap(e, "defaultAction");
	__attribute__((cleanup(release_ctx))) scmp_filter_ctx ctx = seccomp_init(default_action);
	if (!ctx)
		return err_say(e, EINVAL, "defaultAction: libseccomp on this kernel does not take %s",
			       s->default_action);
	if (n_names(s) >= NAMES_FOR_A_TREE && seccomp_attr_set(ctx, SCMP_FLTATR_CTL_OPTIMIZE, 2) < 0)
		return err_say(e, EINVAL, "libseccomp on this machine makes no search trees");
	if (add_archs(ctx, s, e) < 0)
		return -e->code;
	for (size_t i = 0; i < s->n_rules; i++)
		if (add_rules(ctx, &s->rules[i], default_action, a, e) < 0)
			return err_wrap(e, "syscalls[%zu]", i);
	if (export(ctx, a, ret, e) < 0)
		return -e->code;
	return seccomp_add_enosys(s, default_action, a, ret, e);
}
