/*
 * The conversation of client.c with the program ferry-layer: a message with the job and four descriptors (one of /dev/null
 * for each that the job does not have); the job's name is the program's argument. The answer has the result, or is the error.
 */
#ifndef OVERLAY_LAYER_JOB_H
#define OVERLAY_LAYER_JOB_H

enum { LAYER_DO = 1, LAYER_DONE }; /* kinds of messages */
enum { LAYER_FD_DIR, LAYER_FD_FROM, LAYER_FD_TO, LAYER_FD_BUDGET, LAYER_FDS };

#endif
