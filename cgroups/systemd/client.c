/* ferry's side: starts the program that speaks to the manager, and asks it. */
#include "cgroups/systemd/request.h"

#include "lib/file.h"
#include "lib/message.h"
#include "lib/program.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

EMBEDDED_PROGRAM(systemd, "ferry-systemd", "libsystemd.so.0");

struct systemd_bus {
	struct program_process process;
};

/* ---- where the manager is ---- */

/* The user outside of this user namespace, whose manager it is. */
static uid_t owner_uid(void)
{
	cleanup_buf struct buf b = BUF_INIT;
	struct err ignored = ERR_INIT;
	unsigned inside, outside;

	if (file_read_at(AT_FDCWD, "/proc/self/uid_map", 4096, &b, &ignored) == 0 &&
	    sscanf(buf_text(&b), "%u %u", &inside, &outside) == 2 && inside == 0)
		return geteuid() + outside;
	return geteuid();
}

/* As sd_bus_open_user, and where a service's environment is bare, the directory that logind makes. */
static void user_address(struct buf *out)
{
	const char *address = getenv("DBUS_SESSION_BUS_ADDRESS"), *dir = getenv("XDG_RUNTIME_DIR");

	if (address && *address) {
		buf_str(out, address);
		return;
	}
	buf_str(out, "unix:path=");
	cleanup_buf struct buf path = BUF_INIT;
	if (dir && *dir)
		buf_printf(&path, "%s/bus", dir);
	else
		buf_printf(&path, "/run/user/%u/bus", (unsigned)owner_uid());
	for (const char *c = buf_text(&path); *c; c++) {
		bool plain = (*c >= 'a' && *c <= 'z') || (*c >= 'A' && *c <= 'Z') || (*c >= '0' && *c <= '9') ||
			     strchr("-_/.", *c);
		if (plain)
			buf_char(out, *c);
		else
			buf_printf(out, "%%%02x", (unsigned char)*c);
	}
}

int systemd_check(bool user_session, struct err *e)
{
	static const char path_prefix[] = "unix:path=";
	cleanup_buf struct buf address = BUF_INIT;

	if (access("/run/systemd/system", F_OK) < 0)
		return err_say(e, ENOTSUP, "--systemd-cgroup: systemd is not running on this host");
	if (!user_session)
		return 0;
	user_address(&address);
	const char *path = buf_text(&address) + strlen(path_prefix);
	if (strncmp(buf_text(&address), path_prefix, strlen(path_prefix)) == 0 && !strpbrk(path, "%,;") &&
	    access(path, F_OK) < 0)
		return err_set(e, errno,
			       "--systemd-cgroup: no user session's bus at '%s'; log in with a session, or set "
			       "DBUS_SESSION_BUS_ADDRESS or XDG_RUNTIME_DIR",
			       path);
	return 0;
}

/* An answer came, or the program is gone, which it is not by itself. */
static int receive_answer(struct systemd_bus *b, struct err *e)
{
	int r = program_receive(&program_systemd, &b->process, NULL, NULL, e);
	return r > 0 ? 0 : r;
}

int systemd_connect(bool user_session, struct systemd_bus **ret, struct err *e)
{
	cleanup_buf struct buf address = BUF_INIT;

	if (systemd_check(user_session, e) < 0)
		return -e->code;
	struct systemd_bus *b = malloc(sizeof(*b));
	if (!b)
		return err_set(e, ENOMEM, "connect to systemd");
	b->process = PROGRAM_PROCESS_INIT;
	if (user_session)
		user_address(&address);
	const char *args[] = { user_session ? buf_text(&address) : NULL, NULL };
	int r = program_start(&program_systemd, args, &b->process, e);
	if (r >= 0)
		r = receive_answer(b, e);
	if (r < 0) {
		systemd_disconnect(&b);
		return err_wrap(e, "--systemd-cgroup");
	}
	*ret = b;
	return 0;
}

void systemd_disconnect(struct systemd_bus **bus)
{
	if (!*bus)
		return;
	program_end(&(*bus)->process);
	free(*bus);
	*bus = NULL;
}

/* ---- requests ---- */

static int ask(struct systemd_bus *b, enum systemd_method method, const char *unit, const struct systemd_properties *p,
	       struct err *e)
{
	struct systemd_request request = { .method = method, .unit = unit };
	cleanup_buf struct buf packet = BUF_INIT;

	if (p)
		request.properties = *p;
	if (systemd_request_encode(&request, &packet, e) < 0)
		return -e->code;
	/* Where it is gone, the answer says why. */
	if (message_send_bytes(b->process.sock, packet.data, packet.len, e) < 0 && e->code != EPIPE)
		return err_wrap(e, "systemd: '%s': ask ferry-systemd", unit);
	return receive_answer(b, e);
}

int systemd_start_unit(struct systemd_bus *b, const char *unit, const struct systemd_properties *p, struct err *e)
{
	return ask(b, SYSTEMD_START, unit, p, e);
}

int systemd_stop_unit(struct systemd_bus *b, const char *unit, struct err *e)
{
	int r = ask(b, SYSTEMD_STOP, unit, NULL, e);
	return r == -ENOENT ? 0 : r;
}

int systemd_reset_failed_unit(struct systemd_bus *b, const char *unit, struct err *e)
{
	int r = ask(b, SYSTEMD_RESET_FAILED, unit, NULL, e);
	return r == -ENOENT ? 0 : r;
}

int systemd_set_properties(struct systemd_bus *b, const char *unit, const struct systemd_properties *p, struct err *e)
{
	return ask(b, SYSTEMD_SET_PROPERTIES, unit, p, e);
}
