/* Processors: what programs have found out of the one that they began on they will not ask again on another. */
#include "checkpoint/criu_log.h"
#include "checkpoint/preflight_host.h"

#include "lib/fd.h"
#include "lib/file.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#define IMAGE "cpuinfo.img"
#define LOG "cpuinfo.log"

enum { LOG_MAX = 16 << 20 };

static int ask(const char *program, enum criu_request_type type, int images, int work, struct err *e)
{
	struct criu_start s = { .program = program, .cgroup = -1, .quiet = true };
	struct criu_options o = CRIU_OPTIONS_INIT;
	const struct criu_request q = { .type = type, .options = &o };
	struct criu c;

	o.images = images;
	o.work = work;
	o.log_level = 4;
	o.log_file = LOG;
	int r = criu_start(&s, &c, e);
	if (r < 0)
		return r;
	r = criu_ask(&c, &q, NULL, e);
	criu_end(&c);
	return r;
}

int preflight_cpu(struct preflight *p, const char *program, int images, int work, struct err *e)
{
	cleanup_buf struct buf log = BUF_INIT;
	struct err why = ERR_INIT;
	struct criu_cause c;

	if (faccessat(images, IMAGE, F_OK, AT_SYMLINK_NOFOLLOW) < 0)
		return errno == ENOENT ? 0 : err_set(e, errno, "'" IMAGE "'");
	int r = ask(program, CRIU_CPUINFO_CHECK, images, work, &why);
	if (r < 0) {
		bool told = file_read_at(work, LOG, LOG_MAX, &log, e) == 0 && criu_log_cause(buf_text(&log), &c);
		preflight_add(p, PREFLIGHT_CPU, "this machine", "has another processor than the image needs (%s)",
			      told ? c.line : why.msg);
	}
	unlinkat(work, LOG, 0);
	return 0;
}

int preflight_cpu_save(const char *program, int images, int work, struct err *e)
{
	int r = ask(program, CRIU_CPUINFO_DUMP, images, work, e);

	unlinkat(work, LOG, 0);
	return r;
}
