#include "cgroups/devices.h"

#include "lib/fd.h"
#include "lib/proc.h"
#include "lib/sys.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>

/* Tells our programs from systemd's ("sd_devices"), which it looks after itself. BPF_OBJ_NAME_LEN with its end. */
static const char program_name[] = "ferry_devices";

enum { PROGRAMS_MAX = 64 };

static uint64_t pointer(const void *p)
{
	return (uint64_t)(uintptr_t)p;
}

static int load(const struct device_program *p)
{
	union bpf_attr attr = {
		.prog_type = BPF_PROG_TYPE_CGROUP_DEVICE,
		.insns = pointer(p->insns),
		.insn_cnt = (uint32_t)p->n,
		.license = pointer("Apache-2.0"),
		.expected_attach_type = BPF_CGROUP_DEVICE,
	};

	_Static_assert(sizeof(program_name) <= sizeof(attr.prog_name), "too long a program name");
	memcpy(attr.prog_name, program_name, sizeof(program_name));
	return sys_bpf(BPF_PROG_LOAD, &attr, sizeof(attr)); /* the descriptor is close-on-exec by itself */
}

static int attach(int dir, int program)
{
	union bpf_attr attr = {
		.target_fd = (uint32_t)dir,
		.attach_bpf_fd = (uint32_t)program,
		.attach_type = BPF_CGROUP_DEVICE,
		.attach_flags = BPF_F_ALLOW_MULTI,
	};
	return sys_bpf(BPF_PROG_ATTACH, &attr, sizeof(attr));
}

static int detach(int dir, int program)
{
	union bpf_attr attr = {
		.target_fd = (uint32_t)dir,
		.attach_bpf_fd = (uint32_t)program,
		.attach_type = BPF_CGROUP_DEVICE,
	};
	return sys_bpf(BPF_PROG_DETACH, &attr, sizeof(attr));
}

/* The ids of what is attached. Returns how many, or -1. */
static int query(int dir, uint32_t *ids)
{
	union bpf_attr attr = {
		.query.target_fd = (uint32_t)dir,
		.query.attach_type = BPF_CGROUP_DEVICE,
		.query.prog_ids = pointer(ids),
		.query.prog_cnt = PROGRAMS_MAX,
	};
	if (sys_bpf(BPF_PROG_QUERY, &attr, sizeof(attr)) < 0)
		return -1;
	return (int)attr.query.prog_cnt;
}

static bool is_ours(int program)
{
	struct bpf_prog_info info = { 0 };
	union bpf_attr attr = {
		.info.bpf_fd = (uint32_t)program,
		.info.info_len = sizeof(info),
		.info.info = pointer(&info),
	};
	return sys_bpf(BPF_OBJ_GET_INFO_BY_FD, &attr, sizeof(attr)) == 0 && strcmp(info.name, program_name) == 0;
}

static int detach_ours(int dir, const uint32_t *ids, int n, struct err *e)
{
	for (int i = 0; i < n; i++) {
		union bpf_attr attr = { .prog_id = ids[i] };
		cleanup_close int program = sys_bpf(BPF_PROG_GET_FD_BY_ID, &attr, sizeof(attr));
		if (program < 0 && errno == ENOENT)
			continue;
		if (program < 0)
			return err_set(e, errno, "open the cgroup's old device program");
		if (is_ours(program) && detach(dir, program) < 0 && errno != ENOENT)
			return err_set(e, errno, "detach the cgroup's old device program");
	}
	return 0;
}

static int refuse_or_skip(bool rootless, const char *doing, struct err *e)
{
	int code = errno;

	if ((code == EPERM || code == EACCES) && (rootless || !proc_in_first_userns()))
		return 0;
	return err_set(e, code, "linux.resources.devices: %s the device program", doing);
}

int device_program_attach(int dir, const struct device_program *p, bool replace, bool rootless, struct err *e)
{
	uint32_t ids[PROGRAMS_MAX];

	if (!p->given)
		return 0;
	/* The new one is added before the old one goes, so that there is no moment without. */
	int n_old = replace ? query(dir, ids) : 0;
		if (p->n > 0) {
		cleanup_close int program = load(p);
		if (program < 0)
			return refuse_or_skip(rootless, "load", e);
		if (attach(dir, program) < 0)
			return refuse_or_skip(rootless, "attach", e);
	}
	return n_old > 0 ? detach_ours(dir, ids, n_old, e) : 0;
}
