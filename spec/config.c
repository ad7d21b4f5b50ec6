/* config.md: the document as a whole. */
#include "spec/tables.h"

#include "lib/buf.h"
#include "lib/fd.h"
#include "lib/file.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

enum { CONFIG_MAX = 16 << 20 };

static const struct field root_fields[] = {
	{ "path", FIELD_STRING, AT(struct spec_root, path), .required = true },
	{ "readonly", FIELD_BOOL, AT(struct spec_root, readonly) },
};
static const struct object root = { FIELDS(root_fields), .size = sizeof(struct spec_root) };

/* The sections of other platforms are not here: unknown, so ignored. */
static const struct field config_fields[] = {
	{ "ociVersion", FIELD_STRING, AT(struct spec, oci_version), .required = true },
	{ "hostname", FIELD_STRING, AT(struct spec, hostname) },
	{ "domainname", FIELD_STRING, AT(struct spec, domainname) },
	{ "annotations", FIELD_PAIRS, AT(struct spec, annotations), COUNT(struct spec, n_annotations) },
	{ "root", FIELD_POINTER, AT(struct spec, root), .object = &root },
	{ "process", FIELD_POINTER, AT(struct spec, process), .object = &process_object },
	{ "mounts", FIELD_OBJECTS, AT(struct spec, mounts), COUNT(struct spec, n_mounts), .object = &mount_object },
	{ "hooks", FIELD_EMBEDDED, AT(struct spec, hooks), .object = &hooks_object },
	{ "linux", FIELD_EMBEDDED, AT(struct spec, lx), .object = &linux_object },
};
static const struct object config = { FIELDS(config_fields) };

int spec_parse(const char *text, size_t len, struct arena *a, struct spec **ret, struct err *e)
{
	struct spec *s = arena_new(a, struct spec);
	int r = decode_document(text, len, &config, a, s, e);

	if (r == 0)
		r = spec_check(s, e);
	if (r == 0)
		*ret = s;
	return r;
}

int spec_load(int dirfd, const char *path, struct arena *a, struct spec **ret, struct err *e)
{
	cleanup_buf struct buf text = BUF_INIT;
	struct stat st;

	cleanup_close int fd = openat(dirfd, path, O_RDONLY | O_CLOEXEC);
	/* The words that engines know from runc. */
	if (fd < 0 && errno == ENOENT)
		return err_say(e, ENOENT, "JSON specification file %s not found", path);
	if (fd < 0 || fstat(fd, &st) < 0)
		return err_set(e, errno, "open '%s'", path);
	/* Room for all of it at once: one read, and one that finds the end. */
	if (st.st_size > 0 && st.st_size <= CONFIG_MAX)
		buf_reserve(&text, (size_t)st.st_size + 4096);
	if (fd_read_all(fd, CONFIG_MAX, &text, e) < 0)
		return err_wrap(e, "'%s'", path);
	if (spec_parse(buf_text(&text), text.len, a, ret, e) < 0)
		return err_wrap(e, "%s", path);
	return 0;
}

const char *spec_annotation(const struct spec *s, const char *key)
{
	for (size_t i = 0; i < s->n_annotations; i++)
		if (strcmp(s->annotations[i].key, key) == 0)
			return s->annotations[i].value;
	return NULL;
}
