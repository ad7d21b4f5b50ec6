/* --network-rate and its like: numbers with units, as tc(8) writes them. */
#include "runtime/cli/shaping.h"

#include "runtime/cli/cli.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

struct unit {
	const char *name;
	double factor;
};

static const struct unit rates[] = {
	{ "", 1 },	{ "bit", 1 },  { "k", 1e3 },	{ "kbit", 1e3 }, { "m", 1e6 },
	{ "mbit", 1e6 }, { "g", 1e9 }, { "gbit", 1e9 }, { NULL },
};
static const struct unit times[] = { { "us", 1 }, { "ms", 1e3 }, { "s", 1e6 }, { NULL } };
static const struct unit shares[] = { { "%", 1e4 }, { "", 1e4 }, { NULL } };

/* @max: the most that makes sense, in what the factors lead to. */
static int parse(const char *option, const char *text, const struct unit *units, double max, const char *expected,
		 uint64_t *ret, struct err *e)
{
	char *end;
	double v = strtod(text, &end);

	/* No sign, no exponent, no "inf". */
	bool plain = end > text && strspn(text, "0123456789.") == (size_t)(end - text);
	for (; plain && units->name; units++) {
		if (strcasecmp(end, units->name) != 0)
			continue;
		v *= units->factor;
		if (!(v >= 1 && v <= max))
			break;
		*ret = (uint64_t)(v + 0.5);
		return 0;
	}
	return err_say(e, EINVAL, "%s '%s': expected %s", option, text, expected);
}

int cli_shaping(const struct cli_shaping *o, struct net_shaping *ret, struct err *e)
{
	struct net_shaping s = { 0 };
	uint64_t delay = 0, jitter = 0, loss = 0;
	int64_t burst = 0;

	if (o->rate && parse("--network-rate", o->rate, rates, 1e13, "bits a second, such as 10mbit", &s.rate_bps, e) < 0)
		return -e->code;
	if (o->burst && (cli_size_bytes(o->burst, &burst, e) < 0 || burst <= 0 || burst > UINT32_MAX))
		return err_say(e, EINVAL, "--network-burst '%s': expected a size, such as 64k", o->burst);
	if (o->delay && parse("--network-delay", o->delay, times, 60e6, "a time up to a minute, such as 20ms", &delay, e) < 0)
		return -e->code;
	if (o->jitter &&
	    parse("--network-jitter", o->jitter, times, 60e6, "a time up to a minute, such as 5ms", &jitter, e) < 0)
		return -e->code;
	if (o->loss && parse("--network-loss", o->loss, shares, 1e6, "a part in a hundred, such as 0.5%", &loss, e) < 0)
		return -e->code;
	s.burst_bytes = (uint64_t)burst;
	s.delay_us = (uint32_t)delay;
	s.jitter_us = (uint32_t)jitter;
	s.loss_ppm = (uint32_t)loss;
	*ret = s;
	return 0;
}
