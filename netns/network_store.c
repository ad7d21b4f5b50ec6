/* Definitions on the machine: one file each, which appears whole or not at all. */
#include "netns/netns.h"
#include "netns/network_check.h"
#include "netns/network_fill.h"

#include "lib/clock.h"
#include "lib/fd.h"
#include "lib/file.h"
#include "lib/near.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { FILE_MAX = 1 << 20 };

#define SUFFIX ".json"
#define UNFINISHED ".new."

/* ---- reading ---- */

static const char *file_of(const char *name, struct arena *a)
{
	return arena_printf(a, "%s" SUFFIX, name);
}

/* -ENOENT without an error text. */
static int read_one(const struct net *n, const char *name, struct arena *a, struct network *ret, struct err *e)
{
	cleanup_buf struct buf text = BUF_INIT;
	const char *file = file_of(name, a);

	int r = file_read_at(n->definitions, file, FILE_MAX, &text, e);
	if (r == -ENOENT)
		return r;
	if (r >= 0)
		r = network_parse(buf_text(&text), text.len, a, ret, e);
	if (r >= 0 && strcmp(ret->name, name) != 0)
		r = err_say(e, EINVAL, "name: \"%s\" is not the file's name", ret->name);
	return r < 0 ? err_wrap(e, "network \"%s\": %s", name, file) : 0;
}

static int by_text(const void *x, const void *y)
{
	return strcmp(*(const char *const *)x, *(const char *const *)y);
}

static int read_names(const struct net *n, struct arena *a, const char ***ret, size_t *ret_n, struct err *e)
{
	int fd = openat(n->definitions, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *d = fd < 0 ? NULL : fdopendir(fd);

	if (!d) {
		close_fd(&fd);
		return err_set(e, errno, "read the networks' directory");
	}
	for (struct dirent *ent; (ent = readdir(d));) {
		size_t len = strlen(ent->d_name), suffix = strlen(SUFFIX);
		if (ent->d_name[0] != '.' && len > suffix && strcmp(ent->d_name + len - suffix, SUFFIX) == 0)
			*arena_push(a, ret, ret_n) = arena_strndup(a, ent->d_name, len - suffix);
	}
	closedir(d);
	if (*ret_n)
		qsort(*ret, *ret_n, sizeof(**ret), by_text);
	return 0;
}

static int not_found(const struct net *n, const char *name, struct arena *a, struct err *e)
{
	struct near near = { .word = name };
	const char **names = NULL;
	size_t n_names = 0;

	if (read_names(n, a, &names, &n_names, e) < 0)
		return -e->code;
	for (size_t i = 0; i < n_names; i++)
		near_offer(&near, names[i], names[i]);
	const char *hint = near_hint(&near, a);
	return err_say(e, ENOENT, "no network \"%s\"%s", name,
		       *hint ? hint : ": 'ferry network create' makes one, 'ferry network ls' lists them");
}

static int read_all(const struct net *n, struct arena *a, struct network **ret, size_t *ret_n, struct err *e)
{
	const char **names = NULL;
	size_t n_names = 0;

	if (read_names(n, a, &names, &n_names, e) < 0)
		return -e->code;
	for (size_t i = 0; i < n_names; i++) {
		struct network x;
		int r = read_one(n, names[i], a, &x, e);
		/* One that has just been removed was there no longer. */
		if (r == -ENOENT)
			continue;
		if (r < 0)
			return r;
		*arena_push(a, ret, ret_n) = x;
	}
	return 0;
}

/* ---- writing ---- */

static int write_file(const struct net *n, const char *file, const struct network *x, struct err *e)
{
	cleanup_buf struct buf text = BUF_INIT;

	network_write(x, &text);
	if (text.len > FILE_MAX)
		return err_say(e, EFBIG, "the definition is longer than %d bytes", FILE_MAX);
	cleanup_close int fd = openat(n->definitions, file, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC,
				      0600);
	if (fd < 0)
		return err_set(e, errno, "create '%s'", file);
	if (fd_write_all(fd, text.data, text.len, e) < 0)
		return err_wrap(e, "'%s'", file);
	return fsync(fd) < 0 ? err_set(e, errno, "sync '%s'", file) : 0;
}

/* -EEXIST: another was faster. */
static int publish(const struct net *n, struct network *x, struct arena *a, struct err *e)
{
	const char *unfinished = arena_printf(a, UNFINISHED "%d", (int)getpid()), *file = file_of(x->name, a);

	x->created = arena_strdup(a, clock_now_rfc3339().text);
	int r = write_file(n, unfinished, x, e);
	if (r >= 0 && linkat(n->definitions, unfinished, n->definitions, file, 0) < 0)
		r = errno == EEXIST ? err_say(e, EEXIST, "a network \"%s\" is there already", x->name) :
				      err_set(e, errno, "create '%s'", file);
	unlinkat(n->definitions, unfinished, 0);
	if (r >= 0 && fsync(n->definitions) < 0)
		r = err_set(e, errno, "sync the networks' directory");
	return r;
}

/* What killed commands left; with the lock alone. */
static void remove_unfinished(const struct net *n)
{
	int fd = openat(n->definitions, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *d = fd < 0 ? NULL : fdopendir(fd);

	if (!d) {
		close_fd(&fd);
		return;
	}
	for (struct dirent *ent; (ent = readdir(d));)
		if (strncmp(ent->d_name, UNFINISHED, strlen(UNFINISHED)) == 0)
			unlinkat(n->definitions, ent->d_name, 0);
	closedir(d);
}

static int create(const struct net *n, struct network *x, struct arena *a, struct err *e)
{
	struct network *others = NULL;
	size_t n_others = 0;

	if (read_all(n, a, &others, &n_others, e) < 0)
		return -e->code;
	for (size_t i = 0; i < n_others; i++)
		if (strcmp(others[i].name, x->name) == 0)
			return err_say(e, EEXIST, "a network \"%s\" is there already", x->name);
	if (network_fill(x, others, n_others, a, e) < 0)
		return -e->code;
	return publish(n, x, a, e);
}

int network_create(struct net *n, struct network *x, struct arena *a, struct err *e)
{
	remove_unfinished(n);
	return create(n, x, a, e);
}

/* Several may need it first at once: one of them is the first to have it whole. */
static int make_default(const struct net *n, struct arena *a, struct network *ret, struct err *e)
{
	struct network x = { .name = NETWORK_DEFAULT, .dns = true };

	int r = create(n, &x, a, e);
	if (r == -EEXIST)
		r = read_one(n, NETWORK_DEFAULT, a, &x, e);
	if (r < 0)
		return err_wrap(e, "make the default network");
	*ret = x;
	return 0;
}

int network_load(const struct net *n, const char *name, struct arena *a, struct network *ret, struct err *e)
{
	if (network_check_name(name, e) < 0)
		return -e->code;
	int r = read_one(n, name, a, ret, e);
	if (r == -ENOENT)
		return strcmp(name, NETWORK_DEFAULT) == 0 ? make_default(n, a, ret, e) : not_found(n, name, a, e);
	return r;
}

int network_list(const struct net *n, struct arena *a, struct network **ret, size_t *ret_n, struct err *e)
{
	struct network *all = NULL, first;
	size_t n_all = 0;

	/* Where there is no free subnet for the default one, there are still the others. */
	int r = network_load(n, NETWORK_DEFAULT, a, &first, e);
	if ((r < 0 && r != -ENOSPC) || read_all(n, a, &all, &n_all, e) < 0)
		return -e->code;
	*ret = all;
	*ret_n = n_all;
	return 0;
}
