#include "overlay/registry/transfer.h"

#include "lib/clock.h"
#include "lib/fd.h"
#include "lib/file.h"
#include "lib/json.h"
#include "lib/message.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { REFUSAL_MAX = 8 << 10, MESSAGE_MAX = 200, SHOW_MS = 100, DOCUMENT_PATIENCE = 4 };

bool registry_status_ok(int64_t status)
{
	return status >= 200 && status < 300;
}

/* ---- while it runs ---- */

static void show(struct exchange *x, int64_t bytes)
{
	struct err ignored;
	int64_t now = clock_ms();

	x->heard_ms = now;
	if (x->session->sock < 0 || now - x->shown_ms < SHOW_MS)
		return;
	x->shown_ms = now;
	message_send(x->session->sock, REGISTRY_PROGRESS, bytes, NULL, 0, &ignored);
}

/* A server that was asked for the rest may send all from the beginning, which is then skipped; but nothing else. */
static int begin_body(struct exchange *x, long status)
{
	struct curl_header *h;
	int64_t from = 0;

	x->begun = true;
	if (status == 206 && curl_easy_header(x->session->curl, "Content-Range", 0, CURLH_HEADER, -1, &h) == CURLHE_OK &&
	    sscanf(h->value, "bytes %" SCNd64, &from) != 1)
		from = -1;
	if (from < 0 || from > x->done_bytes)
		return err_say(&x->err, EBADMSG, "the server sends another part than it was asked for");
	x->skip_bytes = x->done_bytes - from;
	return 0;
}

static int take_body(struct exchange *x, const char *data, size_t n)
{
	size_t skipped = (uint64_t)x->skip_bytes < n ? (size_t)x->skip_bytes : n;

	x->skip_bytes -= (int64_t)skipped;
	data += skipped;
	n -= skipped;
	if ((int64_t)n > x->q->length_bytes - x->done_bytes)
		return err_say(&x->err, EFBIG, "the server sends more than the %" PRId64 " bytes that it may",
			       x->q->length_bytes);
	if (fd_write_all(x->fd, data, n, &x->err) < 0)
		return -x->err.code;
	x->done_bytes += (int64_t)n;
	show(x, x->done_bytes);
	return 0;
}

static size_t on_body(char *data, size_t size, size_t count, void *userdata)
{
	struct exchange *x = userdata;
	size_t n = size * count;
	long status = 0;

	curl_easy_getinfo(x->session->curl, CURLINFO_RESPONSE_CODE, &status);
	x->heard_ms = clock_ms();
	x->session->heard = true;
	if (!registry_status_ok(status) || x->fd < 0 || strcmp(x->q->method, "GET") != 0) {
		size_t room = REFUSAL_MAX - x->refusal.len;
		buf_add(&x->refusal, data, n < room ? n : room);
		x->enough = n > room;
		return x->enough ? 0 : n;
	}
	if (!x->begun && begin_body(x, status) < 0)
		return 0;
	return take_body(x, data, n) < 0 ? 0 : n;
}

static size_t on_send(char *data, size_t size, size_t count, void *userdata)
{
	struct exchange *x = userdata;
	int64_t left = x->q->length_bytes - x->sent_bytes;
	size_t n = size * count;

	if ((int64_t)n > left)
		n = (size_t)left;
	ssize_t got = pread(x->fd, data, n, x->q->offset_bytes + x->sent_bytes);
	if (got < 0 || (got == 0 && n > 0)) {
		err_set(&x->err, got < 0 ? errno : EIO, "read what is to be sent");
		return CURL_READFUNC_ABORT;
	}
	x->sent_bytes += got;
	show(x, x->q->offset_bytes + x->sent_bytes);
	return (size_t)got;
}

/* libcurl wants to begin again, on a connection that turned out to be closed. */
static int on_seek(void *userdata, curl_off_t offset, int origin)
{
	struct exchange *x = userdata;

	if (origin != SEEK_SET)
		return CURL_SEEKFUNC_CANTSEEK;
	x->sent_bytes = offset;
	return CURL_SEEKFUNC_OK;
}

/* Several times a second, or at least once: silence ends it. Time that the reader of our pipe takes is none. */
static int on_time(void *userdata, curl_off_t dt, curl_off_t dn, curl_off_t ut, curl_off_t un)
{
	struct exchange *x = userdata;

	(void)dt, (void)dn, (void)ut, (void)un;
	x->silent = clock_ms() - x->heard_ms > x->session->setup.timeout_ms;
	return x->silent;
}

/* ---- what went wrong ---- */

static bool is_certificate(CURLcode c)
{
	return c == CURLE_PEER_FAILED_VERIFICATION || c == CURLE_SSL_ISSUER_ERROR || c == CURLE_SSL_CACERT_BADFILE;
}

static int explain(const struct exchange *x, CURLcode c, const char *text, const char *host, struct err *e)
{
	long number = 0;

	curl_easy_getinfo(x->session->curl, CURLINFO_OS_ERRNO, &number);
	if (x->err.code) {
		*e = x->err;
		return -e->code;
	}
	if (c == CURLE_OPERATION_TIMEDOUT && x->session->heard)
		return err_say(e, ETIMEDOUT, "'%s' is too slow to be waited for: see --timeout", host);
	if (x->silent || c == CURLE_OPERATION_TIMEDOUT)
		return err_say(e, ETIMEDOUT, "'%s' does not answer: silent for %.3g seconds", host,
			       (double)x->session->setup.timeout_ms / 1000);
	if (c == CURLE_COULDNT_RESOLVE_HOST)
		return err_say(e, EHOSTUNREACH, "no host '%s' is known: is it spelled rightly, is the network up?", host);
	if (c == CURLE_COULDNT_RESOLVE_PROXY)
		return err_say(e, EHOSTUNREACH, "the proxy's host is not known: see https_proxy in the environment");
	if (c == CURLE_COULDNT_CONNECT)
		return err_set(e, number > 0 ? (int)number : ECONNREFUSED, "connect to '%s'", host);
	if (is_certificate(c))
		return err_say(e, EACCES,
			       "the certificate of '%s' is not to be trusted (%s): put its authority's certificate into "
			       "--cert-dir, or do without with --tls-verify=false",
			       host, text);
	if (c == CURLE_SSL_CONNECT_ERROR)
		return err_say(e, EPROTO,
			       "'%s' does not speak TLS as it should (%s): if it speaks plain HTTP, allow that by "
			       "--tls-verify=false",
			       host, text);
	if (c == CURLE_SSL_CERTPROBLEM)
		return err_say(e, EINVAL, "the client's certificate in --cert-dir: %s", text);
	if (x->q->exact && c == CURLE_PARTIAL_FILE)
		return err_say(e, ECONNRESET, "'%s' ended the connection after %" PRId64 " of %" PRId64 " bytes", host,
			       x->done_bytes, x->q->length_bytes);
	return err_say(e, ECONNRESET, "the connection to '%s' failed: %s", host, text);
}

/* One line of printable ASCII from a stranger's text. */
static const char *tame(const char *text, struct arena *a)
{
	char *copy = arena_strndup(a, text, strnlen(text, MESSAGE_MAX));

	for (char *c = copy; *c; c++)
		if (*c < ' ' || *c > '~')
			*c = '?';
	return copy;
}

static const char *string_of(const struct json *object, const char *key, struct arena *a)
{
	const struct json *v = object && object->type == JSON_OBJECT ? json_get(object, key) : NULL;

	return v && v->type == JSON_STRING ? tame(v->text, a) : "";
}

/* distribution-spec, "Error Codes": {"errors": [{"code": ..., "message": ...}]}; token servers also say "details". */
static void read_refusal(const struct buf *body, struct arena *a, struct registry_answer *ret)
{
	struct err ignored;
	struct json tree;

	ret->message = ret->code = "";
	if (body->len == 0 || json_parse(body->data, body->len, a, &tree, &ignored) < 0)
		return;
	const struct json *errors = tree.type == JSON_OBJECT ? json_get(&tree, "errors") : NULL;
	if (errors && errors->type == JSON_ARRAY && errors->n > 0) {
		ret->code = string_of(&errors->members[0].value, "code", a);
		ret->message = string_of(&errors->members[0].value, "message", a);
	} else {
		ret->message = string_of(&tree, "details", a);
	}
}

/* ---- the exchange ---- */

static const char *header(CURL *curl, const char *name, struct arena *a)
{
	struct curl_header *h;

	return curl_easy_header(curl, name, 0, CURLH_HEADER, -1, &h) == CURLHE_OK ? tame(h->value, a) : "";
}

/* An upload's address may be long: it is not cut off, but it must be plain. */
static const char *absolute(const char *base, CURL *curl, struct arena *a)
{
	struct curl_header *h;
	const char *ret = "";
	char *text = NULL;

	if (curl_easy_header(curl, "Location", 0, CURLH_HEADER, -1, &h) != CURLHE_OK)
		return "";
	CURLU *u = curl_url();
	if (u && curl_url_set(u, CURLUPART_URL, base, 0) == CURLUE_OK &&
	    curl_url_set(u, CURLUPART_URL, h->value, 0) == CURLUE_OK &&
	    curl_url_get(u, CURLUPART_URL, &text, 0) == CURLUE_OK)
		ret = arena_strdup(a, text);
	curl_free(text);
	curl_url_cleanup(u);
	return ret;
}

static void read_answer(struct session *s, const struct exchange *x, struct arena *a, struct registry_answer *ret)
{
	long status = 0;

	curl_easy_getinfo(s->curl, CURLINFO_RESPONSE_CODE, &status);
	*ret = (struct registry_answer){
		.status = status,
		.content_type = header(s->curl, "Content-Type", a),
		.digest = header(s->curl, "Docker-Content-Digest", a),
		.range = header(s->curl, "Range", a),
		.location = absolute(x->url, s->curl, a),
		.chunk_min_bytes = strtoll(header(s->curl, "OCI-Chunk-Min-Length", a), NULL, 10),
	};
	if (ret->chunk_min_bytes < 0)
		ret->chunk_min_bytes = 0;
	read_refusal(&x->refusal, a, ret);
}

static struct curl_slist *headers(const struct exchange *x, struct arena *a)
{
	struct curl_slist *list = NULL;
	const struct registry_request *q = x->q;

	if (*q->accept)
		list = curl_slist_append(list, arena_printf(a, "Accept: %s", q->accept));
	if (*q->content_type)
		list = curl_slist_append(list, arena_printf(a, "Content-Type: %s", q->content_type));
	if (q->range)
		list = curl_slist_append(list, arena_printf(a, "Content-Range: %" PRId64 "-%" PRId64, q->offset_bytes,
							    q->offset_bytes + q->length_bytes - 1));
	return list;
}

static void set_method(CURL *curl, struct exchange *x)
{
	const struct registry_request *q = x->q;

	if (strcmp(q->method, "HEAD") == 0) {
		curl_easy_setopt(curl, CURLOPT_NOBODY, 1L);
	} else if (strcmp(q->method, "POST") == 0) {
		curl_easy_setopt(curl, CURLOPT_POST, 1L);
		curl_easy_setopt(curl, CURLOPT_POSTFIELDS, "");
		curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE, 0L);
	} else if (strcmp(q->method, "GET") != 0) {
		curl_easy_setopt(curl, CURLOPT_UPLOAD, 1L);
		curl_easy_setopt(curl, CURLOPT_CUSTOMREQUEST, q->method);
		curl_easy_setopt(curl, CURLOPT_INFILESIZE_LARGE, (curl_off_t)q->length_bytes);
		curl_easy_setopt(curl, CURLOPT_READFUNCTION, on_send);
		curl_easy_setopt(curl, CURLOPT_READDATA, x);
		curl_easy_setopt(curl, CURLOPT_SEEKFUNCTION, on_seek);
		curl_easy_setopt(curl, CURLOPT_SEEKDATA, x);
	} else if (x->done_bytes > 0) {
		char range[32];
		snprintf(range, sizeof(range), "%" PRId64 "-", x->done_bytes);
		curl_easy_setopt(curl, CURLOPT_RANGE, range);
	}
}

static void set_trust(const struct session *s, struct arena *a)
{
	CURL *curl = s->curl;

	curl_easy_setopt(curl, CURLOPT_SSL_VERIFYPEER, s->setup.insecure ? 0L : 1L);
	curl_easy_setopt(curl, CURLOPT_SSL_VERIFYHOST, s->setup.insecure ? 0L : 2L);
	curl_easy_setopt(curl, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
	if (s->authorities >= 0)
		curl_easy_setopt(curl, CURLOPT_CAINFO, arena_strdup(a, fd_path(s->authorities).path));
	if (*s->client_cert) {
		curl_easy_setopt(curl, CURLOPT_SSLCERT, s->client_cert);
		curl_easy_setopt(curl, CURLOPT_SSLKEY, s->client_key);
	}
}

static void set_login(const struct session *s, const struct exchange *x)
{
	if (x->token) {
		curl_easy_setopt(s->curl, CURLOPT_HTTPAUTH, (long)CURLAUTH_BEARER);
		curl_easy_setopt(s->curl, CURLOPT_XOAUTH2_BEARER, x->token);
	} else if (x->basic) {
		curl_easy_setopt(s->curl, CURLOPT_HTTPAUTH, (long)CURLAUTH_BASIC);
		curl_easy_setopt(s->curl, CURLOPT_USERNAME, s->setup.user);
		curl_easy_setopt(s->curl, CURLOPT_PASSWORD, s->setup.password);
	}
}

static const char *host_of(const char *url, struct arena *a)
{
	const char *start = strstr(url, "://");

	start = start ? start + 3 : url;
	return tame(arena_strndup(a, start, strcspn(start, "/?#")), a);
}

int exchange_run(struct session *s, struct exchange *x, struct arena *a, struct registry_answer *ret, struct err *e)
{
	char text[CURL_ERROR_SIZE] = "";
	CURL *curl = s->curl;
	bool document = strcmp(x->q->method, "GET") == 0 && !x->q->exact;

	x->session = s;
	x->sent_bytes = x->shown_ms = 0;
	x->begun = x->silent = x->enough = false;
	x->refusal.len = 0;
	x->err = ERR_INIT;
	x->heard_ms = clock_ms();
	curl_easy_reset(curl);
	struct curl_slist *list = headers(x, a);
	curl_easy_setopt(curl, CURLOPT_URL, x->url);
	curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http,https");
	curl_easy_setopt(curl, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
	curl_easy_setopt(curl, CURLOPT_USERAGENT, "ferry/" FERRY_VERSION);
	curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, text);
	curl_easy_setopt(curl, CURLOPT_HTTPHEADER, list);
	curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, on_body);
	curl_easy_setopt(curl, CURLOPT_WRITEDATA, x);
	curl_easy_setopt(curl, CURLOPT_NOPROGRESS, 0L);
	curl_easy_setopt(curl, CURLOPT_XFERINFOFUNCTION, on_time);
	curl_easy_setopt(curl, CURLOPT_XFERINFODATA, x);
	curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT_MS, (long)s->setup.timeout_ms);
	/* A server that gives a document a byte at a time is no better than a silent one. */
	if (document)
		curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, (long)s->setup.timeout_ms * DOCUMENT_PATIENCE);
	set_method(curl, x);
	set_trust(s, a);
	set_login(s, x);
	CURLcode c = curl_easy_perform(curl);
	if (x->enough)
		c = CURLE_OK;
	if (c == CURLE_OK) {
		s->heard = true;
		read_answer(s, x, a, ret);
	} else {
		explain(x, c, *text ? text : curl_easy_strerror(c), host_of(x->url, a), e);
	}
	curl_slist_free_all(list);
	return c == CURLE_OK ? 0 : -e->code;
}
