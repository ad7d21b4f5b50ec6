/* Names of images. distribution-spec, "Pulling manifests", says what a name and a tag may be. */
#include "spec/image.h"

#include <ctype.h>
#include <errno.h>
#include <string.h>

enum { NAME_LENGTH_MAX = 255, TAG_LENGTH_MAX = 128 };

static bool is_alnum_lower(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
}

/*
 * Letters and digits with one ".", one or two "_", or any number of "-" between them: how many bytes of it are one
 * part.
 */
static size_t path_part(const char *s)
{
	size_t n = 0;

	for (;;) {
		size_t word = n;
		while (is_alnum_lower(s[n]))
			n++;
		if (n == word)
			return 0;
		if (s[n] == '.')
			n++;
		else if (s[n] == '_')
			n += s[n + 1] == '_' ? 2 : 1;
		else if (s[n] == '-')
			n += strspn(s + n, "-");
		else
			return n;
	}
}

static int check_path(const char *text, const char *path, struct err *e)
{
	for (const char *at = path;; at++) {
		size_t n = path_part(at);
		at += n;
		if (n && !*at)
			return 0;
		if (n && *at == '/')
			continue;
		if (strpbrk(path, "ABCDEFGHIJKLMNOPQRSTUVWXYZ"))
			return err_say(e, EINVAL, "invalid image name \"%s\": it must be in lower case", text);
		return err_say(e, EINVAL, "invalid image name \"%s\": '%s': expected lower case letters and digits, "
			       "with '.', '_', '-' or '/' between them", text, path);
	}
}

/* "db.example", "db.example:5000", "[::1]:5000" */
static int check_host(const char *text, const char *host, struct err *e)
{
	size_t n = *host == '[' ? strspn(host + 1, "0123456789abcdefABCDEF:.") + 1 :
				  strspn(host, "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ.-");

	if (*host == '[')
		n = host[n] == ']' ? n + 1 : 0;
	if (n && host[n] == ':' && isdigit((unsigned char)host[n + 1]))
		n += 1 + strspn(host + n + 1, "0123456789");
	if (!n || host[n] || strchr(".-:", *host))
		return err_say(e, EINVAL, "invalid image name \"%s\": '%s' is not a host", text, host);
	return 0;
}

static int check_tag(const char *text, const char *tag, struct err *e)
{
	size_t n = strspn(tag, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.-");

	if (!n || tag[n] || n > TAG_LENGTH_MAX || *tag == '.' || *tag == '-')
		return err_say(e, EINVAL, "invalid image name \"%s\": '%s' is not a tag: expected up to %d letters, "
			       "digits, '_', '.' and '-'", text, tag, TAG_LENGTH_MAX);
	return 0;
}

static bool is_host(const char *first)
{
	return strpbrk(first, ".:") || strcmp(first, "localhost") == 0;
}

int image_reference_parse(const char *text, struct arena *a, struct image_reference *ret, struct err *e)
{
	struct image_reference r = { 0 };
	char *path = arena_strdup(a, text), *slash, *colon, *at;

	if ((at = strchr(path, '@'))) {
		*at = '\0';
		r.digest = at + 1;
		if (image_digest_check(r.digest, e) < 0)
			return err_wrap(e, "invalid image name \"%s\"", text);
	}
	if ((slash = strchr(path, '/'))) {
		*slash = '\0';
		if (is_host(path)) {
			r.host = path;
			path = slash + 1;
		} else {
			*slash = '/';
		}
	}
	if ((colon = strchr(path, ':'))) {
		*colon = '\0';
		r.tag = colon + 1;
	} else if (!r.digest) {
		r.tag = "latest";
	}
	r.path = path;
	if ((r.host && check_host(text, r.host, e) < 0) || check_path(text, path, e) < 0 ||
	    (r.tag && check_tag(text, r.tag, e) < 0))
		return -EINVAL;
	if (strlen(path) + (r.host ? strlen(r.host) + 1 : 0) > NAME_LENGTH_MAX)
		return err_say(e, EINVAL, "invalid image name \"%.60s...\": longer than %d characters", text,
			       NAME_LENGTH_MAX);
	*ret = r;
	return 0;
}

const char *image_reference_text(const struct image_reference *r, struct arena *a)
{
	return arena_printf(a, "%s%s%s%s%s%s%s", r->host ? r->host : "", r->host ? "/" : "", r->path, r->tag ? ":" : "",
			    r->tag ? r->tag : "", r->digest ? "@" : "", r->digest ? r->digest : "");
}
