#include "runtime/process/steps.h"

#include <errno.h>
#include <linux/keyctl.h>
#include <sys/syscall.h>
#include <unistd.h>

/* What a new session keyring allows, and its user to find it: so that `exec` can join it by its name. */
enum { SEARCHABLE = 0x3f1b0000 };

int keyring_join(const struct process_plan *p, struct err *e)
{
	const char *label = p->process->selinux_label;
	bool labelled = label && *label;

	if (!p->options.new_keyring)
		return 0;
	if (labelled && lsm_set_keycreate(label, e) < 0)
		return -e->code;
	long ring = syscall(SYS_keyctl, KEYCTL_JOIN_SESSION_KEYRING, p->options.keyring_name);
	int code = errno;
	if (labelled && lsm_set_keycreate("", e) < 0)
		return -e->code;
	/* Kernels without keys, and engines' own seccomp profiles in nested containers. */
	if (ring < 0 && (code == ENOSYS || code == EPERM))
		return 0;
	if (ring < 0)
		return err_set(e, code, "join session keyring '%s'",
			       p->options.keyring_name ? p->options.keyring_name : "");
	/* One of that name, of somebody else's, may have been there: then its owner has decided. */
	if (!p->options.exec)
		syscall(SYS_keyctl, KEYCTL_SETPERM, (int)ring, SEARCHABLE);
	return 0;
}
