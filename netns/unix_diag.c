/* Which unix sockets there are in a network namespace, and whom they are connected to. */
#include "netns/netlink.h"
#include "netns/netns.h"

#include <errno.h>
#include <linux/sock_diag.h>
#include <linux/unix_diag.h>
#include <string.h>
#include <sys/socket.h>

struct listing {
	struct arena *arena;
	struct net_unix_socket *v;
	size_t n;
	uint32_t *waiting; /* inodes of those that nobody has accepted */
	size_t n_waiting;
};

/* The list of one that listens. */
static void take_waiting(struct listing *l, const struct nlattr *x)
{
	const uint32_t *inodes = x ? nl_attribute_data(x) : NULL;

	for (size_t i = 0; x && i < nl_attribute_size(x) / sizeof(*inodes); i++)
		*arena_push(l->arena, &l->waiting, &l->n_waiting) = inodes[i];
}

static bool is_waiting(const struct listing *l, uint32_t inode)
{
	for (size_t i = 0; i < l->n_waiting; i++)
		if (l->waiting[i] == inode)
			return true;
	return false;
}

static int take(const struct nlmsghdr *m, void *arg, struct err *e)
{
	const struct nlattr *x[UNIX_DIAG_RQLEN + 1];
	const struct unix_diag_msg *header = NLMSG_DATA(m);
	struct listing *l = arg;

	if (m->nlmsg_type != SOCK_DIAG_BY_FAMILY || !nl_attributes(m, sizeof(*header), x, UNIX_DIAG_RQLEN))
		return err_say(e, EBADMSG, "unix sockets: an answer that is none");
	const struct nlattr *queue = x[UNIX_DIAG_RQLEN];
	const struct unix_diag_rqlen *unread = queue && nl_attribute_size(queue) >= sizeof(*unread) ? nl_attribute_data(queue) : NULL;
	take_waiting(l, x[UNIX_DIAG_ICONS]);
	*arena_push(l->arena, &l->v, &l->n) = (struct net_unix_socket){
		.inode = header->udiag_ino,
		.peer = nl_attribute_u32(x[UNIX_DIAG_PEER], 0),
		.named = x[UNIX_DIAG_NAME],
		.datagram = header->udiag_type == SOCK_DGRAM,
		.unread_bytes = unread ? unread->udiag_wqueue : 0,
	};
	return 0;
}

int net_unix_sockets(int netns, struct arena *a, struct net_unix_socket **ret, size_t *ret_n, struct err *e)
{
	const struct unix_diag_req request = {
		.sdiag_family = AF_UNIX,
		.udiag_states = ~0u,
		.udiag_show = UDIAG_SHOW_NAME | UDIAG_SHOW_PEER | UDIAG_SHOW_ICONS | UDIAG_SHOW_RQLEN,
	};
	cleanup_nl_batch struct nl_batch b = NL_BATCH_INIT;
	cleanup_nl struct nl s = NL_INIT;
	struct listing l = { .arena = a };

	if (nl_open(NETLINK_SOCK_DIAG, netns, &s, e) < 0)
		return -e->code;
	nl_begin(&b, SOCK_DIAG_BY_FAMILY, NLM_F_DUMP, &request, sizeof(request), "unix sockets");
	int r = nl_ask(&s, &b, take, &l, e);
	/* Sockets come and go while they are listed; what is there is a true picture of each. */
	if (r < 0 && r != -EINTR)
		return r;
	for (size_t i = 0; i < l.n; i++)
		l.v[i].in_flight = is_waiting(&l, l.v[i].inode);
	*ret = l.v;
	*ret_n = l.n;
	return 0;
}
