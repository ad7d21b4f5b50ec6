#include "overlay/layer/layer.h"

#include <string.h>

/* Whether the first component, @len bytes, ends so. */
static bool ends(const char *name, size_t len, const char *suffix)
{
	size_t n = strlen(suffix);

	return len > n && strncmp(name + len - n, suffix, n) == 0;
}

static bool is(const char *name, size_t len, const char *word)
{
	return len == strlen(word) && strncmp(name, word, len) == 0;
}

bool layer_is_image_member(const char *name)
{
	enum { DIGITS = 12 }; /* of Docker's shortest ids */
	size_t len = strcspn(name, "/");
	const char *digits = strncmp(name, "sha256:", 7) == 0 ? name + 7 : name;

	if (is(name, len, "blobs") || strspn(digits, "0123456789abcdef") >= DIGITS)
		return true;
	if (name[len])
		return false;
	return is(name, len, "oci-layout") || is(name, len, "repositories") || ends(name, len, ".json") ||
	       ends(name, len, ".tar") || ends(name, len, ".tar.gz");
}
