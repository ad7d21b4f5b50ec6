/* What the parts of a configuration say about each other. What one object shows is checked where it is decoded. */
#include "spec/tables.h"

#include "lib/sys.h"

#include <errno.h>
#include <string.h>

/* ---- ociVersion ---- */

/* Digits without a leading zero; NULL when there are none. */
static const char *skip_number(const char *s)
{
	size_t n = strspn(s, "0123456789");

	return n == 0 || (n > 1 && *s == '0') ? NULL : s + n;
}

/* "-rc.1", "+build": identifiers with dots between them. */
static const char *skip_identifiers(const char *s, bool no_leading_zeros)
{
	do {
		size_t n = strspn(++s, "0123456789-ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz");
		if (n == 0 || (no_leading_zeros && n > 1 && *s == '0' && strspn(s, "0123456789") == n))
			return NULL;
		s += n;
	} while (*s == '.');
	return s;
}

static bool semver(const char *s)
{
	for (int part = 0; part < 3; part++) {
		s = skip_number(s);
		if (!s || (part < 2 && *s++ != '.'))
			return false;
	}
	if (*s == '-')
		s = skip_identifiers(s, true);
	if (s && *s == '+')
		s = skip_identifiers(s, false);
	return s && !*s;
}

static int check_version(const struct spec *s, struct err *e)
{
	if (!semver(s->oci_version))
		return err_say(e, EINVAL, "ociVersion: '%s' is no version by semver.org", s->oci_version);
	if (strncmp(s->oci_version, "1.", 2) != 0)
		return err_say(e, EINVAL, "ociVersion: '%s' is not supported, only 1.x is", s->oci_version);
	return 0;
}

/* ---- namespaces ---- */

static int check_user_namespace(const struct spec *s, struct err *e)
{
	const struct spec_namespace *userns = spec_find_namespace(s, CLONE_NEWUSER);
	const struct spec_linux *lx = &s->lx;

	if (!lx->n_uid_mappings != !lx->n_gid_mappings)
		return err_say(e, EINVAL, "linux: uidMappings and gidMappings go together");
	if (lx->n_uid_mappings && !userns)
		return err_say(e, EINVAL,
			       "linux.uidMappings: needs a user namespace, which linux.namespaces does not have");
	/* A joined one has its mappings. */
	if (userns && !userns->path && !lx->n_uid_mappings)
		return err_say(e, EINVAL, "linux.uidMappings: missing, and linux.namespaces has a new user namespace");
	return 0;
}

static int check_namespaces(const struct spec *s, struct err *e)
{
	const struct spec_linux *lx = &s->lx;
	/* What is set in a namespace must not be set in the host's. Joining one is the caller's decision. */
	const struct {
		bool wanted;
		const char *path, *name;
		uint64_t flag;
	} needs[] = {
		{ s->hostname, "hostname", "uts", CLONE_NEWUTS },
		{ s->domainname, "domainname", "uts", CLONE_NEWUTS },
		{ lx->offset_monotonic.set || lx->offset_boottime.set, "linux.timeOffsets", "time", CLONE_NEWTIME },
		{ lx->n_masked_paths, "linux.maskedPaths", "mount", CLONE_NEWNS },
		{ lx->n_readonly_paths, "linux.readonlyPaths", "mount", CLONE_NEWNS },
	};

	for (size_t i = 0; i < lx->n_namespaces; i++)
		if (spec_find_namespace(s, lx->namespaces[i].flag) != &lx->namespaces[i])
			return err_say(e, EINVAL, "linux.namespaces[%zu].type: this namespace is there twice", i);
	for (size_t i = 0; i < sizeof(needs) / sizeof(needs[0]); i++)
		if (needs[i].wanted && !spec_find_namespace(s, needs[i].flag))
			return err_say(e, EINVAL,
				       "%s: needs a private %s namespace, which linux.namespaces does not have",
				       needs[i].path, needs[i].name);
	return check_user_namespace(s, e);
}

/* ---- the rest ---- */

static int check_absolute(const char *member, const char *const *paths, size_t n, struct err *e)
{
	for (size_t i = 0; i < n; i++)
		if (*paths[i] != '/')
			return err_say(e, EINVAL, "linux.%s[%zu]: '%s' is not an absolute path", member, i, paths[i]);
	return 0;
}

static int check_net_devices(const struct spec_linux *lx, struct err *e)
{
	for (size_t i = 0; i < lx->n_net_devices; i++)
		for (size_t k = 0; k < i; k++) {
			const struct spec_net_device *a = &lx->net_devices[i], *b = &lx->net_devices[k];
			const char *name = a->name ? a->name : a->host_name;
			if (strcmp(name, b->name ? b->name : b->host_name) == 0)
				return err_say(e, EINVAL, "linux.netDevices: two would be named '%s'", name);
		}
	return 0;
}

int spec_check(struct spec *s, struct err *e)
{
	if (check_version(s, e) < 0 || check_namespaces(s, e) < 0)
		return -e->code;
	for (size_t i = 0; i < s->n_annotations; i++)
		if (!*s->annotations[i].key)
			return err_say(e, EINVAL, "annotations: a key must not be empty");
	if (check_absolute("maskedPaths", s->lx.masked_paths, s->lx.n_masked_paths, e) < 0 ||
	    check_absolute("readonlyPaths", s->lx.readonly_paths, s->lx.n_readonly_paths, e) < 0)
		return -e->code;
	return check_net_devices(&s->lx, e);
}
