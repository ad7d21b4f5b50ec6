/*
 * Hooks (config.md, "POSIX-platform Hooks"): programs run at points of a container's life, with its state on standard
 * input.
 */
#ifndef RUNTIME_HOOKS_H
#define RUNTIME_HOOKS_H

#include "spec/spec.h"

/*
 * Runs the hooks of one kind in order, in the namespaces of the caller. The first that fails, or does not end within its
 * timeout and is killed, stops the row with an error that names it and shows what it printed last.
 * Makes no system call when there are none.
 */
int hooks_run(const struct spec_hooks *h, enum spec_hook_kind kind, const char *state_json, struct err *e);

/* One of them alone, for poststop: there the others run whatever becomes of one. */
int hooks_run_one(const struct spec_hooks *h, enum spec_hook_kind kind, size_t i, const char *state_json,
		  struct err *e);

#endif
