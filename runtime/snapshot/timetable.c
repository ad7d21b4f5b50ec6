#include "runtime/snapshot/snapshot.h"

#include "lib/clock.h"
#include "lib/file.h"
#include "lib/json.h"
#include "runtime/snapshot/schedule.h"
#include "spec/decode.h"

#include <errno.h>
#include <unistd.h>

#define DOCUMENT ".schedule"

enum { DOCUMENT_MAX = 64 * 1024 };

#define MEMBER(member) AT(struct snapshot_timetable, member)
static const struct field keep_fields[] = {
	{ "last", FIELD_INT, MEMBER(keep.keep[KEEP_LAST]) },	   { "hourly", FIELD_INT, MEMBER(keep.keep[KEEP_HOURLY]) },
	{ "daily", FIELD_INT, MEMBER(keep.keep[KEEP_DAILY]) },	   { "weekly", FIELD_INT, MEMBER(keep.keep[KEEP_WEEKLY]) },
	{ "monthly", FIELD_INT, MEMBER(keep.keep[KEEP_MONTHLY]) }, { "yearly", FIELD_INT, MEMBER(keep.keep[KEEP_YEARLY]) },
};
static const struct object keep_object = { FIELDS(keep_fields) };

static const struct field fields[] = {
	{ "schedule", FIELD_STRING, MEMBER(schedule), .required = true },
	{ "expire", FIELD_STRING, MEMBER(expire) },
	{ "memory", FIELD_BOOL, MEMBER(memory) },
	{ "keep", FIELD_WITHIN, .object = &keep_object },
	{ "last", FIELD_STRING, MEMBER(last), .required = true },
};
static const struct object object = { FIELDS(fields) };

int timetable_load(struct runtime *rt, const struct snapshots *s, struct snapshot_timetable *ret, struct err *e)
{
	cleanup_buf struct buf text = BUF_INIT;
	struct snapshot_timetable t = { 0 };
	struct schedule schedule;
	struct timespec last;

	if (s->dir < 0)
		return -ENOENT;
	if (file_read_at(s->dir, DOCUMENT, DOCUMENT_MAX, &text, e) < 0)
		return -e->code;
	if (decode_document(buf_text(&text), text.len, &object, &rt->arena, &t, e) < 0 ||
	    schedule_parse(t.schedule, &schedule, e) < 0)
		return err_wrap(e, "the schedule of container '%s'", s->l->name);
	if (!clock_parse(t.last, &last))
		return err_say(e, EBADMSG, "the schedule of container '%s': its time makes no sense", s->l->name);
	*ret = t;
	return 0;
}

int timetable_save(const struct snapshots *s, const struct snapshot_timetable *t, struct err *e)
{
	cleanup_buf struct buf b = BUF_INIT;
	struct json_writer w = { .out = &b, .pretty = true };

	if (!t)
		return unlinkat(s->dir, DOCUMENT, 0) < 0 && errno != ENOENT ? err_set(e, errno, "remove the schedule") : 0;
	json_begin_object(&w, NULL);
	json_string(&w, "schedule", t->schedule);
	if (t->expire)
		json_string(&w, "expire", t->expire);
	json_bool(&w, "memory", t->memory);
	json_begin_object(&w, "keep");
	for (int kind = 0; kind < KEEP_KINDS; kind++)
		if (t->keep.keep[kind])
			json_int(&w, keep_name(kind), t->keep.keep[kind]);
	json_end_object(&w);
	json_string(&w, "last", t->last);
	json_end_object(&w);
	buf_char(&b, '\n');
	return file_replace_at(s->dir, DOCUMENT, 0600, b.data, b.len, e);
}

bool timetable_next(const struct snapshot_timetable *t, time_t *ret)
{
	struct err ignored = ERR_INIT;
	struct timespec last = { 0 };
	struct schedule s;

	clock_parse(t->last, &last); /* both were checked when they were read */
	return schedule_parse(t->schedule, &s, &ignored) == 0 && schedule_next(&s, last.tv_sec, ret);
}
