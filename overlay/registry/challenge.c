#include "overlay/registry/challenge.h"

#include "lib/buf.h"

#include <string.h>
#include <strings.h>

enum { WORDS_MAX = 16 };

static bool is_token_char(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
	       (c && strchr("!#$%&'*+-.^_`|~", c));
}

static const char *skip_space(const char *at)
{
	return at + strspn(at, " \t");
}

/* A token, or NULL. Moves on behind it. */
static const char *take_token(const char **at, struct arena *a)
{
	const char *start = *at;

	while (is_token_char(**at))
		(*at)++;
	return *at > start ? arena_strndup(a, start, (size_t)(*at - start)) : NULL;
}

/* A token or a quoted string, what is quoted by a backslash as it is meant. NULL: neither, or it does not end. */
static const char *take_value(const char **at, struct arena *a)
{
	if (**at != '"')
		return take_token(at, a);
	char *out = arena_alloc(a, strlen(*at)), *end = out;
	for (const char *c = *at + 1; *c; c++) {
		if (*c == '"') {
			*at = c + 1;
			return out;
		}
		if (*c == '\\' && c[1])
			c++;
		*end++ = *c;
	}
	return NULL;
}

static void set_parameter(struct challenge *c, const char *name, const char *value)
{
	if (strcasecmp(name, "realm") == 0)
		c->realm = value;
	else if (strcasecmp(name, "service") == 0)
		c->service = value;
	else if (strcasecmp(name, "scope") == 0)
		c->scope = value;
}

/* "name = value": true, and behind it. Else *at stays: a scheme's name has no "=" behind it. */
static bool take_parameter(const char **at, struct arena *a, struct challenge *c)
{
	const char *next = *at;

	const char *name = take_token(&next, a);
	next = skip_space(next);
	if (!name || *next != '=')
		return false;
	next = skip_space(next + 1);
	const char *value = take_value(&next, a);
	if (!value)
		return false;
	set_parameter(c, name, value);
	*at = next;
	return true;
}

static void keep_better(struct challenge *best, const struct challenge *c)
{
	if (c->scheme == CHALLENGE_BEARER && !c->realm)
		return;
	if (c->scheme > best->scheme)
		*best = *c;
}

void challenge_read(const char *value, struct arena *a, struct challenge *best)
{
	const char *at = value;

	for (;;) {
		struct challenge c = { 0 };
		at += strspn(at, " \t,");
		const char *scheme = take_token(&at, a);
		if (!scheme)
			return;
		if (strcasecmp(scheme, "bearer") == 0)
			c.scheme = CHALLENGE_BEARER;
		else if (strcasecmp(scheme, "basic") == 0)
			c.scheme = CHALLENGE_BASIC;
		do
			at += strspn(at, " \t,");
		while (take_parameter(&at, a, &c));
		keep_better(best, &c);
	}
}

/* ---- the token server's address ---- */

static void encode(struct buf *out, const char *text)
{
	static const char plain[] = "-._~:/,";

	for (const char *c = text; *c; c++) {
		bool as_is = (*c >= 'a' && *c <= 'z') || (*c >= 'A' && *c <= 'Z') || (*c >= '0' && *c <= '9') ||
			     strchr(plain, *c);
		if (as_is)
			buf_char(out, *c);
		else
			buf_printf(out, "%%%02X", (unsigned char)*c);
	}
}

struct words {
	const char *v[WORDS_MAX];
	size_t n;
};

static void add_words(struct words *w, const char *text, struct arena *a)
{
	while (text && *(text += strspn(text, " ")) && w->n < WORDS_MAX) {
		size_t len = strcspn(text, " "), i;
		for (i = 0; i < w->n; i++)
			if (strlen(w->v[i]) == len && strncmp(w->v[i], text, len) == 0)
				break;
		if (i == w->n)
			w->v[w->n++] = arena_strndup(a, text, len);
		text += len;
	}
}

const char *challenge_url(const struct challenge *c, const char *more, struct arena *a)
{
	cleanup_buf struct buf url = BUF_INIT;
	struct words scopes = { .n = 0 };
	char separator = strchr(c->realm, '?') ? '&' : '?';

	buf_str(&url, c->realm);
	if (c->service) {
		buf_printf(&url, "%cservice=", separator);
		encode(&url, c->service);
		separator = '&';
	}
	add_words(&scopes, c->scope, a);
	add_words(&scopes, more, a);
	for (size_t i = 0; i < scopes.n; i++) {
		buf_printf(&url, "%cscope=", separator);
		encode(&url, scopes.v[i]);
		separator = '&';
	}
	return arena_strdup(a, buf_text(&url));
}
