/*
 * The progress of an image's layers on standard error: on a terminal a line for each, redrawn; else a line for each
 * that begins or ends.
 *
 *	cleanup_image_display struct image_display d;
 *	struct image_progress progress = image_display_begin(&d, quiet);
 */
#ifndef RUNTIME_CLI_IMAGE_DISPLAY_H
#define RUNTIME_CLI_IMAGE_DISPLAY_H

#include "lib/buf.h"
#include "overlay/image/image.h"

struct image_display {
	bool quiet, terminal;
	size_t width, height; /* of the terminal */
	const struct image_part *parts; /* of the image that is shown */
	enum image_part_state *states; /* as they were shown last */
	size_t n;
	size_t lines; /* on the screen, above the cursor */
	int64_t drawn_ms;
};

/* @d must live as long as the progress. */
struct image_progress image_display_begin(struct image_display *d, bool quiet);
void image_display_end(struct image_display *d);
#define cleanup_image_display __attribute__((cleanup(image_display_end)))

/* What a terminal shows, lines ended by newlines. With more parts than @height one line tells of all. */
void image_display_draw(const struct image_part *parts, size_t n, size_t width, size_t height, struct buf *out);

#endif
