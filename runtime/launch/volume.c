#include "runtime/launch/launch.h"

#include <errno.h>
#include <string.h>

/* Options of a volume, and what they are as options of the bind mount. */
static const struct {
	const char *word, *option;
} words[] = {
	{ "ro", "rro" }, /* with all that is mounted below the source */
	{ "rw", "rw" },
	{ "nosuid", "nosuid" }, { "nodev", "nodev" }, { "noexec", "noexec" },
	{ "private", "rprivate" }, { "rprivate", "rprivate" },
	{ "slave", "rslave" }, { "rslave", "rslave" },
	{ "shared", "rshared" }, { "rshared", "rshared" },
};

static const char *mount_option(const char *word)
{
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if (strcmp(words[i].word, word) == 0)
			return words[i].option;
	return NULL;
}

/* Every ".." is refused, so that the text says where the volume is. */
static bool is_plain_path(const char *path)
{
	for (const char *at = strstr(path, ".."); at; at = strstr(at + 1, ".."))
		if ((at == path || at[-1] == '/') && (at[2] == '/' || at[2] == '\0'))
			return false;
	return path[0] == '/';
}

int launch_volume(const char *text, const char *cwd, struct arena *a, struct spec_mount *ret, struct err *e)
{
	char *rest = arena_strdup(a, text);
	const char *source = strsep(&rest, ":"), *destination = strsep(&rest, ":");
	struct spec_mount m = { .type = "bind" };
	bool propagation = false;

	if (!*source || !destination || !*destination)
		return err_say(e, EINVAL, "--volume '%s': expected SOURCE:DESTINATION[:OPTION,...]", text);
	if (source[0] == '.' && (source[1] == '/' || source[1] == '\0'))
		source = arena_printf(a, "%s%s", cwd, source + 1);
	if (source[0] != '/')
		return err_say(e, EINVAL, "--volume '%s': the source must be a path that starts with '/' or './'",
			       text);
	if (!is_plain_path(destination) || strcmp(destination, "/") == 0)
		return err_say(e, EINVAL, "--volume '%s': the destination must be an absolute path other than '/'",
			       text);
	m.source = source;
	m.destination = destination;
	*arena_push(a, &m.options, &m.n_options) = "rbind";
	for (char *word; (word = strsep(&rest, ":,"));) {
		const char *option = mount_option(word);
		if (!option)
			return err_say(e, EINVAL, "--volume '%s': unknown option '%s'", text, word);
		propagation |= option[0] == 'r' && strlen(option) > 3;
		*arena_push(a, &m.options, &m.n_options) = option;
	}
	if (!propagation)
		*arena_push(a, &m.options, &m.n_options) = "rprivate";
	*ret = m;
	return 0;
}
