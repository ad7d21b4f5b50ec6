/*
 * One thread that this process traces (PTRACE_SEIZE): what it was about to do is saved and loaded, and it is had make system
 * calls. All but tracee_wait want it stopped, and leave it stopped.
 */
#ifndef RUNTIME_CHECKPOINT_TRACEE_H
#define RUNTIME_CHECKPOINT_TRACEE_H

#include "checkpoint/preflight/proc_text.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* What /proc says of a process, traced or not; false: it is not there. */
bool tracee_status(pid_t pid, struct proc_status *ret);

/* A line of its /proc/PID/maps. */
struct tracee_mapping {
	uint64_t from, to;
	bool executable;
	const char *name; /* "" without one */
};

/* In their order, until @each says false. */
void tracee_mappings(pid_t pid, bool (*each)(const struct tracee_mapping *m, void *data), void *data);

enum { TRACEE_SETS = 3, TRACEE_SET_MAX = 16384 };

/* Its registers, and which signals it has blocked. */
struct tracee_state {
	uint64_t blocked;
	size_t len[TRACEE_SETS];
	unsigned char registers[TRACEE_SETS][TRACEE_SET_MAX];
};

bool tracee_save(pid_t tid, struct tracee_state *ret);
void tracee_load(pid_t tid, const struct tracee_state *s);

/* The wait status with which it stopped; -1: it does not within *left_ms, which is reduced by what it took. */
int tracee_wait(pid_t tid, int *left_ms);

/* Whether a breakpoint that it has come to is still to end it; and what takes that away. The state is not kept. */
bool tracee_has_trap(pid_t tid);
void tracee_drop_trap(pid_t tid);

struct tracee_call {
	long number;
	uint64_t arguments[4];
};

/*
 * Has it make a call by the instruction at @instruction_at, which is there already. What it was about to do is as before then,
 * and it hears of no signals meanwhile. *ret: what the kernel answered. False: the machine's calls are not known, or it did
 * not come to the end of it.
 */
bool tracee_call(pid_t tid, uint64_t instruction_at, const struct tracee_call *c, int64_t *ret);

/* Where a process has such an instruction for sure, in what the kernel has mapped for it: vdso(7). 0: not known. */
uint64_t tracee_instruction(pid_t pid);

/* Where its stack ends, below what a function may use without saying so; 0: not known. */
uint64_t tracee_stack(pid_t tid);

bool tracee_read(pid_t pid, uint64_t at, void *ret, size_t len);

/* Writes to the memory of a process, also where it must not write itself. */
bool tracee_write(pid_t pid, uint64_t at, const void *data, size_t len);

#endif
