/*
 * Images whose memory many restored processes can share.
 *
 * CRIU gives each restored process its own copy of all pages. From a checkpoint's images this makes others, in which
 * the large private anonymous regions of a process are private mappings of a file, memory-PID.img, that holds their
 * pages: what a process only reads it then shares with all others that are restored from there, through the page cache;
 * what it writes the kernel copies for it, and a next checkpoint contains that alone.
 *
 * The file is external to CRIU: whoever restores opens it for reading and hands it over by the RPC's inherit_fd (criu
 * restore --inherit-fd 'fd[N]:KEY'); the keys are the names of those of files.img that are external, and
 * images_memory_name says which file that is. It needs to be in no directory of the container. A process restored so
 * maps it for as long as it lives: it must never change. To checkpoint it again, CRIU is told by `external` of what
 * images_memory_external says of the file; in the new images that is the key.
 *
 * What differs for the process: after madvise(MADV_DONTNEED) such a region holds not zeros but what it held at the
 * checkpoint, and MADV_FREE fails. jemalloc counts on these zeros, so that processes that map a libjemalloc are left as
 * they are; one that is linked statically with it, or has an allocator of its own that does the same, cannot be told
 * from others.
 */
#ifndef CHECKPOINT_SHARE_H
#define CHECKPOINT_SHARE_H

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
 * files with the memory of regions that have at least @min_bytes of pages; without @from's parent images, whose pages
 * are taken in, and with digests (digests.h). It appears when it is whole and on the disk; what a call that was killed
 * has left is removed by the next for the same @name. Returns 0 or -errno: -EEXIST; -EBADMSG, images are damaged;
 * -ENOTSUP, of a kind that is not known; -EALREADY, their memory is in files already.
 */
int images_share(int from, int dirfd, const char *name, uint64_t min_bytes, struct images_shared *ret, struct err *e);

struct images_memory_name {
	char name[40];
};

/* The file's name, given the key. False: it is no key of such a file. */
bool images_memory_name(const char *key, struct images_memory_name *ret);

/*
 * How CRIU calls the file when it dumps a process that maps it. @fd: it, opened by the same mount as the one that was
 * handed over.
 */
int images_memory_external(int fd, struct images_memory_name *ret, struct err *e);

#endif
