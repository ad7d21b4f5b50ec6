#include "cgroups/devices.h"

#include <errno.h>
#include <inttypes.h>
#include <stddef.h>

enum { ACCESS_ALL = BPF_DEVCG_ACC_MKNOD | BPF_DEVCG_ACC_READ | BPF_DEVCG_ACC_WRITE };

/* What every container may do: config-linux.md, "Default Devices", and making nodes, which opens nothing. */
static const struct spec_device_rule runtime_rules[] = {
	{ true, DEVICE_CHAR, -1, -1, false, false, true },
	{ true, DEVICE_BLOCK, -1, -1, false, false, true },
	{ true, DEVICE_CHAR, 1, 3, true, true, true }, /* null */
	{ true, DEVICE_CHAR, 1, 5, true, true, true }, /* zero */
	{ true, DEVICE_CHAR, 1, 7, true, true, true }, /* full */
	{ true, DEVICE_CHAR, 1, 8, true, true, true }, /* random */
	{ true, DEVICE_CHAR, 1, 9, true, true, true }, /* urandom */
	{ true, DEVICE_CHAR, 5, 0, true, true, true }, /* tty */
	{ true, DEVICE_CHAR, 5, 1, true, true, true }, /* console */
	{ true, DEVICE_CHAR, 5, 2, true, true, true }, /* ptmx */
	{ true, DEVICE_CHAR, 136, -1, true, true, true }, /* pts */
};
enum { N_RUNTIME_RULES = sizeof(runtime_rules) / sizeof(runtime_rules[0]) };

/* A rule without access letters speaks of all three. */
static uint32_t rule_access(const struct spec_device_rule *r)
{
	uint32_t access = (r->mknod ? BPF_DEVCG_ACC_MKNOD : 0) | (r->read ? BPF_DEVCG_ACC_READ : 0) |
			  (r->write ? BPF_DEVCG_ACC_WRITE : 0);
	return access ? access : ACCESS_ALL;
}

static bool matches_everything(const struct spec_device_rule *r)
{
	return r->type == DEVICE_ALL && r->major == -1 && r->minor == -1 && rule_access(r) == ACCESS_ALL;
}

/* ---- instructions ---- */

/* Registers while the program runs. R1 is the context at the start. */
enum {
	RESULT = BPF_REG_0,
	CONTEXT = BPF_REG_1,
	TYPE = BPF_REG_2,
	ACCESS = BPF_REG_3,
	MAJOR = BPF_REG_4,
	MINOR = BPF_REG_5,
};

struct code {
	struct arena *arena;
	struct bpf_insn *insns;
	size_t n;
};

static struct bpf_insn *emit(struct code *c, uint8_t op, uint8_t dst, uint8_t src, int32_t imm)
{
	struct bpf_insn *i = arena_push(c->arena, &c->insns, &c->n);

	i->code = op;
	i->dst_reg = dst & 0xf;
	i->src_reg = src & 0xf;
	i->imm = imm;
	return i;
}

static void emit_load(struct code *c, uint8_t dst, size_t offset)
{
	emit(c, BPF_LDX | BPF_MEM | BPF_W, dst, CONTEXT, 0)->off = (int16_t)offset;
}

static void emit_return(struct code *c, bool allow)
{
	emit(c, BPF_ALU64 | BPF_MOV | BPF_K, RESULT, 0, allow);
	emit(c, BPF_JMP | BPF_EXIT, 0, 0, 0);
}

/* The context's access_type is "access << 16 | type". */
static void emit_start(struct code *c)
{
	emit_load(c, TYPE, offsetof(struct bpf_cgroup_dev_ctx, access_type));
	emit(c, BPF_ALU64 | BPF_MOV | BPF_X, ACCESS, TYPE, 0);
	emit(c, BPF_ALU64 | BPF_AND | BPF_K, TYPE, 0, 0xffff);
	emit(c, BPF_ALU64 | BPF_RSH | BPF_K, ACCESS, 0, 16);
	emit_load(c, MAJOR, offsetof(struct bpf_cgroup_dev_ctx, major));
	emit_load(c, MINOR, offsetof(struct bpf_cgroup_dev_ctx, minor));
}

/*
 * Rules are asked from the last to the first. ACCESS holds what no rule has allowed yet: one that allows takes its
 * bits away, and nothing left means yes; one that denies any bit still there means no.
 */
static void emit_rule(struct code *c, const struct spec_device_rule *r)
{
	uint32_t access = rule_access(r);
	size_t first = c->n;

	if (r->type != DEVICE_ALL)
		emit(c, BPF_JMP | BPF_JNE | BPF_K, TYPE, 0,
		     r->type == DEVICE_BLOCK ? BPF_DEVCG_DEV_BLOCK : BPF_DEVCG_DEV_CHAR);
	if (r->major != -1)
		emit(c, BPF_JMP | BPF_JNE | BPF_K, MAJOR, 0, (int32_t)r->major);
	if (r->minor != -1)
		emit(c, BPF_JMP | BPF_JNE | BPF_K, MINOR, 0, (int32_t)r->minor);
	size_t last_test = c->n;

	if (r->allow && access != ACCESS_ALL) {
		emit(c, BPF_ALU64 | BPF_AND | BPF_K, ACCESS, 0, (int32_t)(ACCESS_ALL & ~access));
		emit(c, BPF_JMP | BPF_JNE | BPF_K, ACCESS, 0, 0)->off = 2;
	} else if (!r->allow && access != ACCESS_ALL) {
		emit(c, BPF_JMP | BPF_JSET | BPF_K, ACCESS, 0, (int32_t)access)->off = 1;
		emit(c, BPF_JMP | BPF_JA, 0, 0, 0)->off = 2;
	}
	emit_return(c, r->allow);

	/* A test that fails goes on behind the rule. */
	for (size_t i = first; i < last_test; i++)
		c->insns[i].off = (int16_t)(c->n - i - 1);
}

static int check_rule(const struct spec_device_rule *r, size_t i, struct err *e)
{
	if (r->type != DEVICE_ALL && r->type != DEVICE_CHAR && r->type != DEVICE_BLOCK)
		return err_say(e, EINVAL, "linux.resources.devices[%zu].type: '%c' is not one of a, b, c", i,
			       (char)r->type);
	if (r->major < -1 || r->major > INT32_MAX)
		return err_say(e, EINVAL, "linux.resources.devices[%zu].major: %" PRIi64 " is no device number", i,
			       r->major);
	if (r->minor < -1 || r->minor > INT32_MAX)
		return err_say(e, EINVAL, "linux.resources.devices[%zu].minor: %" PRIi64 " is no device number", i,
			       r->minor);
	return 0;
}

int device_program_make(const struct spec_device_rule *rules, size_t n_rules, struct arena *a,
			struct device_program *ret, struct err *e)
{
	struct device_program p = { .given = n_rules > 0 };
	struct code c = { .arena = a };
	bool denies = false, decided = false;

	for (size_t i = 0; i < n_rules; i++)
		if (check_rule(&rules[i], i, e) < 0)
			return -e->code;
	if (n_rules == 0) {
		*ret = p;
		return 0;
	}

	emit_start(&c);
	for (size_t i = N_RUNTIME_RULES; i-- > 0;)
		emit_rule(&c, &runtime_rules[i]);
	for (size_t i = n_rules; i-- > 0 && !decided;) {
		emit_rule(&c, &rules[i]);
		denies = denies || !rules[i].allow;
		decided = matches_everything(&rules[i]); /* what stands before it has no say */
	}
	if (!decided)
		emit_return(&c, false);
	if (denies || !decided) {
		p.insns = c.insns;
		p.n = c.n;
	}
	*ret = p;
	return 0;
}
