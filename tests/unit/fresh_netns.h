/* A network namespace of the test's own, with nothing in it but a loopback that is down. */
#ifndef TESTS_UNIT_FRESH_NETNS_H
#define TESTS_UNIT_FRESH_NETNS_H

#include <errno.h>
#include <sched.h>
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>
#include <string.h>

/* The test program moves into it: it is gone once the next test has its own. Skips the test without the rights. */
static inline void fresh_netns(void)
{
	if (unshare(CLONE_NEWNET) < 0) {
		print_message("skipped: unshare a network namespace: %s\n", strerror(errno));
		skip();
	}
}

#endif
