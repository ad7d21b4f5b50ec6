/* Health checks: an image's, changed by --health-* and --no-healthcheck. */
#include "runtime/launch/plan.h"

#include <errno.h>
#include <string.h>

enum { INTERVAL_MS = 30000, TIMEOUT_MS = 30000, START_INTERVAL_MS = 5000, RETRIES = 3 };

static int64_t choose_ms(const struct spec_i64 *option, int64_t image_ns, int64_t otherwise)
{
	return option->set ? option->v : image_ns > 0 ? (image_ns + 999999) / 1000000 : otherwise;
}

/* "CMD" is followed by words, "CMD-SHELL" by a text for a shell. */
static int plan_test(const struct image_healthcheck *h, struct arena *a, struct launched_health *ret, struct err *e)
{
	const char *kind = h->n_test > 0 ? h->test[0] : "NONE";

	if (strcmp(kind, "NONE") == 0)
		return 0;
	if (strcmp(kind, "CMD") != 0 && strcmp(kind, "CMD-SHELL") != 0)
		return err_say(e, EINVAL, "the image's health check: '%s' is neither CMD, CMD-SHELL nor NONE", kind);
	if (strcmp(kind, "CMD-SHELL") == 0) {
		*arena_push(a, &ret->command, &ret->n_command) = "/bin/sh";
		*arena_push(a, &ret->command, &ret->n_command) = "-c";
	}
	for (size_t i = 1; i < h->n_test; i++)
		*arena_push(a, &ret->command, &ret->n_command) = h->test[i];
	return 0;
}

static bool has_health_option(const struct launch_options *o)
{
	return o->health_cmd || o->health_interval_ms.set || o->health_timeout_ms.set || o->health_start_period_ms.set ||
	       o->health_start_interval_ms.set || o->health_retries.set;
}

int launch_plan_health(const struct launch_options *o, const struct image_config *image, struct arena *a,
		       struct launched *l, struct err *e)
{
	static const struct image_healthcheck none = { 0 };
	const char *shell[] = { "CMD-SHELL", o->health_cmd };
	struct image_healthcheck h = image && image->healthcheck ? *image->healthcheck : none;
	struct launched_health *ret = &l->health;

	if (o->no_healthcheck)
		return has_health_option(o) ?
		       err_say(e, EINVAL, "--no-healthcheck contradicts the other options of health checks") : 0;
	if (o->health_cmd) {
		h.test = shell;
		h.n_test = strcmp(o->health_cmd, "none") == 0 ? 0 : 2;
	}
	if (plan_test(&h, a, ret, e) < 0)
		return -e->code;
	if (!ret->command)
		return 0;
	*arena_push(a, &ret->command, &ret->n_command) = NULL;
	ret->n_command--;
	ret->interval_ms = choose_ms(&o->health_interval_ms, h.interval_ns, INTERVAL_MS);
	ret->timeout_ms = choose_ms(&o->health_timeout_ms, h.timeout_ns, TIMEOUT_MS);
	ret->start_period_ms = choose_ms(&o->health_start_period_ms, h.start_period_ns, 0);
	ret->start_interval_ms = choose_ms(&o->health_start_interval_ms, h.start_interval_ns, START_INTERVAL_MS);
	ret->retries = o->health_retries.set ? o->health_retries.v : h.retries > 0 ? h.retries : RETRIES;
	if (ret->interval_ms <= 0 || ret->timeout_ms <= 0 || ret->start_interval_ms <= 0 || ret->retries <= 0 ||
	    ret->start_period_ms < 0)
		return err_say(e, EINVAL, "--health-*: intervals, timeouts and retries must be more than nothing");
	return 0;
}
