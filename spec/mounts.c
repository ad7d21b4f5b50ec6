/* config.md, "Mounts", and the id mappings that mounts share with user namespaces. */
#include "spec/tables.h"

static const struct field idmap_fields[] = {
	{ "containerID", FIELD_UINT, AT(struct spec_idmap, container_id), .required = true },
	{ "hostID", FIELD_UINT, AT(struct spec_idmap, host_id), .required = true },
	{ "size", FIELD_UINT, AT(struct spec_idmap, size), .min = 1, .required = true },
};
const struct object idmap_object = { FIELDS(idmap_fields), .size = sizeof(struct spec_idmap) };

static const struct field mount_fields[] = {
	{ "destination", FIELD_STRING, AT(struct spec_mount, destination), .required = true },
	{ "source", FIELD_STRING, AT(struct spec_mount, source) },
	{ "type", FIELD_STRING, AT(struct spec_mount, type) },
	{ "options", FIELD_STRINGS, AT(struct spec_mount, options), COUNT(struct spec_mount, n_options) },
	{ "uidMappings", FIELD_OBJECTS, AT(struct spec_mount, uid_mappings), COUNT(struct spec_mount, n_uid_mappings),
	  .object = &idmap_object },
	{ "gidMappings", FIELD_OBJECTS, AT(struct spec_mount, gid_mappings), COUNT(struct spec_mount, n_gid_mappings),
	  .object = &idmap_object },
};

static int finish_mount(struct decode *d, const struct json *value, void *to)
{
	struct spec_mount *m = to;

	(void)value;
	/* A relative destination was allowed before 1.0.2 and is still written: it is relative to "/". */
	if (*m->destination != '/')
		m->destination = arena_printf(d->arena, "/%s", m->destination);
	if (!m->n_uid_mappings != !m->n_gid_mappings)
		return decode_bad(d, NULL, "uidMappings and gidMappings go together");
	return 0;
}

const struct object mount_object = { FIELDS(mount_fields), sizeof(struct spec_mount), finish_mount };
