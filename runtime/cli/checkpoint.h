/* What the options of checkpoint and restore have in common. */
#ifndef RUNTIME_CLI_CHECKPOINT_H
#define RUNTIME_CLI_CHECKPOINT_H

#include "runtime/checkpoint/checkpoint.h"
#include "runtime/cli/cli.h"

struct criu_arguments {
	struct checkpoint_request request; /* filled by the options themselves, as far as they need no look */
	const char *cgroups_mode, *network_lock, *page_server;
	struct cli_strings empty_ns;
	struct spec_i64 status_fd;
};

#define CRIU_FLAG(st, name, field, help) CLI_OPTION(name, 0, CLI_FLAG, st, criu.request.options.field, NULL, help)
#define CRIU_TEXT(st, name, field, value, help) CLI_OPTION(name, 0, CLI_STRING, st, criu.field, value, help)

/* Where the image is by default, but of launched containers: in the current directory. */
#define DEFAULT_IMAGE "checkpoint"

/* Of a struct with a member criu. */
#define CRIU_OPTIONS(st) \
	CRIU_TEXT(st, "image-path", request.image_path, "DIR", "directory of the image (default: checkpoint)"), \
	CRIU_TEXT(st, "work-path", request.work_path, "DIR", "directory of CRIU's log and statistics (default: the image's)"), \
	CRIU_TEXT(st, "criu", request.criu, "FILE", "the CRIU to use (default: $FERRY_CRIU, " CRIU_CONF ", or of PATH)"), \
	CRIU_FLAG(st, "tcp-established", tcp_established, "keep established TCP connections"), \
	CRIU_FLAG(st, "tcp-close", tcp_close, "let established TCP connections end"), \
	CRIU_FLAG(st, "ext-unix-sk", ext_unix_sockets, "allow unix sockets that lead out of the container"), \
	CRIU_FLAG(st, "shell-job", shell_job, "allow a terminal that is the host's"), \
	CRIU_FLAG(st, "file-locks", file_locks, "allow locked files"), \
	CRIU_FLAG(st, "link-remap", link_remap, "keep deleted files that have other names by links"), \
	CRIU_FLAG(st, "lazy-pages", lazy_pages, "bring memory over only when it is used"), \
	CRIU_FLAG(st, "auto-dedup", auto_dedup, "drop memory from older images once it is newer, or restored"), \
	CRIU_TEXT(st, "manage-cgroups-mode", cgroups_mode, "ignore|soft|full|strict", \
		  "what CRIU does of cgroups (default: ignore, ferry does it)"), \
	CLI_OPTION("empty-ns", 0, CLI_STRINGS, st, criu.empty_ns, "network", \
		   "leave out what is in this namespace; may be repeated")

/* Looks at what the options left as text. */
int criu_arguments_check(struct criu_arguments *a, struct err *e);

#endif
