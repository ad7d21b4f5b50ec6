#include "checkpoint/preflight/proc_text.h"

#include "lib/mountinfo.h"

#include <arpa/inet.h>
#include <inttypes.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool starts(const char *text, const char *with)
{
	return strncmp(text, with, strlen(with)) == 0;
}

char *proc_text_line(char **rest)
{
	return *rest && **rest ? strsep(rest, "\n") : NULL;
}

/* ---- sockets ---- */

/* "0100007F:0050": words of the address in the order of bytes of this machine, and the port. */
static bool read_end(const char *text, char *ret, size_t room)
{
	char name[INET6_ADDRSTRLEN];
	uint32_t words[4];
	unsigned port, n = 0;

	for (; n < 4 && strspn(text, "0123456789ABCDEFabcdef") >= 8; n++, text += 8)
		if (sscanf(text, "%8" SCNx32, &words[n]) != 1)
			return false;
	if ((n != 1 && n != 4) || sscanf(text, ":%4x", &port) != 1 ||
	    !inet_ntop(n == 1 ? AF_INET : AF_INET6, words, name, sizeof(name)))
		return false;
	snprintf(ret, room, n == 1 ? "%s:%u" : "[%s]:%u", name, port);
	return true;
}

bool proc_text_tcp(const char *line, struct proc_tcp *ret)
{
	char local[48], remote[48];
	unsigned state;
	uint32_t sent, received;
	struct proc_tcp t = { 0 };

	if (sscanf(line, " %*d: %47s %47s %2x %8" SCNx32 ":%8" SCNx32 " %*s %*s %*d %*d %" SCNu64, local, remote, &state,
		   &sent, &received, &t.inode) != 6 ||
	    !read_end(local, t.local, sizeof(t.local)) || !read_end(remote, t.remote, sizeof(t.remote)))
		return false;
	t.state = (uint8_t)state;
	t.waiting = state == TCP_LISTEN ? received : 0;
	*ret = t;
	return true;
}

bool proc_tcp_is_connected(uint8_t state)
{
	/* What is still being accepted, or waits for its time to be over, has no socket of a process. */
	return state != TCP_LISTEN && state != TCP_CLOSE && state != TCP_TIME_WAIT && state != TCP_SYN_RECV;
}

/* ---- processes ---- */

/* What follows "KEY:" at the beginning of a line; NULL: no such line. */
static const char *field(const char *text, const char *key)
{
	size_t n = strlen(key);

	for (; text && *text; text = strchr(text, '\n'), text += text != NULL)
		if (strncmp(text, key, n) == 0 && text[n] == ':')
			return text + n + 1 + strspn(text + n + 1, "\t ");
	return NULL;
}

/* The last number of a line, and how many there are. */
static unsigned last_number(const char *text, long *ret)
{
	unsigned n = 0;
	char *end;

	for (; text && *text && *text != '\n'; n++, text = end + strspn(end, "\t ")) {
		long v = strtol(text, &end, 10);
		if (end == text)
			break;
		*ret = v;
	}
	return n;
}

static uint64_t bits(const char *text)
{
	return text ? strtoull(text, NULL, 16) : 0;
}

bool proc_text_status(const char *text, struct proc_status *ret)
{
	const char *name = field(text, "Name"), *state = field(text, "State");
	long tracer = 0, threads = 1, session = -1, pid = 0;

	if (!name || !state)
		return false;
	struct proc_status s = { .state = *state };
	snprintf(s.name, sizeof(s.name), "%.*s", (int)strcspn(name, "\n"), name);
	last_number(field(text, "TracerPid"), &tracer);
	last_number(field(text, "Threads"), &threads);
	s.own_pids = last_number(field(text, "NSpid"), &pid) > 1;
	last_number(field(text, "NSsid"), &session);
	s.tracer = (pid_t)tracer;
	s.threads = (unsigned)threads;
	s.session = (pid_t)session;
	s.ignored = bits(field(text, "SigIgn"));
	s.caught = bits(field(text, "SigCgt"));
	*ret = s;
	return true;
}

/* ---- descriptors ---- */

void proc_text_fd(const char *link, struct proc_fd *ret)
{
	static const char deleted[] = " (deleted)", anon[] = "anon_inode:";
	size_t n = strlen(link), tail = sizeof(deleted) - 1;

	*ret = (struct proc_fd){ .type = PROC_FD_OTHER };
	if (starts(link, anon)) {
		ret->type = PROC_FD_ANON;
		ret->anon = link + sizeof(anon) - 1;
	} else if (sscanf(link, "socket:[%" SCNu64 "]", &ret->inode) == 1) {
		ret->type = PROC_FD_SOCKET;
	} else if (starts(link, "pipe:[")) {
		ret->type = PROC_FD_PIPE;
	} else if (starts(link, "/memfd:")) {
		ret->type = PROC_FD_MEMFD;
	} else if (*link == '/') {
		ret->type = PROC_FD_FILE;
		ret->deleted = n > tail && strcmp(link + n - tail, deleted) == 0;
	}
}

bool proc_anon_is_known(const char *anon)
{
	/* As dump_one_file() of criu has them; a map of BPF only when criu is built with libbpf, which Debian's is. */
	static const char *const known[] = { "[eventfd]", "[eventpoll]", "inotify", "[fanotify]", "[signalfd]",
					     "[timerfd]", "[pidfd]", "bpf-map" };

	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
		if (strcmp(anon, known[i]) == 0)
			return true;
	return false;
}

bool proc_device_is_known(bool block, unsigned major, unsigned minor)
{
	static const struct {
		unsigned major, first, last;
	} known[] = {
		{ 1, 0, UINT32_MAX }, /* null, zero, random, ... */
		{ 4, 0, UINT32_MAX }, /* virtual consoles, serial lines */
		{ 5, 0, UINT32_MAX }, /* tty, console, ptmx */
		{ 10, 200, 200 }, /* net/tun */
		{ 10, 235, 235 }, /* autofs */
		{ 128, 0, UINT32_MAX }, /* the masters of pts */
		{ 136, 0, UINT32_MAX }, /* pts */
		{ 137, 0, UINT32_MAX }, { 138, 0, UINT32_MAX }, { 139, 0, UINT32_MAX }, { 140, 0, UINT32_MAX },
		{ 141, 0, UINT32_MAX }, { 142, 0, UINT32_MAX }, { 143, 0, UINT32_MAX },
	};

	for (size_t i = 0; !block && i < sizeof(known) / sizeof(known[0]); i++)
		if (known[i].major == major && minor >= known[i].first && minor <= known[i].last)
			return true;
	return false;
}

unsigned proc_text_locks(const char *fdinfo)
{
	unsigned n = 0;

	for (; fdinfo && *fdinfo; fdinfo = strchr(fdinfo, '\n'), fdinfo += fdinfo != NULL)
		n += starts(fdinfo, "lock:");
	return n;
}

/* ---- memory ---- */

bool proc_text_map(const char *line, struct proc_map *ret)
{
	char perms[8];
	int at = 0;
	struct proc_map m = { 0 };

	if (sscanf(line, "%39[0-9a-f-] %7s %*x %*x:%*x %*u %n", m.range, perms, &at) != 2 || at == 0 ||
	    strlen(perms) != 4)
		return false;
	m.shared = perms[3] == 's';
	m.path = line + at;
	*ret = m;
	return true;
}

enum proc_map_type proc_map_type(const struct proc_map *m)
{
	static const char deleted[] = " (deleted)";
	size_t n = strlen(m->path), tail = sizeof(deleted) - 1;

	if (starts(m->path, "anon_inode:"))
		return PROC_MAP_ANON_INODE;
	if (starts(m->path, "/SYSV"))
		return PROC_MAP_SYSV;
	/* Shared memory without a name, and the ring of asynchronous I/O, have these names but are no files. */
	if (starts(m->path, "/memfd:") || starts(m->path, "/dev/zero") || starts(m->path, "/[aio]") ||
	    starts(m->path, "/anon_hugepage"))
		return PROC_MAP_PLAIN;
	if (n > tail && strcmp(m->path + n - tail, deleted) == 0)
		return PROC_MAP_DELETED;
	if (starts(m->path, "/dev/") && !starts(m->path, "/dev/shm/"))
		return PROC_MAP_DEVICE;
	return PROC_MAP_PLAIN;
}

/* ---- mounts ---- */

bool proc_text_mount(char *line, struct proc_mount *ret)
{
	enum { DEVICE = 2, ROOT = 3, POINT = 4, FIRST_OPTIONAL = 6 };
	char *words[5] = { 0 }, *word;
	struct proc_mount m;
	int i = 0;

	for (; (word = strsep(&line, " ")); i++) {
		if (i < (int)(sizeof(words) / sizeof(words[0])))
			words[i] = word;
		else if (i >= FIRST_OPTIONAL && strcmp(word, "-") == 0)
			break;
	}
	m.type = word ? strsep(&line, " ") : NULL;
	if (!m.type || !*m.type || sscanf(words[DEVICE], "%u:%u", &m.major, &m.minor) != 2)
		return false;
	mountinfo_unescape(words[ROOT]);
	mountinfo_unescape(words[POINT]);
	m.root = words[ROOT];
	m.point = words[POINT];
	*ret = m;
	return true;
}
