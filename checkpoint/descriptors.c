#include "checkpoint/plan.h"

#include "lib/file.h"
#include "lib/json.h"

#include <errno.h>
#include <string.h>

enum { FILE_MAX = 64 * 1024 };

int checkpoint_save_descriptors(int dir, const char *const *targets, struct err *e)
{
	cleanup_buf struct buf b = BUF_INIT;
	struct json_writer w = { .out = &b };

	json_strings(&w, NULL, targets, CHECKPOINT_DESCRIPTORS);
	return file_replace_at(dir, CHECKPOINT_DESCRIPTORS_FILE, 0600, b.data, b.len, e);
}

const char *checkpoint_external_file(struct arena *a, unsigned mount, uint64_t inode)
{
	return arena_printf(a, "file[%x:%llx]", mount, (unsigned long long)inode);
}

static const struct criu_inherit *find(const struct criu_options *o, const char *key)
{
	for (size_t i = 0; i < o->n_inherit; i++)
		if (strcmp(o->inherit[i].key, key) == 0)
			return &o->inherit[i];
	return NULL;
}

/* The one numbered @i. Where several were one, one is taken for all. Returns which it will be; -1: it is in the images. */
static int inherit(const char *target, size_t i, const int *null, struct arena *a, struct criu_options *o)
{
	const char *key = target, *end = strchr(target, ']');
	int fd = (int)i;

	if (strncmp(target, "file[", 5) == 0 && end) {
		key = arena_strndup(a, target, (size_t)(end + 1 - target));
		if (strcmp(end, "]:/dev/null") == 0)
			fd = null[i];
	} else if (strncmp(target, "pipe:", 5) != 0) {
		return -1;
	}
	const struct criu_inherit *same = find(o, key);
	if (same)
		return same->fd;
	*arena_push(a, &o->inherit, &o->n_inherit) = (struct criu_inherit){ key, fd };
	return fd;
}

int checkpoint_load_descriptors(int dir, const int *null, int *ret, struct arena *a, struct criu_options *o, struct err *e)
{
	cleanup_buf struct buf b = BUF_INIT;
	struct json doc;

	int r = file_read_at(dir, CHECKPOINT_DESCRIPTORS_FILE, FILE_MAX, &b, e);
	if (r == -ENOENT)
		return err_say(e, ENODATA, "there is no whole checkpoint: '" CHECKPOINT_DESCRIPTORS_FILE "' is missing");
	if (r < 0 || json_parse(buf_text(&b), b.len, a, &doc, e) < 0)
		return err_wrap(e, "'" CHECKPOINT_DESCRIPTORS_FILE "'");
	if (doc.type != JSON_ARRAY)
		return err_say(e, EBADMSG, "'" CHECKPOINT_DESCRIPTORS_FILE "': expected an array");
	/* From the last on, so that what is written to is not taken from standard input. */
	for (size_t i = CHECKPOINT_DESCRIPTORS; i-- > 0;)
		ret[i] = i < doc.n && doc.members[i].value.type == JSON_STRING ?
				 inherit(doc.members[i].value.text, i, null, a, o) : -1;
	return 0;
}
