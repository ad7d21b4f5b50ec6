#include "netns/listener.h"

#include "lib/buf.h"
#include "lib/fd.h"
#include "lib/file.h"

#include <ctype.h>
#include <dirent.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { TABLE_MAX = 64 << 20, LISTENING = 10 }; /* as the kernel numbers states of TCP */

/* proc(5): one socket a line. 0: none of them has the port. */
static unsigned long find_inode(const char *table, uint8_t protocol, unsigned port)
{
	cleanup_buf struct buf text = BUF_INIT;
	struct err ignored;

	if (file_read_at(AT_FDCWD, table, TABLE_MAX, &text, &ignored) < 0)
		return 0;
	for (const char *line = strchr(buf_text(&text), '\n'); line && line[1]; line = strchr(line + 1, '\n')) {
		unsigned local, state;
		unsigned long inode;
		if (sscanf(line + 1, "%*d: %*[0-9A-F]:%x %*[0-9A-F]:%*x %x %*x:%*x %*x:%*x %*x %*u %*u %lu", &local,
			   &state, &inode) == 3 &&
		    local == port && (protocol != IPPROTO_TCP || state == LISTENING))
			return inode;
	}
	return 0;
}

static bool has_socket(const char *pid, const char *socket)
{
	char path[300], target[64];
	bool found = false;

	snprintf(path, sizeof(path), "/proc/%s/fd", pid);
	DIR *d = opendir(path);
	if (!d)
		return false;
	for (struct dirent *ent; !found && (ent = readdir(d));) {
		ssize_t n = readlinkat(dirfd(d), ent->d_name, target, sizeof(target) - 1);
		target[n > 0 ? n : 0] = '\0';
		found = strcmp(target, socket) == 0;
	}
	closedir(d);
	return found;
}

static const char *find_program(unsigned long inode, struct arena *a)
{
	const char *name = NULL;
	char socket[64];

	snprintf(socket, sizeof(socket), "socket:[%lu]", inode);
	DIR *d = opendir("/proc");
	if (!d)
		return NULL;
	for (struct dirent *ent; !name && (ent = readdir(d));) {
		cleanup_buf struct buf comm = BUF_INIT;
		struct err ignored;
		if (!isdigit((unsigned char)ent->d_name[0]) || !has_socket(ent->d_name, socket) ||
		    file_read_once_at(AT_FDCWD, arena_printf(a, "/proc/%s/comm", ent->d_name), &comm, &ignored) < 0)
			continue;
		name = arena_printf(a, "the program \"%.*s\" (pid %s)", (int)strcspn(buf_text(&comm), "\n"),
				    buf_text(&comm), ent->d_name);
	}
	closedir(d);
	return name;
}

const char *listener_name(uint8_t protocol, unsigned port, struct arena *a)
{
	static const struct {
		uint8_t protocol;
		const char *table;
	} tables[] = { { IPPROTO_TCP, "/proc/self/net/tcp" },
		       { IPPROTO_TCP, "/proc/self/net/tcp6" },
		       { IPPROTO_UDP, "/proc/self/net/udp" },
		       { IPPROTO_UDP, "/proc/self/net/udp6" } };
	const char *name = NULL;

	for (size_t i = 0; !name && i < sizeof(tables) / sizeof(*tables); i++) {
		unsigned long inode =
			tables[i].protocol == protocol ? find_inode(tables[i].table, protocol, port) : 0;
		if (inode)
			name = find_program(inode, a);
	}
	return name ? name : "a program of this machine";
}
