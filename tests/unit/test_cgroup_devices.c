#include "cgroups/devices.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

enum { R = BPF_DEVCG_ACC_READ, W = BPF_DEVCG_ACC_WRITE, M = BPF_DEVCG_ACC_MKNOD };
enum { CHR = BPF_DEVCG_DEV_CHAR, BLK = BPF_DEVCG_DEV_BLOCK };

#define RULE(allow, type, major, minor, access)                                                                        \
	{ allow, type, major, minor, ((access) & R) != 0, ((access) & W) != 0, ((access) & M) != 0 }
#define ALL(allow) RULE(allow, DEVICE_ALL, -1, -1, R | W | M)

/* As much of the kernel's interpreter as the generator uses. */
static int run(const struct device_program *p, uint32_t type, uint32_t access, uint32_t major, uint32_t minor)
{
	uint32_t context[3] = { access << 16 | type, major, minor };
	uint64_t r[11] = { 0 };

	for (size_t i = 0, steps = 0; i < p->n; i++) {
		const struct bpf_insn *in = &p->insns[i];
		uint64_t src = BPF_SRC(in->code) == BPF_X ? r[in->src_reg] : (uint64_t)(int64_t)in->imm;
		assert_true(++steps <= p->n); /* no way back */
		switch (in->code) {
		case BPF_LDX | BPF_MEM | BPF_W: r[in->dst_reg] = context[in->off / 4]; break;
		case BPF_ALU64 | BPF_MOV | BPF_K:
		case BPF_ALU64 | BPF_MOV | BPF_X: r[in->dst_reg] = src; break;
		case BPF_LD | BPF_DW | BPF_IMM: r[in->dst_reg] = (uint32_t)in->imm | (uint64_t)p->insns[++i].imm << 32; break;
		case BPF_ALU64 | BPF_AND | BPF_K:
		case BPF_ALU64 | BPF_AND | BPF_X: r[in->dst_reg] &= src; break;
		case BPF_ALU64 | BPF_OR | BPF_X: r[in->dst_reg] |= src; break;
		case BPF_ALU64 | BPF_LSH | BPF_K: r[in->dst_reg] <<= src; break;
		case BPF_ALU64 | BPF_RSH | BPF_K: r[in->dst_reg] >>= src; break;
		case BPF_JMP | BPF_JNE | BPF_K:
		case BPF_JMP | BPF_JNE | BPF_X: i += r[in->dst_reg] != src ? (size_t)in->off : 0; break;
		case BPF_JMP | BPF_JSET | BPF_K: i += r[in->dst_reg] & src ? (size_t)in->off : 0; break;
		case BPF_JMP | BPF_JA: i += (size_t)in->off; break;
		case BPF_JMP | BPF_EXIT: return (int)r[0];
		default: fail_msg("instruction %zu: code %#x", i, in->code);
		}
	}
	fail_msg("the program does not end");
	return -1;
}

static struct device_program make(const struct spec_device_rule *rules, size_t n, struct arena *a)
{
	struct device_program p;
	struct err e = ERR_INIT;

	if (device_program_make(rules, n, a, &p, &e) < 0)
		fail_msg("%s", e.msg);
	return p;
}

#define MAKE(a, rules) make((rules), sizeof(rules) / sizeof((rules)[0]), (a))

static void test_none(void **state)
{
	(void)state;
	cleanup_arena struct arena a = ARENA_INIT;
	struct device_program p = make(NULL, 0, &a);

	assert_int_equal(p.n, 0);
	assert_false(p.given);
}

static void test_allow_all(void **state)
{
	(void)state;
	cleanup_arena struct arena a = ARENA_INIT;
	const struct spec_device_rule rules[] = { ALL(false), RULE(false, DEVICE_CHAR, 10, 200, R), ALL(true) };
	const struct spec_device_rule after[] = { ALL(true), RULE(false, DEVICE_CHAR, 10, 200, R | W | M) };

	struct device_program p = MAKE(&a, rules);
	assert_int_equal(p.n, 0);
	assert_true(p.given);

	p = MAKE(&a, after);
	assert_int_equal(run(&p, CHR, R, 10, 200), 0);
	assert_int_equal(run(&p, CHR, R | W, 10, 201), 1);
	assert_int_equal(run(&p, BLK, R | W, 8, 0), 1);
}

static void test_defaults(void **state)
{
	(void)state;
	cleanup_arena struct arena a = ARENA_INIT;
	const struct spec_device_rule rules[] = { ALL(false) };
	struct device_program p = MAKE(&a, rules);
	static const uint32_t allowed[][2] = { { 1, 3 }, { 1, 5 }, { 1, 7 }, { 1, 8 }, { 1, 9 },
					       { 5, 0 }, { 5, 1 }, { 5, 2 }, { 136, 0 }, { 136, 77 } };

	for (size_t i = 0; i < sizeof(allowed) / sizeof(allowed[0]); i++)
		assert_int_equal(run(&p, CHR, R | W, allowed[i][0], allowed[i][1]), 1);
	assert_int_equal(run(&p, CHR, M, 99, 99), 1);
	assert_int_equal(run(&p, BLK, M, 8, 0), 1);
	assert_int_equal(run(&p, CHR, M | R, 99, 99), 0);
	assert_int_equal(run(&p, CHR, R, 1, 1), 0);
	assert_int_equal(run(&p, BLK, R, 1, 3), 0);
	assert_int_equal(run(&p, BLK, W, 8, 0), 0);
}

static void test_each_bit_alone(void **state)
{
	(void)state;
	cleanup_arena struct arena a = ARENA_INIT;
	const struct spec_device_rule rules[] = {
		ALL(false),
		RULE(true, DEVICE_CHAR, 10, 1, R),
		RULE(true, DEVICE_CHAR, 10, 1, W),
		RULE(true, DEVICE_BLOCK, 8, -1, R | W),
		RULE(false, DEVICE_BLOCK, 8, 1, W),
		RULE(true, DEVICE_BLOCK, 9, -1, 0),
		RULE(false, DEVICE_CHAR, 1, 3, R | W | M),
	};
	struct device_program p = MAKE(&a, rules);

	assert_int_equal(run(&p, CHR, R, 10, 1), 1);
	assert_int_equal(run(&p, CHR, W, 10, 1), 1);
	assert_int_equal(run(&p, CHR, R | W, 10, 1), 1); /* by two rules together */
	assert_int_equal(run(&p, CHR, R | W, 10, 2), 0);
	assert_int_equal(run(&p, BLK, R | W, 8, 2), 1);
	assert_int_equal(run(&p, BLK, R, 8, 1), 1);
	assert_int_equal(run(&p, BLK, W, 8, 1), 0);
	assert_int_equal(run(&p, BLK, R | W, 8, 1), 0);
	assert_int_equal(run(&p, BLK, R | W, 9, 7), 1); /* no letters: all */
	assert_int_equal(run(&p, CHR, R | W, 1, 3), 1); /* the runtime's own rules come last */
}

/* Every combination of a small world, against the rule in words. */
static bool by_the_words(const struct spec_device_rule *rules, size_t n, uint32_t type, uint32_t bit, uint32_t major)
{
	bool allow = bit == M;

	if (allow)
		return true;
	for (size_t i = 0; i < n; i++) {
		const struct spec_device_rule *r = &rules[i];
		bool speaks = bit == R ? r->read : r->write;
		if (speaks && (r->type == DEVICE_ALL || (r->type == DEVICE_BLOCK) == (type == BLK)) &&
		    (r->major == -1 || r->major == (int64_t)major))
			allow = r->allow;
	}
	return allow;
}

static void test_against_the_words(void **state)
{
	(void)state;
	static const enum spec_device_type types[] = { DEVICE_ALL, DEVICE_CHAR, DEVICE_BLOCK };
	uint32_t seed = 1;

	for (int round = 0; round < 2000; round++) {
		cleanup_arena struct arena a = ARENA_INIT;
		struct spec_device_rule rules[6];
		for (size_t i = 0; i < 6; i++) {
			seed = seed * 1664525 + 1013904223;
			uint32_t access = 1 + (seed >> 8) % 7;
			struct spec_device_rule r = RULE((seed >> 16) & 1, types[(seed >> 17) % 3],
							 (int64_t)((seed >> 20) % 4) + 199, -1, access);
			if (r.major == 199)
				r.major = -1;
			rules[i] = r;
		}
		struct device_program p = MAKE(&a, rules);
		for (uint32_t type = BLK; type <= CHR; type++)
			for (uint32_t access = 1; access <= 7; access++)
				for (uint32_t major = 200; major < 204; major++) {
					bool want = true;
					for (uint32_t bit = 1; bit <= 4; bit <<= 1)
						if (access & bit)
							want = want && by_the_words(rules, 6, type, bit, major);
					int got = p.n ? run(&p, type, access, major, 0) : 1;
					assert_int_equal(got, want);
				}
	}
}

static void test_bytes(void **state)
{
	(void)state;
	cleanup_arena struct arena a = ARENA_INIT;
	const struct spec_device_rule rules[] = { ALL(false) };
	struct device_program p = MAKE(&a, rules);
	static const struct bpf_insn start[] = {
		{ .code = 0x61, .dst_reg = 2, .src_reg = 1, .off = 0 }, /* r2 = access_type */
		{ .code = 0xbf, .dst_reg = 3, .src_reg = 2 },		/* r3 = r2 */
		{ .code = 0x77, .dst_reg = 3, .imm = 16 },		/* r3 >>= 16 */
		{ .code = 0x67, .dst_reg = 2, .imm = 63 },		/* r2 <<= 63 */
		{ .code = 0x61, .dst_reg = 4, .src_reg = 1, .off = 4 }, /* r4 = major */
		{ .code = 0x67, .dst_reg = 4, .imm = 32 },		/* r4 <<= 32 */
		{ .code = 0x4f, .dst_reg = 2, .src_reg = 4 },		/* r2 |= r4 */
		{ .code = 0x61, .dst_reg = 4, .src_reg = 1, .off = 8 }, /* r4 = minor */
		{ .code = 0x4f, .dst_reg = 2, .src_reg = 4 },		/* r2 |= r4 */
		{ .code = 0x18, .dst_reg = 4 },				/* r4 = type and major */
		{ .imm = -1 },
		{ .code = 0x5f, .dst_reg = 4, .src_reg = 2 },		/* r4 &= r2 */
		{ .code = 0x18, .dst_reg = 5 },				/* r5 = c 136 */
		{ .imm = 136 },
		{ .code = 0x5d, .dst_reg = 4, .src_reg = 5, .off = 2 },	/* if r4 != r5: next rule */
		{ .code = 0xb7, .dst_reg = 0, .imm = 1 },		/* r0 = 1 */
		{ .code = 0x95 },					/* exit */
	};

	assert_true(p.n > sizeof(start) / sizeof(start[0]));
	assert_memory_equal(p.insns, start, sizeof(start));
	assert_int_equal(p.insns[p.n - 2].code, 0xb7);
	assert_int_equal(p.insns[p.n - 2].imm, 0);
	assert_int_equal(p.insns[p.n - 1].code, 0x95);
}

/* What the runtime allows anyway costs nothing when it is said again; what looks like it but denies, or wants more, does. */
static void test_said_again(void **state)
{
	(void)state;
	cleanup_arena struct arena a = ARENA_INIT;
	const struct spec_device_rule plain[] = { ALL(false) };
	const struct spec_device_rule again[] = {
		ALL(false),
		RULE(true, DEVICE_CHAR, 1, 3, R | W),
		RULE(true, DEVICE_CHAR, 136, -1, R | W | M),
		RULE(true, DEVICE_BLOCK, -1, -1, M),
	};
	const struct spec_device_rule more[] = { ALL(false), RULE(true, DEVICE_CHAR, -1, -1, R | M) };
	struct device_program p = MAKE(&a, plain), q = MAKE(&a, again), m = MAKE(&a, more);

	assert_int_equal(p.n, q.n);
	assert_memory_equal(p.insns, q.insns, p.n * sizeof(*p.insns));
	assert_int_equal(run(&m, CHR, R, 10, 200), 1);
	assert_int_equal(run(&m, CHR, W, 10, 200), 0);
}

static void test_errors(void **state)
{
	(void)state;
	cleanup_arena struct arena a = ARENA_INIT;
	struct spec_device_rule rules[] = { ALL(false), RULE(true, DEVICE_FIFO, 1, 1, R) };
	struct device_program p;
	struct err e;

	assert_int_equal(device_program_make(rules, 2, &a, &p, &e), -EINVAL);
	assert_non_null(strstr(e.msg, "linux.resources.devices[1].type"));
	rules[1].type = DEVICE_CHAR;
	rules[1].major = 1LL << 40;
	assert_int_equal(device_program_make(rules, 2, &a, &p, &e), -EINVAL);
	assert_non_null(strstr(e.msg, "linux.resources.devices[1].major"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_none),	       cmocka_unit_test(test_allow_all),
		cmocka_unit_test(test_defaults),       cmocka_unit_test(test_each_bit_alone),
		cmocka_unit_test(test_against_the_words), cmocka_unit_test(test_bytes),
		cmocka_unit_test(test_said_again),
		cmocka_unit_test(test_errors),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
