/* config-linux.md, "Seccomp". */
#include "spec/tables.h"

#include <errno.h>
#include <string.h>

static const struct name actions[] = {
	{ "SCMP_ACT_KILL" }, { "SCMP_ACT_KILL_PROCESS" }, { "SCMP_ACT_KILL_THREAD" }, { "SCMP_ACT_TRAP" },
	{ "SCMP_ACT_ERRNO" }, { "SCMP_ACT_TRACE" }, { "SCMP_ACT_ALLOW" }, { "SCMP_ACT_LOG" }, { "SCMP_ACT_NOTIFY" },
	{ 0 },
};

static const struct name architectures[] = {
	{ "SCMP_ARCH_X86" }, { "SCMP_ARCH_X86_64" }, { "SCMP_ARCH_X32" }, { "SCMP_ARCH_ARM" }, { "SCMP_ARCH_AARCH64" },
	{ "SCMP_ARCH_LOONGARCH64" }, { "SCMP_ARCH_M68K" }, { "SCMP_ARCH_MIPS" }, { "SCMP_ARCH_MIPS64" },
	{ "SCMP_ARCH_MIPS64N32" }, { "SCMP_ARCH_MIPSEL" }, { "SCMP_ARCH_MIPSEL64" }, { "SCMP_ARCH_MIPSEL64N32" },
	{ "SCMP_ARCH_PPC" }, { "SCMP_ARCH_PPC64" }, { "SCMP_ARCH_PPC64LE" }, { "SCMP_ARCH_S390" },
	{ "SCMP_ARCH_S390X" }, { "SCMP_ARCH_SH" }, { "SCMP_ARCH_SHEB" }, { "SCMP_ARCH_PARISC" },
	{ "SCMP_ARCH_PARISC64" }, { "SCMP_ARCH_RISCV64" }, { 0 },
};

static const struct name flags[] = {
	{ "SECCOMP_FILTER_FLAG_TSYNC" }, { "SECCOMP_FILTER_FLAG_LOG" }, { "SECCOMP_FILTER_FLAG_SPEC_ALLOW" },
	{ "SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV" }, { 0 },
};

static const struct name operators[] = {
	{ "SCMP_CMP_NE" }, { "SCMP_CMP_LT" }, { "SCMP_CMP_LE" }, { "SCMP_CMP_EQ" }, { "SCMP_CMP_GE" },
	{ "SCMP_CMP_GT" }, { "SCMP_CMP_MASKED_EQ" }, { 0 },
};

static const struct field arg_fields[] = {
	{ "index", FIELD_UINT, AT(struct spec_seccomp_arg, index), .max = 5, .required = true },
	{ "value", FIELD_UINT, AT(struct spec_seccomp_arg, value), .required = true },
	{ "valueTwo", FIELD_UINT, AT(struct spec_seccomp_arg, value_two) },
	{ "op", FIELD_STRING, AT(struct spec_seccomp_arg, op), .names = operators, .required = true },
};
static const struct object arg = { FIELDS(arg_fields), .size = sizeof(struct spec_seccomp_arg) };

static const struct field rule_fields[] = {
	{ "names", FIELD_STRINGS, AT(struct spec_seccomp_rule, names), COUNT(struct spec_seccomp_rule, n_names),
	  .required = true },
	{ "action", FIELD_STRING, AT(struct spec_seccomp_rule, action), .names = actions, .required = true },
	{ "errnoRet", FIELD_OPT_UINT, AT(struct spec_seccomp_rule, errno_ret), .max = UINT32_MAX },
	{ "args", FIELD_OBJECTS, AT(struct spec_seccomp_rule, args), COUNT(struct spec_seccomp_rule, n_args),
	  .object = &arg },
};

/* Only these two return something that can be chosen. */
static int check_errno(struct decode *d, const char *member, const struct spec_u64 *errno_ret, const char *action)
{
	if (!errno_ret->set || strcmp(action, "SCMP_ACT_ERRNO") == 0 || strcmp(action, "SCMP_ACT_TRACE") == 0)
		return 0;
	return decode_bad(d, member, "%s returns no error number", action);
}

static int finish_rule(struct decode *d, const struct json *value, void *to)
{
	const struct spec_seccomp_rule *r = to;

	(void)value;
	if (!r->n_names)
		return decode_bad(d, "names", "must not be empty");
	return check_errno(d, "errnoRet", &r->errno_ret, r->action);
}

static const struct object rule = { FIELDS(rule_fields), sizeof(struct spec_seccomp_rule), finish_rule };

static const struct field seccomp_fields[] = {
	{ "defaultAction", FIELD_STRING, AT(struct spec_seccomp, default_action), .names = actions, .required = true },
	{ "defaultErrnoRet", FIELD_OPT_UINT, AT(struct spec_seccomp, default_errno_ret), .max = UINT32_MAX },
	{ "architectures", FIELD_STRINGS, AT(struct spec_seccomp, architectures),
	  COUNT(struct spec_seccomp, n_architectures), .names = architectures },
	{ "flags", FIELD_STRINGS, AT(struct spec_seccomp, flags), COUNT(struct spec_seccomp, n_flags), .names = flags },
	{ "listenerPath", FIELD_STRING, AT(struct spec_seccomp, listener_path) },
	{ "listenerMetadata", FIELD_STRING, AT(struct spec_seccomp, listener_metadata) },
	{ "syscalls", FIELD_OBJECTS, AT(struct spec_seccomp, rules), COUNT(struct spec_seccomp, n_rules),
	  .object = &rule },
};

static int finish_seccomp(struct decode *d, const struct json *value, void *to)
{
	const struct spec_seccomp *s = to;

	(void)value;
	if (s->listener_metadata && !s->listener_path)
		return decode_bad(d, "listenerMetadata", "needs listenerPath");
	/* The listener is handed over by system calls which such a filter would stop. */
	if (strcmp(s->default_action, "SCMP_ACT_NOTIFY") == 0)
		return decode_bad(d, "defaultAction", "cannot be SCMP_ACT_NOTIFY");
	for (size_t i = 0; i < s->n_rules; i++)
		if (!s->listener_path && strcmp(s->rules[i].action, "SCMP_ACT_NOTIFY") == 0)
			return decode_bad(d, "listenerPath", "missing, and syscalls[%zu] is SCMP_ACT_NOTIFY", i);
	return check_errno(d, "defaultErrnoRet", &s->default_errno_ret, s->default_action);
}

const struct object seccomp_object = { FIELDS(seccomp_fields), sizeof(struct spec_seccomp), finish_seccomp };
