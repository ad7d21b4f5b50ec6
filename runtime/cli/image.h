/* What the commands of `ferry image` share. */
#ifndef RUNTIME_CLI_IMAGE_H
#define RUNTIME_CLI_IMAGE_H

#include "lib/json.h"
#include "overlay/store/store.h"

/* "8d2e1c0f4a3b", or with @whole "sha256:8d2e..." as it is. */
const char *image_id_text(const char *digest, bool whole, struct arena *a);

/* "3 weeks ago"; "N/A" where nobody said when. */
const char *image_age(const char *created, struct arena *a);

/* The members that `ls` and `inspect` have in common: Id, Digest, RepoTags, RepoDigests, Created, Size. */
void image_write_summary(struct json_writer *w, const struct store_image *image, struct arena *a);

/* The container behind a use, by its id. */
const char *image_user_name(const struct store_user *user);

/* Of a name in full: what stands before the tag or the digest, and the tag, "<none>" without. */
void image_split_name(const char *name, struct arena *a, const char **ret_repository, const char **ret_tag);

#endif
