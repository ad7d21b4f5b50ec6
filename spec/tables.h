/* The tables of the folder that are used by another file of it than their own. */
#ifndef SPEC_TABLES_H
#define SPEC_TABLES_H

#include "spec/decode.h"
#include "spec/spec.h"

extern const struct object idmap_object, mount_object, process_object, hooks_object, linux_object, resources_object,
	seccomp_object;

/* Bits of the capability sets, as FIELD_CUSTOM of struct spec_process. */
int decode_capabilities(struct decode *d, const struct json *value, void *process);

/* What no single object can see: contradictions between the parts of a configuration. */
int spec_check(struct spec *s, struct err *e);

#endif
