/* runtime.md, "State". */
#include "spec/spec.h"

#include "lib/json.h"

static void optional(struct json_writer *w, const char *key, const char *value)
{
	if (value)
		json_string(w, key, value);
}

void spec_write_state(struct buf *out, const struct spec_state *s, bool pretty)
{
	struct json_writer w = { .out = out, .pretty = pretty };

	json_begin_object(&w, NULL);
	json_string(&w, "ociVersion", SPEC_VERSION);
	json_string(&w, "id", s->id);
	json_int(&w, "pid", s->pid);
	json_string(&w, "status", s->status);
	json_string(&w, "bundle", s->bundle);
	optional(&w, "rootfs", s->rootfs);
	optional(&w, "created", s->created);
	if (s->n_annotations) {
		json_begin_object(&w, "annotations");
		for (size_t i = 0; i < s->n_annotations; i++)
			json_string(&w, s->annotations[i].key, s->annotations[i].value);
		json_end_object(&w);
	}
	optional(&w, "owner", s->owner);
	json_end_object(&w);
}
