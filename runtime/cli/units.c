/* Values on the command line that carry a unit or a shape: sizes, durations, users. */
#include "runtime/cli/cli.h"

#include "lib/clock.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* Digits with an optional fraction; *end is where they end. */
static bool read_decimal(const char *s, double *ret, const char **end)
{
	size_t digits = strspn(s, "0123456789"), all = digits;

	if (digits == 0)
		return false;
	if (s[digits] == '.') {
		size_t fraction = strspn(s + digits + 1, "0123456789");
		if (fraction == 0)
			return false;
		all = digits + 1 + fraction;
	}
	*ret = strtod(s, NULL);
	*end = s + all;
	return true;
}

int cli_size_bytes(const char *text, int64_t *ret, struct err *e)
{
	static const char units[] = "kmgtp";
	double v;
	const char *s;

	if (strcmp(text, "-1") == 0)
		return *ret = -1, 0;
	if (!read_decimal(text, &v, &s))
		return err_say(e, EINVAL, "invalid size: '%s'", text);
	/* A plain number keeps all its digits. */
	if (!*s && !memchr(text, '.', (size_t)(s - text))) {
		errno = 0;
		long long exact = strtoll(text, NULL, 10);
		if (errno)
			return err_say(e, ERANGE, "invalid size: '%s': out of range", text);
		return *ret = exact, 0;
	}
	if (*s == ' ' && s[1])
		s++;
	const char *unit = *s ? strchr(units, tolower((unsigned char)*s)) : NULL;
	if (unit) {
		for (const char *u = units; u <= unit; u++)
			v *= 1024;
		s++;
		if (strcasecmp(s, "ib") == 0)
			s += 2;
	}
	if (strcasecmp(s, "b") == 0)
		s++;
	if (*s)
		return err_say(e, EINVAL, "invalid size: '%s'", text);
	if (v >= 9223372036854775807.0)
		return err_say(e, ERANGE, "invalid size: '%s': out of range", text);
	*ret = (int64_t)v;
	return 0;
}

int cli_duration_ms(const char *text, int64_t *ret, struct err *e)
{
	static const struct {
		const char *unit;
		double ms;
	} units[] = { { "ms", 1 },	{ "us", 1e-3 }, { "ns", 1e-6 },
		      { "h", 3600e3 }, { "m", 60e3 },	{ "s", 1e3 } };
	const char *s = text;
	double sum = 0, v;

	do {
		size_t i, n = sizeof(units) / sizeof(*units);
		if (!read_decimal(s, &v, &s))
			return err_say(e, EINVAL, "invalid duration \"%s\"", text);
		for (i = 0; i < n && strncmp(s, units[i].unit, strlen(units[i].unit)) != 0; i++)
			;
		if (i == n)
			return err_say(e, EINVAL, "invalid duration \"%s\": say the unit, as in 5s or 500ms", text);
		sum += v * units[i].ms;
		s += strlen(units[i].unit);
	} while (*s);
	if (sum > 1e12)
		return err_say(e, ERANGE, "invalid duration \"%s\": out of range", text);
	*ret = (int64_t)sum;
	return 0;
}

int cli_moment(const char *text, struct timespec *ret, struct err *e)
{
	struct err ignored = ERR_INIT;
	int64_t ms;
	char *end;

	if (clock_parse(text, ret))
		return 0;
	if (cli_duration_ms(text, &ms, &ignored) == 0) {
		clock_gettime(CLOCK_REALTIME, ret);
		ret->tv_sec -= ms / 1000;
		ret->tv_nsec -= ms % 1000 * 1000000;
		if (ret->tv_nsec < 0) {
			ret->tv_nsec += 1000000000;
			ret->tv_sec--;
		}
		return 0;
	}
	errno = 0;
	long long seconds = strtoll(text, &end, 10);
	if (errno || *end || text[0] < '0' || text[0] > '9')
		return err_say(e, EINVAL, "invalid time \"%s\": say how long ago, as 10m, or when, as "
			       "2001-02-03T04:05:06Z", text);
	*ret = (struct timespec){ .tv_sec = seconds };
	return 0;
}

/* An id that a process can have: 4294967295 means "leave as it is" to setuid's family. */
static bool read_id(const char *s, size_t len, uint32_t *ret)
{
	uint64_t v = 0;

	if (len == 0 || len > 10)
		return false;
	for (size_t i = 0; i < len; i++) {
		if (s[i] < '0' || s[i] > '9')
			return false;
		v = v * 10 + (uint64_t)(s[i] - '0');
	}
	if (v >= UINT32_MAX)
		return false;
	*ret = (uint32_t)v;
	return true;
}

int cli_user(const char *text, uint32_t *ret_uid, struct spec_u64 *ret_gid, struct err *e)
{
	const char *colon = strchr(text, ':');
	uint32_t uid, gid = 0;

	/* Strict: a user that was half understood would be root. */
	if (!read_id(text, colon ? (size_t)(colon - text) : strlen(text), &uid) ||
	    (colon && !read_id(colon + 1, strlen(colon + 1), &gid)))
		return err_say(e, EINVAL, "invalid user \"%s\": expected UID[:GID] in numbers", text);
	*ret_uid = uid;
	*ret_gid = (struct spec_u64){ .set = colon != NULL, .v = gid };
	return 0;
}
