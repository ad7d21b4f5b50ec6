/* The address space of a process in CRIU's images: mm-PID.img, and the mappings in it. */
#ifndef CHECKPOINT_IMAGES_MM_H
#define CHECKPOINT_IMAGES_MM_H

#include "checkpoint/images/image.h"
#include "lib/arena.h"

#include <stdint.h>

/* CRIU's bits of a mapping's status */
enum {
	VMA_AREA_REGULAR = 1 << 0,
	VMA_AREA_HEAP = 1 << 5,
	VMA_FILE_PRIVATE = 1 << 6,
	VMA_FILE_SHARED = 1 << 7,
	VMA_ANON_PRIVATE = 1 << 9,
	VMA_AREA_GUARD = 1 << 16,
};

struct vma {
	uint64_t start, end;
	uint64_t offset; /* in its file */
	uint64_t file; /* an id of files.img, where the status says that there is one */
	uint64_t protection; /* PROT_* */
	uint64_t flags; /* MAP_* */
	uint64_t status;
	uint64_t advice; /* a bit for each MADV_* */
};

struct mm {
	struct image image;
	struct wire message;
	struct vma *vmas; /* rising, but for those of guards at the end */
	size_t n;
};

#define MM_INIT ((struct mm){ 0 })

/* The mappings are the arena's. Returns 0 or -errno; -ENOENT for a process without memory, as zombies are. */
int mm_read(int dirfd, uint32_t pid, struct arena *a, struct mm *ret, struct err *e);
void mm_finish(struct mm *m);
#define cleanup_mm __attribute__((cleanup(mm_finish)))

/* What a mapping becomes a private mapping of; no id: it stays what it is. */
struct vma_file {
	uint64_t id;
	uint64_t offset;
};

/* The image again, in another directory. @files: one for each mapping. */
int mm_write(const struct mm *m, int dirfd, uint32_t pid, const struct vma_file *files, struct err *e);

#endif
