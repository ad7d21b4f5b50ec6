/*
 * linux.resources.devices as an eBPF program of type BPF_PROG_TYPE_CGROUP_DEVICE. Generating is pure; attaching is in
 * devices_attach.c.
 *
 * The rules stand in order and the last one that matches decides, for read, write and mknod each on its own; what no
 * rule speaks of is denied. After the configuration's rules come the runtime's own, which allow what every container
 * needs (/dev/null and its like, and making any node).
 */
#ifndef CGROUPS_DEVICES_H
#define CGROUPS_DEVICES_H

#include "spec/spec.h"

#include <linux/bpf.h>

struct device_program {
	struct bpf_insn *insns;
	size_t n; /* 0: none is needed, everything is allowed */
	bool given; /* there were rules: without a program of ours, an old one goes away */
};

int device_program_make(const struct spec_device_rule *rules, size_t n_rules, struct arena *a,
			struct device_program *ret, struct err *e);

/*
 * Attaches @p to the cgroup @dir. @replace: it may have an older one of ours, which goes; those of others (systemd's)
 * stay. @rootless, and root in a user namespace: lacking the rights is no error, since devices cannot be made there.
 */
int device_program_attach(int dir, const struct device_program *p, bool replace, bool rootless, struct err *e);

#endif
