/* An archive as it is written: tar -> diff id -> compression -> digest, and the file or pipe it goes to. */
#include "overlay/layer/worker.h"

#include "lib/file.h"

#include <errno.h>
#include <string.h>

enum { OUTPUT_BLOCK = 256 * 1024 };

static la_ssize_t compressed(struct archive *a, void *data, const void *bytes, size_t n)
{
	struct output *o = data;

	sha256_add(&o->digest, bytes, n);
	o->size_bytes += (int64_t)n;
	if (o->to >= 0 && fd_write_all(o->to, bytes, n, &o->e) < 0) {
		archive_set_error(a, o->e.code, "%s", o->e.msg);
		return -1;
	}
	return (la_ssize_t)n;
}

static la_ssize_t plain(struct archive *a, void *data, const void *bytes, size_t n)
{
	struct output *o = data;

	sha256_add(&o->diff, bytes, n);
	o->diff_size_bytes += (int64_t)n;
	if (archive_write_data(o->raw, bytes, n) == (la_ssize_t)n)
		return (la_ssize_t)n;
	archive_set_error(a, EIO, "%s", archive_error_string(o->raw));
	return -1;
}

int output_error(struct output *o, struct archive *a, struct err *e)
{
	if (!o->e.code)
		return err_say(e, EIO, "write the archive: %s", archive_error_string(a));
	*e = o->e;
	return err_wrap(e, "write the archive");
}

static int add_compression(struct archive *raw, enum layer_compression c)
{
	switch (c) {
	case LAYER_PLAIN:
		return archive_write_add_filter_none(raw);
	case LAYER_GZIP:
		archive_write_add_filter_gzip(raw);
		/* The same directory gives the same bytes, whenever. */
		return archive_write_set_filter_option(raw, "gzip", "timestamp", NULL);
	case LAYER_ZSTD:
		return archive_write_add_filter_zstd(raw);
	case LAYER_XZ:
		return archive_write_add_filter_xz(raw);
	}
	return ARCHIVE_FATAL;
}

/* What is compressed is, to libarchive, the one file of an archive of format "raw". */
static int open_raw(struct output *o, enum layer_compression c, struct err *e)
{
	struct archive_entry *file = archive_entry_new();

	archive_write_set_format_raw(o->raw);
	archive_write_set_bytes_per_block(o->raw, OUTPUT_BLOCK);
	archive_write_set_bytes_in_last_block(o->raw, 1);
	archive_entry_set_filetype(file, AE_IFREG);
	int r = add_compression(o->raw, c);
	if (r == ARCHIVE_OK)
		r = archive_write_open(o->raw, o, NULL, compressed, NULL);
	if (r == ARCHIVE_OK)
		r = archive_write_header(o->raw, file);
	archive_entry_free(file);
	return r == ARCHIVE_OK ? 0 : output_error(o, o->raw, e);
}

int output_begin(const struct layer_job *j, struct output *o, struct err *e)
{
	*o = (struct output){ .to = j->to, .compression = j->compression };
	sha256_begin(&o->digest);
	sha256_begin(&o->diff);
	o->raw = archive_write_new();
	o->tar = archive_write_new();
	if (!o->raw || !o->tar)
		return err_set(e, ENOMEM, "write the archive");
	if (open_raw(o, j->compression, e) < 0)
		return -e->code;
	archive_write_set_format_pax(o->tar);
	/* libarchive's own form beside would double them; others read this one. */
	archive_write_set_format_option(o->tar, "pax", "xattrheader", "SCHILY");
	archive_write_set_bytes_per_block(o->tar, OUTPUT_BLOCK);
	archive_write_set_bytes_in_last_block(o->tar, 1);
	if (archive_write_open(o->tar, o, NULL, plain, NULL) != ARCHIVE_OK)
		return output_error(o, o->tar, e);
	return 0;
}

int output_end(struct output *o, struct layer_result *ret, struct err *e)
{
	if (archive_write_close(o->tar) != ARCHIVE_OK)
		return output_error(o, o->tar, e);
	if (archive_write_close(o->raw) != ARCHIVE_OK)
		return output_error(o, o->raw, e);
	memset(ret, 0, sizeof(*ret));
	strcpy(ret->digest, sha256_end(&o->digest).text);
	strcpy(ret->diff_id, sha256_end(&o->diff).text);
	ret->size_bytes = o->size_bytes;
	ret->diff_size_bytes = o->diff_size_bytes;
	ret->compression = o->compression;
	return 0;
}

void output_finish(struct output *o)
{
	/* In this order: freeing the first writes to the second. */
	archive_write_free(o->tar);
	archive_write_free(o->raw);
	*o = OUTPUT_INIT;
}
