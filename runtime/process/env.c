#include "runtime/process/steps.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static size_t name_len(const char *entry)
{
	return strcspn(entry, "=");
}

const char *env_find(const char *const *env, const char *name)
{
	size_t n = strlen(name);

	for (; *env; env++)
		if (strncmp(*env, name, n) == 0 && (*env)[n] == '=')
			return *env + n + 1;
	return NULL;
}

/* A name's slot in an open table of 2^k > 2n entries of @env, -1 for free. */
static int *slot(int *table, size_t mask, const char *const *env, const char *entry)
{
	size_t n = name_len(entry), at = 5381;

	for (size_t i = 0; i < n; i++)
		at = at * 33 + (unsigned char)entry[i];
	for (;; at++) {
		int *s = &table[at & mask];
		if (*s < 0 || (strncmp(env[*s], entry, n) == 0 && name_len(env[*s]) == n))
			return s;
	}
}

/*
 * Each name once, as the first is what programs would find: the last one given counts. An empty HOME is none. At the
 * end there is room for what the child adds.
 */
void env_plan(struct process_plan *p, struct arena *a)
{
	enum { ADDED = 5 };
	const struct spec_process *proc = p->process;
	size_t size = 4, n = 0;

	while (size <= 2 * proc->n_env)
		size *= 2;
	int *table = arena_new_array(a, size, int);
	memset(table, 0xff, size * sizeof(*table));
	const char **env = arena_new_array(a, proc->n_env + ADDED, const char *);

	for (size_t i = 0; i < proc->n_env; i++) {
		if (strcmp(proc->env[i], "HOME=") == 0)
			continue;
		int *s = slot(table, size - 1, env, proc->env[i]);
		if (*s < 0)
			*s = (int)n++;
		env[*s] = proc->env[i];
	}
	if (p->options.listen_fds) {
		const char *names = getenv("LISTEN_FDNAMES");
		env[n++] = arena_printf(a, "LISTEN_FDS=%u", p->options.listen_fds);
		if (names)
			env[n++] = arena_printf(a, "LISTEN_FDNAMES=%s", names);
	}
	p->env = env;
	p->env_room = n;
}

void env_complete(const struct process_plan *p, struct env_room *room)
{
	size_t n = p->env_room;

	if (!env_find(p->env, "HOME")) {
		strcpy(room->home, "HOME=");
		passwd_home(p->process->user.uid, room->home + 5, sizeof(room->home) - 5);
		p->env[n++] = room->home;
	}
	if (p->options.listen_fds) {
		snprintf(room->listen_pid, sizeof(room->listen_pid), "LISTEN_PID=%d", (int)getpid());
		p->env[n++] = room->listen_pid;
	}
}
