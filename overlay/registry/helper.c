/* Credential helpers: programs that keep logins, asked as Docker and podman ask them. Only one that a file names is run. */
#include "overlay/registry/auth.h"

#include "lib/fd.h"
#include "lib/file.h"
#include "lib/json.h"
#include "lib/proc.h"

#include <errno.h>
#include <signal.h>
#include <spawn.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#define PREFIX "docker-credential-"

enum { ANSWER_MAX = 1 << 20 };

extern char **environ;

/* A file in memory: nobody has to feed a pipe, and one that does not read cannot block us. */
static int question(const char *server, struct err *e)
{
	cleanup_close int fd = memfd_create("server", MFD_CLOEXEC);

	if (fd < 0)
		return err_set(e, errno, "make a file in memory");
	if (fd_write_all(fd, server, strlen(server), e) < 0)
		return -e->code;
	return lseek(fd, 0, SEEK_SET) < 0 ? err_set(e, errno, "rewind a file in memory") : take_fd(&fd);
}

/* It may ask the user, who is then at the terminal and at standard error. */
static int run(const char *program, int in, int out, int *ret_status, struct err *e)
{
	const char *args[] = { program, "get", NULL };
	posix_spawn_file_actions_t actions;
	posix_spawnattr_t attributes;
	sigset_t none;
	pid_t pid;

	sigemptyset(&none);
	posix_spawn_file_actions_init(&actions);
	posix_spawn_file_actions_adddup2(&actions, in, STDIN_FILENO);
	posix_spawn_file_actions_adddup2(&actions, out, STDOUT_FILENO);
	posix_spawnattr_init(&attributes);
	posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK);
	posix_spawnattr_setsigmask(&attributes, &none);
	int code = posix_spawnp(&pid, program, &actions, &attributes, (char *const *)args, environ);
	posix_spawn_file_actions_destroy(&actions);
	posix_spawnattr_destroy(&attributes);
	if (code)
		return err_set(e, code, "execute it");
	*ret_status = proc_reap(pid);
	return *ret_status < 0 ? err_set(e, errno, "wait for it") : 0;
}

/* Its first line, which is for people. */
static int failed(int status, const char *said, struct err *e)
{
	if (WIFSIGNALED(status))
		return err_say(e, EIO, "killed by signal %d", WTERMSIG(status));
	int len = (int)strcspn(said, "\r\n");
	return err_say(e, EACCES, "exit status %d%s%.*s", WEXITSTATUS(status), len ? ": " : "", len, said);
}

static const char *text_of(const struct json *answer, const char *key)
{
	const struct json *v = answer->type == JSON_OBJECT ? json_get(answer, key) : NULL;

	return v && v->type == JSON_STRING ? v->text : "";
}

int registry_helper_parse(const char *text, size_t len, struct arena *a, struct registry_login *ret, struct err *e)
{
	struct json answer;

	if (json_parse(text, len, a, &answer, e) < 0 || answer.type != JSON_OBJECT)
		return err_say(e, EPROTO, "its answer is no JSON object");
	const char *user = text_of(&answer, "Username"), *secret = text_of(&answer, "Secret");
	if (strcmp(user, "<token>") == 0)
		return err_say(e, ENOTSUP, "the login is an identity token, which is not supported: log in with a password or an "
			       "access token");
	ret->user = user;
	ret->password = secret;
	return *user || *secret;
}

/* The words that all helpers have for it. */
static bool has_none(const char *said)
{
	return strncmp(said, "credentials not found in native keychain", 40) == 0;
}

static int ask(const char *program, const char *server, struct arena *a, struct registry_login *ret, struct err *e)
{
	cleanup_close int in = question(server, e), out = -1;
	cleanup_buf struct buf said = BUF_INIT;
	int status, r;

	if (in < 0)
		return in;
	out = memfd_create("login", MFD_CLOEXEC);
	if (out < 0)
		return err_set(e, errno, "make a file in memory");
	if (run(program, in, out, &status, e) < 0)
		return -e->code;
	if (lseek(out, 0, SEEK_SET) < 0)
		return err_set(e, errno, "read its answer");
	if (fd_read_all(out, ANSWER_MAX, &said, e) < 0)
		return err_wrap(e, "its answer");
	if (status != 0)
		r = has_none(buf_text(&said)) ? 0 : failed(status, buf_text(&said), e);
	else
		r = registry_helper_parse(buf_text(&said), said.len, a, ret, e);
	if (said.data)
		explicit_bzero(said.data, said.len);
	return r;
}

int registry_helper_ask(const char *helper, const char *server, struct arena *a, struct registry_login *ret,
			struct err *e)
{
	const char *program = arena_printf(a, PREFIX "%s", helper);

	if (!*helper || strchr(helper, '/'))
		return err_say(e, EINVAL, "'%s' is no name of a credential helper", helper);
	int r = ask(program, server, a, ret, e);
	if (r == -ENOENT)
		return err_say(e, ENOENT, "the login for '%s' is kept by the credential helper '%s', which is not in PATH", server,
			       program);
	return r < 0 ? err_wrap(e, "the credential helper '%s' for '%s'", program, server) : r;
}
