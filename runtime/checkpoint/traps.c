#include "runtime/checkpoint/traps.h"

#include "checkpoint/images/handlers.h"
#include "runtime/checkpoint/tracee.h"

#include <signal.h>
#include <sys/syscall.h>

/* Addresses that no code can have tell what there was before: nothing, or that the signal was ignored. */
#define WAS_DEFAULT 0x6665727279000000ull
#define WAS_IGNORED 0x6665727279000001ull

enum { RESTORER = 0x04000000, TRAP = 1 << (SIGTRAP - 1) };

/* As the kernel has it, on all machines whose system calls are known (tracee.h). */
struct action {
	uint64_t handler, flags, restorer, mask;
};

static uint64_t handler_before(uint64_t handler)
{
	return (uint64_t)(uintptr_t)(handler == WAS_IGNORED ? SIG_IGN : SIG_DFL);
}

static bool is_ours(uint64_t handler)
{
	return handler == WAS_DEFAULT || handler == WAS_IGNORED;
}

bool traps_are_caught(pid_t pid)
{
	struct proc_status s;

	return tracee_status(pid, &s) && s.caught & TRAP;
}

/* What it is set to, or what it is, goes by way of the stack, which is as before then. */
static bool act(pid_t pid, pid_t tid, uint64_t instruction, bool set, struct action *a)
{
	const uint64_t at = (tracee_stack(tid) - sizeof(*a)) & ~15ull;
	const struct tracee_call call = { SYS_rt_sigaction, { SIGTRAP, set ? at : 0, set ? 0 : at, sizeof(a->mask) } };
	struct action was = { 0 };
	int64_t answer = -1;

	if (!tracee_read(pid, at, &was, sizeof(was)) || (set && !tracee_write(pid, at, a, sizeof(*a))))
		return false;
	bool done = tracee_call(tid, instruction, &call, &answer) && answer == 0;
	if (done && !set)
		done = tracee_read(pid, at, a, sizeof(*a));
	return tracee_write(pid, at, &was, sizeof(was)) && done;
}

void traps_catch(pid_t pid, pid_t tid, uint64_t instruction)
{
	struct action a = { .flags = RESTORER };
	struct proc_status s;

	if (!tracee_status(pid, &s) || s.caught & TRAP)
		return;
	a.handler = a.restorer = s.ignored & TRAP ? WAS_IGNORED : WAS_DEFAULT;
	act(pid, tid, instruction, true, &a);
}

void traps_release(pid_t pid, pid_t tid, uint64_t instruction)
{
	struct action a;

	if (!traps_are_caught(pid) || !act(pid, tid, instruction, false, &a) || !is_ours(a.handler))
		return;
	a = (struct action){ .handler = handler_before(a.handler) };
	act(pid, tid, instruction, true, &a);
}

int traps_in_images(int images, struct err *e)
{
	static const struct images_handler handlers[] = {
		{ SIGTRAP, WAS_DEFAULT, (uint64_t)(uintptr_t)SIG_DFL },
		{ SIGTRAP, WAS_IGNORED, (uint64_t)(uintptr_t)SIG_IGN },
	};

	return images_change_handlers(images, handlers, sizeof(handlers) / sizeof(handlers[0]), e);
}
