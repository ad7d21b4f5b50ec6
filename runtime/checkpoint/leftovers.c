#include "runtime/checkpoint/leftovers.h"

#include "lib/fd.h"
#include "lib/file.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>

/* CRIU's own name for the memory in which it places its code. */
#define CODE_NAME "/memfd:CRIUMFD (deleted)"

/* ---- descriptors ---- */

static int each_descriptor(pid_t pid, int (*each)(int fd, const char *name, unsigned char type, void *data, struct err *e),
			   void *data)
{
	struct err ignored = ERR_INIT;
	char path[32];

	snprintf(path, sizeof(path), "/proc/%d/fd", (int)pid);
	cleanup_close int dir = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return dir < 0 ? -1 : dir_each(dir, each, data, &ignored);
}

struct noting {
	int *fds;
	size_t n, room;
};

static int note(int fd, const char *name, unsigned char type, void *data, struct err *e)
{
	struct noting *x = data;

	(void)fd, (void)type, (void)e;
	if (x->n == x->room)
		return -1;
	x->fds[x->n++] = atoi(name);
	return 0;
}

int leftovers_note(pid_t pid, int *fds, size_t room)
{
	struct noting x = { .fds = fds, .room = room };

	return each_descriptor(pid, note, &x) < 0 ? -1 : (int)x.n;
}

struct finding {
	const int *fds; /* noted; those before the next one are passed */
	size_t n, next;
	struct tracee_call *calls;
	size_t n_calls;
};

static int find(int fd, const char *name, unsigned char type, void *data, struct err *e)
{
	struct finding *x = data;
	int number = atoi(name);

	(void)fd, (void)type, (void)e;
	while (x->next < x->n && x->fds[x->next] < number)
		x->next++;
	if ((x->next == x->n || x->fds[x->next] != number) && x->n_calls < LEFTOVERS_MAX)
		x->calls[x->n_calls++] = (struct tracee_call){ SYS_close, { (uint64_t)number, 0 } };
	return 0;
}

/* ---- memory ---- */

static bool find_code(const struct tracee_mapping *m, void *data)
{
	struct finding *x = data;

	if (strcmp(m->name, CODE_NAME) == 0)
		x->calls[x->n_calls++] = (struct tracee_call){ SYS_munmap, { m->from, m->to - m->from } };
	return x->n_calls < LEFTOVERS_MAX;
}

size_t leftovers_find(pid_t pid, const int *fds, size_t n, struct tracee_call *calls)
{
	struct finding x = { .fds = fds, .n = n, .calls = calls };

	each_descriptor(pid, find, &x);
	if (x.n_calls < LEFTOVERS_MAX)
		tracee_mappings(pid, find_code, &x);
	return x.n_calls;
}
