/* Which snapshots of a container go, and which stay. */
#include "runtime/snapshot/snapshot.h"

#include "lib/clock.h"
#include "runtime/clone/clone.h"

bool snapshot_goes(const struct snapshot_verdict *v)
{
	return !v->user && (v->expired || (v->chosen && !v->kept));
}

/* Both times have been checked when they were read. */
static time_t seconds(const char *time)
{
	struct timespec t = { 0 };

	clock_parse(time, &t);
	return t.tv_sec;
}

/* Anybody who stands for all. */
static int find_user(struct runtime *rt, const struct snapshots *s, struct snapshot_verdict *v, struct err *e)
{
	const char **users;
	size_t n;

	if (clone_users(rt, snapshot_directory(s, &v->s, &rt->arena), &users, &n, e) < 0)
		return -e->code;
	v->user = n ? users[0] : NULL;
	return 0;
}

int snapshots_judge(struct runtime *rt, const struct snapshots *s, const struct retention *keep, time_t now,
		    struct snapshot_verdict **ret, size_t *ret_n, struct err *e)
{
	struct snapshot *all;
	size_t n, left = 0;

	if (snapshots_list(rt, s, &all, &n, e) < 0)
		return -e->code;
	struct snapshot_verdict *verdicts = arena_new_array(&rt->arena, n, struct snapshot_verdict);
	time_t *times = arena_new_array(&rt->arena, n, time_t);
	unsigned *why = arena_new_array(&rt->arena, n, unsigned);
	for (size_t i = 0; i < n; i++) {
		struct snapshot_verdict *v = &verdicts[i];
		v->s = all[n - 1 - i];
		v->expired = v->s.expires && seconds(v->s.expires) <= now;
		v->chosen = retention_is_set(keep);
		if (find_user(rt, s, v, e) < 0)
			return -e->code;
		if (!v->expired)
			times[left++] = seconds(v->s.created);
	}
	retention_apply(keep, times, left, why);
	for (size_t i = 0, at = 0; i < n; i++)
		if (!verdicts[i].expired)
			verdicts[i].kept = why[at++];
	*ret = verdicts;
	*ret_n = n;
	return 0;
}
