/*
 * Workers side by side: one a layer, as many at once as there are processors.
 *
 *	begin() says what is to be done for a task, with descriptors that the crew closes
 *	(a worker does it)
 *	end() judges the result
 */
#ifndef OVERLAY_IMAGE_CREW_H
#define OVERLAY_IMAGE_CREW_H

#include "overlay/image/image.h"
#include "overlay/layer/layer.h"

#define LAYER_JOB_INIT ((struct layer_job){ .dir = -1, .from = -1, .to = -1, .budget = -1, .length_bytes = -1, .mtime_max_s = -1 })

struct crew {
	struct image_part *parts; /* a task each; those that are THERE are left out */
	size_t n;
	int (*begin)(void *data, size_t i, struct layer_job *ret, struct err *e);
	int (*end)(void *data, size_t i, const struct layer_result *result, struct err *e);
	void *data;
	const struct image_progress *progress; /* may be NULL */
};

/* After an error the other workers are ended. */
int crew_run(struct crew *c, struct err *e);

/* One worker, and nothing beside it. The descriptors stay the caller's. */
int crew_alone(const struct layer_job *job, struct layer_result *ret, struct err *e);

#endif
