/* image: the family of commands for what lies in the image store; and what they share. */
#include "runtime/cli/image.h"

#include "lib/clock.h"
#include "runtime/cli/commands.h"
#include "runtime/cli/table.h"

#include <string.h>
#include <time.h>

const char *image_id_text(const char *digest, bool whole, struct arena *a)
{
	enum { SHORT = 12 };

	return whole ? digest : arena_strndup(a, strchr(digest, ':') + 1, SHORT);
}

const char *image_age(const char *created, struct arena *a)
{
	struct timespec then;

	if (!created || !clock_parse(created, &then))
		return "N/A";
	return arena_printf(a, "%s ago", cli_age((int64_t)time(NULL) - (int64_t)then.tv_sec, a));
}

void image_split_name(const char *name, struct arena *a, const char **ret_repository, const char **ret_tag)
{
	struct image_reference r;
	struct err ignored;

	*ret_repository = name;
	*ret_tag = "<none>";
	if (image_reference_parse(name, a, &r, &ignored) < 0)
		return;
	*ret_tag = r.tag ? r.tag : "<none>";
	r.tag = r.digest = NULL;
	*ret_repository = image_reference_text(&r, a);
}

const char *image_user_name(const struct store_user *user)
{
	const char *slash = strrchr(user->dir, '/');
	return slash ? slash + 1 : user->dir;
}

static void write_digests(struct json_writer *w, const struct store_image *image, struct arena *a)
{
	const char *repository, *last = "", *tag;

	json_begin_array(w, "RepoDigests");
	for (size_t i = 0; i < image->n_names; i++) {
		image_split_name(image->names[i], a, &repository, &tag);
		/* The names are sorted. */
		if (strcmp(repository, last) != 0)
			json_string(w, NULL, arena_printf(a, "%s@%s", repository, image->digest));
		last = repository;
	}
	json_end_array(w);
}

void image_write_summary(struct json_writer *w, const struct store_image *image, struct arena *a)
{
	json_string(w, "Id", image->id);
	json_string(w, "Digest", image->digest);
	json_begin_array(w, "RepoTags");
	for (size_t i = 0; i < image->n_names; i++)
		if (!strchr(image->names[i], '@'))
			json_string(w, NULL, image->names[i]);
	json_end_array(w);
	write_digests(w, image, a);
	json_string(w, "Created", image->config.created);
	json_int(w, "Size", image->size_bytes);
	if (image->damage)
		json_string(w, "Damage", image->damage);
}

static const struct cli_option no_options[] = { { 0 } };

const struct cli_command command_image = {
	.name = "image",
	.arguments = "COMMAND",
	.summary = "Work with images, which containers are launched from",
	.group = CLI_IMAGES,
	.stateless = true,
	.options = no_options,
	.family = true,
	.max_args = -1,
};
