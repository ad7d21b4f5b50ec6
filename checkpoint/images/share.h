/*
 * Images whose memory many restored processes can share.
 *
 * CRIU gives each restored process its own copy of all pages. From a checkpoint's images this makes others, in which
 * the large private anonymous regions of a process are private mappings of a file, memory-PID.img, that holds their
 * pages: what a process only reads it then shares with all others that are restored from there, through the page cache;
 * what it writes the kernel copies for it, and a next checkpoint contains that alone.
 *
 * The file is external to CRIU: whoever restores opens it for reading and hands it over by the RPC's inherit_fd (criu
 * restore --inherit-fd 'fd[N]:KEY'): images_memory_open does. It needs to be in no directory of the container. A
 * process restored so maps it for as long as it lives: it must never change. To checkpoint it again, CRIU is told by
 * `external` of what images_memory_external says of the file; in the new images that is the key, and where they have a file
 * of that name images_memory_open finds it: images_memory_keep does both.
 *
 * What differs for the process: after madvise(MADV_DONTNEED) such a region holds not zeros but what it held at the
 * checkpoint, and MADV_FREE fails. jemalloc counts on these zeros, so that processes that map a libjemalloc are left as
 * they are; one that is linked statically with it, or has an allocator of its own that does the same, cannot be told
 * from others.
 */
#ifndef CHECKPOINT_IMAGES_SHARE_H
#define CHECKPOINT_IMAGES_SHARE_H

#include "checkpoint/checkpoint.h"
#include "lib/arena.h"
#include "lib/err.h"

#include <stdbool.h>
#include <stdint.h>

enum { IMAGES_SHARE_MIN = 16 << 20 };

struct images_shared {
	uint64_t regions;
	uint64_t bytes; /* of their pages */
	uint64_t left_out; /* processes with memory that was not shared for the sake of their allocator */
};

/*
 * @from: a directory of images. Makes the directory @name in @dirfd: @from's files, as links where that can be, and
 * files with the memory of regions that have at least @min_bytes of pages; none when it has such files already. It is without
 * @from's parent images, whose pages are taken in, with less to be done for file systems in memory (tmpfs.h) and for networks,
 * which have to be new (clone.h), and with digests (digests.h). It appears when it is whole and on the disk; what a call
 * that was killed has left is removed by the next for the same @name. Returns 0 or -errno: -EEXIST; -EBADMSG, images are
 * damaged; -ENOTSUP, of a kind that is not known.
 */
int images_share(int from, int dirfd, const char *name, uint64_t min_bytes, struct images_shared *ret, struct err *e);

/*
 * How CRIU calls the file when it dumps a process that maps it; the arena's. @fd: it, opened by the same mount as the
 * one that was handed over. NULL with @e set.
 */
const char *images_memory_external(int fd, struct arena *a, struct err *e);

/* Descriptors of such files; the array is an arena's. */
struct images_memory {
	int *fds;
	size_t n;
};

/*
 * Opens those that the images in @images need, which lie there, and adds them to what is to be inherited. Also when it
 * fails what is open then is the caller's to close.
 */
int images_memory_open(int images, struct arena *a, struct criu_options *o, struct images_memory *ret, struct err *e);
void images_memory_close(struct images_memory *m);

/*
 * Before a dump to the directory @to of processes that were restored from @images: such files of those become files of @to, by
 * links where that can be, and external to CRIU.
 */
int images_memory_keep(int images, int to, struct arena *a, struct criu_options *o, struct err *e);

#endif
