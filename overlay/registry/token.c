#include "overlay/registry/transfer.h"

#include "lib/fd.h"
#include "lib/file.h"
#include "lib/json.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

enum { TOKEN_MAX = 64 << 10 };

/* It goes into a header: anything that could end that is no token. */
static bool is_plain(const char *token)
{
	for (const char *c = token; *c; c++)
		if (*c <= ' ' || *c > '~')
			return false;
	return *token != '\0';
}

static int read_token(struct session *s, int fd, struct arena *a, struct err *e)
{
	cleanup_buf struct buf b = BUF_INIT;
	struct json tree;

	if (lseek(fd, 0, SEEK_SET) < 0)
		return err_set(e, errno, "read a token");
	if (fd_read_all(fd, TOKEN_MAX, &b, e) < 0)
		return -e->code;
	if (json_parse(b.data ? b.data : "", b.len, a, &tree, e) < 0 || tree.type != JSON_OBJECT)
		return err_say(e, EPROTO, "the token server's answer is no JSON object");
	const struct json *token = json_get(&tree, "token");
	if (!token)
		token = json_get(&tree, "access_token");
	if (!token || token->type != JSON_STRING || !is_plain(token->text))
		return err_say(e, EPROTO, "the token server's answer has no token");
	s->token = arena_strdup(s->arena, token->text);
	return 0;
}

/* The registries' token specification: a GET, with the user's name and password if there are any. */
int session_login(struct session *s, const char *scope, struct registry_answer *ret, struct arena *a, struct err *e)
{
	const char *url = challenge_url(&s->challenge, scope, a);
	struct registry_request q = {
		.method = "GET",
		.url = url,
		.accept = "application/json",
		.scope = "",
		.content_type = "",
		.length_bytes = TOKEN_MAX,
	};
	struct exchange x = { .q = &q, .url = url, .basic = *s->setup.user != '\0' };

	s->token = NULL;
	if (session_check_url(s, url, e) < 0)
		return err_wrap(e, "log in");
	cleanup_close int memory = memfd_create("token", MFD_CLOEXEC);
	if (memory < 0)
		return err_set(e, errno, "make a file in memory");
	x.fd = memory;
	int r = exchange_run(s, &x, a, ret, e);
	buf_finish(&x.refusal);
	if (r < 0)
		return err_wrap(e, "ask for a token");
	if (!registry_status_ok(ret->status))
		return 0;
	s->token_scope = arena_strdup(s->arena, scope);
	return read_token(s, memory, a, e);
}
