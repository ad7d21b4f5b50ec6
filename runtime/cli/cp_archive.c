/* cp with "-": a container's files as an archive on standard output, and out of one on standard input. */
#include "runtime/cli/cp.h"

#include "lib/fd.h"
#include "lib/in_root.h"
#include "overlay/layer/layer.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

static int work(const struct layer_job *j, struct err *e)
{
	cleanup_layer_worker struct layer_worker w = LAYER_WORKER_INIT;
	struct layer_result ignored;

	return layer_start(j, &w, e) < 0 ? -e->code : layer_wait(&w, &ignored, e);
}

int cp_archive(int source, const struct cp_parts *src, const struct stat *st, struct err *e)
{
	struct layer_job j = {
		.verb = LAYER_ARCHIVE, .dir = -1, .from = -1, .to = STDOUT_FILENO, .mtime_max_s = -1,
		.name = src->content ? "" : src->name,
	};
	cleanup_close int file = -1;

	if (S_ISDIR(st->st_mode))
		j.dir = source;
	else
		j.from = source;
	if (S_ISREG(st->st_mode)) {
		file = open(fd_path(source).path, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
		if (file < 0)
			return err_set(e, errno, "open it");
		j.from = file;
	}
	return work(&j, e);
}

int cp_extract(const struct cp_place *dst, bool userns, struct err *e)
{
	cleanup_close int there = in_root_open(dst->root, dst->path, O_PATH | O_DIRECTORY, e);
	off_t offset = lseek(STDIN_FILENO, 0, SEEK_CUR);
	const struct layer_job j = {
		.verb = LAYER_EXTRACT, .dir = dst->root, .from = STDIN_FILENO, .to = -1, .name = dst->path,
		.offset = offset >= 0 ? offset : 0, .length_bytes = -1, .userxattr = userns,
	};

	return there < 0 ? there : work(&j, e);
}
