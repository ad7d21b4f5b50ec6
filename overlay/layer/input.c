/*
 * A layer's archive as it comes. Two threads share the work, since decompression alone takes about as long as all the rest:
 *
 *	the thread    read -> digest, copy -> libarchive's filters -> blocks
 *	the caller    blocks -> diff id -> libarchive's tar reader
 */
#include "overlay/layer/worker.h"

#include "lib/fd.h"
#include "lib/file.h"
#include "lib/tar_header.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

enum { RAW_SIZE = 256 * 1024 };

/* ---- the thread ---- */

/* A pipe may have nothing to give for long, when nobody wants it any more. */
static ssize_t read_some(struct input *in, char *to, size_t n)
{
	struct pollfd ready[] = { { .fd = in->from, .events = POLLIN }, { .fd = in->stop, .events = POLLIN } };
	ssize_t got;

	while (in->at < 0 && poll(ready, 2, -1) < 0)
		if (errno != EINTR)
			return -1;
	if (ready[1].revents)
		return 0;
	do
		got = in->at >= 0 ? pread(in->from, to, n, in->at) : read(in->from, to, n);
	while (got < 0 && errno == EINTR);
	return got;
}

/* As much as there is, but the archive's beginning whole. */
static ssize_t read_more(struct input *in, size_t n)
{
	size_t done = 0, least = in->size_bytes > 0 ? 1 : WINDOW_HEAD < n ? WINDOW_HEAD : n;
	ssize_t got = 1;

	for (; done < least && got > 0; done += (size_t)got) {
		got = read_some(in, in->raw + done, n - done);
		if (got < 0)
			return -1;
		if (in->at >= 0)
			in->at += got;
	}
	return (ssize_t)done;
}

/* Returns how many bytes came into in->raw, hashed and copied; 0 at the end. */
static ssize_t source_read(struct input *in, struct err *e)
{
	size_t n = RAW_SIZE;

	if (in->left >= 0 && (int64_t)n > in->left)
		n = (size_t)in->left;
	if (n == 0)
		return 0;
	ssize_t got = read_more(in, n);
	if (got < 0)
		return err_set(e, errno, "read the archive");
	if (got == 0 && in->left > 0)
		return err_say(e, EBADMSG, "the archive ends %lld bytes too early", (long long)in->left);
	if (in->left >= 0)
		in->left -= got;
	if (window_watch(&in->window, in->raw, (size_t)got, e) < 0)
		return -e->code;
	in->size_bytes += got;
	sha256_add(&in->digest, in->raw, (size_t)got);
	if (in->to >= 0 && fd_write_all(in->to, in->raw, (size_t)got, e) < 0)
		return err_wrap(e, "copy the archive");
	return got;
}

static la_ssize_t raw_read(struct archive *a, void *data, const void **ret)
{
	struct input *in = data;
	ssize_t n = source_read(in, &in->e);

	if (n < 0)
		archive_set_error(a, in->e.code, "%s", in->e.msg);
	*ret = in->raw;
	return n;
}

/* Appends to the blocks, waiting for room. Returns false when nobody wants more. */
static bool put(struct input *in, const char *data, size_t n)
{
	while (n > 0) {
		/* Nobody else touches a block before it is counted as filled. */
		pthread_mutex_lock(&in->mutex);
		while (in->filled - in->taken == INPUT_BLOCKS && !in->stopped)
			pthread_cond_wait(&in->changed, &in->mutex);
		bool stopped = in->stopped;
		pthread_mutex_unlock(&in->mutex);
		if (stopped)
			return false;
		struct input_block *b = &in->blocks[in->filled % INPUT_BLOCKS];
		size_t part = sizeof(b->data) - b->len < n ? sizeof(b->data) - b->len : n;
		memcpy(b->data + b->len, data, part);
		b->len += part;
		data += part;
		n -= part;
		if (b->len == sizeof(b->data)) {
			pthread_mutex_lock(&in->mutex);
			in->filled++;
			pthread_cond_signal(&in->changed);
			pthread_mutex_unlock(&in->mutex);
		}
	}
	return true;
}

static int find_compression(struct archive *raw, enum layer_compression *ret, struct err *e)
{
	static const struct {
		int filter;
		enum layer_compression compression;
	} known[] = {
		{ ARCHIVE_FILTER_NONE, LAYER_PLAIN },
		{ ARCHIVE_FILTER_GZIP, LAYER_GZIP },
		{ ARCHIVE_FILTER_ZSTD, LAYER_ZSTD },
		{ ARCHIVE_FILTER_XZ, LAYER_XZ },
	};

	/* One filter, and the one that reads. */
	if (archive_filter_count(raw) > 2)
		return err_say(e, EINVAL, "the archive is compressed twice");
	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
		if (archive_filter_code(raw, 0) == known[i].filter)
			*ret = known[i].compression;
	return 0;
}

static int decompress_all(struct input *in, struct archive *raw, struct err *e)
{
	struct archive_entry *entry;
	const void *data;
	size_t len;
	la_int64_t offset;

	archive_read_support_filter_gzip(raw);
	archive_read_support_filter_zstd(raw);
	archive_read_support_filter_xz(raw);
	archive_read_support_format_raw(raw);
	archive_read_support_format_empty(raw);
	int r = archive_read_open(raw, in, NULL, raw_read, NULL);
	if (r == ARCHIVE_OK)
		r = archive_read_next_header(raw, &entry);
	if (r == ARCHIVE_OK && find_compression(raw, &in->compression, e) < 0)
		return -e->code;
	in->plain = r == ARCHIVE_OK && in->compression == LAYER_PLAIN;
	while (r == ARCHIVE_OK) {
		r = archive_read_data_block(raw, &data, &len, &offset);
		if (r == ARCHIVE_OK && !put(in, data, len))
			return 0;
	}
	if (r != ARCHIVE_EOF)
		/* What source_read met is said already. */
		return e->code ? -e->code : err_say(e, EBADMSG, "decompress: %s", archive_error_string(raw));
	/* What follows a compressed stream is ignored, but not by its digest. */
	ssize_t n;
	do
		n = source_read(in, e);
	while (n > 0);
	return (int)n;
}

static void *work(void *data)
{
	struct input *in = data;
	struct archive *raw = archive_read_new();

	if (raw)
		decompress_all(in, raw, &in->e);
	else
		err_set(&in->e, ENOMEM, "decompress");
	archive_read_free(raw);
	pthread_mutex_lock(&in->mutex);
	if (in->filled - in->taken < INPUT_BLOCKS && in->blocks[in->filled % INPUT_BLOCKS].len > 0)
		in->filled++;
	in->ended = true;
	pthread_cond_signal(&in->changed);
	pthread_mutex_unlock(&in->mutex);
	return NULL;
}

/* ---- the caller ---- */

/* Returns the next block, hashed, or NULL at the end. The one before it is given back. */
static const struct input_block *take(struct input *in)
{
	pthread_mutex_lock(&in->mutex);
	if (in->holds) {
		in->blocks[in->taken % INPUT_BLOCKS].len = 0;
		in->taken++;
		pthread_cond_signal(&in->changed);
	}
	while (in->filled == in->taken && !in->ended)
		pthread_cond_wait(&in->changed, &in->mutex);
	in->holds = in->filled != in->taken;
	pthread_mutex_unlock(&in->mutex);
	if (!in->holds)
		return NULL;
	const struct input_block *b = &in->blocks[in->taken % INPUT_BLOCKS];
	if (!in->plain)
		sha256_add(&in->diff, b->data, b->len);
	in->diff_size_bytes += (int64_t)b->len;
	return b;
}

/*
 * Some tools end an archive with the content of its last file, and what else reads archives takes them. It is filled up to
 * a block, but for content that is not whole.
 */
static la_ssize_t fill_up(struct input *in, const void **ret)
{
	static const char zeros[TAR_BLOCK];
	size_t n = in->content_left == 0 ? (size_t)(-in->diff_size_bytes & (TAR_BLOCK - 1)) : 0;

	in->content_left = -1;
	*ret = zeros;
	return (la_ssize_t)n;
}

static la_ssize_t tar_read(struct archive *a, void *data, const void **ret)
{
	struct input *in = data;
	const struct input_block *b = take(in);

	if (!b) {
		/* `ended` was seen under the mutex: the thread's error is whole. */
		if (!in->e.code)
			return fill_up(in, ret);
		archive_set_error(a, in->e.code, "%s", in->e.msg);
		return -1;
	}
	*ret = b->data;
	return (la_ssize_t)b->len;
}

/* What the thread met is why the tar is bad. libarchive says nothing of a header that is cut short. */
static int tar_error(struct input *in, struct err *e)
{
	pthread_mutex_lock(&in->mutex);
	bool failed = in->ended && in->e.code;
	if (failed)
		*e = in->e;
	pthread_mutex_unlock(&in->mutex);
	if (failed)
		return -e->code;
	const char *why = archive_error_string(in->tar);
	return err_say(e, EBADMSG, "the archive: %s", why ? why : "it is cut short");
}

static void release(struct input *in)
{
	archive_read_free(in->tar);
	in->tar = NULL;
	free(in->raw);
	free(in->blocks);
	close_fd(&in->stop);
}

int input_begin(const struct layer_job *j, struct input *in, struct err *e)
{
	*in = (struct input){ .from = j->from, .to = j->to, .window.budget = j->budget, .at = -1, .left = j->length_bytes,
			      .content_left = -1, .mutex = PTHREAD_MUTEX_INITIALIZER,
			      .changed = PTHREAD_COND_INITIALIZER };
	/* Others read the same file at the same time: its position is everybody's. */
	if (lseek(j->from, 0, SEEK_CUR) >= 0)
		in->at = j->offset;
	sha256_begin(&in->digest);
	sha256_begin(&in->diff);
	in->raw = malloc(RAW_SIZE);
	in->blocks = calloc(INPUT_BLOCKS, sizeof(*in->blocks));
	in->tar = archive_read_new();
	in->stop = eventfd(0, EFD_CLOEXEC);
	int r = in->raw && in->blocks && in->tar && in->stop >= 0 ? pthread_create(&in->thread, NULL, work, in) : ENOMEM;
	if (r != 0) {
		release(in);
		return err_set(e, r, "read the archive");
	}
	archive_read_support_format_tar(in->tar);
	archive_read_support_format_empty(in->tar);
	return archive_read_open(in->tar, in, NULL, tar_read, NULL) == ARCHIVE_OK ? 0 : tar_error(in, e);
}

/*
 * A warning is mostly of a name that is not of the locale's character set, which does not matter: names are bytes. Whether the
 * archive is the one that was meant, its digest says.
 */
static int result(struct input *in, int r, struct err *e)
{
	if (r == ARCHIVE_OK || r == ARCHIVE_WARN)
		return 1;
	return r == ARCHIVE_EOF ? 0 : tar_error(in, e);
}

int input_next(struct input *in, struct archive_entry **ret, struct err *e)
{
	int r = result(in, archive_read_next_header(in->tar, ret), e);

	in->content_left = r > 0 ? archive_entry_size(*ret) : -1;
	return r;
}

int input_data(struct input *in, const void **data, size_t *len, int64_t *offset, struct err *e)
{
	la_int64_t at = 0;
	int r = result(in, archive_read_data_block(in->tar, data, len, &at), e);

	*offset = at;
	if (r > 0)
		in->content_left -= (int64_t)*len;
	return r;
}

int input_end(struct input *in, struct layer_result *ret, struct err *e)
{
	while (take(in))
		;
	if (in->e.code) {
		*e = in->e;
		return -e->code;
	}
	memset(ret, 0, sizeof(*ret));
	strcpy(ret->digest, sha256_end(&in->digest).text);
	strcpy(ret->diff_id, in->plain ? ret->digest : sha256_end(&in->diff).text);
	ret->size_bytes = in->size_bytes;
	ret->diff_size_bytes = in->diff_size_bytes;
	ret->compression = in->compression;
	return 0;
}

void input_finish(struct input *in)
{
	if (!in->tar)
		return;
	eventfd_write(in->stop, 1);
	pthread_mutex_lock(&in->mutex);
	in->stopped = true;
	pthread_cond_signal(&in->changed);
	pthread_mutex_unlock(&in->mutex);
	pthread_join(in->thread, NULL);
	release(in);
}
