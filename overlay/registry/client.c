#include "overlay/registry/client.h"

#include "lib/fd.h"
#include "lib/file.h"
#include "lib/message.h"
#include "lib/sha256.h"
#include "overlay/registry/url.h"

#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

EMBEDDED_PROGRAM(registry, "ferry-registry", "libcurl-gnutls.so.4");

/* ---- the process ---- */

static int start(struct registry *r, struct err *e)
{
	cleanup_buf struct buf packet = BUF_INIT;

	if (program_start(&program_registry, NULL, &r->process, e) < 0)
		return -e->code;
	registry_setup_encode(&r->setup, &packet);
	/* Where it is gone, the first answer says why. */
	int s = message_send_bytes(r->process.sock, packet.data, packet.len, e);
	explicit_bzero(packet.data, packet.len);
	return s < 0 && e->code != EPIPE ? s : 0;
}

void registry_close(struct registry *r)
{
	/* It may wait for a server. A process that was not reaped keeps its pid. */
	if (r->asked && r->process.pid > 0)
		kill(r->process.pid, SIGKILL);
	program_end(&r->process);
	r->asked = false;
}

int registry_another(const struct registry *r, struct registry *ret, struct err *e)
{
	*ret = *r;
	ret->process = PROGRAM_PROCESS_INIT;
	ret->asked = false;
	return start(ret, e);
}

int registry_send(struct registry *r, const struct registry_request *q, int fd, struct err *e)
{
	cleanup_buf struct buf packet = BUF_INIT;

	registry_request_encode(q, &packet);
	if (packet.len > REGISTRY_PACKET_MAX)
		return err_say(e, EMSGSIZE, "the registry names an address that is too long");
	r->asked = true;
	int s = message_send(r->process.sock, REGISTRY_ASK, 0, &fd, fd >= 0, e);
	if (s >= 0)
		s = message_send_bytes(r->process.sock, packet.data, packet.len, e);
	return s < 0 && e->code != EPIPE ? s : 0;
}

int registry_receive(struct registry *r, int64_t *ret_bytes, struct registry_answer *ret, struct err *e)
{
	cleanup_buf struct buf packet = BUF_INIT;
	int64_t number = 0;

	int kind = program_receive(&program_registry, &r->process, &number, NULL, e);
	if (kind == REGISTRY_PROGRESS) {
		*ret_bytes = number;
		return 0;
	}
	r->asked = false;
	if (kind < 0)
		return kind;
	int s = message_receive_bytes(r->process.sock, REGISTRY_PACKET_MAX, &packet, e);
	if (s == 0)
		return program_gone(&program_registry, &r->process, e);
	if (s < 0 || registry_answer_decode(packet.data, packet.len, r->arena, ret, e) < 0)
		return -e->code;
	return 1;
}

int registry_ask(struct registry *r, const struct registry_request *q, int fd, struct registry_answer *ret,
		 struct err *e)
{
	int64_t ignored;

	int s = registry_send(r, q, fd, e);
	while (s == 0)
		s = registry_receive(r, &ignored, ret, e);
	return s < 0 ? s : 0;
}

/* ---- a registry ---- */

static const char *find_cert_dir(const char *host, struct arena *a)
{
	static const char *const places[] = { "/etc/containers/certs.d", "/etc/docker/certs.d" };

	for (size_t i = 0; i < sizeof(places) / sizeof(*places); i++) {
		const char *dir = arena_printf(a, "%s/%s", places[i], host);
		if (access(dir, R_OK | X_OK) == 0)
			return dir;
	}
	return NULL;
}

/* distribution-spec, "Determining Support". 401 is an answer as good as any: who asks is told with each request. */
static int ping(struct registry *r, struct registry_answer *ret, struct err *e)
{
	struct registry_request q = {
		.method = "GET",
		.url = arena_printf(r->arena, "%s/v2/", r->setup.origin),
		.length_bytes = REGISTRY_DOCUMENT_MAX,
	};

	if (start(r, e) < 0)
		return -e->code;
	if (registry_ask(r, &q, -1, ret, e) < 0)
		return -e->code;
	if (ret->status == 200 || ret->status == 401 || ret->status == 403)
		return 0;
	if (ret->status == 404)
		return err_say(e, EPROTONOSUPPORT, "'%s' is no registry: it has nothing at /v2/", r->host);
	return registry_refused(r, ret, e);
}

int registry_open(const struct image_reference *ref, const char *scope, const struct registry_access *access,
		  struct arena *a, struct registry *ret, struct err *e)
{
	struct registry_answer w;

	*ret = (struct registry){
		.process = PROGRAM_PROCESS_INIT,
		.arena = a,
		.host = ref->host,
		.path = ref->path,
		.scope = scope,
		.login = access->login,
	};
	ret->setup = (struct registry_setup){
		.origin = arena_printf(a, "https://%s", ref->host),
		.user = ret->login.user,
		.password = ret->login.password,
		.cert_dir = access->cert_dir ? access->cert_dir : find_cert_dir(ref->host, a),
		.insecure = access->insecure,
		.timeout_ms = access->timeout_ms > 0 ? access->timeout_ms : REGISTRY_TIMEOUT_MS,
	};
	int s = ping(ret, &w, e);
	if (s == -EPROTO && (access->insecure || registry_host_is_loopback(ref->host))) {
		registry_close(ret);
		ret->setup.origin = arena_printf(a, "http://%s", ref->host);
		s = ping(ret, &w, e);
	}
	if (s < 0)
		registry_close(ret);
	return s;
}

/* ---- documents ---- */

struct registry_request registry_request(const struct registry *r, const char *method, const char *kind,
					 const char *what)
{
	return (struct registry_request){
		.method = method,
		.url = registry_url(r->setup.origin, r->path, kind, what, r->arena),
		.scope = r->scope,
		.length_bytes = REGISTRY_DOCUMENT_MAX,
	};
}

static int read_document(int fd, struct arena *a, const char **ret, size_t *ret_len, struct err *e)
{
	cleanup_buf struct buf b = BUF_INIT;

	if (lseek(fd, 0, SEEK_SET) < 0)
		return err_set(e, errno, "read a document");
	if (fd_read_all(fd, REGISTRY_DOCUMENT_MAX, &b, e) < 0)
		return -e->code;
	char *text = arena_alloc(a, b.len + 1);
	memcpy(text, buf_text(&b), b.len);
	*ret = text;
	*ret_len = b.len;
	return 0;
}

int registry_get(struct registry *r, const struct registry_request *q, const char *digest, const char **ret,
		 size_t *ret_len, struct registry_answer *ret_answer, struct err *e)
{
	cleanup_close int memory = memfd_create("document", MFD_CLOEXEC);

	if (memory < 0)
		return err_set(e, errno, "make a file in memory");
	if (registry_ask(r, q, memory, ret_answer, e) < 0)
		return -e->code;
	if (ret_answer->status != 200)
		return registry_refused(r, ret_answer, e);
	if (read_document(memory, r->arena, ret, ret_len, e) < 0)
		return -e->code;
	struct sha256_text is = sha256_of(*ret, *ret_len);
	if (digest && strcmp(digest, is.text) != 0)
		return err_say(e, EBADMSG, "the registry sent something with the digest %s instead of %s", is.text, digest);
	return 0;
}

/* ---- refusals ---- */

static int not_allowed(const struct registry *r, const char *said, struct err *e)
{
	if (!r->login.user)
		return err_say(e, EACCES,
			       "'%s' wants a login, or has no such image%s: log in with 'podman login %s' or 'docker login %s', whose "
			       "files ferry reads, or name one with --authfile",
			       r->host, said, r->host, r->host);
	const char *from = arena_printf(r->arena, "'%s'", r->login.file);
	if (r->login.helper)
		from = arena_printf(r->arena, "'docker-credential-%s', which %s names", r->login.helper, from);
	return err_say(e, EACCES, "'%s' does not let '%s' (from %s) do this%s", r->host, r->login.user, from, said);
}

int registry_refused(const struct registry *r, const struct registry_answer *w, struct err *e)
{
	const char *text = *w->message ? w->message : w->code;
	const char *said = *text ? arena_printf(r->arena, " (it says: %s)", text) : "";

	if (w->status == 401 || w->status == 403)
		return not_allowed(r, said, e);
	if (w->status == 404 && strcmp(w->code, "NAME_UNKNOWN") == 0)
		return err_say(e, ENOENT, "'%s' has no images named '%s'%s", r->host, r->path, said);
	if (w->status == 404)
		return err_say(e, ENOENT, "'%s' does not have it%s", r->host, said);
	if (w->status == 429)
		return err_say(e, EBUSY, "'%s' has had too many requests, try again later%s", r->host, said);
	if (w->status >= 500)
		return err_say(e, EIO, "'%s' has trouble of its own: status %" PRId64 "%s", r->host, w->status, said);
	return err_say(e, EPROTO, "'%s' answers with status %" PRId64 "%s", r->host, w->status, said);
}
