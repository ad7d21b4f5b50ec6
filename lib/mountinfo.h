/* The text of /proc/PID/mountinfo. */
#ifndef LIB_MOUNTINFO_H
#define LIB_MOUNTINFO_H

/* In place: blank, tab, newline and backslash are written there as a backslash and three octal digits. */
void mountinfo_unescape(char *s);

#endif
