#include "runtime/process/steps.h"

#include "lib/fd.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

/* name:password:uid:gid:gecos:home:shell. False when the line is not @uid's, or says nothing. */
static bool line_home(char *line, uid_t uid, char *ret, size_t size)
{
	enum { UID = 2, HOME = 5, FIELDS };
	char *field[FIELDS], *end;

	for (int i = 0; i < FIELDS; i++)
		if (!(field[i] = strsep(&line, ":")))
			return false;
	unsigned long n = strtoul(field[UID], &end, 10);
	if (!*field[UID] || *end || n != uid || !*field[HOME] || strlen(field[HOME]) >= size)
		return false;
	strcpy(ret, field[HOME]);
	return true;
}

/* Finds the line among those that are whole in @text, and moves the rest to the front; returns its length. */
static size_t search(char *text, size_t len, uid_t uid, char *ret, size_t size, bool *found)
{
	char *at = text, *end;

	text[len] = '\0';
	while (!*found && (end = strchr(at, '\n'))) {
		*end = '\0';
		*found = line_home(at, uid, ret, size);
		at = end + 1;
	}
	size_t rest = (size_t)(text + len - at);
	memmove(text, at, rest);
	return rest;
}

/*
 * The file is the container's, so it is not trusted: it is read without the name service of the C library, may be of
 * any kind or without end, and never makes this wait.
 */
void passwd_home(uid_t uid, char *ret, size_t size)
{
	enum { LONGEST = 4 << 20 };
	char text[8192];
	size_t have = 0, total = 0;
	bool found = false;
	cleanup_close int fd = open("/etc/passwd", O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);

	strcpy(ret, "/");
	if (fd < 0)
		return;
	while (!found && total < LONGEST) {
		/* A line that fills the room is none of the kind that is sought. */
		if (have == sizeof(text) - 2)
			have = 0;
		size_t room = sizeof(text) - 2 - have;
		ssize_t n = read(fd, text + have, room);
		if (n < 0)
			return;
		have += (size_t)n;
		total += (size_t)n;
		bool end = (size_t)n < room;
		if (end)
			text[have++] = '\n';
		have = search(text, have, uid, ret, size, &found);
		if (end)
			return;
	}
}
