/* Requests and answers of CRIU's RPC as bytes. */
#ifndef CHECKPOINT_REQUEST_H
#define CHECKPOINT_REQUEST_H

#include "checkpoint/checkpoint.h"

/* Appends the packet to @b. */
void criu_request_write(const struct criu_request *q, struct buf *b);

/* The answer to a notification. */
void criu_notify_answer_write(bool success, struct buf *b);

/* A packet from CRIU: an answer, or a notification. */
struct criu_packet {
	enum criu_request_type type;
	bool success;
	struct criu_answer answer;
	char message[256]; /* CRIU's own words for a failure; mostly empty */
	char notification[64];
	pid_t pid; /* with a notification; 0 */
};

int criu_packet_read(const void *data, size_t len, struct criu_packet *ret, struct err *e);

#endif
