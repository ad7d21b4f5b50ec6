/* POSIX ACLs: libarchive's entries <-> the kernel's xattr (linux/posix_acl_xattr.h). */
#include "overlay/layer/worker.h"

#include <endian.h>
#include <errno.h>
#include <linux/posix_acl.h>
#include <linux/posix_acl_xattr.h>
#include <stdlib.h>
#include <string.h>

static const struct {
	const char *name;
	int type;
} kinds[ACL_KINDS] = {
	[ACL_ACCESS] = { "system.posix_acl_access", ARCHIVE_ENTRY_ACL_TYPE_ACCESS },
	[ACL_DEFAULT] = { "system.posix_acl_default", ARCHIVE_ENTRY_ACL_TYPE_DEFAULT },
};

static const struct {
	int tag;
	uint16_t kernels;
} tags[] = {
	{ ARCHIVE_ENTRY_ACL_USER_OBJ, ACL_USER_OBJ },	{ ARCHIVE_ENTRY_ACL_USER, ACL_USER },
	{ ARCHIVE_ENTRY_ACL_GROUP_OBJ, ACL_GROUP_OBJ }, { ARCHIVE_ENTRY_ACL_GROUP, ACL_GROUP },
	{ ARCHIVE_ENTRY_ACL_MASK, ACL_MASK },		{ ARCHIVE_ENTRY_ACL_OTHER, ACL_OTHER },
};

#define N_TAGS (sizeof(tags) / sizeof(tags[0]))

const char *acl_name(enum acl_kind kind)
{
	return kinds[kind].name;
}

/* The kernel wants them in the order of their tags. */
static int by_tag(const void *a, const void *b)
{
	const struct posix_acl_xattr_entry *x = a, *y = b;
	uint32_t xs[2] = { le16toh(x->e_tag), le32toh(x->e_id) }, ys[2] = { le16toh(y->e_tag), le32toh(y->e_id) };

	for (int i = 0; i < 2; i++)
		if (xs[i] != ys[i])
			return xs[i] < ys[i] ? -1 : 1;
	return 0;
}

int acl_encode(struct archive_entry *what, enum acl_kind kind, struct acl_xattr *ret, struct err *e)
{
	int type, perm, tag, id;
	const char *name;
	size_t n = 0;

	if (!(archive_entry_acl_types(what) & kinds[kind].type) ||
	    archive_entry_acl_reset(what, kinds[kind].type) == 0)
		return 0;
	ret->header.a_version = htole32(POSIX_ACL_XATTR_VERSION);
	while (archive_entry_acl_next(what, kinds[kind].type, &type, &perm, &tag, &id, &name) == ARCHIVE_OK) {
		size_t i = 0;
		while (i < N_TAGS && tags[i].tag != tag)
			i++;
		if (i == N_TAGS || n == ACL_ENTRIES_MAX)
			return err_say(e, EINVAL, "its ACL: not one of this system");
		bool has_id = tag == ARCHIVE_ENTRY_ACL_USER || tag == ARCHIVE_ENTRY_ACL_GROUP;
		ret->entries[n++] = (struct posix_acl_xattr_entry){
			htole16(tags[i].kernels), htole16((uint16_t)(perm & 7)),
			htole32(has_id ? (uint32_t)id : (uint32_t)ACL_UNDEFINED_ID)
		};
	}
	qsort(ret->entries, n, sizeof(ret->entries[0]), by_tag);
	ret->len = sizeof(ret->header) + n * sizeof(ret->entries[0]);
	return 1;
}

int acl_decode(const struct acl_xattr *acl, enum acl_kind kind, struct archive_entry *ret, struct err *e)
{
	size_t n = acl->len < sizeof(acl->header) ? 0 : (acl->len - sizeof(acl->header)) / sizeof(acl->entries[0]);

	for (size_t i = 0; i < n; i++) {
		const struct posix_acl_xattr_entry *x = &acl->entries[i];
		size_t k = 0;
		while (k < N_TAGS && tags[k].kernels != le16toh(x->e_tag))
			k++;
		if (k == N_TAGS || archive_entry_acl_add_entry(ret, kinds[kind].type, le16toh(x->e_perm), tags[k].tag,
							       (int)le32toh(x->e_id), NULL) != ARCHIVE_OK)
			return err_say(e, EINVAL, "its ACL: not one that an archive can have");
	}
	return 0;
}
