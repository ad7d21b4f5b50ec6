/*
 * What a snapshot says of its container: enough to make that again elsewhere, and what tools for checkpoint archives look for.
 */
#include "runtime/snapshot/snapshot.h"

#include "lib/buf.h"
#include "lib/file.h"
#include "lib/json.h"
#include "lib/tree_digest.h"
#include "runtime/process/process.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

enum { CONFIG_MAX = 16 << 20 };

static const char *const names[] = { SNAPSHOT_LAUNCH, SNAPSHOT_CONFIG, "config.dump", PROCESS_INIT };

bool snapshot_is_document(const char *name)
{
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (strcmp(names[i], name) == 0)
			return true;
	return false;
}

int snapshot_digest_documents(int dir, struct buf *out, struct err *e)
{
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (faccessat(dir, names[i], F_OK, AT_SYMLINK_NOFOLLOW) == 0 && tree_digest(dir, names[i], out, e) < 0)
			return -e->code;
	return 0;
}

/* As checkpoint archives have it. */
static int save_description(const struct launched *l, const struct snapshot *what, int dir, struct err *e)
{
	cleanup_buf struct buf b = BUF_INIT;
	struct json_writer w = { .out = &b };

	json_begin_object(&w, NULL);
	json_string(&w, "id", l->id);
	json_string(&w, "name", l->name);
	if (l->image_digest)
		json_string(&w, "rootfsImageRef", l->image_digest);
	json_string(&w, "rootfsImageName", l->image);
	json_string(&w, "runtime", "ferry");
	json_string(&w, "createdTime", l->created);
	json_string(&w, "checkpointedTime", what->created);
	json_bool(&w, "restored", false);
	json_end_object(&w);
	buf_char(&b, '\n');
	return file_replace_at(dir, "config.dump", 0600, b.data, b.len, e);
}

int snapshot_save_documents(const struct launched *l, const struct snapshot *what, int from, int to, struct err *e)
{
	cleanup_buf struct buf config = BUF_INIT;

	if (launched_save(to, l, e) < 0 || file_read_at(from, "config.json", CONFIG_MAX, &config, e) < 0 ||
	    file_replace_at(to, SNAPSHOT_CONFIG, 0600, config.data, config.len, e) < 0 || save_description(l, what, to, e) < 0)
		return -e->code;
	return !l->init || linkat(from, PROCESS_INIT, to, PROCESS_INIT, 0) == 0 ? 0 : err_set(e, errno, "link '" PROCESS_INIT "'");
}
