/* The names that members of an archive have: foreign text. */
#include "overlay/layer/worker.h"

#include <errno.h>
#include <limits.h>
#include <string.h>

#define WHITEOUT_PREFIX ".wh."
#define META_PREFIX ".wh..wh."
#define OPAQUE_NAME ".wh..wh..opq"

static bool begins(const char *text, const char *prefix)
{
	return strncmp(text, prefix, strlen(prefix)) == 0;
}

/* Copies component by component. An absolute name is one below the layer's root, as it is for tar(1). */
int name_parse_plain(const char *text, struct name *ret, struct err *e)
{
	size_t len = 0, last = 0;

	if (!text || !*text)
		return err_say(e, EINVAL, "a file in the archive has no name");
	for (const char *from = text; *from;) {
		size_t n = strcspn(from, "/");
		if (n == 2 && from[0] == '.' && from[1] == '.')
			return err_say(e, EINVAL, "'%s': has '..' in it: may lead out of the directory", text);
		if (n > NAME_MAX || len + n + 2 > sizeof(ret->path))
			return err_say(e, ENAMETOOLONG, "'%.60s...': the name is too long", text);
		if (n > 0 && !(n == 1 && from[0] == '.')) {
			if (len > 0)
				ret->path[len++] = '/';
			last = len;
			memcpy(ret->path + len, from, n);
			len += n;
		}
		from += n + (from[n] == '/');
	}
	ret->path[len] = '\0';
	ret->kind = NAME_FILE;
	ret->base = ret->path + last;
	ret->dir_len = last > 0 ? last - 1 : 0;
	return 0;
}

/* ".wh." is a prefix of the last component alone: below a file that only hides there is nothing. */
static int directory_kind(const struct name *n, struct err *e)
{
	for (const char *c = n->path; c < n->base; c = strchr(c, '/') + 1) {
		if (begins(c, META_PREFIX))
			return NAME_IGNORED;
		if (begins(c, WHITEOUT_PREFIX))
			return err_say(e, EINVAL, "'%s': is below a whiteout", n->path);
	}
	return NAME_FILE;
}

int name_parse(const char *text, struct name *ret, struct err *e)
{
	if (name_parse_plain(text, ret, e) < 0)
		return -e->code;
	int kind = directory_kind(ret, e);
	if (kind < 0)
		return kind;
	ret->kind = (enum name_kind)kind;
	if (kind != NAME_FILE || !begins(ret->base, WHITEOUT_PREFIX))
		return 0;
	if (begins(ret->base, META_PREFIX)) {
		ret->kind = strcmp(ret->base, OPAQUE_NAME) == 0 ? NAME_OPAQUE : NAME_IGNORED;
		return 0;
	}
	ret->kind = NAME_WHITEOUT;
	ret->base += strlen(WHITEOUT_PREFIX);
	if (!*ret->base || strcmp(ret->base, ".") == 0 || strcmp(ret->base, "..") == 0)
		return err_say(e, EINVAL, "'%s': a whiteout of nothing", text);
	return 0;
}
