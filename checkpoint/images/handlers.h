/* What processes do of signals, in CRIU's images: core-PID.img. */
#ifndef CHECKPOINT_IMAGES_HANDLERS_H
#define CHECKPOINT_IMAGES_HANDLERS_H

#include "lib/err.h"

#include <stddef.h>
#include <stdint.h>

struct images_handler {
	int signal;
	uint64_t was, is; /* addresses; SIG_DFL and SIG_IGN, too */
};

/* Processes whose handler is one of these have the other, with nothing else set. An image without is not written. */
int images_change_handlers(int images, const struct images_handler *handlers, size_t n, struct err *e);

#endif
