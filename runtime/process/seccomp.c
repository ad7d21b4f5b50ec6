#include "runtime/process/steps.h"

#include "lib/buf.h"
#include "lib/fd.h"

#include <errno.h>
#include <linux/seccomp.h>
#include <string.h>
#include <sys/syscall.h>

static int plan_flags(const struct spec_seccomp *s, bool notify, unsigned *ret, struct err *e)
{
	unsigned flags = notify ? SECCOMP_FILTER_FLAG_NEW_LISTENER : 0;

	/* When nothing is said: the mitigation costs every program much, and the kernel itself gave it up. */
	if (!s->flags)
		flags |= SECCOMP_FILTER_FLAG_SPEC_ALLOW;
	for (size_t i = 0; i < s->n_flags; i++) {
		unsigned flag = 0;
		if (seccomp_flag(s->flags[i], &flag, e) < 0)
			return err_wrap(e, "flags[%zu]", i);
		/* How a call waits for the listener: without one the kernel refuses it. */
		if (flag == SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV && !notify)
			continue;
		flags |= flag;
		if (flag == SECCOMP_FILTER_FLAG_TSYNC && notify)
			flags |= SECCOMP_FILTER_FLAG_TSYNC_ESRCH;
	}
	*ret = flags;
	return 0;
}

/* The listener's descriptor must get out before there can be answers: what that takes may not wait for an answer. */
static int plan_listener(const struct spec_seccomp *s, bool *ret_notify, struct err *e)
{
	*ret_notify = false;
	if (strcmp(s->default_action, "SCMP_ACT_NOTIFY") == 0)
		return err_say(e, EINVAL, "SCMP_ACT_NOTIFY cannot be used as default action");
	for (size_t i = 0; i < s->n_rules; i++) {
		if (strcmp(s->rules[i].action, "SCMP_ACT_NOTIFY") != 0)
			continue;
		*ret_notify = true;
		for (size_t k = 0; k < s->rules[i].n_names; k++)
			if (strcmp(s->rules[i].names[k], "sendmsg") == 0)
				return err_say(e, EINVAL, "SCMP_ACT_NOTIFY cannot be used for the sendmsg syscall");
	}
	if (*ret_notify && !s->listener_path)
		return err_say(e, EINVAL, "listenerPath: must be set when SCMP_ACT_NOTIFY is used");
	return 0;
}

int seccomp_plan(const struct spec_seccomp *s, struct arena *a, struct process_plan *ret, struct err *e)
{
	cleanup_buf struct buf key = BUF_INIT;
	const char *cache = ret->options.cache_dir;
	bool notify;

	if (plan_listener(s, &notify, e) < 0 || plan_flags(s, notify, &ret->filter_flags, e) < 0)
		return -e->code;
	if (notify) {
		ret->listener_path = s->listener_path;
		ret->listener_metadata = s->listener_metadata;
	}
	if (!cache)
		return seccomp_compile(s, a, &ret->filter, e);

	seccomp_cache_key(s, &key);
	if (seccomp_cache_load(cache, &key, a, &ret->filter))
		return 0;
	if (seccomp_compile(s, a, &ret->filter, e) < 0)
		return -e->code;
	seccomp_cache_store(cache, &key, &ret->filter);
	return 0;
}

int seccomp_install(const struct process_plan *p, const char *state_json, struct err *e)
{
	if (!p->filter.len)
		return 0;
	cleanup_buf struct buf document = BUF_INIT;
	cleanup_close int notify_fd = -1;
	if (p->listener_path && seccomp_listener_document(p, state_json, &document, e) < 0)
		return -e->code;
	int r = (int)syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, p->filter_flags, &p->filter);
	if (r < 0)
		return err_set(e, errno, "error loading seccomp filter into kernel");
	if (!p->listener_path)
		return 0;
	notify_fd = r;
	return seccomp_listener_send(p, &document, notify_fd, e);
}
