/*
 * Images whose memory many restored processes can share.
 *
 * CRIU gives each restored process its own copy of all pages. From a checkpoint's images this makes others, in which
 * large private anonymous regions are private mappings of one file, IMAGES_MEMORY, that holds their pages: what a
 * process only reads it then shares with all the others, through the page cache; what it writes the kernel copies for
 * it, and a next checkpoint contains that alone. The file is external to CRIU: whoever restores opens it for reading
 * and hands it over by the RPC's inherit_fd (criu restore --inherit-fd 'fd[N]:KEY') with IMAGES_MEMORY_KEY. It needs to
 * be in no directory of the container. A process restored so maps it for as long as it lives: it must never change. To
 * checkpoint it again, CRIU is told of "file[MNT:INODE]", both hexadecimal, MNT being the mount's id in
 * /proc/self/fdinfo, with `external`; that then is the key.
 *
 * What differs for the process: after madvise(MADV_DONTNEED) such a region holds not zeros but what it held at the
 * checkpoint, and MADV_FREE fails. jemalloc counts on these zeros, so that processes that map a libjemalloc are left as
 * they are; one that is linked statically with it, or has an allocator of its own that does the same, cannot be told from
 * others.
 */
#ifndef CHECKPOINT_SHARE_H
#define CHECKPOINT_SHARE_H

#include "lib/err.h"

#include <stdint.h>

#define IMAGES_MEMORY "memory.img"
#define IMAGES_MEMORY_KEY "ferry-memory"

enum { IMAGES_SHARE_MIN = 16 << 20 };

struct images_shared {
	uint64_t regions;
	uint64_t bytes; /* of pages that went to the file */
	uint64_t left_out; /* processes with memory that was not shared for the sake of their allocator */
};

/*
 * @from: a directory of images. Makes the directory @name in @dirfd: @from's files, as links where that can be, with
 * the memory of regions that have at least @min_bytes of pages in the file, if there are any; without @from's parent
 * images, whose pages are taken in. It appears when it is whole and on the disk; what a call that was killed has left
 * is removed by the next for the same @name. Returns 0 or -errno: -EEXIST; -EBADMSG, images are damaged; -ENOTSUP, of a
 * kind that is not known; -EALREADY, their memory is in a file already.
 */
int images_share(int from, int dirfd, const char *name, uint64_t min_bytes, struct images_shared *ret, struct err *e);

#endif
