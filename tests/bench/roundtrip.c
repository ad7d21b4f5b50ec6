/*
 * How long a question and its answer take by TCP, of one byte each.
 *
 *	roundtrip serve PORT                       answers for ever; prints "ready" once it does
 *	roundtrip ask ADDRESS PORT TRIPS           prints the median, in microseconds
 */
#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

static double now_us(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec * 1e6 + (double)t.tv_nsec / 1e3;
}

static int by_value(const void *x, const void *y)
{
	double a = *(const double *)x, b = *(const double *)y;

	return (a > b) - (a < b);
}

static void at_once(int sock)
{
	const int on = 1;

	setsockopt(sock, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
}

static int serve(int sock, struct sockaddr_in *a)
{
	char byte;

	if (bind(sock, (struct sockaddr *)a, sizeof(*a)) < 0 || listen(sock, 1) < 0)
		return 1;
	puts("ready");
	fflush(stdout);
	for (;;) {
		int client = accept(sock, NULL, NULL);
		at_once(client);
		while (read(client, &byte, 1) == 1 && write(client, &byte, 1) == 1)
			;
		close(client);
	}
}

static int ask(int sock, struct sockaddr_in *a, const char *address, size_t trips)
{
	double *took = calloc(trips + 1, sizeof(*took));
	char byte = 'x';

	if (!took || inet_pton(AF_INET, address, &a->sin_addr) != 1 ||
	    connect(sock, (struct sockaddr *)a, sizeof(*a)) < 0)
		return 1;
	at_once(sock);
	for (size_t i = 0; i < trips; i++) {
		double before = now_us();
		if (write(sock, &byte, 1) != 1 || read(sock, &byte, 1) != 1)
			return 1;
		took[i] = now_us() - before;
	}
	qsort(took, trips, sizeof(*took), by_value);
	printf("%.3f\n", took[trips / 2]);
	free(took);
	return 0;
}

int main(int argc, char **argv)
{
	struct sockaddr_in a = { .sin_family = AF_INET };
	int sock = socket(AF_INET, SOCK_STREAM, 0);

	if (argc == 3 && strcmp(argv[1], "serve") == 0) {
		a.sin_port = htons((uint16_t)atoi(argv[2]));
		return serve(sock, &a);
	}
	if (argc == 5 && strcmp(argv[1], "ask") == 0) {
		a.sin_port = htons((uint16_t)atoi(argv[3]));
		return ask(sock, &a, argv[2], (size_t)atol(argv[4]));
	}
	fputs("roundtrip serve PORT | ask ADDRESS PORT TRIPS\n", stderr);
	return 2;
}
