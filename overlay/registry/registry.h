/*
 * Images from registries and to them: the OCI distribution specification 1.1.
 *
 *	registry_pull   an image of a registry -> the store
 *	registry_push   an image of the store -> a registry
 *
 * HTTP is spoken by a program of its own, ferry-registry, which links libcurl and is carried within ferry (request.h,
 * transfer.h); this side says what is fetched and sent, and believes nothing but digests. Layers come several at
 * once: each has a ferry-registry, which writes into a pipe, and a ferry-layer, which reads from that, unpacks, and
 * writes the blob, in one pass.
 *
 *	registry --TLS--> ferry-registry --pipe--> ferry-layer --> STORE/ingest/RANDOM/{layers,blobs}
 *	                        ^ request.h              ^ layer.h
 *	                        +-------- ferry ---------+
 *
 * Addresses are https. Plain http is used only where https is not spoken, and only with `insecure` or on this host
 * itself (localhost, 127.0.0.0/8, [::1]), with which nobody else's network is crossed.
 *
 * Names and passwords come from the files that `podman login` and `docker login` write, or from the helpers that these name.
 * They are told to the program
 * over its socket, never as arguments, and by it to the registry itself and the token server it names, no other host.
 *
 * Depends on overlay/store, overlay/layer, overlay/image (progress), spec/ and lib/. Silent.
 */
#ifndef OVERLAY_REGISTRY_REGISTRY_H
#define OVERLAY_REGISTRY_REGISTRY_H

#include "overlay/image/image.h"
#include "overlay/store/store.h"
#include "spec/image.h"

#include <stdbool.h>

enum { REGISTRY_TIMEOUT_MS = 30000 };

struct registry_login {
	const char *user, *password; /* NULL: none are known */
	const char *file; /* that they are from */
	const char *helper; /* the program that was asked for them, without its "docker-credential-"; NULL */
	const char *server; /* what it calls this registry */
	bool said; /* the file says that there is a login for this registry */
};

/*
 * Looks into @file, or if that is NULL $REGISTRY_AUTH_FILE, or without that the files that podman and Docker have, in
 * this order, until one has it: 1; 0 without one. A file that was named must be there. A credential helper that a file names is
 * run with the caller's environment: so this comes before a user namespace is entered, in which it would not know its user.
 */
int registry_login_find(const struct image_reference *ref, const char *file, struct arena *a, struct registry_login *ret,
			struct err *e);

struct registry_access {
	struct registry_login login;
	const char *cert_dir; /* NULL: /etc/containers/certs.d/HOST or /etc/docker/certs.d/HOST, if there is one */
	bool insecure; /* certificates are not checked, and plain http is allowed */
	int64_t timeout_ms; /* of silence; 0: REGISTRY_TIMEOUT_MS */
};

struct registry_pull {
	const struct image_reference *ref; /* with a host */
	const char *platform; /* "linux/arm64/v8" of a multi-platform image; NULL: this machine's */
	bool rootless; /* layers have user.overlay.* */
	struct registry_access access;
	const struct image_progress *progress;
	/* Asked before a layer comes, unless NULL; @text: what the reference's digest is of. < 0 with why not. */
	int (*accept)(void *data, const char *name, const char *text, size_t len, struct err *e);
	void *accept_data;
};

/*
 * Adds the image, whole or not at all, under the reference's name. *ret in the arena.
 * -ENOENT: no such name or tag there, with those nearly like it. -EACCES: the registry, or its certificate, will not
 * have it.
 * -EBADMSG: something differs from its digest. -EHOSTUNREACH, -ECONNREFUSED, -ETIMEDOUT...: the network.
 */
int registry_pull(struct store *s, const struct registry_pull *o, struct arena *a, struct image_added *ret,
		  struct err *e);

struct registry_push {
	const struct image_reference *ref; /* where to; with a host and a tag */
	struct registry_access access;
	const struct image_progress *progress;
};

/* Sends what the registry does not have, byte for byte as it is stored. */
int registry_push(const struct store *s, const struct store_image *image, const struct registry_push *o,
		  struct arena *a, struct err *e);

#endif
