#include "overlay/registry/transfer.h"

#include "lib/fd.h"
#include "lib/file.h"
#include "overlay/registry/url.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
	REDIRECTS_MAX = 8,
	FAILURES_MAX = 5, /* in a row, without a byte more */
	TRIES_MAX = 50,
	FIRST_PAUSE_MS = 200,
	PAUSE_MAX_MS = 8000,
	CERTIFICATES_MAX = 4 << 20,
};

/* ---- certificates ---- */

static bool ends_with(const char *name, const char *suffix)
{
	size_t n = strlen(name), m = strlen(suffix);

	return n > m && strcmp(name + n - m, suffix) == 0;
}

static int add_authority(int dir, const char *name, int to, struct err *e)
{
	cleanup_buf struct buf b = BUF_INIT;

	if (file_read_at(dir, name, CERTIFICATES_MAX, &b, e) < 0)
		return -e->code;
	buf_char(&b, '\n');
	return fd_write_all(to, b.data, b.len, e);
}

/* NAME.cert goes with NAME.key. */
static int take_client_cert(struct session *s, const char *name, struct err *e)
{
	int stem = (int)(strlen(name) - strlen(".cert"));
	int n = snprintf(s->client_cert, sizeof(s->client_cert), "%s/%s", s->setup.cert_dir, name);
	int m = snprintf(s->client_key, sizeof(s->client_key), "%s/%.*s.key", s->setup.cert_dir, stem, name);

	if (n >= (int)sizeof(s->client_cert) || m >= (int)sizeof(s->client_key))
		return err_set(e, ENAMETOOLONG, "'%s'", name);
	if (access(s->client_key, R_OK) < 0)
		return err_set(e, errno, "the key of the certificate '%s': '%s'", name, s->client_key);
	return 0;
}

static int read_cert_dir(struct session *s, DIR *d, int to, struct err *e)
{
	for (struct dirent *ent; (ent = readdir(d));) {
		int r = 0;
		if (ends_with(ent->d_name, ".crt"))
			r = add_authority(dirfd(d), ent->d_name, to, e);
		else if (ends_with(ent->d_name, ".cert"))
			r = take_client_cert(s, ent->d_name, e);
		if (r < 0)
			return r;
	}
	return 0;
}

int session_open(struct session *s, struct err *e)
{
	const curl_version_info_data *library = curl_version_info(CURLVERSION_NOW);
	struct err ignored = ERR_INIT;

	if (!*s->setup.cert_dir)
		return 0;
	cleanup_close int memory = memfd_create("certificates", MFD_CLOEXEC);
	if (memory < 0)
		return err_set(e, errno, "make a file in memory");
	/* A host without authorities of its own may have those of the directory alone. */
	if (library->cainfo)
		add_authority(AT_FDCWD, library->cainfo, memory, &ignored);
	DIR *d = opendir(s->setup.cert_dir);
	if (!d)
		return err_set(e, errno, "--cert-dir: open '%s'", s->setup.cert_dir);
	int r = read_cert_dir(s, d, memory, e);
	closedir(d);
	if (r < 0)
		return err_wrap(e, "--cert-dir '%s'", s->setup.cert_dir);
	s->authorities = take_fd(&memory);
	return 0;
}

/* ---- addresses ---- */

struct url {
	char *scheme, *host, *port;
};

static bool url_take(const char *text, struct url *ret)
{
	CURLU *u = curl_url();

	*ret = (struct url){ 0 };
	bool ok = u && curl_url_set(u, CURLUPART_URL, text, 0) == CURLUE_OK &&
		  curl_url_get(u, CURLUPART_SCHEME, &ret->scheme, 0) == CURLUE_OK &&
		  curl_url_get(u, CURLUPART_HOST, &ret->host, 0) == CURLUE_OK &&
		  curl_url_get(u, CURLUPART_PORT, &ret->port, CURLU_DEFAULT_PORT) == CURLUE_OK;
	curl_url_cleanup(u);
	return ok;
}

static void url_drop(struct url *u)
{
	curl_free(u->scheme);
	curl_free(u->host);
	curl_free(u->port);
}

static bool same_origin(const char *a, const char *b)
{
	struct url x, y;

	bool both = url_take(a, &x), same = url_take(b, &y) && both;
	same = same && strcmp(x.scheme, y.scheme) == 0 && strcasecmp(x.host, y.host) == 0 && strcmp(x.port, y.port) == 0;
	url_drop(&x);
	url_drop(&y);
	return same;
}

/* Only a registry on this host may send on to plain HTTP on this host. */
int session_check_url(const struct session *s, const char *url, struct err *e)
{
	struct url u, origin;

	bool ok = url_take(url, &u), known = url_take(s->setup.origin, &origin);
	bool https = ok && strcmp(u.scheme, "https") == 0;
	bool http = ok && known && strcmp(u.scheme, "http") == 0 &&
		    (s->setup.insecure ||
		     (registry_host_is_loopback(u.host) && registry_host_is_loopback(origin.host)));
	if (!ok)
		err_say(e, EPROTO, "the server names an address that is none");
	else if (!https && !http)
		err_say(e, EACCES,
			"the server names an address of %s://%s: nothing but https is used without --tls-verify=false",
			u.scheme, u.host);
	url_drop(&u);
	url_drop(&origin);
	return https || http ? 0 : -e->code;
}

/* ---- one request ---- */

static bool is_redirect(int64_t status)
{
	return status == 301 || status == 302 || status == 303 || status == 307 || status == 308;
}

/* GET and HEAD alone are sent on. What logs in is told to the registry itself, to nobody else. */
static int follow(struct session *s, struct exchange *x, struct arena *a, struct registry_answer *ret, struct err *e)
{
	bool may = strcmp(x->q->method, "GET") == 0 || strcmp(x->q->method, "HEAD") == 0;

	x->url = x->q->url;
	for (int n = 0; n <= REDIRECTS_MAX; n++) {
		bool home = same_origin(x->url, s->setup.origin);
		if (session_check_url(s, x->url, e) < 0)
			return -e->code;
		x->basic = home && s->challenge.scheme == CHALLENGE_BASIC;
		x->token = home ? s->token : NULL;
		if (exchange_run(s, x, a, ret, e) < 0)
			return -e->code;
		if (!may || !is_redirect(ret->status) || !*ret->location)
			return 0;
		x->url = ret->location;
	}
	return err_say(e, ELOOP, "the registry sends from one address to the next, more than %d times", REDIRECTS_MAX);
}

/* Returns 1 when the server wants a login that was not tried yet. */
static int read_challenge(struct session *s, const struct exchange *x, bool tried)
{
	struct challenge c = { 0 };
	struct curl_header *h;

	if (tried || !same_origin(x->url, s->setup.origin))
		return 0;
	for (size_t i = 0; curl_easy_header(s->curl, "WWW-Authenticate", i, CURLH_HEADER, -1, &h) == CURLHE_OK; i++)
		challenge_read(h->value, s->arena, &c);
	if (c.scheme == CHALLENGE_NONE)
		return 0;
	s->challenge = c;
	s->token = NULL;
	if (c.scheme == CHALLENGE_BEARER)
		return *x->q->scope != '\0';
	return *s->setup.user && !x->basic;
}

/* Follows, and logs in where that is asked for: at once, when it was asked for earlier. */
static int ask(struct session *s, struct exchange *x, struct arena *a, struct registry_answer *ret, struct err *e)
{
	const char *scope = x->q->scope;
	bool tried = false;

	for (;;) {
		bool wanted = s->challenge.scheme == CHALLENGE_BEARER && *scope &&
			      (!s->token || strcmp(s->token_scope, scope) != 0);
		if (wanted) {
			if (session_login(s, scope, ret, a, e) < 0)
				return -e->code;
			if (!s->token)
				return 0;
		}
		if (follow(s, x, a, ret, e) < 0)
			return -e->code;
		if (ret->status != 401 || !read_challenge(s, x, tried))
			return 0;
		tried = true;
	}
}

/* ---- trying again ---- */

/* A document that took too long was waited for long enough: a server that drips would have its way with every try. */
static bool is_passing(int r, const struct registry_request *q, const struct registry_answer *w)
{
	if (r == -ETIMEDOUT)
		return q->exact;
	if (r < 0)
		return r == -ECONNRESET || r == -ECONNREFUSED || r == -EPROTO;
	return w->status == 429 || w->status == 500 || w->status == 502 || w->status == 503 || w->status == 504;
}

/* An upload's piece is not sent twice: the server may have taken it. */
static bool may_repeat(const struct registry_request *q)
{
	return strcmp(q->method, "GET") == 0 || strcmp(q->method, "HEAD") == 0 || strcmp(q->method, "POST") == 0;
}

static bool is_whole(const struct exchange *x, const struct registry_answer *w)
{
	return !x->q->exact || !registry_status_ok(w->status) || x->done_bytes == x->q->length_bytes;
}

/* A file, other than a pipe, is written anew: a document may have become another meanwhile. */
static int begin_again(struct exchange *x, struct err *e)
{
	struct stat st;

	if (x->fd < 0 || strcmp(x->q->method, "GET") != 0 || fstat(x->fd, &st) < 0 || !S_ISREG(st.st_mode))
		return 0;
	if (ftruncate(x->fd, 0) < 0 || lseek(x->fd, 0, SEEK_SET) < 0)
		return err_set(e, errno, "empty a file");
	x->done_bytes = 0;
	return 0;
}

static int repeat(struct session *s, struct exchange *x, struct arena *a, struct registry_answer *ret, struct err *e)
{
	int pause_ms = FIRST_PAUSE_MS, failures = 0;
	int64_t most = 0; /* bytes that ever came */

	for (int tries = 1;; tries++) {
		int r = ask(s, x, a, ret, e);
		if (r >= 0 && !is_whole(x, ret))
			r = err_say(e, ECONNRESET, "only %" PRId64 " of %" PRId64 " bytes came", x->done_bytes,
				    x->q->length_bytes);
		if (x->done_bytes > most) {
			most = x->done_bytes;
			failures = 0;
			pause_ms = FIRST_PAUSE_MS;
		}
		if (!is_passing(r, x->q, ret) || !s->heard || !may_repeat(x->q))
			return r;
		if (++failures >= FAILURES_MAX || tries >= TRIES_MAX)
			return r < 0 ? err_wrap(e, "given up after %d tries", tries) : r;
		poll(NULL, 0, pause_ms);
		pause_ms = pause_ms * 2 < PAUSE_MAX_MS ? pause_ms * 2 : PAUSE_MAX_MS;
		if (begin_again(x, e) < 0)
			return -e->code;
	}
}

int session_do(struct session *s, const struct registry_request *q, int fd, struct arena *a,
	       struct registry_answer *ret, struct err *e)
{
	struct exchange x = { .q = q, .fd = fd };

	int r = repeat(s, &x, a, ret, e);
	buf_finish(&x.refusal);
	return r;
}
