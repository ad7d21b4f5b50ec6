/* What a killed process left of leases, names and ports. */
#include "netns/lease.h"

#include "netns/claim.h"

#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <unistd.h>

struct sweep {
	const struct net *n;
	const char *key; /* NULL: of all that have no record */
	const char *path; /* of the directory that is being read */
};

static bool is_over(const struct sweep *s, const char *key)
{
	if (s->key)
		return strcmp(s->key, key) == 0;
	const struct claim_path record = claim_path("endpoints/%s.json", key);
	return !*key || faccessat(s->n->state, record.path, F_OK, AT_SYMLINK_NOFOLLOW) < 0;
}

static int sweep_claim(const char *name, const char *target, void *data, struct err *e)
{
	const struct sweep *s = data;

	return is_over(s, target) ? claim_drop(s->n->state, claim_path("%s/%s", s->path, name).path, target, e) : 0;
}

/* Claims one directory further down; a directory that is then empty goes, too. */
static int sweep_below(const char *name, const char *target, void *data, struct err *e)
{
	const struct sweep *s = data;
	struct claim_path path = claim_path("%s/%s", s->path, name);
	struct sweep below = { s->n, s->key, path.path };

	(void)target;
	if (claim_each(s->n->state, path.path, sweep_claim, &below, e) < 0)
		return -e->code;
	claim_drop_directory(s->n->state, path.path);
	return 0;
}

/* A pointer goes with the lease of its address. */
static int sweep_pointer(const char *name, const char *target, void *data, struct err *e)
{
	const struct sweep *s = data;
	char ignored[NAME_MAX + 1];

	if (claim_read(s->n->state, claim_path("%s/leases/%s", s->path, name).path, ignored, sizeof(ignored)))
		return 0;
	return claim_drop(s->n->state, claim_path("%s/pointers/%s", s->path, name).path, target, e);
}

static int sweep_network(const char *name, const char *target, void *data, struct err *e)
{
	const struct sweep *s = data;
	struct claim_path top = claim_path("networks/%s", name), leases = claim_path("%s/leases", top.path),
			  names = claim_path("%s/names", top.path), pointers = claim_path("%s/pointers", top.path);

	(void)target;
	if (claim_each(s->n->state, leases.path, sweep_claim, &(struct sweep){ s->n, s->key, leases.path }, e) < 0 ||
	    claim_each(s->n->state, names.path, sweep_below, &(struct sweep){ s->n, s->key, names.path }, e) < 0)
		return -e->code;
	return claim_each(s->n->state, pointers.path, sweep_pointer, &(struct sweep){ s->n, s->key, top.path }, e);
}

int leases_sweep(const struct net *n, const char *key, struct arena *a, struct err *e)
{
	struct sweep s = { .n = n, .key = key };

	(void)a;
	if (claim_each(n->state, "networks", sweep_network, &s, e) < 0)
		return -e->code;
	s.path = "ports";
	return claim_each(n->state, "ports", sweep_below, &s, e);
}
