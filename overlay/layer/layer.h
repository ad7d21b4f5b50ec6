/*
 * Layers: a directory from a layer's archive, an archive from a directory, and the comparison of the two. The work is
 * done in ferry-layer, a program of its own that links libarchive, one process a layer, so that layers are worked on side by
 * side, and that bytes from strangers are parsed by a process that has its root in the layer's directory, no network and
 * no privileges that unpacking does not need.
 *
 *	layer_start   begins the work in a process
 *	layer_wait    its result
 *	layer_budget  for those side by side
 *
 * In the directory a layer has overlayfs's own form: a whiteout (layer.md, ".wh.NAME") is a character device 0/0, or where
 * those cannot be made a file with the xattr overlay.whiteout; an opaque directory (".wh..wh..opq") has the xattr
 * overlay.opaque. The xattrs are trusted.overlay.*, or user.overlay.* when rootless.
 *
 * Names lead where they would in a root directory of the layer's own: a leading "/" counts for nothing, and a symbolic link
 * that the layer has is followed within it ("lib -> usr/lib", then "lib/x"). A name with ".." is refused. A later member
 * replaces an earlier one; directories that the archive does not have get mode 0755 and the caller's owner. An archive's
 * xattrs of overlayfs are left out, as are aufs's files (".wh..wh.*").
 *
 * The rootless (userxattr) get what they may have: in a user namespace with the ids all of it but devices; without, files are
 * theirs, devices are empty files, directories keep u+rwx and files u+r. LAYER_COMPARE knows. All others get it exactly, or
 * an error; but for xattrs that the file system has none of.
 *
 * Depends on lib/.
 */
#ifndef OVERLAY_LAYER_LAYER_H
#define OVERLAY_LAYER_LAYER_H

#include "lib/err.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

enum layer_verb {
	LAYER_UNPACK, /* from -> dir (-1: only hashed), and a copy to `to` */
	LAYER_PACK, /* dir -> to */
	LAYER_COMPARE, /* from and dir: -EBADMSG names the first file that is not as the archive has it */
	LAYER_SPLIT, /* from, an archive of an image -> the files in it, in dir, as they are */
	LAYER_ARCHIVE, /* dir, or with -1 the one file `from` -> to: files as they are */
	LAYER_EXTRACT, /* from -> the directory `name` in dir: files as they are, into what is there */
	LAYER_SAVE, /* dir -> to: all that is there but sockets, overlayfs's form as it is */
	LAYER_LOAD, /* from -> dir, an empty one: what LAYER_SAVE has written, as exactly; not the directory itself */
};

/*
 * The two before those are for a container's files, whiteouts are nothing to them, and devices and sockets are left out.
 * LAYER_ARCHIVE calls what it packs `name`, or with "" ".", and passes over what the kernel's own file systems show.
 * LAYER_EXTRACT has names lead where they would in the container, whose root `dir` is; what it replaces is no directory,
 * nor by one.
 */

/*
 * LAYER_SPLIT makes regular files (0600), directories (0700), symbolic links with their text as it is, and hard links. It
 * is for archives that may be an image: a member of another type, or with a name that no image's archive has, ends it at
 * once with -EMEDIUMTYPE: a root file system.
 */

/*
 * Whether an image's archive has members of that name (without a leading "./"): "blobs" and what is below it; at the top
 * "oci-layout", "repositories", and what ends in ".json", ".tar" or ".tar.gz"; what begins with 12 hexadecimal digits, after
 * "sha256:" or not, and what is below it (Docker's HEX/layer.tar).
 */
bool layer_is_image_member(const char *name);

/*
 * How many bytes back a compressed archive may reach, and so what memory it takes to read: what RFC 8878 recommends that
 * everybody supports is 8 MiB, and engines write up to 32. Of zstd's levels that is all but 21 and 22, without --long; of xz's all but 9.
 */
enum { LAYER_WINDOW_MAX = 32 << 20 };

enum layer_compression { LAYER_PLAIN, LAYER_GZIP, LAYER_ZSTD, LAYER_XZ };

struct layer_job {
	enum layer_verb verb;
	int dir; /* a directory */
	int from; /* a file or a pipe; its compression is recognised. A file is read by position: workers may share it */
	int64_t offset, length_bytes; /* of the layer in from, a file; length -1: to its end, also of a pipe */
	int to; /* -1: the copy is not wanted */
	int budget; /* -1: nobody works beside it */
	enum layer_compression compression; /* LAYER_PACK */
	bool userxattr; /* rootless */
	const char *name; /* LAYER_ARCHIVE, LAYER_EXTRACT; NULL: "" */
	int64_t mtime_max_s; /* LAYER_PACK: later times become this; -1: as they are */
};

struct layer_result {
	char digest[72]; /* of the bytes as they came, or were written; "sha256:..." */
	char diff_id[72]; /* of the tar within */
	int64_t size_bytes, diff_size_bytes; /* of these two */
	enum layer_compression compression; /* as recognised */
	int64_t newest_s; /* LAYER_UNPACK to a directory: the latest time of modification in it, up to the year 9999; 0: none */
};

struct layer_worker {
	pid_t pid;
	int pidfd; /* poll: readable when it has ended */
	int sock;
};

#define LAYER_WORKER_INIT ((struct layer_worker){ .pidfd = -1, .sock = -1 })

/*
 * A descriptor for jobs that run side by side: together they decompress with no more memory than LAYER_WINDOW_MAX, beside some 5 MiB
 * for each. The caller's.
 */
int layer_budget(struct err *e);

/* The descriptors stay the caller's and may be closed when it returns. */
int layer_start(const struct layer_job *j, struct layer_worker *ret, struct err *e);

/*
 * Waits for its end. The worker's error comes back whole: "usr/bin/x: hard link to 'y': No such file or directory". -EBADMSG:
 * the archive is none, or is damaged.
 */
int layer_wait(struct layer_worker *w, struct layer_result *ret, struct err *e);

/* Ends it, if it still runs. */
void layer_cancel(struct layer_worker *w);
#define cleanup_layer_worker __attribute__((cleanup(layer_cancel)))

#endif
