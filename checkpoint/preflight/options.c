#include "checkpoint/preflight/preflight.h"

#include <stdlib.h>
#include <string.h>

static const struct {
	const char *name;
	size_t offset;
} flags[] = {
	{ "tcp-established", offsetof(struct preflight_options, tcp_established) },
	{ "skip-in-flight", offsetof(struct preflight_options, tcp_skip_in_flight) },
	{ "ext-unix-sk", offsetof(struct preflight_options, ext_unix_sk) },
	{ "shell-job", offsetof(struct preflight_options, shell_job) },
	{ "file-locks", offsetof(struct preflight_options, file_locks) },
	{ "link-remap", offsetof(struct preflight_options, link_remap) },
};

static bool is_word(const char *word, size_t n, const char *name)
{
	return strlen(name) == n && strncmp(word, name, n) == 0;
}

/* "512", "10M". What is no number is 0. */
static uint64_t size_of(const char *text)
{
	static const char units[] = "KMG";
	char *end;
	uint64_t n = strtoull(text, &end, 10);
	const char *unit = *end ? strchr(units, *end) : NULL;

	return unit ? n << 10 * (unit - units + 1) : n;
}

static void read_line(const char *line, struct preflight_options *o)
{
	static const char space[] = " \t=";
	const char *word = line + strspn(line, " \t");
	size_t n = strcspn(word, " \t=#\n");

	for (size_t i = 0; i < sizeof(flags) / sizeof(flags[0]); i++)
		if (is_word(word, n, flags[i].name))
			*(bool *)((char *)o + flags[i].offset) = true;
	if (is_word(word, n, "ghost-limit"))
		o->ghost_limit_bytes = size_of(word + n + strspn(word + n, space));
}

void preflight_options_read(const char *text, struct preflight_options *o)
{
	for (; text && *text; text = strchr(text, '\n'), text += text != NULL)
		read_line(text, o);
}
