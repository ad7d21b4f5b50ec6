/* Manifests and configurations that are made here: the same content gives the same text. */
#ifndef OVERLAY_IMAGE_DOCUMENT_H
#define OVERLAY_IMAGE_DOCUMENT_H

#include "lib/buf.h"
#include "overlay/layer/layer.h"
#include "spec/image.h"

struct document_blob {
	const char *media_type, *digest;
	int64_t size_bytes;
};

/* The specification's media type of a layer. */
const char *document_layer_type(enum layer_compression c);

void document_manifest(const struct document_blob *config, const struct document_blob *layers, size_t n,
		       struct buf *out);

/* The media type of its configuration. */
#define DOCUMENT_CONFIG_TYPE "application/vnd.oci.image.config.v1+json"

/*
 * The configuration of a root file system with nothing known of it. @platform: "linux/arm64", or NULL for this
 * machine's. @created_s: when it was made; of the archive alone, so that the same gives the same image, whenever.
 */
void document_rootfs_config(const char *platform, const char *diff_id, int64_t created_s, struct arena *a,
			    struct buf *out);

#endif
