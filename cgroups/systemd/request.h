/*
 * What client.c asks the program ferry-systemd: one request is one packet, NUL-ended fields in order. The answer is a
 * message of lib/message.h: SYSTEMD_DONE, or the error. The program answers once before the first request, when it is
 * connected, and ends at the end of file.
 */
#ifndef CGROUPS_SYSTEMD_REQUEST_H
#define CGROUPS_SYSTEMD_REQUEST_H

#include "cgroups/systemd/systemd.h"

enum { SYSTEMD_DONE = 1 }; /* a message's kind */

enum systemd_method { SYSTEMD_START, SYSTEMD_STOP, SYSTEMD_RESET_FAILED, SYSTEMD_SET_PROPERTIES, SYSTEMD_METHODS };

struct systemd_request {
	enum systemd_method method;
	const char *unit;
	struct systemd_properties properties; /* of SYSTEMD_START and SYSTEMD_SET_PROPERTIES */
};

/* Appends to @out. -EINVAL: a property's type is none of systemd.h. */
int systemd_request_encode(const struct systemd_request *r, struct buf *out, struct err *e);

/* @data must outlive what it gives. -EPROTO for what systemd_request_encode would not write. */
int systemd_request_decode(const char *data, size_t len, struct arena *a, struct systemd_request *ret, struct err *e);

#endif
