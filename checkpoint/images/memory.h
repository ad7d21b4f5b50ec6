/* How the files of shared memory (share.h) are called: in their directory, and by the images. */
#ifndef CHECKPOINT_IMAGES_MEMORY_H
#define CHECKPOINT_IMAGES_MEMORY_H

#include <stdbool.h>
#include <stdint.h>

#define IMAGES_MEMORY_FILE "memory-%u.img"
#define IMAGES_MEMORY_KEY "ferry-memory-%u"

/* Whether @key is one; of which process. */
bool images_memory_key(const char *key, uint32_t *ret_pid);

#endif
