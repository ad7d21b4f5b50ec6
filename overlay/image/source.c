#include "overlay/image/source.h"

#include "lib/fd.h"
#include "lib/sys.h"
#include "overlay/image/crew.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static int open_below(int dir, const char *name, uint64_t resolve)
{
	return sys_openat2(dir, name, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY, 0, resolve | RESOLVE_NO_MAGICLINKS);
}

bool source_has(const struct source *s, const char *name)
{
	if (s->kind == SOURCE_TAR)
		return tar_index_find(&s->index, name);
	cleanup_close int fd = s->kind == SOURCE_DIR ? open_below(s->fd, name, RESOLVE_IN_ROOT) : -1;
	return fd >= 0;
}

/* The position that comes with a descriptor is shared by its copies: workers that read side by side need one each. */
static int open_again(const struct source *s, struct err *e)
{
	int fd = open(fd_path(s->fd).path, O_RDONLY | O_CLOEXEC);

	return fd >= 0 ? fd : err_set(e, errno, "open the archive again");
}

static int file_in_tar(const struct source *s, const char *name, struct source_file *ret, struct err *e)
{
	const struct tar_member *m = tar_index_find(&s->index, name);
	int fd;

	if (!m)
		return err_say(e, EINVAL, "the archive has no file '%s'", name);
	fd = open_again(s, e);
	if (fd < 0)
		return fd;
	*ret = (struct source_file){ .fd = fd, .offset = m->offset, .size_bytes = m->size_bytes };
	return 0;
}

static int file_in_dir(const struct source *s, const char *name, struct source_file *ret, struct err *e)
{
	struct stat st;

	cleanup_close int fd = open_below(s->fd, name, RESOLVE_IN_ROOT);
	if (fd < 0 && errno == ENOENT)
		return err_say(e, EINVAL, "the image has no file '%s'", name);
	if (fd < 0 || fstat(fd, &st) < 0)
		return err_set(e, errno, "open '%s'", name);
	if (!S_ISREG(st.st_mode))
		return err_say(e, EINVAL, "'%s' is not a file", name);
	cleanup_close int direct =
		s->made >= 0 ? open_below(s->made, name, RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS) : -1;
	*ret = (struct source_file){ .take = direct >= 0 ? name : NULL, .size_bytes = st.st_size };
	ret->fd = take_fd(&fd);
	return 0;
}

int source_file(const struct source *s, const char *name, struct source_file *ret, struct err *e)
{
	struct stat st;

	if (s->kind == SOURCE_TAR)
		return file_in_tar(s, name, ret, e);
	if (s->kind == SOURCE_DIR)
		return file_in_dir(s, name, ret, e);
	if (fstat(s->fd, &st) < 0)
		return err_set(e, errno, "stat");
	*ret = (struct source_file){ .take = s->made >= 0 ? SOURCE_ARCHIVE : NULL, .size_bytes = st.st_size };
	ret->fd = open_again(s, e);
	return ret->fd < 0 ? ret->fd : 0;
}

int source_read(const struct source *s, const char *name, struct arena *a, const char **ret, size_t *ret_len,
		struct err *e)
{
	struct source_file f;

	if (source_file(s, name, &f, e) < 0)
		return -e->code;
	cleanup_close int fd = f.fd;
	if (f.size_bytes > IMAGE_DOCUMENT_MAX)
		return err_say(e, EFBIG, "'%s' has %lld bytes: too many for a document", name, (long long)f.size_bytes);
	char *text = arena_alloc(a, (size_t)f.size_bytes + 1);
	for (int64_t done = 0; done < f.size_bytes;) {
		ssize_t n = pread(fd, text + done, (size_t)(f.size_bytes - done), f.offset + done);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return err_set(e, n < 0 ? errno : EIO, "read '%s'", name);
		done += n;
	}
	*ret = text;
	*ret_len = (size_t)f.size_bytes;
	return 0;
}

static bool holds_image(const struct source *s)
{
	return source_has(s, "index.json") || source_has(s, "manifest.json");
}

/* A directory in the scratch ingest, which is begun by the first that needs it. */
static int make_scratch(struct store *s, struct source *src, const char *key, struct err *e)
{
	if (src->scratch.dir < 0 && ingest_begin(s, &src->scratch, e) < 0)
		return -e->code;
	return ingest_layer(&src->scratch, key, e);
}

static void made(struct source *src, int *fd, int *dir)
{
	close_fd(&src->fd);
	close_fd(&src->made);
	src->fd = take_fd(fd);
	src->made = take_fd(dir);
}

/* A compressed archive: into its files, if it is an image. Else it is a root file system. */
static int split(struct store *s, struct source *src, struct err *e)
{
	cleanup_close int dir = make_scratch(s, src, "split", e);
	if (dir < 0)
		return dir;
	struct layer_job job = LAYER_JOB_INIT;
	job.verb = LAYER_SPLIT;
	job.from = src->fd;
	job.dir = dir;
	struct layer_result ignored;
	int r = crew_alone(&job, &ignored, e);
	if (r < 0 && r != -EMEDIUMTYPE)
		return r;
	struct source files = { .kind = SOURCE_DIR, .fd = dir };
	if (r < 0 || !holds_image(&files))
		return 0;
	cleanup_close int copy = fcntl(dir, F_DUPFD_CLOEXEC, 3);
	src->kind = SOURCE_DIR;
	made(src, &copy, &dir);
	return 0;
}

static int make_archive(int dir, struct err *e)
{
	int fd = openat(dir, SOURCE_ARCHIVE, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);

	return fd >= 0 ? fd : err_set(e, errno, "make a file for the archive");
}

static ssize_t pass_on(int from, int to)
{
	enum { AT_ONCE = 1 << 20 };
	ssize_t n;

	do
		n = splice(from, NULL, to, NULL, AT_ONCE, SPLICE_F_MOVE);
	while (n < 0 && errno == EINTR);
	return n;
}

/* A pipe cannot be read twice, and what it brings shows only in the course of it. */
static int spool(struct store *s, int from, struct source *src, struct err *e)
{
	ssize_t n;

	cleanup_close int dir = make_scratch(s, src, "pipe", e);
	cleanup_close int to = dir < 0 ? -1 : make_archive(dir, e);
	if (to < 0)
		return -e->code;
	do
		n = pass_on(from, to);
	while (n > 0);
	if (n < 0 && errno == EINVAL)
		return err_say(e, EINVAL, "it is no file, no directory and no pipe");
	if (n < 0)
		return err_set(e, errno, "read the archive");
	made(src, &to, &dir);
	return 0;
}

/* A root file system in a directory: in the form that everybody reads. */
static int pack(struct store *s, int from, struct source *src, struct err *e)
{
	cleanup_close int dir = make_scratch(s, src, "pack", e);
	cleanup_close int to = dir < 0 ? -1 : make_archive(dir, e);
	if (to < 0)
		return -e->code;
	struct layer_job job = LAYER_JOB_INIT;
	job.verb = LAYER_PACK;
	job.dir = from;
	job.to = to;
	job.compression = LAYER_GZIP;
	struct layer_result ignored;
	if (crew_alone(&job, &ignored, e) < 0)
		return -e->code;
	src->kind = SOURCE_ROOTFS;
	made(src, &to, &dir);
	return 0;
}

static int open_file(struct store *s, struct arena *a, struct source *src, struct err *e)
{
	struct stat st;

	if (fstat(src->fd, &st) == 0 && st.st_size == 0)
		return err_say(e, EINVAL, "it is empty");
	int r = tar_index_read(src->fd, a, &src->index, e);
	src->kind = SOURCE_TAR;
	if (r == 0 && holds_image(src))
		return 0;
	src->kind = SOURCE_ROOTFS;
	if (r == -ENOTSUP)
		return split(s, src, e);
	return r == -EMEDIUMTYPE ? 0 : r;
}

int source_open(struct store *s, int from, struct arena *a, struct source *ret, struct err *e)
{
	struct stat st;

	if (fstat(from, &st) < 0)
		return err_set(e, errno, "stat");
	if (!S_ISDIR(st.st_mode) && !S_ISREG(st.st_mode))
		return spool(s, from, ret, e) < 0 ? -e->code : open_file(s, a, ret, e);
	ret->fd = fcntl(from, F_DUPFD_CLOEXEC, 3);
	if (ret->fd < 0)
		return err_set(e, errno, "duplicate a descriptor");
	if (S_ISREG(st.st_mode))
		return open_file(s, a, ret, e);
	ret->kind = SOURCE_DIR;
	return source_has(ret, "oci-layout") || source_has(ret, "manifest.json") ? 0 : pack(s, from, ret, e);
}

void source_close(struct source *s)
{
	close_fd(&s->fd);
	close_fd(&s->made);
	ingest_end(&s->scratch);
}
