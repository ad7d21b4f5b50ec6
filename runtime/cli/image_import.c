/* image import: archives and directories into the store. */
#include "runtime/cli/commands.h"

#include "lib/fd.h"
#include "overlay/image/image.h"
#include "runtime/cli/image_display.h"
#include "runtime/cli/image_trust.h"
#include "runtime/images.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

struct options {
	struct cli_strings names;
	const char *platform, *signature;
	bool quiet;
};

static const struct cli_option import_options[] = {
	CLI_OPTION("name", 'n', CLI_STRINGS, struct options, names, "NAME[:TAG]",
		   "what to call it, in place of the names in the archive; may be repeated"),
	CLI_OPTION("platform", 0, CLI_STRING, struct options, platform, "OS/ARCH[/VARIANT]",
		   "which image of several platforms to take (default: this machine's)"),
	CLI_OPTION("signature", 0, CLI_STRING, struct options, signature, "FILE",
		   "minisign's, of the image's manifest, where the host's policy wants one"),
	CLI_OPTION("quiet", 'q', CLI_FLAG, struct options, quiet, NULL, "print the id alone, and no progress"),
	{ 0 },
};

/* What archives are called, and directories with the like in them. */
static const char *const suffixes[] = { ".gz", ".xz", ".zst", ".bz2", ".tgz", ".txz", ".tar", ".oci", ".docker" };

static size_t without_suffixes(const char *name)
{
	size_t len = strlen(name);
	bool again = true;

	while (again) {
		again = false;
		for (size_t i = 0; i < sizeof(suffixes) / sizeof(*suffixes); i++) {
			size_t n = strlen(suffixes[i]);
			if (len > n && strncmp(name + len - n, suffixes[i], n) == 0) {
				len -= n;
				again = true;
			}
		}
	}
	return len;
}

/* "/tmp/Debian_12.tar.xz" is "debian_12". NULL: no name can be made of it. */
static const char *name_of_file(const char *path, struct arena *a)
{
	char *copy = arena_strdup(a, path);
	struct image_reference r;
	struct err ignored;

	for (size_t len = strlen(copy); len > 1 && copy[len - 1] == '/'; len--)
		copy[len - 1] = '\0';
	char *slash = strrchr(copy, '/'), *name = slash ? slash + 1 : copy;
	name[without_suffixes(name)] = '\0';
	for (char *c = name; *c; c++)
		*c = (char)tolower((unsigned char)*c);
	return image_reference_parse(name, a, &r, &ignored) < 0 ? NULL : name;
}

static int open_source(const char *path, struct err *e)
{
	int fd;

	if (strcmp(path, "-") == 0) {
		if (isatty(STDIN_FILENO))
			return err_say(e, EINVAL,
				       "standard input is a terminal: an archive comes from a file or a pipe");
		fd = fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 3);
		return fd >= 0 ? fd : err_set(e, errno, "standard input");
	}
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	return fd >= 0 ? fd : err_set(e, errno, "open '%s'", path);
}

static void print_added(const struct image_added *i, bool quiet)
{
	if (quiet || i->n_names == 0)
		printf("%s\n", i->id);
	for (size_t k = 0; !quiet && k < i->n_names; k++)
		printf("%s %s\n", i->names[k], i->id);
}

static int run_import(struct runtime *rt, const void *options, int argc, char **argv, struct err *e)
{
	const struct options *o = options;
	cleanup_store struct store store = STORE_INIT;
	cleanup_image_display struct image_display display;
	struct image_progress progress = image_display_begin(&display, o->quiet);
	struct image_added *added;
	struct trust trust;
	size_t n;

	(void)argc;
	cleanup_close int from = open_source(argv[0], e);
	if (from < 0)
		return from;
	if (image_trust_load(o->signature, &rt->arena, &trust, e) < 0 || images_enter_userns(rt, e) < 0 ||
	    images_open(rt, true, &store, e) < 0)
		return -e->code;
	struct image_import import = {
		.from = from,
		.names = o->names.v,
		.n_names = o->names.n,
		.fallback = strcmp(argv[0], "-") == 0 ? NULL : name_of_file(argv[0], &rt->arena),
		.platform = o->platform,
		.rootless = rt->rootless,
		.progress = &progress,
		.accept = image_trust_accept,
		.accept_data = &trust,
	};
	if (image_import(&store, &import, &rt->arena, &added, &n, e) < 0)
		return err_wrap(e, "import '%s'", argv[0]);
	for (size_t i = 0; i < n; i++)
		print_added(&added[i], o->quiet);
	return 0;
}

const struct cli_command command_image_import = {
	.name = "image import",
	.arguments = "FILE|DIR|-",
	.summary = "Add images from an archive or a directory",
	.details = "Takes an OCI image layout (a directory or a tar), what 'docker save' and 'podman save' write, and a\n"
		   "plain root file system (a tar, as 'docker export' and debootstrap give, or a directory); compressed\n"
		   "by gzip, zstd or xz, or not. \"-\" is standard input. Every layer is checked against its digests.\n"
		   "Prints the names that were set, with the image's id.\n",
	.group = CLI_IMAGES,
	.stateless = true,
	.options = import_options,
	.options_size = sizeof(struct options),
	.min_args = 1,
	.max_args = 1,
	.run = run_import,
};
