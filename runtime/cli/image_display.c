#include "runtime/cli/image_display.h"

#include "runtime/cli/table.h"

#include "lib/clock.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

enum { DIGITS = 12, BAR_MAX = 30, REDRAW_MS = 100 };

static const char *const words[] = {
	[IMAGE_PART_WAITING] = "waiting",
	[IMAGE_PART_WORKING] = "working",
	[IMAGE_PART_DONE] = "done",
	[IMAGE_PART_THERE] = "there already",
};

/* The beginning of a digest's digits, which people compare; of another name all. */
static void add_name(const struct image_part *p, struct buf *out)
{
	const char *colon = strchr(p->digest, ':');

	if (colon)
		buf_printf(out, "%.*s", DIGITS, colon + 1);
	else
		buf_str(out, p->digest);
}

static void add_bytes(int64_t done, int64_t total, struct buf *out)
{
	cleanup_arena struct arena a = ARENA_INIT;

	buf_str(out, cli_size((uint64_t)(done > 0 ? done : 0), &a));
	if (total >= 0)
		buf_printf(out, " of %s", cli_size((uint64_t)total, &a));
}

static void add_bar(const struct image_part *p, size_t width, struct buf *out)
{
	size_t bar = width > 60 ? BAR_MAX : 10;
	size_t filled = p->total_bytes > 0 ? (size_t)(p->done_bytes * (int64_t)bar / p->total_bytes) : 0;

	buf_char(out, '[');
	for (size_t i = 0; i < bar; i++)
		buf_char(out, i < filled ? '=' : i == filled ? '>' : ' ');
	buf_str(out, "] ");
}

static void add_all(const struct image_part *parts, size_t n, struct buf *out)
{
	int64_t done = 0, total = 0;
	size_t ended = 0;

	for (size_t i = 0; i < n; i++) {
		bool whole = parts[i].state == IMAGE_PART_DONE || parts[i].state == IMAGE_PART_THERE;
		ended += whole;
		if (parts[i].state == IMAGE_PART_THERE || parts[i].total_bytes < 0)
			continue;
		done += parts[i].done_bytes;
		total += parts[i].total_bytes;
	}
	buf_printf(out, "%zu of %zu layers, ", ended, n);
	add_bytes(done, total, out);
	buf_char(out, '\n');
}

void image_display_draw(const struct image_part *parts, size_t n, size_t width, size_t height, struct buf *out)
{
	if (n > height) {
		add_all(parts, n, out);
		return;
	}
	for (size_t i = 0; i < n; i++) {
		add_name(&parts[i], out);
		buf_str(out, "  ");
		if (parts[i].state == IMAGE_PART_WORKING) {
			add_bar(&parts[i], width, out);
			add_bytes(parts[i].done_bytes, parts[i].total_bytes, out);
		} else {
			buf_str(out, words[parts[i].state]);
			if (parts[i].state == IMAGE_PART_DONE && parts[i].total_bytes >= 0) {
				buf_str(out, ", ");
				add_bytes(parts[i].total_bytes, -1, out);
			}
		}
		buf_char(out, '\n');
	}
}

/* Over what was drawn last: up, and each line cleared. */
static void draw(struct image_display *d, const struct image_part *parts, size_t n)
{
	cleanup_buf struct buf text = BUF_INIT, out = BUF_INIT;

	image_display_draw(parts, n, d->width, d->height, &text);
	if (d->lines)
		buf_printf(&out, "\033[%zuA", d->lines);
	d->lines = 0;
	for (const char *line = buf_text(&text); *line; d->lines++) {
		size_t len = strcspn(line, "\n") + 1;
		buf_str(&out, "\r\033[K");
		buf_add(&out, line, len);
		line += len;
	}
	fwrite(buf_text(&out), 1, out.len, stderr);
	fflush(stderr);
}

static void print_changes(const struct image_display *d, const struct image_part *parts, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		cleanup_buf struct buf line = BUF_INIT;
		if (parts[i].state == d->states[i] || parts[i].state == IMAGE_PART_WAITING)
			continue;
		add_name(&parts[i], &line);
		buf_printf(&line, ": %s", words[parts[i].state]);
		if (parts[i].state == IMAGE_PART_WORKING && parts[i].total_bytes >= 0) {
			buf_str(&line, ", ");
			add_bytes(parts[i].total_bytes, -1, &line);
		}
		fprintf(stderr, "%s\n", buf_text(&line));
	}
}

static void begin_image(struct image_display *d, const struct image_part *parts, size_t n)
{
	free(d->states);
	d->states = calloc(n + 1, sizeof(*d->states)); /* IMAGE_PART_WAITING */
	if (!d->states)
		abort();
	d->parts = parts;
	d->n = n;
	d->lines = 0;
}

static void show(void *data, const struct image_part *parts, size_t n)
{
	struct image_display *d = data;
	bool changed = false;
	int64_t now = clock_ms();

	if (parts != d->parts || n != d->n)
		begin_image(d, parts, n);
	for (size_t i = 0; i < n; i++)
		changed = changed || parts[i].state != d->states[i];
	if (d->terminal && (changed || d->lines == 0 || now - d->drawn_ms >= REDRAW_MS)) {
		draw(d, parts, n);
		d->drawn_ms = now;
	} else if (!d->terminal && changed) {
		print_changes(d, parts, n);
	}
	for (size_t i = 0; i < n; i++)
		d->states[i] = parts[i].state;
}

static void show_nothing(void *data, const struct image_part *parts, size_t n)
{
	(void)data, (void)parts, (void)n;
}

struct image_progress image_display_begin(struct image_display *d, bool quiet)
{
	struct winsize size = { 0 };
	const char *term = getenv("TERM");

	*d = (struct image_display){
		.quiet = quiet,
		.terminal = isatty(STDERR_FILENO) && !(term && strcmp(term, "dumb") == 0),
		.width = 80,
		.height = 23,
	};
	if (ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_row > 1 && size.ws_col > 0) {
		d->width = size.ws_col;
		d->height = size.ws_row - 1u;
	}
	return (struct image_progress){ .show = quiet ? show_nothing : show, .data = d };
}

void image_display_end(struct image_display *d)
{
	free(d->states);
	d->states = NULL;
}
