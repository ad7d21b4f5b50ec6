/* network: the family of commands for networks; and what they share. */
#include "runtime/cli/network.h"

#include "runtime/cli/commands.h"
#include "runtime/networks.h"

#include <string.h>
#include <unistd.h>

int network_use_load(struct runtime *rt, struct net *ret_net, struct network_use *ret, struct err *e)
{
	struct net_endpoint *all = NULL;
	size_t n = 0;

	*ret = (struct network_use){ 0 };
	if (launched_list(rt, &ret->launched, &ret->n_launched, e) < 0 || networks_open(true, ret_net, e) < 0 ||
	    net_endpoints(ret_net, &rt->arena, &all, &n, e) < 0)
		return -e->code;
	for (size_t i = 0; i < n; i++)
		if (access(all[i].owner, F_OK) == 0)
			*arena_push(&rt->arena, &ret->endpoints, &ret->n_endpoints) = all[i];
	return 0;
}

const struct net_link *network_link(const struct net_endpoint *x, const char *network)
{
	for (size_t i = 0; i < x->n_links; i++)
		if (strcmp(x->links[i].network, network) == 0)
			return &x->links[i];
	return NULL;
}

bool network_is_wanted(const struct launched *l, const char *network)
{
	for (size_t i = 0; i < l->network.n_attachments; i++)
		if (strcmp(l->network.attachments[i].network, network) == 0)
			return true;
	return false;
}

bool network_is_used(const struct network_use *u, const char *network)
{
	for (size_t i = 0; i < u->n_launched; i++)
		if (network_is_wanted(&u->launched[i], network))
			return true;
	for (size_t i = 0; i < u->n_endpoints; i++)
		if (network_link(&u->endpoints[i], network))
			return true;
	return false;
}

const char *network_user_name(const struct net_endpoint *x)
{
	const char *slash = strrchr(x->owner, '/');

	return x->name ? x->name : slash ? slash + 1 : x->owner;
}

static void offer(const char **text, const char *name, struct arena *a)
{
	const char *quoted = arena_printf(a, "\"%s\"", name);

	if (*text && strstr(*text, quoted))
		return;
	*text = *text ? arena_printf(a, "%s, %s", *text, quoted) : quoted;
}

const char *network_users(const struct network_use *u, const char *network, struct arena *a)
{
	const char *text = NULL;

	for (size_t i = 0; i < u->n_launched; i++)
		if (network_is_wanted(&u->launched[i], network))
			offer(&text, u->launched[i].name, a);
	for (size_t i = 0; i < u->n_endpoints; i++)
		if (network_link(&u->endpoints[i], network))
			offer(&text, network_user_name(&u->endpoints[i]), a);
	return text;
}

int network_document(const struct network *x, struct arena *a, struct json *ret, struct err *e)
{
	cleanup_buf struct buf text = BUF_INIT;

	network_write(x, &text);
	return json_parse(buf_text(&text), text.len, a, ret, e);
}

static const struct cli_option no_options[] = { { 0 } };

const struct cli_command command_network = {
	.name = "network",
	.arguments = "COMMAND",
	.summary = "Work with networks, which containers are launched on",
	.group = CLI_NETWORKS,
	.stateless = true,
	.options = no_options,
	.family = true,
	.max_args = -1,
};
