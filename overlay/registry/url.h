/* The addresses of a registry: distribution-spec, "Endpoints". */
#ifndef OVERLAY_REGISTRY_URL_H
#define OVERLAY_REGISTRY_URL_H

#include "lib/arena.h"

#include <stdbool.h>

/* "localhost", 127.0.0.0/8, "[::1]"; with or without a port. */
bool registry_host_is_loopback(const char *host);

/* "ORIGIN/v2/PATH/KIND/WHAT": kind "manifests", "blobs", "tags". @path, @what: as image_reference_parse gives them. */
const char *registry_url(const char *origin, const char *path, const char *kind, const char *what, struct arena *a);

#endif
