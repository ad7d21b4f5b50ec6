/* --format PATH: one part of a JSON document, as `inspect` prints it. */
#ifndef RUNTIME_CLI_FORMAT_H
#define RUNTIME_CLI_FORMAT_H

#include "lib/buf.h"
#include "lib/err.h"
#include "lib/json.h"

/*
 * Appends what @path says of @doc, with a newline: ".State.Pid", ".Mounts[0].Source", ".Config.Labels["a.b"]"; "." is
 * all of it. Docker's form with {{ }} around is taken, too. A string is written as it is, all else as JSON. -EINVAL:
 * the path makes no sense, or leads to nothing: names the members that there are.
 */
int cli_format(const struct json *doc, const char *path, struct buf *out, struct err *e);

#endif
