/*
 * The manager's bus. The only file that knows libsystemd, which is opened when it is needed: who never asks for the
 * systemd driver neither loads it nor needs it installed.
 */
#include "cgroups/systemd.h"

#include "lib/fd.h"
#include "lib/file.h"

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <systemd/sd-bus.h>
#include <time.h>
#include <unistd.h>

#define MANAGER "org.freedesktop.systemd1", "/org/freedesktop/systemd1", "org.freedesktop.systemd1.Manager"

static const uint64_t job_timeout_us = 30 * 1000000ULL;

/* Each function with the type that its header gives it. */
#define FUNCTIONS(X)                                                                                                   \
	X(sd_bus_new)                                                                                                  \
	X(sd_bus_set_address)                                                                                          \
	X(sd_bus_set_bus_client)                                                                                       \
	X(sd_bus_start)                                                                                                \
	X(sd_bus_open_system)                                                                                          \
	X(sd_bus_flush_close_unref)                                                                                    \
	X(sd_bus_message_new_method_call)                                                                              \
	X(sd_bus_message_append)                                                                                       \
	X(sd_bus_message_append_array)                                                                                 \
	X(sd_bus_message_open_container)                                                                               \
	X(sd_bus_message_close_container)                                                                              \
	X(sd_bus_message_read)                                                                                         \
	X(sd_bus_message_unref)                                                                                        \
	X(sd_bus_call)                                                                                                 \
	X(sd_bus_call_method)                                                                                          \
	X(sd_bus_match_signal)                                                                                         \
	X(sd_bus_process)                                                                                              \
	X(sd_bus_wait)                                                                                                 \
	X(sd_bus_slot_unref)                                                                                           \
	X(sd_bus_error_free)

struct library {
	void *handle;
#define MEMBER(name) __typeof__(&(name)) name;
	FUNCTIONS(MEMBER)
#undef MEMBER
};

struct systemd_bus {
	struct library lib;
	sd_bus *bus;
};

static int open_library(struct library *l, struct err *e)
{
	struct library lib = { .handle = dlopen("libsystemd.so.0", RTLD_NOW | RTLD_LOCAL) };
	if (!lib.handle)
		return err_say(e, ENOTSUP, "--systemd-cgroup: cannot load libsystemd: %s", dlerror());

#define LOOK_UP(name)                                                                                                  \
	*(void **)&lib.name = dlsym(lib.handle, #name);                                                                \
	if (!lib.name) {                                                                                               \
		dlclose(lib.handle);                                                                                   \
		return err_say(e, ENOTSUP, "--systemd-cgroup: this libsystemd is too old: it has no %s", #name);       \
	}
	FUNCTIONS(LOOK_UP)
#undef LOOK_UP
	*l = lib;
	return 0;
}

/* ---- connecting ---- */

/* The user outside of this user namespace, whose manager it is. */
static uid_t owner_uid(void)
{
	cleanup_buf struct buf b = BUF_INIT;
	struct err ignored;
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

static int open_user_bus(const struct library *l, sd_bus **ret)
{
	cleanup_buf struct buf address = BUF_INIT;
	sd_bus *bus = NULL;

	user_address(&address);
	int r = l->sd_bus_new(&bus);
	if (r >= 0)
		r = l->sd_bus_set_address(bus, buf_text(&address));
	if (r >= 0)
		r = l->sd_bus_set_bus_client(bus, 1);
	if (r >= 0)
		r = l->sd_bus_start(bus);
	if (r < 0) {
		l->sd_bus_flush_close_unref(bus);
		return r;
	}
	*ret = bus;
	return 0;
}

int systemd_connect(bool user_session, struct systemd_bus **ret, struct err *e)
{
	if (systemd_check(user_session, e) < 0)
		return -e->code;
	struct systemd_bus *b = calloc(1, sizeof(*b));
	if (!b)
		return err_set(e, ENOMEM, "connect to systemd");
	if (open_library(&b->lib, e) < 0) {
		free(b);
		return -e->code;
	}
	int r = user_session ? open_user_bus(&b->lib, &b->bus) : b->lib.sd_bus_open_system(&b->bus);
	if (r < 0) {
		dlclose(b->lib.handle);
		free(b);
		return err_set(e, -r, "--systemd-cgroup: connect to %s",
			       user_session ? "the user's bus" : "the system bus");
	}
	*ret = b;
	return 0;
}

void systemd_disconnect(struct systemd_bus **bus)
{
	if (!*bus)
		return;
	(*bus)->lib.sd_bus_flush_close_unref((*bus)->bus);
	dlclose((*bus)->lib.handle);
	free(*bus);
	*bus = NULL;
}

/* ---- properties ---- */

static int append_value(const struct library *l, sd_bus_message *m, const struct systemd_property *p)
{
	int r = 0;

	if (strcmp(p->type, "b") == 0)
		return l->sd_bus_message_append(m, "b", (int)p->v.boolean);
	if (strcmp(p->type, "s") == 0)
		return l->sd_bus_message_append(m, "s", p->v.string);
	if (strcmp(p->type, "t") == 0)
		return l->sd_bus_message_append(m, "t", p->v.number);
	if (strcmp(p->type, "u") == 0)
		return l->sd_bus_message_append(m, "u", (uint32_t)p->v.number);
	if (strcmp(p->type, "i") == 0)
		return l->sd_bus_message_append(m, "i", (int32_t)p->v.number);
	if (strcmp(p->type, "au") == 0)
		return l->sd_bus_message_append(m, "au", 1, p->v.pid);
	if (strcmp(p->type, "a(st)") == 0)
		return l->sd_bus_message_append(m, "a(st)", 1, p->v.device.path, p->v.device.value);
	if (strcmp(p->type, "ay") == 0)
		return l->sd_bus_message_append_array(m, 'y', p->v.bytes.data, p->v.bytes.n);
	if (strcmp(p->type, "as") != 0)
		return -EINVAL;
	r = l->sd_bus_message_open_container(m, 'a', "s");
	for (size_t i = 0; r >= 0 && i < p->v.strings.n; i++)
		r = l->sd_bus_message_append(m, "s", p->v.strings.items[i]);
	return r < 0 ? r : l->sd_bus_message_close_container(m);
}

/* a(sv) */
static int append_properties(const struct library *l, sd_bus_message *m, const struct systemd_properties *p)
{
	int r = l->sd_bus_message_open_container(m, 'a', "(sv)");

	for (size_t i = 0; r >= 0 && i < p->n; i++) {
		r = l->sd_bus_message_open_container(m, 'r', "sv");
		if (r >= 0)
			r = l->sd_bus_message_append(m, "s", p->item[i].name);
		if (r >= 0)
			r = l->sd_bus_message_open_container(m, 'v', p->item[i].type);
		if (r >= 0)
			r = append_value(l, m, &p->item[i]);
		if (r >= 0)
			r = l->sd_bus_message_close_container(m);
		if (r >= 0)
			r = l->sd_bus_message_close_container(m);
	}
	return r < 0 ? r : l->sd_bus_message_close_container(m);
}

/* ---- calls ---- */

/* Takes over @error. */
static int explain(const struct library *l, int r, sd_bus_error *error, const char *method, const char *unit,
		   struct err *e)
{
	static const struct {
		const char *name;
		int code;
	} codes[] = {
		{ "org.freedesktop.systemd1.NoSuchUnit", ENOENT },
		{ "org.freedesktop.systemd1.UnitExists", EEXIST },
		{ "org.freedesktop.DBus.Error.AccessDenied", EACCES },
	};
	int code = r < 0 ? -r : EIO;

	for (size_t i = 0; error->name && i < sizeof(codes) / sizeof(codes[0]); i++)
		if (strcmp(error->name, codes[i].name) == 0)
			code = codes[i].code;
	if (error->message)
		err_say(e, code, "systemd: %s '%s': %s", method, unit, error->message);
	else
		err_set(e, code, "systemd: %s '%s'", method, unit);
	l->sd_bus_error_free(error);
	return -e->code;
}

/* A job that was asked for: JobRemoved tells its end. */
struct job {
	const struct library *lib;
	char path[128];
	bool done;
	char result[32]; /* "done", "failed", "timeout", ... */
};

static int on_job_removed(sd_bus_message *m, void *userdata, sd_bus_error *ret_error)
{
	struct job *job = userdata;
	const char *path, *unit, *result;
	uint32_t id;

	(void)ret_error;
	int r = job->lib->sd_bus_message_read(m, "uoss", &id, &path, &unit, &result);
	if (r >= 0 && strcmp(path, job->path) == 0) {
		job->done = true;
		snprintf(job->result, sizeof(job->result), "%s", result);
	}
	return 0;
}

static uint64_t now_us(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000 + (uint64_t)t.tv_nsec / 1000;
}

static int wait_for_job(struct systemd_bus *b, struct job *job, const char *method, const char *unit, struct err *e)
{
	for (uint64_t end = now_us() + job_timeout_us; !job->done;) {
		int r = b->lib.sd_bus_process(b->bus, NULL);
		uint64_t now = now_us();
		if (r == 0 && now >= end)
			return err_say(e, ETIMEDOUT, "systemd: %s '%s': the job does not end", method, unit);
		if (r == 0)
			r = b->lib.sd_bus_wait(b->bus, end - now);
		if (r < 0 && r != -EINTR)
			return err_set(e, -r, "systemd: %s '%s': wait for the job", method, unit);
	}
	if (strcmp(job->result, "done") != 0)
		return err_say(e, EIO, "systemd: %s '%s': the job ended with '%s'", method, unit, job->result);
	return 0;
}

/* Sends @m, whose reply is a job, and waits for the job's end. */
static int call_job(struct systemd_bus *b, sd_bus_message *m, const char *method, const char *unit, struct err *e)
{
	const struct library *l = &b->lib;
	struct job job = { .lib = l };
	sd_bus_error error = SD_BUS_ERROR_NULL;
	sd_bus_message *reply = NULL;
	sd_bus_slot *slot = NULL;
	const char *path;

	/* Listening begins before the job does. Signals that come while sd_bus_call waits are kept for later. */
	int r = l->sd_bus_match_signal(b->bus, &slot, MANAGER, "JobRemoved", on_job_removed, &job);
	if (r < 0)
		return err_set(e, -r, "systemd: listen for jobs");
	r = l->sd_bus_call(b->bus, m, job_timeout_us, &error, &reply);
	if (r >= 0)
		r = l->sd_bus_message_read(reply, "o", &path);
	if (r < 0) {
		r = explain(l, r, &error, method, unit, e);
	} else {
		snprintf(job.path, sizeof(job.path), "%s", path);
		r = wait_for_job(b, &job, method, unit, e);
	}
	l->sd_bus_message_unref(reply);
	l->sd_bus_slot_unref(slot);
	return r;
}

int systemd_start_unit(struct systemd_bus *b, const char *unit, const struct systemd_properties *p, struct err *e)
{
	const struct library *l = &b->lib;
	sd_bus_message *m = NULL;

	int r = l->sd_bus_message_new_method_call(b->bus, &m, MANAGER, "StartTransientUnit");
	if (r >= 0)
		r = l->sd_bus_message_append(m, "ss", unit, "fail");
	if (r >= 0)
		r = append_properties(l, m, p);
	if (r >= 0)
		r = l->sd_bus_message_append(m, "a(sa(sv))", 0);
	r = r < 0 ? err_set(e, -r, "systemd: describe '%s'", unit) : call_job(b, m, "StartTransientUnit", unit, e);
	l->sd_bus_message_unref(m);
	return r;
}

int systemd_stop_unit(struct systemd_bus *b, const char *unit, struct err *e)
{
	const struct library *l = &b->lib;
	sd_bus_message *m = NULL;

	int r = l->sd_bus_message_new_method_call(b->bus, &m, MANAGER, "StopUnit");
	if (r >= 0)
		r = l->sd_bus_message_append(m, "ss", unit, "replace");
	r = r < 0 ? err_set(e, -r, "systemd: stop '%s'", unit) : call_job(b, m, "StopUnit", unit, e);
	l->sd_bus_message_unref(m);
	return r == -ENOENT ? 0 : r;
}

int systemd_reset_failed_unit(struct systemd_bus *b, const char *unit, struct err *e)
{
	sd_bus_error error = SD_BUS_ERROR_NULL;

	int r = b->lib.sd_bus_call_method(b->bus, MANAGER, "ResetFailedUnit", &error, NULL, "s", unit);
	if (r < 0)
		r = explain(&b->lib, r, &error, "ResetFailedUnit", unit, e);
	return r == -ENOENT ? 0 : r;
}

int systemd_set_properties(struct systemd_bus *b, const char *unit, const struct systemd_properties *p, struct err *e)
{
	const struct library *l = &b->lib;
	sd_bus_error error = SD_BUS_ERROR_NULL;
	sd_bus_message *m = NULL;

	int r = l->sd_bus_message_new_method_call(b->bus, &m, MANAGER, "SetUnitProperties");
	if (r >= 0)
		r = l->sd_bus_message_append(m, "sb", unit, 1); /* 1: until the next boot, as the unit itself */
	if (r >= 0)
		r = append_properties(l, m, p);
	if (r >= 0)
		r = l->sd_bus_call(b->bus, m, job_timeout_us, &error, NULL);
	if (r < 0)
		r = explain(l, r, &error, "SetUnitProperties", unit, e);
	l->sd_bus_message_unref(m);
	return r;
}
