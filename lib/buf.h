/* A growing string of bytes, always ended by a NUL that is not counted. Owned by the caller: init/finish. */
#ifndef LIB_BUF_H
#define LIB_BUF_H

#include <stdarg.h>
#include <stddef.h>

struct buf {
	char *data; /* NULL while empty */
	size_t len;
	size_t room;
};

#define BUF_INIT ((struct buf){ 0 })

void buf_finish(struct buf *b);
#define cleanup_buf __attribute__((cleanup(buf_finish)))

/* Makes room for @more bytes and returns where they go; the caller adds to len what it wrote. */
char *buf_reserve(struct buf *b, size_t more);
void buf_add(struct buf *b, const void *data, size_t n);
void buf_str(struct buf *b, const char *s);
void buf_char(struct buf *b, char c);
void buf_printf(struct buf *b, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* The text so far, never NULL; the buffer's. */
static inline const char *buf_text(const struct buf *b)
{
	return b->data ? b->data : "";
}

#endif
