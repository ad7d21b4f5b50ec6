#include "netns/firewall.h"

#include "lib/fd.h"
#include "lib/file.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>

/* One that is not there (no IPv6) needs nothing. Returns 1: it has been written, 0: it was so already. */
static int set(int net, const char *path, const char *value, struct err *e)
{
	cleanup_buf struct buf now = BUF_INIT;
	struct err missing = ERR_INIT;

	int r = file_read_once_at(net, path, &now, &missing);
	if (r == -ENOENT)
		return 0;
	if (r == 0 && now.len == strlen(value) + 1 && strncmp(buf_text(&now), value, strlen(value)) == 0)
		return 0;
	r = file_write_at(net, path, value, e);
	return r < 0 ? err_wrap(e, "set '/proc/sys/net/%s' to %s", path, value) : 1;
}

/* As set, of an interface. */
static int set_of(int net, const char *family, const char *interface, const char *name, const char *value,
		  struct err *e)
{
	cleanup_buf struct buf path = BUF_INIT;

	buf_printf(&path, "%s/conf/%s/%s", family, interface, name);
	return set(net, buf_text(&path), value, e);
}

/*
 * A machine that forwards IPv6 does not learn its own routes from routers any more unless told so (accept_ra 2). Those
 * interfaces that did go on.
 */
static int keep_learning(int net, struct err *e)
{
	cleanup_close int fd = openat(net, "ipv6/conf", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
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
		if (file_read_once_at(net, buf_text(&path), &now, &gone) == 0 && strcmp(buf_text(&now), "1\n") == 0)
			r = set(net, buf_text(&path), "2", e);
	}
	closedir(dir);
	return r < 0 ? r : 0;
}

static int forward_ipv6(int net, struct err *e)
{
	cleanup_buf struct buf now = BUF_INIT;
	struct err missing = ERR_INIT;

	if (file_read_once_at(net, "ipv6/conf/all/forwarding", &now, &missing) < 0 || strcmp(buf_text(&now), "1\n") == 0)
		return 0;
	int r = keep_learning(net, e);
	return r < 0 ? r : set(net, "ipv6/conf/all/forwarding", "1", e);
}

static bool has_family(const struct network *x, uint8_t family)
{
	for (size_t i = 0; i < x->n_subnets; i++)
		if (x->subnets[i].subnet.family == family)
			return true;
	return false;
}

int firewall_sysctls(const struct network *x, struct err *e)
{
	if (x->driver != NET_BRIDGE)
		return 0;
	cleanup_close int net = open("/proc/sys/net", O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (net < 0)
		return err_set(e, errno, "open '/proc/sys/net'");
	/* A container's word on the ways out of this machine is not taken. */
	int r = set_of(net, "ipv6", x->interface, "accept_ra", "0", e);
	if (r < 0 || x->internal)
		return r < 0 ? r : 0;
	if (has_family(x, AF_INET) && ((r = set(net, "ipv4/ip_forward", "1", e)) < 0 ||
				       (r = set_of(net, "ipv4", x->interface, "route_localnet", "1", e)) < 0))
		return r;
	if (has_family(x, AF_INET6) && (r = forward_ipv6(net, e)) < 0)
		return r;
	return 0;
}
