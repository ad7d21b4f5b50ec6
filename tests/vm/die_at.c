/*
 * Loaded into CRIU (LD_PRELOAD): it is killed at the DIE_AT-th of its calls of ptrace(2) on a container's processes, before it if
 * that number is odd, else after it. Counts them, to the file DIE_COUNT, when it gets to the end.
 */
#include <dlfcn.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ptrace.h>
#include <unistd.h>

typedef long ptrace_call(int request, pid_t pid, void *addr, void *data);

static long die_at, calls;
static bool holds;

/* CRIU also tries things out, with children of its own. */
static bool is_child(pid_t pid)
{
	char path[64];
	int parent = 0;

	snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
	FILE *f = fopen(path, "re");
	if (f && fscanf(f, "%*d (%*[^)]) %*c %d", &parent) != 1)
		parent = 0;
	if (f)
		fclose(f);
	return parent == getpid();
}

long ptrace(enum __ptrace_request request, ...)
{
	ptrace_call *real = (ptrace_call *)dlsym(RTLD_NEXT, "ptrace");
	va_list arguments;

	va_start(arguments, request);
	pid_t pid = va_arg(arguments, pid_t);
	void *addr = va_arg(arguments, void *), *data = va_arg(arguments, void *);
	va_end(arguments);
	holds |= request == PTRACE_SEIZE && !is_child(pid);
	bool now = holds && ++calls == die_at;
	if (now && die_at % 2)
		raise(SIGKILL);
	long r = real((int)request, pid, addr, data);
	if (now)
		raise(SIGKILL);
	return r;
}

__attribute__((constructor)) static void begin(void)
{
	const char *at = getenv("DIE_AT");

	die_at = at ? strtol(at, NULL, 10) : 0;
}

__attribute__((destructor)) static void end(void)
{
	const char *name = getenv("DIE_COUNT");
	FILE *f = holds && name ? fopen(name, "we") : NULL;

	if (f) {
		fprintf(f, "%ld\n", calls);
		fclose(f);
	}
}
