#include "runtime/process/steps.h"

#include <errno.h>
#include <seccomp.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

struct named {
	const char *name;
	uint32_t value;
};

/* An entry's name as features lists it, beside what it means, from one list. */
#define ACTIONS(X) \
	X("SCMP_ACT_ALLOW", SCMP_ACT_ALLOW) \
	X("SCMP_ACT_ERRNO", SCMP_ACT_ERRNO(0)) \
	X("SCMP_ACT_KILL", SCMP_ACT_KILL_THREAD) \
	X("SCMP_ACT_KILL_PROCESS", SCMP_ACT_KILL_PROCESS) \
	X("SCMP_ACT_KILL_THREAD", SCMP_ACT_KILL_THREAD) \
	X("SCMP_ACT_LOG", SCMP_ACT_LOG) \
	X("SCMP_ACT_NOTIFY", SCMP_ACT_NOTIFY) \
	X("SCMP_ACT_TRACE", SCMP_ACT_TRACE(0)) \
	X("SCMP_ACT_TRAP", SCMP_ACT_TRAP)

#define OPERATORS(X) \
	X("SCMP_CMP_EQ", SCMP_CMP_EQ) \
	X("SCMP_CMP_GE", SCMP_CMP_GE) \
	X("SCMP_CMP_GT", SCMP_CMP_GT) \
	X("SCMP_CMP_LE", SCMP_CMP_LE) \
	X("SCMP_CMP_LT", SCMP_CMP_LT) \
	X("SCMP_CMP_MASKED_EQ", SCMP_CMP_MASKED_EQ) \
	X("SCMP_CMP_NE", SCMP_CMP_NE)

/* The first four came with libseccomp 2.6 and have no names in older headers: LoongArch, m68k and SuperH. */
enum { NEW_ARCHS = 4 };
#define ARCHS(X) \
	X("SCMP_ARCH_LOONGARCH64", 258U | __AUDIT_ARCH_64BIT | __AUDIT_ARCH_LE) \
	X("SCMP_ARCH_M68K", EM_68K) \
	X("SCMP_ARCH_SH", EM_SH | __AUDIT_ARCH_LE) \
	X("SCMP_ARCH_SHEB", EM_SH) \
	X("SCMP_ARCH_AARCH64", SCMP_ARCH_AARCH64) \
	X("SCMP_ARCH_ARM", SCMP_ARCH_ARM) \
	X("SCMP_ARCH_MIPS", SCMP_ARCH_MIPS) \
	X("SCMP_ARCH_MIPS64", SCMP_ARCH_MIPS64) \
	X("SCMP_ARCH_MIPS64N32", SCMP_ARCH_MIPS64N32) \
	X("SCMP_ARCH_MIPSEL", SCMP_ARCH_MIPSEL) \
	X("SCMP_ARCH_MIPSEL64", SCMP_ARCH_MIPSEL64) \
	X("SCMP_ARCH_MIPSEL64N32", SCMP_ARCH_MIPSEL64N32) \
	X("SCMP_ARCH_PARISC", SCMP_ARCH_PARISC) \
	X("SCMP_ARCH_PARISC64", SCMP_ARCH_PARISC64) \
	X("SCMP_ARCH_PPC", SCMP_ARCH_PPC) \
	X("SCMP_ARCH_PPC64", SCMP_ARCH_PPC64) \
	X("SCMP_ARCH_PPC64LE", SCMP_ARCH_PPC64LE) \
	X("SCMP_ARCH_RISCV64", SCMP_ARCH_RISCV64) \
	X("SCMP_ARCH_S390", SCMP_ARCH_S390) \
	X("SCMP_ARCH_S390X", SCMP_ARCH_S390X) \
	X("SCMP_ARCH_X32", SCMP_ARCH_X32) \
	X("SCMP_ARCH_X86", SCMP_ARCH_X86) \
	X("SCMP_ARCH_X86_64", SCMP_ARCH_X86_64)

#define FLAGS(X) \
	X("SECCOMP_FILTER_FLAG_TSYNC", SECCOMP_FILTER_FLAG_TSYNC) \
	X("SECCOMP_FILTER_FLAG_LOG", SECCOMP_FILTER_FLAG_LOG) \
	X("SECCOMP_FILTER_FLAG_SPEC_ALLOW", SECCOMP_FILTER_FLAG_SPEC_ALLOW) \
	X("SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV", SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV)

#define ENTRY(n, v) { n, v },
#define NAME(n, v) n,

static const struct named actions[] = { ACTIONS(ENTRY) { 0 } };
static const struct named operators[] = { OPERATORS(ENTRY) { 0 } };
static const struct named archs[] = { ARCHS(ENTRY) { 0 } };
static const struct named flags[] = { FLAGS(ENTRY) { 0 } };
static const char *const action_names[] = { ACTIONS(NAME) NULL };
static const char *const operator_names[] = { OPERATORS(NAME) NULL };
static const char *const arch_names[] = { ARCHS(NAME) NULL };
static const char *const flag_names[] = { FLAGS(NAME) NULL };

const char *const *seccomp_action_names(void)
{
	return action_names;
}

const char *const *seccomp_operator_names(void)
{
	return operator_names;
}

const char *const *seccomp_arch_names(void)
{
	return seccomp_arch_resolve_name("loongarch64") ? arch_names : arch_names + NEW_ARCHS;
}

const char *const *seccomp_known_flags(void)
{
	return flag_names;
}

static int find(const struct named *table, const char *name, uint32_t *ret, struct err *e)
{
	for (; table->name; table++) {
		if (strcmp(table->name, name) != 0)
			continue;
		*ret = table->value;
		return 0;
	}
	return err_say(e, EINVAL, "'%s' is not known", name);
}

int seccomp_action(const char *name, const struct spec_u64 *errno_ret, uint32_t *ret, struct err *e)
{
	uint32_t action = 0;

	if (find(actions, name, &action, e) < 0)
		return -e->code;
	if (action == SCMP_ACT_ERRNO(0) || action == SCMP_ACT_TRACE(0)) {
		uint64_t value = errno_ret->set ? errno_ret->v : EPERM;
		if (value > UINT16_MAX)
			return err_say(e, EINVAL, "errno %llu is too large", (unsigned long long)value);
		action |= (uint32_t)value;
	}
	*ret = action;
	return 0;
}

int seccomp_operator(const char *name, int *ret, struct err *e)
{
	uint32_t value = 0;

	if (find(operators, name, &value, e) < 0)
		return -e->code;
	*ret = (int)value;
	return 0;
}

int seccomp_arch(const char *name, uint32_t *ret, struct err *e)
{
	return find(archs, name, ret, e);
}

int seccomp_flag(const char *name, unsigned *ret, struct err *e)
{
	return find(flags, name, ret, e);
}

/* A program of NULL is bad memory (EFAULT), but the kernel looks at the flags first. */
bool seccomp_flag_supported(const char *name)
{
	struct err e = ERR_INIT;
	unsigned flag = 0;

	if (seccomp_flag(name, &flag, &e) < 0)
		return false;
	if (flag == SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV)
		flag |= SECCOMP_FILTER_FLAG_NEW_LISTENER;
	return syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, flag, NULL) < 0 && errno == EFAULT;
}
