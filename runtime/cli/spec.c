#include "runtime/cli/commands.h"

#include "lib/fd.h"
#include "lib/file.h"

#include <errno.h>
#include <fcntl.h>

struct options {
	const char *bundle;
	bool rootless;
};

static const struct cli_option options_table[] = {
	CLI_OPTION("bundle", 'b', CLI_STRING, struct options, bundle, "DIR",
		   "directory to write it to (default: the current one)"),
	CLI_OPTION("rootless", 0, CLI_FLAG, struct options, rootless, NULL,
		   "a configuration that the calling user can run without root rights"),
	{ 0 },
};

static int run_spec(struct runtime *rt, const void *options, int argc, char **argv, struct err *e)
{
	const struct options *o = options;
	cleanup_close int bundle = -1, fd = -1;
	cleanup_buf struct buf text = BUF_INIT;

	(void)rt, (void)argc, (void)argv;
	bundle = open(o->bundle ? o->bundle : ".", O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (bundle < 0)
		return err_set(e, errno, "open the bundle '%s'", o->bundle ? o->bundle : ".");
	fd = openat(bundle, "config.json", O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
	if (fd < 0 && errno == EEXIST)
		return err_say(e, EEXIST, "File config.json exists. Remove it first");
	if (fd < 0)
		return err_set(e, errno, "make config.json");
	spec_write_example(&text, o->rootless, geteuid(), getegid());
	return fd_write_all(fd, text.data, text.len, e);
}

const struct cli_command command_spec = {
	.name = "spec",
	.arguments = "",
	.summary = "Write a config.json to begin with",
	.group = CLI_OTHER,
	.options = options_table,
	.options_size = sizeof(struct options),
	.run = run_spec,
};
