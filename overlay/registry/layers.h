/* The layers of an image that is pulled: several at once, each downloaded and unpacked in one pass. */
#ifndef OVERLAY_REGISTRY_LAYERS_H
#define OVERLAY_REGISTRY_LAYERS_H

#include "overlay/registry/client.h"

enum { REGISTRY_LAYERS_AT_ONCE = 3 };

struct registry_layers {
	struct registry *registry; /* how to open others; one of the connections itself */
	struct store *store;
	struct ingest *ingest;
	const struct image_manifest *manifest;
	const struct image_config *config; /* its diff ids: as many as the manifest has layers */
	bool rootless;
	const struct image_progress *progress;
};

/* All that the store lacks are in the ingest then, each checked: -EBADMSG. After an error nothing runs any more. */
int registry_layers_pull(const struct registry_layers *l, struct err *e);

#endif
