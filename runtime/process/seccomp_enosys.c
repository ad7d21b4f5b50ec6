#include "runtime/process/steps.h"

#include <errno.h>
#include <linux/seccomp.h>
#include <seccomp.h>
#include <stddef.h>
#include <string.h>

/*
 * A profile cannot name system calls that were added after it was written. To answer such a call with the profile's
 * EPERM breaks programs: a C library tries the new call and falls back to the old one only on ENOSYS. So every
 * architecture's calls above the highest that the profile names are ENOSYS.
 */

enum { X32_BIT = 0x40000000, BEGIN_PER_ARCH = 5 };

#define STATEMENT(code, k) ((struct sock_filter)BPF_STMT(code, k))
#define JUMP(code, k, jt, jf) ((struct sock_filter)BPF_JUMP(code, k, jt, jf))

/* Defaults which let a call happen, or leave it to somebody who can answer for himself. */
static bool permissive(uint32_t action)
{
	switch (action & SECCOMP_RET_ACTION_FULL) {
	case SCMP_ACT_ALLOW:
	case SCMP_ACT_LOG:
	case SCMP_ACT_TRACE(0):
	case SCMP_ACT_NOTIFY:
		return true;
	default:
		return false;
	}
}

/* -1: the profile names none of this architecture. */
static int highest_named(const struct spec_seccomp *s, uint32_t arch)
{
	int highest = -1;

	for (size_t i = 0; i < s->n_rules; i++)
		for (size_t k = 0; k < s->rules[i].n_names; k++) {
			int nr = seccomp_syscall_resolve_name_arch(arch, s->rules[i].names[k]);
			if (nr > highest)
				highest = nr;
		}
	return highest;
}

/* if arch == ARCH and nr > HIGHEST (and, on x86-64, is not x32's): ENOSYS */
static struct sock_filter *begin_arch(struct sock_filter *f, uint32_t arch, uint32_t highest)
{
	bool x86_64 = arch == SCMP_ARCH_X86_64;

	*f++ = JUMP(BPF_JMP | BPF_JEQ | BPF_K, arch, 0, x86_64 ? 4 : 3);
	*f++ = STATEMENT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr));
	if (x86_64)
		*f++ = JUMP(BPF_JMP | BPF_JGE | BPF_K, X32_BIT, 2, 0);
	*f++ = JUMP(BPF_JMP | BPF_JGT | BPF_K, highest, 0, 1);
	*f++ = STATEMENT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | ENOSYS);
	return f;
}

int seccomp_add_enosys(const struct spec_seccomp *s, uint32_t default_action, struct arena *a,
		       struct sock_fprog *program, struct err *e)
{
	if (permissive(default_action) || default_action == SCMP_ACT_ERRNO(ENOSYS))
		return 0;

	size_t n_archs = s->n_architectures + 1;
	size_t room = program->len + n_archs * (BEGIN_PER_ARCH + 1);
	struct sock_filter *filter = arena_new_array(a, room, struct sock_filter), *f = filter;
	uint32_t native = seccomp_arch_native();

	for (size_t i = 0; i < n_archs; i++) {
		uint32_t arch = native;
		if (i > 0 && seccomp_arch(s->architectures[i - 1], &arch, e) < 0)
			return -e->code;
		if ((i > 0 && arch == native) || arch == SCMP_ARCH_X32)
			continue;
		int highest = highest_named(s, arch);
		if (highest < 0)
			continue;
		/* Loaded anew each time: the one before has left the number there. */
		*f++ = STATEMENT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, arch));
		f = begin_arch(f, arch, (uint32_t)highest);
	}
	memcpy(f, program->filter, program->len * sizeof(*f));
	size_t len = (size_t)(f - filter) + program->len;
	if (len > BPF_MAXINSNS)
		return err_say(e, E2BIG, "the program has %zu instructions, at most %d are possible", len,
			       BPF_MAXINSNS);
	program->filter = filter;
	program->len = (unsigned short)len;
	return 0;
}
