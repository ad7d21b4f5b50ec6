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

static bool is_external(const char *target)
{
	return strncmp(target, "pipe:", 5) == 0 || strncmp(target, "file[", 5) == 0;
}

int checkpoint_load_descriptors(int dir, const int *own, struct arena *a, struct criu_options *o, struct err *e)
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
	/* From the last on: where several are one, CRIU takes the first it finds, and standard input is not to be written to. */
	for (size_t i = doc.n < CHECKPOINT_DESCRIPTORS ? doc.n : CHECKPOINT_DESCRIPTORS; i-- > 0;) {
		const struct json *v = &doc.members[i].value;
		if (v->type == JSON_STRING && is_external(v->text))
			*arena_push(a, &o->inherit, &o->n_inherit) =
				(struct criu_inherit){ v->text, own[i] >= 0 ? own[i] : (int)i };
	}
	return 0;
}
