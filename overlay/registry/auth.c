#include "overlay/registry/auth.h"

#include "lib/buf.h"
#include "lib/file.h"
#include "lib/json.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { FILE_MAX = 1 << 20 };

/* ---- one file ---- */

/* NULL when it is none. Ended by a NUL that is not counted; the text has no other. */
static char *base64_text(const char *in, struct arena *a)
{
	static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	char *out = arena_alloc(a, strlen(in) + 1), *end = out;
	unsigned bits = 0, n = 0;

	for (; *in && *in != '='; in++) {
		const char *digit = strchr(digits, *in);
		if (!digit)
			return NULL;
		bits = bits << 6 | (unsigned)(digit - digits);
		n += 6;
		if (n >= 8) {
			n -= 8;
			*end++ = (char)(bits >> n);
			if (!end[-1])
				return NULL;
		}
	}
	return in[strspn(in, "=")] ? NULL : out;
}

/* Docker's keys may be addresses: "https://HOST/v1/". */
static const char *plain_key(const char *key, struct arena *a)
{
	const char *scheme = strstr(key, "://");
	char *copy = arena_strdup(a, scheme ? scheme + 3 : key);
	size_t n = strlen(copy);

	while (n > 0 && copy[n - 1] == '/')
		copy[--n] = '\0';
	if (n > 3 && (strcmp(copy + n - 3, "/v1") == 0 || strcmp(copy + n - 3, "/v2") == 0))
		copy[n - 3] = '\0';
	return copy;
}

/* Whether the key is for the image, whole words of its path at a time. */
static bool covers(const char *key, const char *image)
{
	size_t n = strlen(key);

	return n > 0 && strncmp(key, image, n) == 0 && (!image[n] || image[n] == '/');
}

static const struct json *member(const struct json *object, const char *key, enum json_type type)
{
	const struct json *v = object && object->type == JSON_OBJECT ? json_get(object, key) : NULL;

	return v && v->type == type ? v : NULL;
}

static const struct json *find_entry(const struct json *auths, const char *image, struct arena *a)
{
	const struct json *best = NULL;
	size_t best_len = 0;

	for (size_t i = 0; auths && i < auths->n; i++) {
		const char *key = plain_key(auths->members[i].key, a);
		if (covers(key, image) && strlen(key) > best_len) {
			best = &auths->members[i].value;
			best_len = strlen(key);
		}
	}
	return best;
}

static const char *helper_of(const struct json *helper)
{
	return helper && *helper->text ? helper->text : NULL;
}

int registry_auth_parse(const char *text, size_t len, const char *host, const char *path, struct arena *a,
			struct registry_login *ret, struct err *e)
{
	struct json root;

	if (json_parse(text, len, a, &root, e) < 0)
		return -e->code;
	*ret = (struct registry_login){
		.helper = helper_of(member(member(&root, "credHelpers", JSON_OBJECT), host, JSON_STRING)),
		.server = host,
		.said = true,
	};
	if (ret->helper)
		return 1;
	const struct json *auths = member(&root, "auths", JSON_OBJECT);
	const struct json *entry = find_entry(auths, arena_printf(a, "%s/%s", host, path), a);
	const struct json *auth = member(entry, "auth", JSON_STRING);
	const struct json *identity = member(entry, "identitytoken", JSON_STRING);
	if (identity && *identity->text)
		return err_say(e, ENOTSUP, "the login for '%s' is an identity token, which is not supported: log in with a "
			       "password or an access token", host);
	if (!auth || !*auth->text) {
		ret->helper = helper_of(member(&root, "credsStore", JSON_STRING));
		ret->said = entry;
		return ret->helper != NULL;
	}
	char *user = base64_text(auth->text, a);
	char *colon = user ? strchr(user, ':') : NULL;
	if (!colon)
		return err_say(e, EINVAL, "auths: the login for '%s' is not \"user:password\" in base64", host);
	*colon = '\0';
	ret->user = user;
	ret->password = colon + 1;
	return 1;
}

/* ---- the files ---- */

/* A helper for all registries that is not there has no login either, unless one was made with it. */
static int ask_helper(struct arena *a, struct registry_login *login, struct err *e)
{
	int r = registry_helper_ask(login->helper, login->server, a, login, e);

	return r == -ENOENT && !login->said ? 0 : r;
}

/* @must: it was named, so it has to be there. Errors never show what is in it. */
static int look_into(const char *file, bool must, const char *host, const char *path, struct arena *a,
		     struct registry_login *ret, struct err *e)
{
	cleanup_buf struct buf b = BUF_INIT;

	int r = file_read_at(AT_FDCWD, file, FILE_MAX, &b, e);
	if (r < 0 && !must && (e->code == ENOENT || e->code == EACCES || e->code == ENOTDIR))
		return 0;
	if (r >= 0)
		r = registry_auth_parse(buf_text(&b), b.len, host, path, a, ret, e);
	if (b.data)
		explicit_bzero(b.data, b.len);
	if (r > 0 && ret->helper)
		r = ask_helper(a, ret, e);
	if (r < 0)
		return err_wrap(e, "'%s'", file);
	ret->file = arena_strdup(a, file);
	return r;
}

/* The directory that a variable of the environment names, or one below HOME; NULL without either. */
static const char *place(const char *variable, const char *below_home, const char *rest, struct arena *a)
{
	const char *dir = variable ? getenv(variable) : NULL, *home = getenv("HOME");

	if (dir && *dir)
		return arena_printf(a, "%s/%s", dir, rest);
	if (below_home && home && *home)
		return arena_printf(a, "%s/%s/%s", home, below_home, rest);
	return NULL;
}

int registry_login_find(const struct image_reference *ref, const char *file, struct arena *a, struct registry_login *ret,
			struct err *e)
{
	const char *named = file ? file : getenv("REGISTRY_AUTH_FILE");
	const char *places[] = {
		place("XDG_RUNTIME_DIR", NULL, "containers/auth.json", a),
		arena_printf(a, "/run/containers/%u/auth.json", (unsigned)geteuid()),
		place("XDG_CONFIG_HOME", ".config", "containers/auth.json", a),
		place("DOCKER_CONFIG", ".docker", "config.json", a),
	};

	struct registry_login login = { 0 };
	int r = 0;

	*ret = login;
	if (named && *named)
		r = look_into(named, true, ref->host, ref->path, a, &login, e);
	for (size_t i = 0; !(named && *named) && r == 0 && i < sizeof(places) / sizeof(*places); i++)
		if (places[i])
			r = look_into(places[i], false, ref->host, ref->path, a, &login, e);
	if (r > 0)
		*ret = login;
	return r;
}
