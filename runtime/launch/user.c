/*
 * Users by the text of the container's /etc/passwd and /etc/group. Not by the C library: it would load modules and ask
 * daemons for users that the container could not know.
 */
#include "runtime/launch/plan.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { FIELDS = 7 };

/* Splits the next line at colons into @field, in the arena. Missing fields are "". False at the end of the text. */
static bool next_line(const char **text, struct arena *a, char *field[FIELDS])
{
	if (!**text)
		return false;
	size_t len = strcspn(*text, "\n");
	char *line = arena_strndup(a, *text, len);
	*text += len + ((*text)[len] == '\n');
	for (int i = 0; i < FIELDS; i++) {
		char *part = strsep(&line, ":");
		field[i] = part ? part : arena_strdup(a, "");
	}
	return true;
}

static bool parse_id(const char *s, uint32_t *ret)
{
	char *end;

	if (*s < '0' || *s > '9')
		return false;
	errno = 0;
	unsigned long long v = strtoull(s, &end, 10);
	if (errno || *end || v >= UINT32_MAX)
		return false;
	*ret = (uint32_t)v;
	return true;
}

/* By name, or by number when @name is one. A name of digits alone is a number, as everywhere. */
static bool find_passwd(const char *text, const char *name, struct arena *a, struct launch_user *u)
{
	char *field[FIELDS];
	uint32_t want, uid, gid;
	bool number = parse_id(name, &want);

	while (next_line(&text, a, field)) {
		if (!parse_id(field[2], &uid) || !parse_id(field[3], &gid))
			continue;
		if (number ? uid != want : strcmp(field[0], name) != 0)
			continue;
		u->uid = uid;
		u->gid = gid;
		u->name = field[0];
		u->home = field[5][0] == '/' ? field[5] : "/";
		return true;
	}
	return false;
}

static bool find_group(const char *text, const char *name, struct arena *a, uint32_t *ret)
{
	char *field[FIELDS];

	while (next_line(&text, a, field))
		if (strcmp(field[0], name) == 0 && parse_id(field[2], ret))
			return true;
	return false;
}

static void add_groups(const char *text, struct arena *a, struct launch_user *u)
{
	char *field[FIELDS], *member;
	uint32_t gid;

	while (next_line(&text, a, field)) {
		if (!parse_id(field[2], &gid) || gid == u->gid)
			continue;
		while ((member = strsep(&field[3], ",")))
			if (strcmp(member, u->name) == 0)
				*arena_push(a, &u->groups, &u->n_groups) = gid;
	}
}

int launch_find_group(const char *text, const struct launch_facts *f, struct arena *a, uint32_t *ret, struct err *e)
{
	if (parse_id(text, ret) || find_group(f->group, text, a, ret))
		return 0;
	return err_say(e, EINVAL, "no group '%s' in the container's /etc/group", text);
}

int launch_find_user(const char *text, const struct launch_facts *f, struct arena *a, struct launch_user *ret,
		     struct err *e)
{
	const char *colon = strchr(text, ':');
	const char *name = colon ? arena_strndup(a, text, (size_t)(colon - text)) : text;
	struct launch_user u = { .home = "/" };

	if (!*name || (colon && !colon[1]))
		return err_say(e, EINVAL, "expected USER or USER:GROUP");
	if (!find_passwd(f->passwd, name, a, &u) && !parse_id(name, &u.uid))
		return err_say(e, EINVAL, "no user '%s' in the container's /etc/passwd", name);
	if (colon) {
		if (launch_find_group(colon + 1, f, a, &u.gid, e) < 0)
			return -e->code;
	} else if (u.name)
		add_groups(f->group, a, &u);
	*ret = u;
	return 0;
}
