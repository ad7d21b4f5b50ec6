#include "netns/firewall.h"

#include "lib/fd.h"
#include "lib/file.h"
#include "netns/claim.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

/* /proc/sys/net, and where what was there before is written down. */
struct settings {
	int net, state;
};

static void exchange(char *s, char from, char to)
{
	while ((s = strchr(s, from)))
		*s++ = to;
}

static bool is_text(const struct buf *now, const char *value)
{
	return now->len == strlen(value) + 1 && strncmp(buf_text(now), value, strlen(value)) == 0;
}

/* A link named by the path, with ':', which no interface has in its name: from what to what. The first is what counts. */
static int note(const struct settings *s, const char *path, const struct buf *now, const char *value, struct err *e)
{
	if (s->state < 0)
		return 0;
	cleanup_buf struct buf words = BUF_INIT;
	struct claim_path claim = claim_path("settings/%s", path);

	exchange(claim.path + strlen("settings/"), '/', ':');
	buf_printf(&words, "%.*s %s", (int)strcspn(buf_text(now), "\n"), buf_text(now), value);
	int r = claim_make(s->state, claim.path, buf_text(&words), e);
	return r == -EEXIST ? 0 : r;
}

/* One that is not there (no IPv6) needs nothing. Returns 1: it has been written, 0: it was so already. */
static int set(const struct settings *s, const char *path, const char *value, struct err *e)
{
	cleanup_buf struct buf now = BUF_INIT;
	struct err missing = ERR_INIT;

	int r = file_read_once_at(s->net, path, &now, &missing);
	if (r == -ENOENT)
		return 0;
	if (r == 0 && is_text(&now, value))
		return 0;
	r = note(s, path, &now, value, e);
	if (r == 0)
		r = file_write_at(s->net, path, value, e);
	return r < 0 ? err_wrap(e, "set '/proc/sys/net/%s' to %s", path, value) : 1;
}

/* As set, of an interface. */
static int set_of(const struct settings *s, const char *family, const char *interface, const char *name, const char *value,
		  struct err *e)
{
	cleanup_buf struct buf path = BUF_INIT;

	buf_printf(&path, "%s/conf/%s/%s", family, interface, name);
	return set(s, buf_text(&path), value, e);
}

/*
 * A machine that forwards IPv6 does not learn its own routes from routers any more unless told so (accept_ra 2). Those
 * interfaces that did go on.
 */
static int keep_learning(const struct settings *s, struct err *e)
{
	cleanup_close int fd = openat(s->net, "ipv6/conf", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	const struct dirent *entry;
	int r = 0;

	if (!dir)
		return errno == ENOENT ? 0 : err_set(e, errno, "open '/proc/sys/net/ipv6/conf'");
	take_fd(&fd);
	while (r >= 0 && (entry = readdir(dir))) {
		cleanup_buf struct buf path = BUF_INIT, now = BUF_INIT;
		struct err gone = ERR_INIT;
		if (entry->d_name[0] == '.' || strcmp(entry->d_name, "all") == 0 || strcmp(entry->d_name, "default") == 0)
			continue;
		buf_printf(&path, "ipv6/conf/%s/accept_ra", entry->d_name);
		if (file_read_once_at(s->net, buf_text(&path), &now, &gone) == 0 && strcmp(buf_text(&now), "1\n") == 0)
			r = set(s, buf_text(&path), "2", e);
	}
	closedir(dir);
	return r < 0 ? r : 0;
}

static int forward_ipv6(const struct settings *s, struct err *e)
{
	cleanup_buf struct buf now = BUF_INIT;
	struct err missing = ERR_INIT;

	if (file_read_once_at(s->net, "ipv6/conf/all/forwarding", &now, &missing) < 0 || strcmp(buf_text(&now), "1\n") == 0)
		return 0;
	int r = keep_learning(s, e);
	return r < 0 ? r : set(s, "ipv6/conf/all/forwarding", "1", e);
}

static bool has_family(const struct network *x, uint8_t family)
{
	for (size_t i = 0; i < x->n_subnets; i++)
		if (x->subnets[i].subnet.family == family)
			return true;
	return false;
}

int firewall_sysctls(int state, const struct network *x, struct err *e)
{
	if (x->driver != NET_BRIDGE)
		return 0;
	cleanup_close int net = open("/proc/sys/net", O_PATH | O_DIRECTORY | O_CLOEXEC);
	const struct settings s = { net, state };
	if (net < 0)
		return err_set(e, errno, "open '/proc/sys/net'");
	/* A container's word on the ways out of this machine is not taken. */
	int r = set_of(&s, "ipv6", x->interface, "accept_ra", "0", e);
	if (r < 0 || x->internal)
		return r < 0 ? r : 0;
	if (has_family(x, AF_INET) && ((r = set(&s, "ipv4/ip_forward", "1", e)) < 0 ||
				       (r = set_of(&s, "ipv4", x->interface, "route_localnet", "1", e)) < 0))
		return r;
	if (has_family(x, AF_INET6) && (r = forward_ipv6(&s, e)) < 0)
		return r;
	return 0;
}

/* ---- as it was ---- */

/* Whoever has set it to something else since is not overruled. */
static int restore_one(const char *name, const char *target, void *data, struct err *e)
{
	const struct settings *s = data;
	char path[NAME_MAX + 1], before[NAME_MAX + 1];
	const char *given = strchr(target, ' ');
	cleanup_buf struct buf now = BUF_INIT;
	struct err gone = ERR_INIT;

	snprintf(path, sizeof(path), "%s", name);
	exchange(path, ':', '/');
	snprintf(before, sizeof(before), "%.*s", (int)strcspn(target, " "), target);
	if (given && file_read_once_at(s->net, path, &now, &gone) == 0 && is_text(&now, given + 1) &&
	    file_write_at(s->net, path, before, e) < 0)
		return err_wrap(e, "set '/proc/sys/net/%s' to %s", path, before);
	return claim_drop(s->state, claim_path("settings/%s", name).path, target, e);
}

int firewall_restore_sysctls(int state, struct err *e)
{
	cleanup_close int net = open("/proc/sys/net", O_PATH | O_DIRECTORY | O_CLOEXEC);
	struct settings s = { net, state };

	return net < 0 ? err_set(e, errno, "open '/proc/sys/net'") : claim_each(state, "settings", restore_one, &s, e);
}
