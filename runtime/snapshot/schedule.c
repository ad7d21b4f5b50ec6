#include "runtime/snapshot/schedule.h"

#include "lib/clock.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* From a 29th of February to the next that is the same day of the week may be 40 years. */
enum { MINUTE_S = 60, HOUR_S = 3600, DAY_S = 24 * HOUR_S, DAYS_MAX = 366 * 41 };

static const char *const months[] = { "jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec" };
static const char *const weekdays[] = { "sun", "mon", "tue", "wed", "thu", "fri", "sat" };

static const struct part {
	const char *what;
	int min, max, last; /* last: of "5/2", which has no end */
	const char *const *names; /* of min and so on */
	size_t n_names;
} parts[] = {
	{ "minute", 0, 59, 59, NULL, 0 },
	{ "hour", 0, 23, 23, NULL, 0 },
	{ "day", 1, 31, 31, NULL, 0 },
	{ "month", 1, 12, 12, months, 12 },
	{ "weekday", 0, 7, 6, weekdays, 7 },
};
enum { MINUTE, HOUR, DAY, MONTH, WEEKDAY, PARTS };

/* ---- reading ---- */

/* A number, or a name; -1: neither. */
static int read_value(const struct part *p, const char **at)
{
	char *end;

	for (size_t i = 0; i < p->n_names; i++) {
		if (strncasecmp(*at, p->names[i], 3) != 0)
			continue;
		*at += 3;
		return p->min + (int)i;
	}
	if (**at < '0' || **at > '9')
		return -1;
	long v = strtol(*at, &end, 10);
	*at = end;
	return v >= p->min && v <= p->max ? (int)v : -1;
}

/* One of a list: "*", "5", "1-5", with "/2" behind. */
static bool read_range(const struct part *p, const char **at, uint64_t *bits)
{
	int from = p->min, to = p->max, step = 1;
	bool all = **at == '*', open_end = !all;

	if (all)
		(*at)++;
	else if ((from = to = read_value(p, at)) < 0)
		return false;
	if (!all && **at == '-') {
		(*at)++;
		if ((to = read_value(p, at)) < from)
			return false;
		open_end = false;
	}
	if (**at == '/') {
		const struct part steps = { .min = 1, .max = p->max };
		(*at)++;
		to = open_end ? p->last : to;
		if ((step = read_value(&steps, at)) < 0)
			return false;
	}
	for (int v = from; v <= to; v += step)
		*bits |= UINT64_C(1) << v;
	return true;
}

static bool read_part(const struct part *p, const char **at, uint64_t *ret, bool *ret_any)
{
	*ret = 0;
	*ret_any = **at == '*';
	do
		if (!read_range(p, at, ret))
			return false;
	while (**at == ',' && (*at)++ != NULL);
	return **at == '\0' || **at == ' ' || **at == '\t';
}

static const char *alias(const char *text)
{
	static const struct {
		const char *name, *text;
	} names[] = {
		{ "@hourly", "0 * * * *" },  { "@daily", "0 0 * * *" },	  { "@midnight", "0 0 * * *" }, { "@weekly", "0 0 * * 0" },
		{ "@monthly", "0 0 1 * *" }, { "@yearly", "0 0 1 1 *" }, { "@annually", "0 0 1 1 *" },
	};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (strcmp(text, names[i].name) == 0)
			return names[i].text;
	return text;
}

int schedule_parse(const char *text, struct schedule *ret, struct err *e)
{
	const char *at = alias(text);
	uint64_t bits[PARTS];
	bool any[PARTS];

	if (*at == '@')
		return err_say(e, EINVAL, "invalid schedule '%s': expected @hourly, @daily, @weekly, @monthly or @yearly", text);
	for (int i = 0; i < PARTS; i++) {
		at += strspn(at, " \t");
		if (!*at)
			return err_say(e, EINVAL, "invalid schedule '%s': expected MINUTE HOUR DAY MONTH WEEKDAY, or @daily and its "
				       "like", text);
		if (!read_part(&parts[i], &at, &bits[i], &any[i]))
			return err_say(e, EINVAL, "invalid schedule '%s': its %s makes no sense", text, parts[i].what);
	}
	if (at[strspn(at, " \t")])
		return err_say(e, EINVAL, "invalid schedule '%s': there is something behind the weekday", text);
	*ret = (struct schedule){
		.minutes = bits[MINUTE],
		.hours = bits[HOUR],
		.days = bits[DAY],
		.months = bits[MONTH],
		.weekdays = (bits[WEEKDAY] | bits[WEEKDAY] >> 7) & 0x7f,
		.any_day = any[DAY],
		.any_weekday = any[WEEKDAY],
	};
	return 0;
}

/* ---- the next ---- */

static bool has(uint64_t bits, long i)
{
	return bits >> i & 1;
}

static bool fits_day(const struct schedule *s, time_t midnight)
{
	struct clock_date d = clock_split(midnight);
	/* The first of January 1970 was a Thursday. */
	bool day = has(s->days, d.day), weekday = has(s->weekdays, (midnight / DAY_S + 4) % 7);

	if (!has(s->months, d.month))
		return false;
	return s->any_day || s->any_weekday ? day && weekday : day || weekday;
}

/* In that day, from @from seconds after midnight on; -1: no more. */
static long next_in_day(const struct schedule *s, long from)
{
	for (long minute = (from + MINUTE_S - 1) / MINUTE_S; minute < DAY_S / MINUTE_S; minute++)
		if (has(s->hours, minute / 60) && has(s->minutes, minute % 60))
			return minute * MINUTE_S;
	return -1;
}

bool schedule_next(const struct schedule *s, time_t t, time_t *ret)
{
	time_t midnight = (t + 1) / DAY_S * DAY_S;
	long from = (t + 1) % DAY_S, at;

	for (int i = 0; i < DAYS_MAX; i++, midnight += DAY_S, from = 0) {
		if (!fits_day(s, midnight) || (at = next_in_day(s, from)) < 0)
			continue;
		*ret = midnight + at;
		return true;
	}
	return false;
}
