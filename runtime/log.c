#include "runtime/log.h"

#include "lib/buf.h"
#include "lib/clock.h"
#include "lib/file.h"
#include "lib/json.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static struct {
	int fd; /* the --log file, or 0: none */
	bool json, debug, errors_alone;
} sink;

int log_open(const char *path, const char *format, bool debug, struct err *e)
{
	sink.debug = debug;
	if (format && strcmp(format, "json") != 0 && strcmp(format, "text") != 0)
		return err_say(e, EINVAL, "invalid --log-format '%s': use text or json", format);
	sink.json = format && strcmp(format, "json") == 0;
	if (!path || !*path)
		return 0;
	int fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
	if (fd < 0)
		return err_set(e, errno, "open --log '%s'", path);
	sink.fd = fd;
	return 0;
}

void log_forget(void)
{
	sink.fd = 0;
}

/* Quotes as logfmt readers expect: Go's %q for what matters. */
static void add_quoted(struct buf *b, const char *s)
{
	buf_char(b, '"');
	for (; *s; s++) {
		if (*s == '"' || *s == '\\')
			buf_printf(b, "\\%c", *s);
		else if (*s == '\n')
			buf_str(b, "\\n");
		else if (*s == '\t')
			buf_str(b, "\\t");
		else
			buf_char(b, *s);
	}
	buf_char(b, '"');
}

static void write_line(const char *level, const char *text)
{
	cleanup_buf struct buf b = BUF_INIT;
	struct clock_text when = clock_now_rfc3339();

	if (sink.json) {
		struct json_writer w = { .out = &b };
		json_begin_object(&w, NULL);
		json_string(&w, "level", level);
		json_string(&w, "msg", text);
		json_string(&w, "time", when.text);
		json_end_object(&w);
	} else {
		buf_printf(&b, "time=\"%s\" level=%s msg=", when.text, level);
		add_quoted(&b, text);
	}
	buf_char(&b, '\n');

	struct err ignored = ERR_INIT;
	fd_write_all(sink.fd, b.data, b.len, &ignored);
}

static void report(const char *level, const char *word, const char *fmt, va_list ap)
{
	char text[4096];

	vsnprintf(text, sizeof(text), fmt, ap);
	if (sink.fd)
		write_line(level, text);
	/* With a log file standard error still gets errors: a person may be looking. */
	if (sink.fd && strcmp(level, "error") != 0)
		return;
	/* One line, and nothing that a terminal would obey: names may come from a container or its configuration. */
	for (char *c = text; *c; c++)
		if (iscntrl((unsigned char)*c))
			*c = ' ';
	fprintf(stderr, "ferry: %s%s\n", word, text);
}

void log_error(const char *fmt, ...)
{
	va_list ap;
	va_start(ap, fmt);
	report("error", "", fmt, ap);
	va_end(ap);
}

void log_errors_alone(void)
{
	sink.errors_alone = true;
}

void log_warn(const char *fmt, ...)
{
	va_list ap;

	if (sink.errors_alone)
		return;
	va_start(ap, fmt);
	report("warning", "warning: ", fmt, ap);
	va_end(ap);
}

void log_debug(const char *fmt, ...)
{
	va_list ap;

	if (!sink.debug)
		return;
	va_start(ap, fmt);
	report("debug", "debug: ", fmt, ap);
	va_end(ap);
}
