/*
 * Snapshots as archives: a tar of what is in the directory of one. Who imports it trusts nothing in it: it is unpacked by a
 * process that has its root in the new snapshot's directory, and must hold what a snapshot holds, as its digests say.
 */
#include "runtime/snapshot/snapshot.h"

#include "lib/clock.h"
#include "lib/fd.h"
#include "lib/file.h"
#include "lib/sha256.h"
#include "overlay/layer/layer.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define DOCUMENT "snapshot.json"
#define PARENT "parent" /* CRIU's link to the images that were saved before */

static int work(struct layer_job *j, const struct runtime *rt, struct err *e)
{
	cleanup_layer_worker struct layer_worker w = LAYER_WORKER_INIT;
	struct layer_result ignored;

	j->budget = -1;
	j->mtime_max_s = -1;
	j->userxattr = rt->rootless;
	return layer_start(j, &w, e) < 0 ? -e->code : layer_wait(&w, &ignored, e);
}

int snapshot_export(struct runtime *rt, const struct launched *l, const char *name, int to, struct err *e)
{
	cleanup_snapshots struct snapshots s = SNAPSHOTS_INIT;
	struct snapshot what;

	if (snapshots_open(rt, l, SNAPSHOTS_READ, &s, e) < 0 || snapshot_load(rt, &s, name, &what, e) < 0)
		return -e->code;
	cleanup_close int dir = openat(s.dir, what.name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (dir < 0)
		return err_set(e, errno, "open snapshot '%s/%s'", l->name, name);
	/* Whoever removes it then has nothing else. */
	struct layer_job j = { .verb = LAYER_SAVE, .dir = dir, .from = -1, .to = to };
	return snapshot_check(&s, &what, &rt->arena, e) < 0 || work(&j, rt, e) < 0 ?
		       err_wrap(e, "export snapshot '%s/%s'", l->name, name) : 0;
}

/* ---- what came in an archive ---- */

struct import {
	struct runtime *rt;
	const struct snapshots *s;
	const struct snapshot_making *container; /* NULL: it is there */
	struct snapshot what;
	int dir;
};

static int strange(const char *where, const char *name, struct err *e)
{
	return err_say(e, EBADMSG, "it has '%s%s', which no snapshot has", where, name);
}

/* "1", "../1" */
static bool is_parent(int dir)
{
	char target[16];
	ssize_t n = readlinkat(dir, PARENT, target, sizeof(target) - 1);

	if (n <= 0)
		return false;
	target[n] = '\0';
	const char *number = strncmp(target, "../", 3) == 0 ? target + 3 : target;
	return *number && strspn(number, "0123456789") == strlen(number);
}

/* CRIU would follow links, and may wait for fifos. */
static int check_image(int dir, const char *name, unsigned char type, void *data, struct err *e)
{
	const char *where = data;
	struct stat st;

	(void)type;
	if (fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return err_set(e, errno, "'%s%s'", where, name);
	if (S_ISREG(st.st_mode) || (S_ISLNK(st.st_mode) && strcmp(name, PARENT) == 0 && is_parent(dir)))
		return 0;
	if (!S_ISDIR(st.st_mode) || strcmp(where, SNAPSHOT_MEMORY "/") != 0)
		return strange(where, name, e);
	cleanup_close int below = openat(dir, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	return below < 0 ? err_set(e, errno, "open '%s%s'", where, name) :
			   dir_each(below, check_image, SNAPSHOT_MEMORY "/NUMBER/", e);
}

static bool is_directory_of(const struct snapshot *what, const char *name)
{
	for (size_t i = 0; i < what->n_files; i++)
		if (strcmp(what->files[i], name) == 0)
			return true;
	return what->memory && strcmp(name, SNAPSHOT_MEMORY) == 0;
}

static int check_top(int dir, const char *name, unsigned char type, void *data, struct err *e)
{
	const struct import *m = data;
	struct stat st;

	(void)type;
	if (fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return err_set(e, errno, "'%s'", name);
	if (is_directory_of(&m->what, name) ? S_ISDIR(st.st_mode) :
	    S_ISREG(st.st_mode) && (strcmp(name, DOCUMENT) == 0 || strcmp(name, SNAPSHOT_DIGESTS) == 0 || snapshot_is_document(name)))
		return 0;
	return strange("", name, e);
}

static int check_memory(const struct import *m, struct err *e)
{
	cleanup_close int dir = openat(m->dir, SNAPSHOT_MEMORY, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

	return dir < 0 ? err_set(e, errno, "open '" SNAPSHOT_MEMORY "'") : dir_each(dir, check_image, SNAPSHOT_MEMORY "/", e);
}

/* Archives have none. */
static void drop_sockets(struct buf *text)
{
	char *to = text->data;

	for (char *from = text->data, *end; from < text->data + text->len; from = end) {
		char *newline = memchr(from, '\n', (size_t)(text->data + text->len - from));
		end = newline ? newline + 1 : text->data + text->len;
		if (*from == 's')
			continue;
		memmove(to, from, (size_t)(end - from));
		to += end - from;
	}
	text->len = (size_t)(to - text->data);
	if (text->data)
		*to = '\0';
}

static int check_digests(const struct import *m, struct err *e)
{
	cleanup_buf struct buf was = BUF_INIT, is = BUF_INIT;

	if (file_read_at(m->dir, SNAPSHOT_DIGESTS, SNAPSHOT_DIGESTS_MAX, &was, e) < 0)
		return -e->code;
	if (strcmp(sha256_of(buf_text(&was), was.len).text, m->what.digests) != 0)
		return err_say(e, EBADMSG, "it is damaged: '" SNAPSHOT_DIGESTS "' is not as it was when it was made");
	drop_sockets(&was);
	if (snapshot_digests(m->dir, &m->what, &is, e) < 0)
		return -e->code;
	return strcmp(buf_text(&was), buf_text(&is)) == 0 ? 0 :
	       snapshot_say_damage(buf_text(&was), buf_text(&is), &m->rt->arena, e);
}

/* Of what becomes a container there is one such directory. */
static int check_container(const struct import *m, struct err *e)
{
	if (!m->container)
		return snapshot_check_fits(m->rt, m->s->l, &m->what, e);
	return m->what.n_files == 1 && strcmp(m->what.files[0], "upper") == 0 ? 0 :
	       err_say(e, ENOTSUP, "it is of a view of another machine, whose files are not here");
}

static int make_container(const struct import *m, struct err *e)
{
	const struct snapshot_making *c = m->container;

	if (!c)
		return 0;
	if (snapshot_make_container(m->rt, m->dir, &m->what, c->l, c->dir, c->hold, e) < 0)
		return -e->code;
	return snapshot_check_fits(m->rt, c->l, &m->what, e);
}

static int check(const struct import *m, struct err *e)
{
	cleanup_close int top = openat(m->dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (top < 0)
		return err_set(e, errno, "open it");
	if (snapshot_check_description(m->what.description, e) < 0)
		return err_wrap(e, "its description");
	if (check_container(m, e) < 0 || dir_each(top, check_top, (void *)m, e) < 0)
		return -e->code;
	return (m->what.memory && check_memory(m, e) < 0) || check_digests(m, e) < 0 ? -e->code : 0;
}

/* Whoever imports one that has expired means to have it. */
static void drop_expiry(struct snapshot *s)
{
	struct timespec expires;

	if (s->expires && clock_parse(s->expires, &expires) && expires.tv_sec <= time(NULL))
		s->expires = NULL;
}

static int import(struct import *m, int from, const char *name, struct err *e)
{
	off_t offset = lseek(from, 0, SEEK_CUR);

	if (mkdirat(m->s->dir, SNAPSHOTS_NEW, 0700) < 0)
		return err_set(e, errno, "create its directory");
	m->dir = openat(m->s->dir, SNAPSHOTS_NEW, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (m->dir < 0)
		return err_set(e, errno, "open '" SNAPSHOTS_NEW "'");
	struct layer_job j = { .verb = LAYER_LOAD, .dir = m->dir, .from = from, .to = -1,
			       .offset = offset >= 0 ? offset : 0, .length_bytes = -1 };
	if (work(&j, m->rt, e) < 0)
		return -e->code;
	int r = snapshot_read(m->s->dir, SNAPSHOTS_NEW, &m->rt->arena, &m->what, e);
	if (r < 0)
		return r == -ENOENT ? err_say(e, EBADMSG, "it is no archive of a snapshot") : r;
	if (check(m, e) < 0 || make_container(m, e) < 0 ||
	    snapshot_choose_name(m->rt, m->s, name ? name : m->what.name, &m->what.name, e) < 0)
		return -e->code;
	m->what.container = m->s->l->id;
	m->what.parent = NULL;
	drop_expiry(&m->what);
	return snapshot_complete(m->rt, m->s, m->dir, &m->what, e);
}

int snapshot_import(struct runtime *rt, const struct launched *l, int from, const char *name,
		    const struct snapshot_making *container, const char **ret_name, struct err *e)
{
	cleanup_snapshots struct snapshots s = SNAPSHOTS_INIT;
	struct import m = { .rt = rt, .s = &s, .container = container, .dir = -1 };
	struct err ignored = ERR_INIT;
	const char *ignored_name;

	if (snapshots_open(rt, l, SNAPSHOTS_MAKE, &s, e) < 0 ||
	    (name && snapshot_choose_name(rt, &s, name, &ignored_name, e) < 0))
		return -e->code;
	int r = import(&m, from, name, e);
	close_fd(&m.dir);
	if (r < 0) {
		remove_tree_at(s.dir, SNAPSHOTS_NEW, &ignored);
		return err_wrap(e, "import a snapshot of container '%s'", l->name);
	}
	*ret_name = m.what.name;
	return 0;
}
