#include "cgroups/systemd/bus.h"

#include "lib/clock.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define MANAGER "org.freedesktop.systemd1", "/org/freedesktop/systemd1", "org.freedesktop.systemd1.Manager"

static const int64_t job_timeout_us = 30 * INT64_C(1000000);

static int open_address(const char *address, sd_bus **ret)
{
	sd_bus *bus = NULL;

	int r = sd_bus_new(&bus);
	if (r >= 0)
		r = sd_bus_set_address(bus, address);
	if (r >= 0)
		r = sd_bus_set_bus_client(bus, 1);
	if (r >= 0)
		r = sd_bus_start(bus);
	if (r < 0) {
		sd_bus_flush_close_unref(bus);
		return r;
	}
	*ret = bus;
	return 0;
}

int bus_open(const char *address, sd_bus **ret, struct err *e)
{
	int r = address ? open_address(address, ret) : sd_bus_open_system(ret);
	if (r < 0)
		return err_set(e, -r, "--systemd-cgroup: connect to %s", address ? "the user's bus" : "the system bus");
	return 0;
}

/* ---- properties ---- */

static int append_value(sd_bus_message *m, const struct systemd_property *p)
{
	int r = 0;

	if (strcmp(p->type, "b") == 0)
		return sd_bus_message_append(m, "b", (int)p->v.boolean);
	if (strcmp(p->type, "s") == 0)
		return sd_bus_message_append(m, "s", p->v.string);
	if (strcmp(p->type, "t") == 0)
		return sd_bus_message_append(m, "t", p->v.number);
	if (strcmp(p->type, "u") == 0)
		return sd_bus_message_append(m, "u", (uint32_t)p->v.number);
	if (strcmp(p->type, "i") == 0)
		return sd_bus_message_append(m, "i", (int32_t)p->v.number);
	if (strcmp(p->type, "au") == 0)
		return sd_bus_message_append(m, "au", 1, p->v.pid);
	if (strcmp(p->type, "a(st)") == 0)
		return sd_bus_message_append(m, "a(st)", 1, p->v.device.path, p->v.device.value);
	if (strcmp(p->type, "ay") == 0)
		return sd_bus_message_append_array(m, 'y', p->v.bytes.data, p->v.bytes.n);
	if (strcmp(p->type, "as") != 0)
		return -EINVAL;
	r = sd_bus_message_open_container(m, 'a', "s");
	for (size_t i = 0; r >= 0 && i < p->v.strings.n; i++)
		r = sd_bus_message_append(m, "s", p->v.strings.items[i]);
	return r < 0 ? r : sd_bus_message_close_container(m);
}

/* a(sv) */
static int append_properties(sd_bus_message *m, const struct systemd_properties *p)
{
	int r = sd_bus_message_open_container(m, 'a', "(sv)");

	for (size_t i = 0; r >= 0 && i < p->n; i++) {
		r = sd_bus_message_open_container(m, 'r', "sv");
		if (r >= 0)
			r = sd_bus_message_append(m, "s", p->item[i].name);
		if (r >= 0)
			r = sd_bus_message_open_container(m, 'v', p->item[i].type);
		if (r >= 0)
			r = append_value(m, &p->item[i]);
		if (r >= 0)
			r = sd_bus_message_close_container(m);
		if (r >= 0)
			r = sd_bus_message_close_container(m);
	}
	return r < 0 ? r : sd_bus_message_close_container(m);
}

/* ---- calls ---- */

/* Takes over @error. */
static int explain(int r, sd_bus_error *error, const char *method, const char *unit, struct err *e)
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
	sd_bus_error_free(error);
	return -e->code;
}

/* A job that was asked for: JobRemoved tells its end. */
struct job {
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
	int r = sd_bus_message_read(m, "uoss", &id, &path, &unit, &result);
	if (r >= 0 && strcmp(path, job->path) == 0) {
		job->done = true;
		snprintf(job->result, sizeof(job->result), "%s", result);
	}
	return 0;
}

static int wait_for_job(sd_bus *bus, struct job *job, const char *method, const char *unit, struct err *e)
{
	for (int64_t end = clock_us() + job_timeout_us; !job->done;) {
		int r = sd_bus_process(bus, NULL);
		int64_t now = clock_us();
		if (r == 0 && now >= end)
			return err_say(e, ETIMEDOUT, "systemd: %s '%s': the job does not end", method, unit);
		if (r == 0)
			r = sd_bus_wait(bus, (uint64_t)(end - now));
		if (r < 0 && r != -EINTR)
			return err_set(e, -r, "systemd: %s '%s': wait for the job", method, unit);
	}
	if (strcmp(job->result, "done") != 0)
		return err_say(e, EIO, "systemd: %s '%s': the job ended with '%s'", method, unit, job->result);
	return 0;
}

/* Sends @m, whose reply is a job, and waits for the job's end. */
static int call_job(sd_bus *bus, sd_bus_message *m, const char *method, const char *unit, struct err *e)
{
	struct job job = { 0 };
	sd_bus_error error = SD_BUS_ERROR_NULL;
	sd_bus_message *reply = NULL;
	sd_bus_slot *slot = NULL;
	const char *path;

	/* Listening begins before the job does. Signals that come while sd_bus_call waits are kept for later. */
	int r = sd_bus_match_signal(bus, &slot, MANAGER, "JobRemoved", on_job_removed, &job);
	if (r < 0)
		return err_set(e, -r, "systemd: listen for jobs");
	r = sd_bus_call(bus, m, job_timeout_us, &error, &reply);
	if (r >= 0)
		r = sd_bus_message_read(reply, "o", &path);
	if (r < 0) {
		r = explain(r, &error, method, unit, e);
	} else {
		snprintf(job.path, sizeof(job.path), "%s", path);
		r = wait_for_job(bus, &job, method, unit, e);
	}
	sd_bus_message_unref(reply);
	sd_bus_slot_unref(slot);
	return r;
}

static int start_unit(sd_bus *bus, const char *unit, const struct systemd_properties *p, struct err *e)
{
	sd_bus_message *m = NULL;

	int r = sd_bus_message_new_method_call(bus, &m, MANAGER, "StartTransientUnit");
	if (r >= 0)
		r = sd_bus_message_append(m, "ss", unit, "fail");
	if (r >= 0)
		r = append_properties(m, p);
	if (r >= 0)
		r = sd_bus_message_append(m, "a(sa(sv))", 0);
	r = r < 0 ? err_set(e, -r, "systemd: describe '%s'", unit) : call_job(bus, m, "StartTransientUnit", unit, e);
	sd_bus_message_unref(m);
	return r;
}

static int stop_unit(sd_bus *bus, const char *unit, struct err *e)
{
	sd_bus_message *m = NULL;

	int r = sd_bus_message_new_method_call(bus, &m, MANAGER, "StopUnit");
	if (r >= 0)
		r = sd_bus_message_append(m, "ss", unit, "replace");
	r = r < 0 ? err_set(e, -r, "systemd: stop '%s'", unit) : call_job(bus, m, "StopUnit", unit, e);
	sd_bus_message_unref(m);
	return r;
}

static int reset_failed_unit(sd_bus *bus, const char *unit, struct err *e)
{
	sd_bus_error error = SD_BUS_ERROR_NULL;

	int r = sd_bus_call_method(bus, MANAGER, "ResetFailedUnit", &error, NULL, "s", unit);
	if (r < 0)
		r = explain(r, &error, "ResetFailedUnit", unit, e);
	return r;
}

static int set_properties(sd_bus *bus, const char *unit, const struct systemd_properties *p, struct err *e)
{
	sd_bus_error error = SD_BUS_ERROR_NULL;
	sd_bus_message *m = NULL;

	int r = sd_bus_message_new_method_call(bus, &m, MANAGER, "SetUnitProperties");
	if (r >= 0)
		r = sd_bus_message_append(m, "sb", unit, 1); /* 1: until the next boot, as the unit itself */
	if (r >= 0)
		r = append_properties(m, p);
	if (r >= 0)
		r = sd_bus_call(bus, m, job_timeout_us, &error, NULL);
	if (r < 0)
		r = explain(r, &error, "SetUnitProperties", unit, e);
	sd_bus_message_unref(m);
	return r;
}

int bus_do(sd_bus *bus, const struct systemd_request *q, struct err *e)
{
	switch (q->method) {
	case SYSTEMD_START:
		return start_unit(bus, q->unit, &q->properties, e);
	case SYSTEMD_STOP:
		return stop_unit(bus, q->unit, e);
	case SYSTEMD_RESET_FAILED:
		return reset_failed_unit(bus, q->unit, e);
	case SYSTEMD_SET_PROPERTIES:
		return set_properties(bus, q->unit, &q->properties, e);
	case SYSTEMD_METHODS:
		break;
	}
	return err_say(e, EINVAL, "systemd: '%s': no such request", q->unit);
}
