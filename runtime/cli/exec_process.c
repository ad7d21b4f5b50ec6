/* Which process `exec` runs: the container's own as the pattern, or a document, changed by options. */
#include "runtime/cli/exec.h"

#include "lib/file.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>

enum { PROCESS_SIZE_MAX = 16 << 20 };

static int load_process(const char *path, struct arena *a, struct spec_process **ret, struct err *e)
{
	cleanup_buf struct buf text = BUF_INIT;

	int r = file_read_at(AT_FDCWD, path, PROCESS_SIZE_MAX, &text, e);
	if (r < 0)
		return r;
	r = spec_parse_process(text.data, text.len, a, ret, e);
	return r < 0 ? err_wrap(e, "%s", path) : 0;
}

/* A later variable of the same name takes the place of the earlier one: getenv(3) finds the first. */
static int set_env(const struct cli_strings *set, struct arena *a, struct spec_process *p, struct err *e)
{
	const char **env = arena_new_array(a, p->n_env + set->n + 1, const char *);
	size_t n = p->n_env;

	if (n)
		memcpy(env, p->env, n * sizeof(*env));
	for (size_t i = 0; i < set->n; i++) {
		const char *equals = strchr(set->v[i], '=');
		if (!equals || equals == set->v[i])
			return err_say(e, EINVAL, "invalid environment variable \"%s\": expected NAME=VALUE",
				       set->v[i]);
		size_t len = (size_t)(equals + 1 - set->v[i]), at = 0;
		while (at < n && strncmp(env[at], set->v[i], len) != 0)
			at++;
		env[at] = set->v[i];
		n += at == n;
	}
	p->env = env;
	p->n_env = n;
	return 0;
}

/*
 * Not the inheritable set: what the program executes would get them too (CVE-2022-29162). Ambient ones follow where the
 * container's configuration has inheritable ones already, as engines expect.
 */
static int add_caps(const struct cli_strings *caps, struct arena *a, struct spec_process *p, struct err *e)
{
	struct spec_capabilities *c = arena_new(a, struct spec_capabilities);

	if (p->capabilities)
		*c = *p->capabilities;
	for (size_t i = 0; i < caps->n; i++) {
		int number = spec_cap_number(caps->v[i]);
		if (number < 0)
			return err_say(e, EINVAL, "unknown capability \"%s\"", caps->v[i]);
		uint64_t bit = (uint64_t)1 << number;
		c->set[CAPS_BOUNDING] |= bit;
		c->set[CAPS_EFFECTIVE] |= bit;
		c->set[CAPS_PERMITTED] |= bit;
		if (c->set[CAPS_INHERITABLE] & bit)
			c->set[CAPS_AMBIENT] |= bit;
	}
	p->capabilities = c;
	return 0;
}

static int add_gids(const struct cli_strings *gids, struct arena *a, struct spec_user *u, struct err *e)
{
	uint32_t *all = arena_new_array(a, u->n_additional_gids + gids->n, uint32_t);
	size_t n = u->n_additional_gids;

	if (n)
		memcpy(all, u->additional_gids, n * sizeof(*all));
	for (size_t i = 0; i < gids->n; i++) {
		struct spec_u64 none;
		struct err ignored = ERR_INIT;
		if (cli_user(gids->v[i], &all[n], &none, &ignored) < 0 || none.set)
			return err_say(e, EINVAL, "additional-gids must be a positive number %s", gids->v[i]);
		n++;
	}
	u->additional_gids = all;
	u->n_additional_gids = n;
	return 0;
}

static int apply_options(const struct exec_options *o, struct arena *a, struct spec_process *p, struct err *e)
{
	struct spec_u64 gid;
	int r = 0;

	if (o->cwd && o->cwd[0] != '/')
		return err_say(e, EINVAL, "--cwd \"%s\": expected an absolute path", o->cwd);
	if (o->cwd)
		p->cwd = o->cwd;
	if (o->apparmor)
		p->apparmor_profile = o->apparmor;
	if (o->process_label)
		p->selinux_label = o->process_label;
	if (o->no_new_privs.set)
		p->no_new_privileges = o->no_new_privs.v;
	if (o->tty.set)
		p->terminal = o->tty.v;
	if (o->user) {
		r = cli_user(o->user, &p->user.uid, &gid, e);
		if (r < 0)
			return r;
		if (gid.set)
			p->user.gid = (uint32_t)gid.v;
	}
	if (o->additional_gids.n)
		r = add_gids(&o->additional_gids, a, &p->user, e);
	if (r >= 0 && o->caps.n)
		r = add_caps(&o->caps, a, p, e);
	if (r >= 0 && o->env.n)
		r = set_env(&o->env, a, p, e);
	return r;
}

int exec_process_make(const struct exec_options *o, const struct spec *s, int n_args, char **args, struct arena *a,
		      struct spec_process *ret, struct err *e)
{
	struct spec_process *given = NULL;

	if (o->process) {
		int r = load_process(o->process, a, &given, e);
		if (r < 0)
			return r;
	} else {
		given = s->process;
	}
	if (given)
		*ret = *given;
	else
		*ret = (struct spec_process){ .cwd = "/" };
	if (!o->process) {
		/* A terminal is had by asking for it, whatever the container's first process has. */
		ret->terminal = false;
		ret->console_height = ret->console_width = 0;
		ret->args = NULL;
		ret->n_args = 0;
	}
	if (n_args > 0) {
		ret->args = (const char **)args;
		ret->n_args = (size_t)n_args;
	}
	if (ret->n_args == 0)
		return err_say(e, EINVAL, "process args cannot be empty");
	return apply_options(o, a, ret, e);
}
