/* A directory's content as text, a line for each file in it, by which any change of it is found. */
#ifndef LIB_TREE_DIGEST_H
#define LIB_TREE_DIGEST_H

#include "lib/buf.h"
#include "lib/err.h"

/*
 * Appends a line for @dir/@name and for all below it, sorted by their paths, of words with blanks between them:
 *
 *	KIND MODE UID GID SIZE MTIME XATTRS CONTENT PATH
 *
 * KIND is a letter as of ls(1); SIZE a device's number for those; XATTRS a digest, or "-" without any; CONTENT a digest, for a link
 * of its target, or "=PATH" for a file that has that name too, or "-". In paths blanks, backslashes and what cannot be
 * printed are backslashes and three octal digits.
 */
int tree_digest(int dir, const char *name, struct buf *out, struct err *e);

#endif
