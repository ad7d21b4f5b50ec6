/* What the resolver answers: names/NAME/ADDRESS -> KEY, and pointers/ADDRESS -> NAME. */
#include "netns/lease.h"

#include "netns/claim.h"

#include <ctype.h>
#include <errno.h>
#include <string.h>
#include <unistd.h>

enum { NAME_LENGTH_MAX = 253, LABEL_LENGTH_MAX = 63 }; /* RFC 1035, section 2.3.4 */

/* In lower case, as it is looked up; false: it is no name. */
static bool fold(const char *name, char ret[NAME_LENGTH_MAX + 1])
{
	size_t label = 0, i;

	for (i = 0; name[i]; i++) {
		bool dot = name[i] == '.';
		if (i == NAME_LENGTH_MAX || (dot && label == 0) || (!dot && ++label > LABEL_LENGTH_MAX))
			return false;
		if (!isalnum((unsigned char)name[i]) && !strchr("_-.", name[i]))
			return false;
		ret[i] = (char)tolower((unsigned char)name[i]);
		if (dot)
			label = 0;
	}
	ret[i] = '\0';
	return label > 0;
}

static struct claim_path directory_of(const char *network, const char *name)
{
	return claim_path("networks/%s/names/%s", network, name);
}

static struct claim_path path_of(const char *network, const char *name, const struct net_address *x)
{
	char text[NET_ADDRESS_TEXT];

	return claim_path("networks/%s/names/%s/%s", network, name, net_address_text(x, text));
}

static struct claim_path pointer_of(const char *network, const struct net_address *x)
{
	char text[NET_ADDRESS_TEXT];

	return claim_path("networks/%s/pointers/%s", network, net_address_text(x, text));
}

/* Whoever has the address has its names: what is there of another is of one that is gone. */
static int put(const struct net *n, const char *path, const char *target, struct err *e)
{
	int r = claim_make(n->state, path, target, e);

	if (r != -EEXIST || claim_is(n->state, path, target))
		return r == -EEXIST ? 0 : r;
	if (unlinkat(n->state, path, 0) < 0 && errno != ENOENT)
		return err_set(e, errno, "remove '%s'", path);
	r = claim_make(n->state, path, target, e);
	return r == -EEXIST ? err_set(e, EEXIST, "create '%s'", path) : r;
}

static int add_name(const struct net *n, const char *network, const char *name, const struct net_link *l,
		    const char *key, struct err *e)
{
	char folded[NAME_LENGTH_MAX + 1];

	if (!fold(name, folded))
		return err_say(e, EINVAL, "\"%s\" is no name that can be resolved: labels have up to %d letters, "
			       "digits, '-' and '_'", name, LABEL_LENGTH_MAX);
	for (size_t i = 0; i < 2; i++)
		if (l->addresses[i].family && put(n, path_of(network, folded, &l->addresses[i]).path, key, e) < 0)
			return -e->code;
	return 0;
}

static int remove_name(const struct net *n, const char *network, const char *name, const struct net_link *l,
		       const char *key, struct err *e)
{
	char folded[NAME_LENGTH_MAX + 1];

	if (!fold(name, folded))
		return 0;
	for (size_t i = 0; i < 2; i++)
		if (l->addresses[i].family &&
		    claim_drop(n->state, path_of(network, folded, &l->addresses[i]).path, key, e) < 0)
			return -e->code;
	claim_drop_directory(n->state, directory_of(network, folded).path);
	return 0;
}

int names_add(const struct net *n, const char *network, const char *name, const struct net_link *l, const char *key,
	      struct err *e)
{
	char folded[NAME_LENGTH_MAX + 1];

	if (name && add_name(n, network, name, l, key, e) < 0)
		return -e->code;
	for (size_t i = 0; i < l->n_aliases; i++)
		if (add_name(n, network, l->aliases[i], l, key, e) < 0)
			return -e->code;
	const char *first = name ? name : l->n_aliases ? l->aliases[0] : NULL;
	if (!first || !fold(first, folded))
		return 0;
	for (size_t i = 0; i < 2; i++)
		if (l->addresses[i].family && put(n, pointer_of(network, &l->addresses[i]).path, folded, e) < 0)
			return -e->code;
	return 0;
}

int names_remove(const struct net *n, const char *network, const char *name, const struct net_link *l, const char *key,
		 struct err *e)
{
	const char *first = name ? name : l->n_aliases ? l->aliases[0] : NULL;
	char folded[NAME_LENGTH_MAX + 1];

	for (size_t i = 0; first && fold(first, folded) && i < 2; i++)
		if (l->addresses[i].family &&
		    claim_is(n->state, path_of(network, folded, &l->addresses[i]).path, key) &&
		    claim_drop(n->state, pointer_of(network, &l->addresses[i]).path, folded, e) < 0)
			return -e->code;
	for (size_t i = 0; i < l->n_aliases; i++)
		if (remove_name(n, network, l->aliases[i], l, key, e) < 0)
			return -e->code;
	return name ? remove_name(n, network, name, l, key, e) : 0;
}
