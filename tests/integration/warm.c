/*
 * Warm memory to be checkpointed, and the images of it to be shared:
 *
 *	warm serve MIB FILE             a process and its child with memory of all kinds, MIB in one piece
 *	warm share FROM NAME [BYTES]    images_share() beside FROM; prints regions, bytes, processes left out
 *	warm external FILE              images_memory_external()
 *
 * What a serving process is told by signals it answers with a line at the end of FILE:
 *
 *	SIGUSR1     "sum N", of all its memory, N the same as long as nobody wrote to it; "child N" of its child
 *	SIGUSR2     writes to 16 pages of the large piece and takes that back; "wrote"
 *	SIGWINCH    makes the large piece larger for a while; "grown", or "grown dirty" where there were not zeros
 */
#include "checkpoint/images/share.h"
#include "lib/fd.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

enum { PAGE = 4096 };

struct piece {
	uint64_t *at;
	size_t size;
};

/* the large one; one with holes and pages of zeros; one that is only read; a small one */
enum { LARGE, HOLES, READ_ONLY, SMALL, PIECES };

static void answer(const char *file, const char *fmt, ...)
{
	char line[128];
	va_list ap;

	va_start(ap, fmt);
	int n = vsnprintf(line, sizeof(line), fmt, ap);
	va_end(ap);
	cleanup_close int fd = open(file, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600);
	if (fd < 0 || write(fd, line, (size_t)n) != n)
		_exit(3);
}

static struct piece piece_new(size_t size)
{
	void *at = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (at == MAP_FAILED)
		_exit(4);
	return (struct piece){ at, size };
}

static void fill(const struct piece *p, uint64_t seed)
{
	for (size_t i = 0; i < p->size / sizeof(*p->at); i++) {
		seed ^= seed << 13;
		seed ^= seed >> 7;
		seed ^= seed << 17;
		p->at[i] = seed;
	}
}

static uint64_t sum(const struct piece *pieces)
{
	uint64_t s = 14695981039346656037ULL;

	for (size_t k = 0; k < PIECES; k++)
		for (size_t i = 0; i < pieces[k].size / sizeof(uint64_t); i++)
			s = (s ^ pieces[k].at[i]) * 1099511628211ULL;
	return s;
}

static void make(struct piece *pieces, size_t mib)
{
	pieces[LARGE] = piece_new(mib << 20);
	fill(&pieces[LARGE], 1);
	pieces[HOLES] = piece_new(96 << 20);
	for (size_t i = 0; i < pieces[HOLES].size; i += 3 * PAGE) {
		struct piece page = { (uint64_t *)(void *)((char *)pieces[HOLES].at + i), PAGE };
		if (i % (9 * PAGE) == 0)
			memset(page.at, 0, PAGE);
		else
			fill(&page, i + 1);
	}
	pieces[READ_ONLY] = piece_new(32 << 20);
	fill(&pieces[READ_ONLY], 3);
	if (mprotect(pieces[READ_ONLY].at, pieces[READ_ONLY].size, PROT_READ) < 0)
		_exit(5);
	pieces[SMALL] = piece_new(4 << 20);
	fill(&pieces[SMALL], 4);
}

/* Whatever is behind the old end must be zeros. */
static void grow(struct piece *p, const char *file)
{
	size_t more = 8 << 20;
	uint64_t *at = mremap(p->at, p->size, p->size + more, MREMAP_MAYMOVE);
	bool dirty = at == MAP_FAILED;

	for (size_t i = p->size / sizeof(*at); !dirty && i < (p->size + more) / sizeof(*at); i++)
		dirty = at[i] != 0;
	if (at != MAP_FAILED) {
		at = mremap(at, p->size + more, p->size, 0);
		p->at = at;
	}
	answer(file, "grown%s\n", dirty ? " dirty" : "");
}

static void write_some(const struct piece *p, const char *file)
{
	for (size_t i = 0; i < 16; i++) {
		volatile uint64_t *word = &p->at[i * (p->size / 16) / sizeof(*p->at)];
		*word = ~*word;
		*word = ~*word;
	}
	answer(file, "wrote\n");
}

static void serve_until_end(struct piece *pieces, const sigset_t *signals, const char *file, const char *word,
			    pid_t child)
{
	int sig;

	for (;;) {
		if (sigwait(signals, &sig) != 0)
			_exit(6);
		switch (sig) {
		case SIGUSR1:
			answer(file, "%s %016" PRIx64 "\n", word, sum(pieces));
			break;
		case SIGUSR2:
			write_some(&pieces[LARGE], file);
			break;
		case SIGWINCH:
			grow(&pieces[LARGE], file);
			break;
		}
		if (child && sig == SIGUSR1)
			kill(child, sig);
	}
}

static int serve(size_t mib, const char *file)
{
	struct piece pieces[PIECES];
	sigset_t signals;

	sigemptyset(&signals);
	sigaddset(&signals, SIGUSR1);
	sigaddset(&signals, SIGUSR2);
	sigaddset(&signals, SIGWINCH);
	sigprocmask(SIG_BLOCK, &signals, NULL);
	make(pieces, mib);
	pid_t child = fork();
	if (child < 0)
		return 1;
	if (child == 0) {
		fill(&(struct piece){ pieces[LARGE].at, 1 << 20 }, 5);
		memset((char *)pieces[LARGE].at + (2 << 20), 0, 4 * PAGE);
		answer(file, "ready\n");
		serve_until_end(pieces, &signals, file, "child", 0);
	}
	serve_until_end(pieces, &signals, file, "sum", child);
	return 0;
}

static int share(const char *from, const char *name, uint64_t min)
{
	cleanup_close int fd = open(from, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	cleanup_close int above = fd < 0 ? -1 : openat(fd, "..", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct images_shared shared;
	struct err e = ERR_INIT;

	if (above < 0) {
		perror(from);
		return 1;
	}
	if (images_share(fd, above, name, min, &shared, &e) < 0) {
		fprintf(stderr, "%s\n", e.msg);
		return 1;
	}
	printf("%" PRIu64 " %" PRIu64 " %" PRIu64 "\n", shared.regions, shared.bytes, shared.left_out);
	return 0;
}

static int external(const char *file)
{
	cleanup_close int fd = open(file, O_RDONLY | O_CLOEXEC);
	cleanup_arena struct arena a = ARENA_INIT;
	struct err e = ERR_INIT;
	const char *name = images_memory_external(fd, &a, &e);

	puts(name ? name : e.msg);
	return !name;
}

int main(int argc, char **argv)
{
	if (argc == 4 && strcmp(argv[1], "serve") == 0)
		return serve(strtoul(argv[2], NULL, 10), argv[3]);
	if ((argc == 4 || argc == 5) && strcmp(argv[1], "share") == 0)
		return share(argv[2], argv[3], argc == 5 ? strtoull(argv[4], NULL, 10) : IMAGES_SHARE_MIN);
	if (argc == 3 && strcmp(argv[1], "external") == 0)
		return external(argv[2]);
	return 2;
}
