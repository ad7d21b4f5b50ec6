#include "cgroups/devices.h"

#include <errno.h>
#include <inttypes.h>
#include <stddef.h>
#include <sys/types.h>

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

/* Configurations often list the runtime's own rules again. */
static bool is_runtime_rule(const struct spec_device_rule *r)
{
	for (size_t i = 0; i < N_RUNTIME_RULES; i++) {
		const struct spec_device_rule *own = &runtime_rules[i];
		if (r->allow && r->type == own->type && r->major == own->major && r->minor == own->minor &&
		    (rule_access(r) & ~rule_access(own)) == 0)
			return true;
	}
	return false;
}

static bool matches_everything(const struct spec_device_rule *r)
{
	return r->type == DEVICE_ALL && r->major == -1 && r->minor == -1 && rule_access(r) == ACCESS_ALL;
}

/* ---- instructions ---- */

/*
 * Registers while the program runs. R1 is the context at the start. Which device is asked for is one number, so that a
 * rule is one comparison: the kernel's verifier follows both ways of each and what it then knows of every register, and
 * with a test each for type, major and minor that takes longer than all else about the program.
 */
enum {
	RESULT = BPF_REG_0,
	CONTEXT = BPF_REG_1,
	DEVICE = BPF_REG_2, /* type << 63 | major << 32 | minor; a block device has the type 1, others 2 */
	ACCESS = BPF_REG_3,
	PART = BPF_REG_4, /* of DEVICE, which a rule speaks of */
	WANTED = BPF_REG_5,
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

static void emit_number(struct code *c, uint8_t dst, uint64_t number)
{
	emit(c, BPF_LD | BPF_DW | BPF_IMM, dst, 0, (int32_t)(uint32_t)number);
	emit(c, 0, 0, 0, (int32_t)(uint32_t)(number >> 32));
}

static void emit_return(struct code *c, bool allow)
{
	emit(c, BPF_ALU64 | BPF_MOV | BPF_K, RESULT, 0, allow);
	emit(c, BPF_JMP | BPF_EXIT, 0, 0, 0);
}

/* The context's access_type is "access << 16 | type". */
static void emit_start(struct code *c)
{
	emit_load(c, DEVICE, offsetof(struct bpf_cgroup_dev_ctx, access_type));
	emit(c, BPF_ALU64 | BPF_MOV | BPF_X, ACCESS, DEVICE, 0);
	emit(c, BPF_ALU64 | BPF_RSH | BPF_K, ACCESS, 0, 16);
	emit(c, BPF_ALU64 | BPF_LSH | BPF_K, DEVICE, 0, 63);
	emit_load(c, PART, offsetof(struct bpf_cgroup_dev_ctx, major));
	emit(c, BPF_ALU64 | BPF_LSH | BPF_K, PART, 0, 32);
	emit(c, BPF_ALU64 | BPF_OR | BPF_X, DEVICE, PART, 0);
	emit_load(c, PART, offsetof(struct bpf_cgroup_dev_ctx, minor));
	emit(c, BPF_ALU64 | BPF_OR | BPF_X, DEVICE, PART, 0);
}

/* Goes on to where @off will say when the device is not the rule's. Returns the jump's place, or -1 without one. */
static ssize_t emit_test(struct code *c, const struct spec_device_rule *r)
{
	uint64_t mask = 0, wanted = 0;
	uint8_t asked = DEVICE;

	if (r->type != DEVICE_ALL) {
		mask |= UINT64_C(1) << 63;
		wanted |= (uint64_t)(r->type == DEVICE_BLOCK ? BPF_DEVCG_DEV_BLOCK : BPF_DEVCG_DEV_CHAR) << 63;
	}
	if (r->major != -1) {
		mask |= (uint64_t)INT32_MAX << 32;
		wanted |= (uint64_t)r->major << 32;
	}
	if (r->minor != -1) {
		mask |= UINT32_MAX;
		wanted |= (uint64_t)r->minor;
	}
	if (mask == 0)
		return -1;
	if (mask != UINT64_MAX) {
		asked = PART;
		emit_number(c, PART, mask);
		emit(c, BPF_ALU64 | BPF_AND | BPF_X, PART, DEVICE, 0);
	}
	emit_number(c, WANTED, wanted);
	emit(c, BPF_JMP | BPF_JNE | BPF_X, asked, WANTED, 0);
	return (ssize_t)c->n - 1;
}

/*
 * Rules are asked from the last to the first. ACCESS holds what no rule has allowed yet: one that allows takes its
 * bits away, and nothing left means yes; one that denies any bit still there means no.
 */
static void emit_rule(struct code *c, const struct spec_device_rule *r)
{
	uint32_t access = rule_access(r);
	ssize_t test = emit_test(c, r);

	if (r->allow && access != ACCESS_ALL) {
		emit(c, BPF_ALU64 | BPF_AND | BPF_K, ACCESS, 0, (int32_t)(ACCESS_ALL & ~access));
		emit(c, BPF_JMP | BPF_JNE | BPF_K, ACCESS, 0, 0)->off = 2;
	} else if (!r->allow && access != ACCESS_ALL) {
		emit(c, BPF_JMP | BPF_JSET | BPF_K, ACCESS, 0, (int32_t)access)->off = 1;
		emit(c, BPF_JMP | BPF_JA, 0, 0, 0)->off = 2;
	}
	emit_return(c, r->allow);

	if (test >= 0)
		c->insns[test].off = (int16_t)(c->n - (size_t)test - 1);
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
		if (is_runtime_rule(&rules[i]))
			continue;
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
