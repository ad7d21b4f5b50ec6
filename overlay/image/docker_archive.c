/* docker-archive: manifest.json is an array of { "Config": FILE, "RepoTags": [NAME...], "Layers": [FILE...] }. */
#include "overlay/image/found.h"

#include "lib/json.h"
#include "lib/sha256.h"

#include <errno.h>
#include <string.h>

/* One of the array, its shape checked. */
struct entry {
	const char *config;
	const struct json *tags, *layers; /* arrays of strings; tags may be NULL */
};

static bool all_strings(const struct json *j)
{
	if (j->type != JSON_ARRAY)
		return false;
	for (size_t i = 0; i < j->n; i++)
		if (j->members[i].value.type != JSON_STRING)
			return false;
	return true;
}

static int read_entry(const struct json *j, struct entry *ret, struct err *e)
{
	const struct json *config = j->type == JSON_OBJECT ? json_get(j, "Config") : NULL;

	if (!config || config->type != JSON_STRING)
		return err_say(e, EINVAL, "manifest.json: an image without Config");
	*ret = (struct entry){ config->text, json_get(j, "RepoTags"), json_get(j, "Layers") };
	if (ret->tags && ret->tags->type == JSON_NULL)
		ret->tags = NULL;
	if (!ret->layers || !all_strings(ret->layers))
		return err_say(e, EINVAL, "manifest.json: Layers: expected an array of strings");
	if (ret->tags && !all_strings(ret->tags))
		return err_say(e, EINVAL, "manifest.json: RepoTags: expected an array of strings");
	return 0;
}

static int read_entries(const struct source *s, struct arena *a, struct entry **ret, size_t *ret_n, struct err *e)
{
	struct entry *v = NULL;
	size_t n = 0, len;
	const char *text;
	struct json j;

	if (source_read(s, "manifest.json", a, &text, &len, e) < 0)
		return -e->code;
	if (json_parse(text, len, a, &j, e) < 0)
		return err_wrap(e, "manifest.json");
	if (j.type != JSON_ARRAY || j.n == 0)
		return err_say(e, EINVAL, "manifest.json: expected an array of images");
	for (size_t i = 0; i < j.n; i++)
		if (read_entry(&j.members[i].value, arena_push(a, &v, &n), e) < 0)
			return -e->code;
	*ret = v;
	*ret_n = n;
	return 0;
}

static void add_tags(const struct entry *entry, struct arena *a, struct found_image *f)
{
	for (size_t i = 0; entry->tags && i < entry->tags->n; i++)
		found_name(f, a, entry->tags->members[i].value.text);
}

static int read_image(const struct source *s, const struct entry *entry, struct arena *a, struct found_image *f,
		      struct err *e)
{
	struct image_config c;

	if (source_read(s, entry->config, a, &f->config, &f->config_len, e) < 0)
		return -e->code;
	if (image_config_parse(f->config, f->config_len, NULL, a, &c, e) < 0)
		return err_wrap(e, "configuration '%s'", entry->config);
	if (c.os && strcmp(c.os, "linux") != 0)
		return err_say(e, EINVAL, "the image is for %s, not for linux", c.os);
	if (c.n_diff_ids != entry->layers->n)
		return err_say(e, EINVAL, "manifest.json has %zu layers, the configuration '%s' has %zu",
			       entry->layers->n, entry->config, c.n_diff_ids);
	f->config_digest = arena_strdup(a, sha256_of(f->config, f->config_len).text);
	f->n_layers = c.n_diff_ids;
	f->layers = arena_new_array(a, f->n_layers, struct found_layer);
	for (size_t i = 0; i < f->n_layers; i++)
		f->layers[i] = (struct found_layer){
			.member = entry->layers->members[i].value.text,
			.diff_id = c.diff_ids[i],
			.size_bytes = -1,
		};
	add_tags(entry, a, f);
	return 0;
}

int found_in_docker_archive(const struct source *s, struct arena *a, struct found_list *ret, struct err *e)
{
	struct found_list found = { 0 };
	struct entry *entries;
	size_t n;

	if (read_entries(s, a, &entries, &n, e) < 0)
		return -e->code;
	for (size_t i = 0; i < n; i++)
		if (read_image(s, &entries[i], a, arena_push(a, &found.v, &found.n), e) < 0)
			return -e->code;
	*ret = found;
	return 0;
}

int found_repo_tags(const struct source *s, struct arena *a, struct found_list *layout, struct err *e)
{
	struct entry *entries;
	size_t n;

	if (read_entries(s, a, &entries, &n, e) < 0)
		return -e->code;
	for (size_t i = 0; i < n; i++)
		for (size_t k = 0; k < layout->n; k++)
			if (strcmp(entries[i].config, found_blob_path(layout->v[k].config_digest, a)) == 0)
				add_tags(&entries[i], a, &layout->v[k]);
	return 0;
}
