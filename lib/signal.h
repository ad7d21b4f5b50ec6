/* Signals as people name them. */
#ifndef LIB_SIGNAL_H
#define LIB_SIGNAL_H

#include "lib/err.h"

/* "KILL", "SIGKILL", "9", "RTMIN+1". -EINVAL: the error names the text, the caller says where it comes from. */
int signal_number(const char *name, struct err *e);

#endif
