#include "checkpoint/images/mountpoints.h"

#include "checkpoint/images/image.h"

#include <string.h>

bool is_mountpoints(const char *name)
{
	return strncmp(name, "mountpoints-", strlen("mountpoints-")) == 0;
}

int image_mount_read(struct wire entry, struct image_mount *ret, struct err *e)
{
	*ret = (struct image_mount){ 0 };
	const struct {
		uint32_t field;
		uint64_t *number;
		struct wire *bytes;
	} fields[] = {
		{ MOUNT_TYPE, &ret->type, NULL }, { MOUNT_DEVICE, &ret->device, NULL }, { MOUNT_SHARED, &ret->shared, NULL },
		{ MOUNT_MASTER, &ret->master, NULL }, { MOUNT_SUPERBLOCK, &ret->superblock, NULL },
		{ MOUNT_ROOT, NULL, &ret->root }, { MOUNT_POINT, NULL, &ret->place }, { MOUNT_OPTIONS, NULL, &ret->options },
		{ MOUNT_KEY, NULL, &ret->key },
	};

	for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++)
		if ((fields[i].number ? wire_find_number(entry, fields[i].field, fields[i].number) :
					wire_find_bytes(entry, fields[i].field, fields[i].bytes)) < 0)
			return image_damaged(e);
	return 0;
}
