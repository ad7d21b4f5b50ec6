#include "lib/fd.h"
#include "lib/file.h"
#include "lib/sys.h"
#include "namespaces/idmap.h"
#include "namespaces/namespaces.h"

#include <errno.h>
#include <linux/nsfs.h>
#include <net/if.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>

static const char *ns_file(uint64_t flag)
{
	for (size_t i = 0; i < sizeof(spec_namespace_names) / sizeof(spec_namespace_names[0]); i++)
		if (spec_namespace_names[i].flag == flag)
			return spec_namespace_names[i].file;
	return "unknown";
}

int ns_plan_open(struct ns_plan *p, struct err *e)
{
	for (size_t i = 0; i < p->n_join; i++) {
		struct ns_join *j = &p->join[i];
		cleanup_close int fd = open(j->path, O_RDONLY | O_CLOEXEC);
		if (fd < 0)
			return err_set(e, errno, "lstat %s", j->path);
		int kind = ioctl(fd, NS_GET_NSTYPE);
		if (kind < 0 || (uint64_t)(unsigned)kind != j->flag)
			return err_say(e, EINVAL, "linux.namespaces: '%s' is not a %s namespace", j->path,
				       ns_file(j->flag));
		j->fd = take_fd(&fd);
	}
	return 0;
}

void ns_plan_close(struct ns_plan *p)
{
	for (size_t i = 0; i < p->n_join; i++)
		close_fd(&p->join[i].fd);
}

/* Joining one's own user namespace is the one case that the kernel refuses (EINVAL). */
static bool is_own_userns(int fd)
{
	struct stat own, st;

	return fstat(fd, &st) == 0 && stat("/proc/self/ns/user", &own) == 0 && st.st_dev == own.st_dev &&
	       st.st_ino == own.st_ino;
}

static int join(const struct ns_join *j, struct err *e)
{
	if (setns(j->fd, (int)j->flag) < 0 &&
	    !(errno == EINVAL && j->flag == CLONE_NEWUSER && is_own_userns(j->fd)))
		return err_set(e, errno, "join the %s namespace '%s'", ns_file(j->flag), j->path);
	return 0;
}

/*
 * First what this process's present rights allow, then the user namespace, then with the rights that it gave the rest:
 * a namespace may belong to the host or to the user namespace that is joined.
 */
static int join_all(const struct ns_plan *p, struct err *e)
{
	bool done[NS_MAX] = { false };
	const struct ns_join *user = NULL;

	for (size_t i = 0; i < p->n_join; i++) {
		if (p->join[i].flag == CLONE_NEWUSER) {
			user = &p->join[i];
			done[i] = true;
		}
	}
	for (size_t i = 0; i < p->n_join; i++) {
		if (done[i])
			continue;
		int r = join(&p->join[i], e);
		if (r < 0 && !(user && r == -EPERM))
			return r;
		done[i] = r == 0;
	}
	if (user && join(user, e) < 0)
		return -e->code;
	for (size_t i = 0; i < p->n_join; i++)
		if (!done[i] && join(&p->join[i], e) < 0)
			return -e->code;
	return 0;
}

int ns_stage(const struct ns_plan *p, struct err *e)
{
	/* What runs in a namespace that is joined must not be able to trace this process and take its descriptors. */
	if (p->n_join && !(p->create & CLONE_NEWUSER) && prctl(PR_SET_DUMPABLE, 0) < 0)
		return err_set(e, errno, "give up being traced");
	return join_all(p, e);
}

int ns_map_ids(const struct ns_plan *p, pid_t pid, struct err *e)
{
	const struct idmaps m = { p->uid_maps, p->gid_maps, p->n_uid_maps, p->n_gid_maps };

	if (!(p->create & CLONE_NEWUSER))
		return 0;
	int r = p->map_with_helpers ? idmap_write_with_helpers(pid, &m, e)
				    : idmap_write(pid, &m, p->deny_setgroups, e);
	return r < 0 ? err_wrap(e, "map ids") : 0;
}

static bool has_userns(const struct ns_plan *p)
{
	for (size_t i = 0; i < p->n_join; i++)
		if (p->join[i].flag == CLONE_NEWUSER)
			return true;
	return (p->create & CLONE_NEWUSER) != 0;
}

int ns_become_root(const struct ns_plan *p, struct err *e)
{
	if (!has_userns(p))
		return 0;
	if (setresgid(0, 0, 0) < 0)
		return err_set(e, errno, "become gid 0 of the user namespace");
	if (setresuid(0, 0, 0) < 0)
		return err_set(e, errno, "become uid 0 of the user namespace");
	return 0;
}

static int write_offset(int fd, const char *clock, const struct spec_time_offset *o, struct err *e)
{
	char line[96];

	if (!o->set)
		return 0;
	int n = snprintf(line, sizeof(line), "%s %lld %u\n", clock, (long long)o->secs, o->nanosecs);
	if (write(fd, line, (size_t)n) != n)
		return err_set(e, errno, "linux.timeOffsets.%s", clock);
	return 0;
}

/*
 * A time namespace takes offsets only while nothing runs in it, so C does not come to life in it: it unshares one for
 * its children, writes the offsets, and then goes there itself.
 */
static int set_time_offsets(const struct ns_plan *p, struct err *e)
{
	if (!p->offset_monotonic.set && !p->offset_boottime.set)
		return 0;
	if (unshare(CLONE_NEWTIME) < 0)
		return err_set(e, errno, "unshare the time namespace");
	/* A change of ids made /proc/self the host's root's: ours again for one open(2). */
	bool again = (p->create & CLONE_NEWUSER) != 0;
	if (again && prctl(PR_SET_DUMPABLE, 1) < 0)
		return err_set(e, errno, "prctl");
	cleanup_close int fd = open("/proc/self/timens_offsets", O_WRONLY | O_CLOEXEC);
	if (fd < 0)
		return err_set(e, errno, "open '/proc/self/timens_offsets'");
	if (again && prctl(PR_SET_DUMPABLE, 0) < 0)
		return err_set(e, errno, "prctl");
	if (write_offset(fd, "monotonic", &p->offset_monotonic, e) < 0 ||
	    write_offset(fd, "boottime", &p->offset_boottime, e) < 0)
		return -e->code;
	cleanup_close int ns = open("/proc/self/ns/time_for_children", O_RDONLY | O_CLOEXEC);
	if (ns < 0 || setns(ns, CLONE_NEWTIME) < 0)
		return err_set(e, errno, "enter the new time namespace");
	return 0;
}

int ns_loopback_up(struct err *e)
{
	struct ifreq r = { .ifr_name = "lo", .ifr_flags = IFF_UP | IFF_RUNNING };

	closed_by_exec int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return err_set(e, errno, "socket");
	if (ioctl(fd, SIOCSIFFLAGS, &r) < 0)
		return err_set(e, errno, "bring lo up");
	return 0;
}

int ns_configure(const struct ns_plan *p, struct err *e)
{
	if (!p->stage && p->n_join) {
		if (prctl(PR_SET_DUMPABLE, 0) < 0)
			return err_set(e, errno, "give up being traced");
		if (join_all(p, e) < 0)
			return -e->code;
	}
	if (p->create_cgroup && unshare(CLONE_NEWCGROUP) < 0)
		return err_set(e, errno, "unshare the cgroup namespace");
	if (set_time_offsets(p, e) < 0)
		return -e->code;
	if (p->hostname && sethostname(p->hostname, strlen(p->hostname)) < 0)
		return err_set(e, errno, "set hostname '%s'", p->hostname);
	if (p->domainname && setdomainname(p->domainname, strlen(p->domainname)) < 0)
		return err_set(e, errno, "set domainname '%s'", p->domainname);
	if (p->loopback)
		return ns_loopback_up(e);
	return 0;
}
