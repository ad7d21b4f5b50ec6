/*
 * What goes over a supervisor's socket. A connection begins with one message (lib/message.h) that says what is wanted;
 * the answer is a message too: ANSWER with a number, or an error. One that is attached carries, from its answer on,
 * packets of another form: a byte that says which stream, then the bytes themselves.
 */
#ifndef RUNTIME_SUPERVISE_PROTOCOL_H
#define RUNTIME_SUPERVISE_PROTOCOL_H

enum request_kind {
	REQUEST_ATTACH = 1, /* ATTACH_*; answered at once */
	REQUEST_WAIT, /* answered at the end, with the exit code */
	REQUEST_STOP, /* STOP_NUMBER; answered at the end, with the exit code */
	REQUEST_RESTART, /* STOP_NUMBER; answered when the program runs again */
	REQUEST_SIGNAL, /* the signal's number */
	REQUEST_RESIZE, /* RESIZE_NUMBER: the terminal's size */
};

enum { ANSWER = 1 };

enum { ATTACH_INPUT = 1 };

/* @signal 0: the container's own. @timeout_ms -1: its own. */
#define STOP_NUMBER(signal, timeout_ms) ((int64_t)(signal) | ((int64_t)(timeout_ms) + 1) * 0x100)
#define STOP_SIGNAL(number) ((int)((number) & 0xff))
#define STOP_TIMEOUT_MS(number) ((number) / 0x100 - 1)

#define RESIZE_NUMBER(columns, rows) ((int64_t)(columns) | (int64_t)(rows) << 16)
#define RESIZE_COLUMNS(number) ((unsigned short)((number) & 0xffff))
#define RESIZE_ROWS(number) ((unsigned short)((number) >> 16 & 0xffff))

/* STREAM_STDIN without bytes is its end. STREAM_END: an int, the exit code. */
enum stream { STREAM_STDIN = 'i', STREAM_STDOUT = 'o', STREAM_STDERR = 'e', STREAM_END = 'x' };
enum { STREAM_BYTES_MAX = 16 * 1024 };

struct stream_packet {
	char stream;
	char bytes[STREAM_BYTES_MAX];
};

#endif
