/*
 * ferry-registry: asks registries by HTTP what it is told to on standard input, a socket of packets (request.h).
 * Started by client.c.
 */
#include "overlay/registry/transfer.h"

#include "lib/fd.h"
#include "lib/message.h"

#include <errno.h>
#include <signal.h>
#include <sys/prctl.h>
#include <unistd.h>

static int receive(struct buf *b, struct err *e)
{
	return message_receive_bytes(STDIN_FILENO, REGISTRY_PACKET_MAX, b, e);
}

static int set_up(struct session *s, struct err *e)
{
	cleanup_buf struct buf packet = BUF_INIT;

	if (receive(&packet, e) <= 0)
		return err_say(e, EPIPE, "nothing was asked");
	if (registry_setup_decode(packet.data, packet.len, s->arena, &s->setup, e) < 0)
		return -e->code;
	if (session_confine(s, e) < 0)
		return -e->code;
	if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK || !(s->curl = curl_easy_init()))
		return err_say(e, ENOTSUP, "libcurl does not work on this host");
	return session_open(s, e);
}

static int answer(const struct registry_answer *w, struct err *e)
{
	cleanup_buf struct buf packet = BUF_INIT;

	registry_answer_encode(w, &packet);
	if (packet.len > REGISTRY_PACKET_MAX)
		return err_say(e, EMSGSIZE, "the server's answer has headers without measure");
	if (message_send(STDOUT_FILENO, REGISTRY_ANSWER, w->status, NULL, 0, e) < 0)
		return -e->code;
	return message_send_bytes(STDOUT_FILENO, packet.data, packet.len, e);
}

/* Returns 0 when nothing more is asked. An error is the answer to one request, not the end. */
static int serve(struct session *s)
{
	cleanup_buf struct buf packet = BUF_INIT;
	cleanup_arena struct arena a = ARENA_INIT;
	cleanup_close int body = -1;
	struct registry_request q;
	struct registry_answer w = { 0 };
	struct err e = ERR_INIT;

	if (message_receive(STDIN_FILENO, NULL, &body, &e) != REGISTRY_ASK || receive(&packet, &e) <= 0)
		return 0;
	int r = registry_request_decode(packet.data, packet.len, &a, &q, &e);
	if (r >= 0)
		r = session_do(s, &q, body, &a, &w, &e);
	if (r >= 0)
		r = answer(&w, &e);
	if (r < 0)
		message_send_error(STDOUT_FILENO, &e);
	return 1; /* a pipe ends now: who reads from it can know why */
}

int main(void)
{
	cleanup_arena struct arena a = ARENA_INIT;
	struct session s = { .arena = &a, .sock = STDOUT_FILENO, .authorities = -1 };
	struct err e = ERR_INIT;

	/* Whoever asked is gone: then nobody wants the rest. Its end before this line is the end of the socket. */
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	/* The kernel names a process executed by descriptor after the number. */
	prctl(PR_SET_NAME, "ferry-registry");
	signal(SIGPIPE, SIG_IGN);
	if (set_up(&s, &e) < 0)
		message_send_error(STDOUT_FILENO, &e);
	else
		while (serve(&s))
			;
	curl_easy_cleanup(s.curl);
	return 0;
}
