/*
 * Messages between a parent and its child over a SOCK_SEQPACKET pair: a kind, a number or data, an error, descriptors.
 * One message is one packet, so an error arrives whole or not at all.
 */
#ifndef LIB_MESSAGE_H
#define LIB_MESSAGE_H

#include "lib/buf.h"
#include "lib/err.h"

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

enum { MESSAGE_FDS_MAX = 4, MESSAGE_DATA_MAX = 2040 };

/* @ret gets two close-on-exec ends. */
int message_pair(int ret[2], struct err *e);

/* Forks with a pair between the two: *ret is the own end of each, the parent's and the child's, which returns 0. */
pid_t message_fork(int *ret, struct err *e);

/* Sends a kind and a number, with up to MESSAGE_FDS_MAX descriptors, which stay the caller's. */
int message_send(int sock, uint32_t kind, int64_t number, const int *fds, size_t n_fds, struct err *e);

/* Sends a kind and up to MESSAGE_DATA_MAX bytes, likewise. */
int message_send_data(int sock, uint32_t kind, const void *data, size_t len, const int *fds, size_t n_fds,
		      struct err *e);

/* Sends an error: message_receive on the other side fails with it. Failing to send is not reported. */
void message_send_error(int sock, const struct err *what);

/*
 * Waits for a message. Returns its kind (> 0), or 0 when the other side is gone, or -errno: the other side's error as
 * it was sent, or a failure to receive. @ret_number and @ret_fd (the first descriptor, -1 without one) may be NULL.
 */
int message_receive(int sock, int64_t *ret_number, int *ret_fd, struct err *e);

/*
 * The same for a message that has @len bytes of data, no more and no less (-EPROTO), and up to @n_fds descriptors: the
 * rest of @ret_fds becomes -1.
 */
int message_receive_data(int sock, void *data, size_t len, int *ret_fds, size_t n_fds, struct err *e);

/* A packet of bytes alone, of any length, which both sides know to come. */
int message_send_bytes(int sock, const void *data, size_t len, struct err *e);

/*
 * The next one as it is, with what descriptors came along: the rest of @ret_fds becomes -1. Its length; 0: the other side is
 * gone.
 */
ssize_t message_receive_raw(int sock, void *data, size_t size, int *ret_fds, size_t n_fds, struct err *e);

/* Appends the next one to @b. Returns 1, 0 when the other side is gone, -errno; -EMSGSIZE: longer than @max. */
int message_receive_bytes(int sock, size_t max, struct buf *b, struct err *e);

#endif
