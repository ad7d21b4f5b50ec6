/* Processors: what programs have found out of the one that they began on they will not ask again on another. */
#include "checkpoint/criu_log.h"
#include "checkpoint/preflight/host.h"

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
	struct criu_options o = CRIU_OPTIONS_INIT;
	const struct criu_request q = { .type = type, .options = &o };

	o.images = images;
	o.work = work;
	o.log_level = 4;
	o.log_file = LOG;
	return criu_ask_alone(program, &q, NULL, e);
}

int preflight_cpu(struct preflight *p, const char *program, int images, int work, struct err *e)
{
	cleanup_buf struct buf log = BUF_INIT;
	struct err why = ERR_INIT;
	struct criu_cause c;

	if (faccessat(images, IMAGE, F_OK, AT_SYMLINK_NOFOLLOW) < 0)
		return errno == ENOENT ? 0 : err_set(e, errno, "'" IMAGE "'");
	int r = ask(program, CRIU_CPUINFO_CHECK, images, work, &why);
	bool told = r < 0 && file_read_at(work, LOG, LOG_MAX, &log, e) == 0 && criu_log_cause(buf_text(&log), &c);
	unlinkat(work, LOG, 0);
	if (told)
		preflight_add(p, PREFLIGHT_CPU, "this machine", "has another processor than the image needs (%s)",
			      c.line);
	else if (r < 0)
		return err_say(e, why.code, "%s, and left no log that says why", why.msg);
	return 0;
}

int preflight_cpu_save(const char *program, int images, int work, struct err *e)
{
	int r = ask(program, CRIU_CPUINFO_DUMP, images, work, e);

	unlinkat(work, LOG, 0);
	return r;
}
