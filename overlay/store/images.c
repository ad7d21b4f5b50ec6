/* Which images there are, and which one is meant. */
#include "overlay/store/files.h"

#include "lib/file.h"
#include "lib/near.h"

#include <errno.h>
#include <string.h>

/* ---- one image ---- */

/* What makes an image unusable, and nothing else: other errors may be of the moment. */
static bool is_damage(int r)
{
	return r == -EBADMSG || r == -ENOENT || r == -EINVAL || r == -EFBIG;
}

static int load_documents(const struct store *s, struct arena *a, struct store_image *image, struct err *e)
{
	const char *text;
	size_t len;

	if (store_read(s, image->digest, a, &text, &len, e) < 0)
		return -e->code;
	if (image_manifest_parse(text, len, a, &image->manifest, e) < 0)
		return err_wrap(e, "manifest");
	image->id = image->manifest.config.digest;
	if (store_read(s, image->id, a, &text, &len, e) < 0)
		return -e->code;
	if (image_config_parse(text, len, &image->manifest, a, &image->config, e) < 0)
		return err_wrap(e, "configuration");
	return 0;
}

int store_load(const struct store *s, const char *digest, struct arena *a, struct store_image *ret, struct err *e)
{
	struct store_image image = { .digest = arena_strdup(a, digest) };

	int r = load_documents(s, a, &image, e);
	if (r < 0 && !is_damage(r))
		return r;
	for (size_t i = 0; i < image.manifest.n_layers; i++)
		if (__builtin_add_overflow(image.size_bytes, image.manifest.layers[i].size_bytes, &image.size_bytes))
			image.size_bytes = INT64_MAX;
	if (r < 0)
		image.damage = arena_strdup(a, e->msg);
	*ret = image;
	return 0;
}

/*
 * Whoever lists holds no lock: an image that is not all there may be one that is being removed, and is no damaged one
 * then.
 */
static bool still_named(const struct store *s, const struct store_name *name)
{
	cleanup_buf struct buf text = BUF_INIT;
	struct err ignored;
	char file[256];

	return store_name_file(name->name, name->digest, file, &ignored) >= 0 &&
	       file_read_once_at(s->dir, store_path(STORE_NAMES, file).path, &text, &ignored) >= 0 &&
	       strcmp(buf_text(&text), name->digest) == 0;
}

/* Gives an image those of the names, which are sorted, that are its own. */
static void give_names(struct store_image *image, const struct store_name *names, size_t n, struct arena *a)
{
	for (size_t i = 0; i < n; i++)
		if (names[i].name && strcmp(names[i].digest, image->digest) == 0)
			*arena_push(a, &image->names, &image->n_names) = names[i].name;
}

static bool is_first_of(const struct store_name *names, size_t i)
{
	for (size_t k = 0; k < i; k++)
		if (strcmp(names[k].digest, names[i].digest) == 0)
			return false;
	return true;
}

int store_list(const struct store *s, struct arena *a, struct store_image **ret, size_t *ret_n, struct err *e)
{
	struct store_image *images = NULL;
	struct store_name *names = NULL;
	size_t n_images = 0, n = 0;

	if (store_names(s, a, &names, &n, e) < 0)
		return -e->code;
	for (size_t i = 0; i < n; i++) {
		if (!is_first_of(names, i))
			continue;
		struct store_image image;
		if (store_load(s, names[i].digest, a, &image, e) < 0)
			return err_wrap(e, "image %s", names[i].name ? names[i].name : names[i].digest);
		if (image.damage && !still_named(s, &names[i]))
			continue;
		give_names(&image, names, n, a);
		*arena_push(a, &images, &n_images) = image;
	}
	*ret = images;
	*ret_n = n_images;
	return 0;
}

/* ---- which one ---- */

/* How a text can mean an image, in the order in which they count. */
enum meaning { MEANS_NAME, MEANS_END, MEANS_ID, N_MEANINGS };

struct question {
	const char *text;
	bool is_name;
	struct image_reference reference;
	const char *full; /* of the name */
	const char *hex; /* of the digest that it may begin; NULL */
};

static struct question ask(const char *text, struct arena *a, struct err *e)
{
	struct question q = { .text = text };
	const char *hex = strncmp(text, "sha256:", 7) == 0 ? text + 7 : text;
	size_t n = strlen(hex);

	q.is_name = image_reference_parse(text, a, &q.reference, e) == 0;
	if (q.is_name)
		q.full = image_reference_text(&q.reference, a);
	if (n >= 4 && n <= 64 && strspn(hex, "0123456789abcdef") == n)
		q.hex = hex;
	return q;
}

/* "team/app:1" is an end of "db.example/team/app:1", and so is "app:1". */
static bool ends_with(const char *name, const char *end)
{
	size_t n = strlen(name), m = strlen(end);
	return n > m && name[n - m - 1] == '/' && strcmp(name + n - m, end) == 0;
}

static bool begins(const char *digest, const char *hex)
{
	return digest && strncmp(store_hex(digest), hex, strlen(hex)) == 0;
}

/* *ret_name: the name by which it is meant, if any. */
static bool means(const struct question *q, const struct store_image *image, enum meaning how, const char **ret_name)
{
	*ret_name = NULL;
	if (how == MEANS_ID)
		return q->hex && (begins(image->id, q->hex) || begins(image->digest, q->hex));
	if (!q->is_name)
		return false;
	if (how == MEANS_NAME && q->reference.digest && strcmp(q->reference.digest, image->digest) == 0)
		return true;
	for (size_t i = 0; i < image->n_names; i++)
		if (how == MEANS_NAME ? strcmp(image->names[i], q->full) == 0 : ends_with(image->names[i], q->full)) {
			*ret_name = image->names[i];
			return true;
		}
	return false;
}

/* A name is offered in every form that people use for it. */
static void offer(struct near *near, const char *name, struct arena *a)
{
	for (const char *at = name; at; at = strchr(at, '/') ? strchr(at, '/') + 1 : NULL) {
		const char *colon = strrchr(at, ':');
		near_offer(near, at, name);
		if (colon && !strchr(near->word, ':'))
			near_offer(near, arena_strndup(a, at, (size_t)(colon - at)), name);
	}
}

static int none(const struct question *q, const struct store_image *images, size_t n, struct arena *a, struct err *e)
{
	struct near near = { .word = q->text };

	for (size_t i = 0; i < n; i++)
		for (size_t k = 0; k < images[i].n_names; k++)
			offer(&near, images[i].names[k], a);
	if (near.n)
		return err_say(e, ENOENT, "no image \"%s\"%s", q->text, near_hint(&near, a));
	return err_say(e, ENOENT, "no image \"%s\": 'ferry image import' adds one from a file, 'ferry image pull' "
		       "from a registry", q->text);
}

static int several(const struct question *q, const struct store_image *const *found, size_t n, struct arena *a,
		   struct err *e)
{
	const char *which = "";

	for (size_t i = 0; i < n; i++)
		which = arena_printf(a, "%s%s%s", which, i ? ", " : "",
				     found[i]->n_names ? found[i]->names[0] : found[i]->digest);
	return err_say(e, EINVAL, "\"%s\" may be any of these images: %s: say more of its name", q->text, which);
}

int store_choose(const struct store_image *images, size_t n, const char *text, struct arena *a,
		 const struct store_image **ret, const char **ret_name, struct err *e)
{
	const char *name = NULL;
	struct err not_a_name = ERR_INIT;
	const struct question q = ask(text, a, &not_a_name);

	for (int how = 0; how < N_MEANINGS; how++) {
		const struct store_image **found = NULL;
		size_t n_found = 0;
		for (size_t i = 0; i < n; i++)
			if (means(&q, &images[i], (enum meaning)how, &name)) {
				*arena_push(a, &found, &n_found) = &images[i];
				*ret_name = name;
			}
		if (n_found > 1)
			return several(&q, found, n_found, a, e);
		if (n_found == 1)
			return *ret = found[0], 0;
	}
	if (!q.is_name && !q.hex)
		return *e = not_a_name, -e->code;
	return none(&q, images, n, a, e);
}

/* Returns 1 when @text is a name in full: then the documents of one image are read, and not those of all. */
static int find_named(const struct store *s, const char *text, struct arena *a, struct store_image *ret, struct err *e)
{
	struct err ignored = ERR_INIT;
	const struct question q = ask(text, a, &ignored);
	struct store_name *names = NULL;
	size_t n = 0;

	if (!q.is_name || q.reference.digest)
		return 0;
	if (store_names(s, a, &names, &n, e) < 0)
		return -e->code;
	for (size_t i = 0; i < n && names[i].name; i++) {
		if (strcmp(names[i].name, q.full) != 0)
			continue;
		if (store_load(s, names[i].digest, a, ret, e) < 0)
			return err_wrap(e, "image %s", text);
		give_names(ret, names, n, a);
		return 1;
	}
	return 0;
}

int store_find(const struct store *s, const char *text, struct arena *a, struct store_image *ret, struct err *e)
{
	const struct store_image *chosen;
	struct store_image *images = NULL, image;
	const char *name;
	size_t n = 0;

	int r = find_named(s, text, a, &image, e);
	if (r < 0)
		return r;
	if (r == 0) {
		if (store_list(s, a, &images, &n, e) < 0 || store_choose(images, n, text, a, &chosen, &name, e) < 0)
			return -e->code;
		image = *chosen;
	}
	if (image.damage)
		return err_say(e, EBADMSG, "the image \"%s\" is damaged: %s: add it again", text, image.damage);
	*ret = image;
	return 0;
}
