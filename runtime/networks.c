#include "runtime/networks.h"

#include <errno.h>
#include <linux/capability.h>
#include <sys/syscall.h>
#include <unistd.h>

#define DEFINITIONS "/var/lib/ferry/networks"
#define STATE "/run/ferry/.networks"

static bool may_administrate(void)
{
	struct __user_cap_header_struct head = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3] = { 0 };

	return syscall(SYS_capget, &head, data) == 0 && data[0].effective & 1U << CAP_NET_ADMIN;
}

int networks_check_rights(struct err *e)
{
	return may_administrate() ? 0 : err_say(e, EPERM, "networks need the right CAP_NET_ADMIN: become root, or launch with "
						"--network host, none or pasta");
}

int networks_open(bool alone, struct net *ret, struct err *e)
{
	if (networks_check_rights(e) < 0)
		return -e->code;
	int r = net_open(DEFINITIONS, STATE, alone, ret, e);
	if (r == -EACCES || r == -EPERM)
		return err_wrap(e, "networks are kept by the host's root: become root");
	return r;
}
