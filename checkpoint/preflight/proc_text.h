/*
 * What files of /proc say of a container's processes, as values. Pure: the text was read before. Names in it are the
 * container's and may be anything; what is not understood is passed over by the caller (false).
 */
#ifndef CHECKPOINT_PREFLIGHT_PROC_TEXT_H
#define CHECKPOINT_PREFLIGHT_PROC_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* A line of /proc/PID/net/tcp or tcp6. */
struct proc_tcp {
	uint8_t state; /* TCP_ESTABLISHED, ... of <netinet/tcp.h> */
	uint64_t inode; /* 0: the connection is not accepted yet, or nobody's any more */
	uint32_t waiting; /* of one that listens: connections that wait to be accepted */
	char local[64], remote[64]; /* "10.0.0.2:80", "[2001:db8::1]:80" */
};
bool proc_text_tcp(const char *line, struct proc_tcp *ret);

/* A TCP socket in that state has a peer. */
bool proc_tcp_is_connected(uint8_t state);

/* Of /proc/PID/status. */
struct proc_status {
	char name[64]; /* as the kernel escapes it */
	char state;
	pid_t tracer; /* 0: none */
	unsigned threads;
	bool own_pids; /* it is in a pid namespace below the reader's */
	pid_t session; /* as its own pid namespace numbers it; 0: the leader is outside */
	uint64_t ignored, caught; /* a bit for each signal, from that of 1 on */
};
bool proc_text_status(const char *text, struct proc_status *ret);

/* Where a link of /proc/PID/fd leads to. */
enum proc_fd_type { PROC_FD_FILE, PROC_FD_SOCKET, PROC_FD_PIPE, PROC_FD_MEMFD, PROC_FD_ANON, PROC_FD_OTHER };
struct proc_fd {
	enum proc_fd_type type;
	uint64_t inode; /* PROC_FD_SOCKET */
	const char *anon; /* PROC_FD_ANON: the kind, "[eventfd]" and the like; in the link */
	bool deleted; /* PROC_FD_FILE: the name is gone */
};
void proc_text_fd(const char *link, struct proc_fd *ret);

/* Kinds of anonymous inodes that criu knows how to dump. */
bool proc_anon_is_known(const char *anon);

/* Character and block devices, by their numbers, that criu knows how to dump when they are open. */
bool proc_device_is_known(bool block, unsigned major, unsigned minor);

/* A line of /proc/PID/maps. */
struct proc_map {
	char range[40]; /* "START-END", as in /proc/PID/map_files */
	bool shared;
	const char *path; /* in the line; "" without one */
};
bool proc_text_map(const char *line, struct proc_map *ret);

/* What of a mapping is to be looked at closer, by its name. */
enum proc_map_type { PROC_MAP_PLAIN, PROC_MAP_DEVICE, PROC_MAP_DELETED, PROC_MAP_SYSV, PROC_MAP_ANON_INODE };
enum proc_map_type proc_map_type(const struct proc_map *m);

/* How many locks a text of /proc/PID/fdinfo/FD tells of. */
unsigned proc_text_locks(const char *fdinfo);

/* A line of /proc/PID/mountinfo, which is changed by it: the strings lie in it. */
struct proc_mount {
	unsigned major, minor;
	const char *root, *point, *type;
};
bool proc_text_mount(char *line, struct proc_mount *ret);

/* The next line of a text, without its end; NULL after the last. The text is changed. */
char *proc_text_line(char **rest);

#endif
