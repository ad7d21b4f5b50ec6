#include "runtime/process/steps.h"

#include <errno.h>
#include <linux/capability.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#define BIT(n) (UINT64_C(1) << (n))

/* The kernel's own calls: the C library has none, and libcap would ask for the last capability first. */
static int get_caps(struct __user_cap_data_struct data[2])
{
	struct __user_cap_header_struct head = { .version = _LINUX_CAPABILITY_VERSION_3 };
	return (int)syscall(SYS_capget, &head, data);
}

static int put_caps(const struct __user_cap_data_struct data[2])
{
	struct __user_cap_header_struct head = { .version = _LINUX_CAPABILITY_VERSION_3 };
	return (int)syscall(SYS_capset, &head, data);
}

/*
 * What this process could give away. A user namespace's first process has every capability that the kernel knows.
 * Without one it is what the runtime itself is permitted: that an executed root process has no more than its bounding
 * set.
 */
static int grantable(bool userns, uint64_t *ret, struct err *e)
{
	struct __user_cap_data_struct data[2];
	int last = CAP_LAST_CAP;

	if (userns) {
		while (last > 0 && prctl(PR_CAPBSET_READ, last) < 0)
			last--;
		*ret = (BIT(last) << 1) - 1;
		return 0;
	}
	if (get_caps(data) < 0)
		return err_set(e, errno, "capget");
	*ret = data[0].permitted | (uint64_t)data[1].permitted << 32;
	return 0;
}

/* One warning that names each of @missing, in runc's words. */
static void warn(struct process_plan *p, uint64_t missing, const char *why, struct arena *a)
{
	char *text = NULL;

	for (unsigned n = 0; n < 64; n++) {
		if (!(missing & BIT(n)))
			continue;
		const char *name = spec_cap_name(n);
		text = text ? arena_printf(a, "%s %s", text, name ? name : "?") : arena_strdup(a, name ? name : "?");
	}
	if (text)
		*arena_push(a, &p->warnings, &p->n_warnings) = arena_printf(a, "%s: [%s]", why, text);
}

int caps_plan(struct process_plan *p, struct arena *a, struct err *e)
{
	const struct spec_capabilities *want = p->process->capabilities;
	uint64_t can = 0, asked = 0, lost = 0;

	if (!want)
		return 0;
	if (grantable(p->userns, &can, e) < 0)
		return -e->code;
	for (int i = 0; i < CAP_SETS; i++) {
		asked |= want->set[i];
		p->caps[i] = want->set[i] & can;
	}
	for (size_t i = 0; i < want->n_unknown; i++)
		*arena_push(a, &p->warnings, &p->n_warnings) =
			arena_printf(a, "ignoring unknown or unavailable capabilities: [%s]", want->unknown[i]);
	warn(p, asked & ~can, "ignoring unknown or unavailable capabilities", a);

	/* What the kernel would refuse with EPERM: each of these sets is bounded by others. */
	uint64_t *caps = p->caps;
	lost |= caps[CAPS_EFFECTIVE] & ~caps[CAPS_PERMITTED];
	caps[CAPS_EFFECTIVE] &= caps[CAPS_PERMITTED];
	lost |= caps[CAPS_INHERITABLE] & ~caps[CAPS_BOUNDING];
	caps[CAPS_INHERITABLE] &= caps[CAPS_BOUNDING];
	lost |= caps[CAPS_AMBIENT] & ~(caps[CAPS_PERMITTED] & caps[CAPS_INHERITABLE]);
	caps[CAPS_AMBIENT] &= caps[CAPS_PERMITTED] & caps[CAPS_INHERITABLE];
	warn(p, lost, "ignoring capabilities in a set that is bounded by one without them", a);
	return 0;
}

int caps_drop_bounding(const struct process_plan *p, struct err *e)
{
	/* One by one, there is no other way; past those that this program knows, to the first the kernel does not. */
	for (unsigned n = 0; n < 64; n++) {
		if (p->caps[CAPS_BOUNDING] & BIT(n))
			continue;
		if (prctl(PR_CAPBSET_DROP, n, 0, 0, 0) == 0)
			continue;
		if (errno == EINVAL)
			return 0;
		return err_set(e, errno, "drop capability %u from the bounding set", n);
	}
	return 0;
}

int caps_keep(const struct process_plan *p, struct err *e)
{
	/* Root stays root: nothing is lost. execve(2) turns it off again. */
	if (p->process->user.uid == 0)
		return 0;
	if (prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0) < 0)
		return err_set(e, errno, "keep capabilities");
	return 0;
}

int caps_raise_permitted(struct err *e)
{
	struct __user_cap_data_struct data[2];

	if (get_caps(data) < 0)
		return err_set(e, errno, "capget");
	data[0].effective = data[0].permitted;
	data[1].effective = data[1].permitted;
	return put_caps(data) < 0 ? err_set(e, errno, "raise capabilities") : 0;
}

int caps_set(const struct process_plan *p, struct err *e)
{
	const uint64_t *caps = p->caps;
	struct __user_cap_data_struct data[2];

	for (int i = 0; i < 2; i++) {
		data[i].effective = (uint32_t)(caps[CAPS_EFFECTIVE] >> 32 * i);
		data[i].permitted = (uint32_t)(caps[CAPS_PERMITTED] >> 32 * i);
		data[i].inheritable = (uint32_t)(caps[CAPS_INHERITABLE] >> 32 * i);
	}
	if (put_caps(data) < 0)
		return err_set(e, errno, "set capabilities");

	/* The kernel keeps the ambient set within permitted and inheritable; mostly there is nothing left to clear. */
	uint64_t could_be = caps[CAPS_PERMITTED] & caps[CAPS_INHERITABLE];
	if (could_be & ~caps[CAPS_AMBIENT] && prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0) < 0)
		return err_set(e, errno, "clear ambient capabilities");
	for (unsigned n = 0; n < 64; n++)
		if (caps[CAPS_AMBIENT] & BIT(n) && prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, n, 0, 0) < 0)
			return err_set(e, errno, "raise ambient capability %u", n);
	return 0;
}
