/*
 * ferry-systemd [ADDRESS]: opens the bus at ADDRESS, or the system's, and does what is asked on standard input, a socket
 * of packets (request.h). Started by client.c.
 */
#include "cgroups/systemd/bus.h"

#include "lib/message.h"

#include <sys/prctl.h>
#include <unistd.h>

enum { REQUEST_MAX = 1 << 20 };

static int do_request(sd_bus *bus, const struct buf *b, struct err *e)
{
	cleanup_arena struct arena a = ARENA_INIT;
	struct systemd_request request;

	if (systemd_request_decode(b->data, b->len, &a, &request, e) < 0)
		return -e->code;
	return bus_do(bus, &request, e);
}

static int answer(int r, const struct err *what)
{
	struct err e = ERR_INIT;

	if (r >= 0)
		return message_send(STDOUT_FILENO, SYSTEMD_DONE, 0, NULL, 0, &e);
	message_send_error(STDOUT_FILENO, what);
	return 0;
}

int main(int argc, char **argv)
{
	struct err e = ERR_INIT;
	sd_bus *bus = NULL;

	/* The kernel names a process executed by descriptor after the number. */
	prctl(PR_SET_NAME, "ferry-systemd");
	int r = bus_open(argc > 1 ? argv[1] : NULL, &bus, &e);
	while (answer(r, &e) >= 0 && bus) {
		cleanup_buf struct buf packet = BUF_INIT;
		struct err ignored;
		if (message_receive_bytes(STDIN_FILENO, REQUEST_MAX, &packet, &ignored) <= 0)
			break;
		r = do_request(bus, &packet, &e);
	}
	sd_bus_flush_close_unref(bus);
	return 0;
}
