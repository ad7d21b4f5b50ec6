#include "runtime/cli/checkpoint.h"

#include "runtime/cli/commands.h"
#include "runtime/supervise/supervise.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>

struct options {
	struct criu_arguments criu;
};

static const struct cli_option options_table[] = {
	CRIU_OPTIONS(struct options),
	CRIU_FLAG(struct options, "leave-running", leave_running, "let the container go on afterwards"),
	CLI_OPTION("pre-dump", 0, CLI_FLAG, struct options, criu.request.pre_dump, NULL,
		   "save only the memory, for a later checkpoint with --parent-path"),
	CRIU_TEXT(struct options, "parent-path", request.options.parent, "DIR",
		  "the pre-dump before this, relative to the image"),
	CRIU_FLAG(struct options, "tcp-skip-in-flight", tcp_skip_in_flight, "leave out TCP connections that are being made"),
	CRIU_TEXT(struct options, "page-server", page_server, "ADDRESS:PORT", "send the memory to criu page-server there"),
	CLI_OPTION("status-fd", 0, CLI_INT, struct options, criu.status_fd, "N",
		   "descriptor that gets a NUL once --lazy-pages can be asked for memory"),
	CRIU_TEXT(struct options, "network-lock", network_lock, "iptables|nftables|skip",
		  "how CRIU keeps packets out meanwhile (default: what works here)"),
	{ 0 },
};

/* Values by name; @given NULL leaves *ret alone. */
struct choice {
	const char *name;
	int value;
};

static int choose(const char *option, const char *given, const struct choice *choices, const char *names, int *ret,
		  struct err *e)
{
	if (!given)
		return 0;
	for (; choices->name; choices++) {
		if (strcmp(choices->name, given) == 0) {
			*ret = choices->value;
			return 0;
		}
	}
	return err_say(e, EINVAL, "--%s '%s': expected %s", option, given, names);
}

static int check_empty(const struct cli_strings *names, uint32_t *ret, struct err *e)
{
	for (size_t i = 0; i < names->n; i++) {
		if (strcmp(names->v[i], "network") != 0)
			return err_say(e, EINVAL, "--empty-ns '%s': only network can be left out", names->v[i]);
		*ret |= CLONE_NEWNET;
	}
	return 0;
}

static int check_page_server(const char *text, struct criu_options *o, struct err *e)
{
	const char *colon = text ? strrchr(text, ':') : NULL;
	char *end;

	if (!text)
		return 0;
	/* "[::1]:9000" */
	bool bracketed = colon && colon - text >= 2 && text[0] == '[' && colon[-1] == ']';
	if (!colon || colon == text + 2 * bracketed)
		return err_say(e, EINVAL, "--page-server '%s': expected ADDRESS:PORT", text);
	long port = strtol(colon + 1, &end, 10);
	if (*end || end == colon + 1 || port < 1 || port > 65535)
		return err_say(e, EINVAL, "--page-server '%s': '%s' is no port", text, colon + 1);
	char *address = strndup(text + bracketed, (size_t)(colon - text) - 2 * bracketed);
	if (!address)
		return err_set(e, ENOMEM, "--page-server");
	o->page_server = address; /* as long as the program */
	o->page_server_port = (int)port;
	return 0;
}

static int check_status(const struct spec_i64 *given, bool lazy, int *ret, struct err *e)
{
	if (!given->set)
		return 0;
	if (!lazy)
		return err_say(e, EINVAL, "--status-fd: only with --lazy-pages is there something to tell");
	int flags = given->v < 0 || given->v > INT32_MAX ? -1 : fcntl((int)given->v, F_GETFL);
	if (flags < 0)
		return err_say(e, EBADF, "--status-fd %lld: is not open", (long long)given->v);
	if ((flags & O_ACCMODE) == O_RDONLY)
		return err_say(e, EBADF, "--status-fd %lld: cannot be written to", (long long)given->v);
	*ret = (int)given->v;
	return 0;
}

int criu_arguments_check(struct criu_arguments *a, struct err *e)
{
	static const struct choice modes[] = {
		{ "ignore", CRIU_CGROUPS_IGNORE }, { "soft", CRIU_CGROUPS_SOFT }, { "full", CRIU_CGROUPS_FULL },
		{ "strict", CRIU_CGROUPS_STRICT }, { 0 },
	};
	static const struct choice locks[] = {
		{ "iptables", CRIU_LOCK_IPTABLES }, { "nftables", CRIU_LOCK_NFTABLES }, { "skip", CRIU_LOCK_SKIP }, { 0 },
	};
	struct checkpoint_request *r = &a->request;
	int mode = CRIU_CGROUPS_IGNORE, lock = CRIU_LOCK_DEFAULT;

	r->options.images = r->options.work = r->options.status = r->status = -1;
	if (choose("manage-cgroups-mode", a->cgroups_mode, modes, "ignore, soft, full or strict", &mode, e) < 0 ||
	    choose("network-lock", a->network_lock, locks, "iptables, nftables or skip", &lock, e) < 0 ||
	    check_empty(&a->empty_ns, &r->options.empty_namespaces, e) < 0 ||
	    check_page_server(a->page_server, &r->options, e) < 0)
		return -e->code;
	r->options.cgroups = (enum criu_cgroup_mode)mode;
	r->options.network_lock = (enum criu_network_lock)lock;
	return check_status(&a->status_fd, r->options.lazy_pages, &r->status, e);
}

static int run_checkpoint(struct runtime *rt, const void *options, int argc, char **argv, struct err *e)
{
	struct criu_arguments a = ((const struct options *)options)->criu;
	cleanup_container struct container c = CONTAINER_INIT;
	struct launched l;

	(void)argc;
	if (criu_arguments_check(&a, e) < 0)
		return -e->code;
	/* CRIU would offer the memory at some port of all addresses. */
	if (a.request.options.lazy_pages && !a.page_server)
		return err_say(e, EINVAL, "--lazy-pages: say by --page-server where the memory is to be fetched");
	if (container_find(rt, argv[0], false, &c, e) < 0)
		return -e->code;
	a.request.id = c.id;
	if (c.launched)
		return launched_find_id(rt, c.id, &l, e) < 0 ? -e->code : supervise_checkpoint(rt, &l, &a.request, e);
	if (!a.request.image_path)
		a.request.image_path = DEFAULT_IMAGE;
	return lifecycle_checkpoint(rt, &a.request, e);
}

const struct cli_command command_checkpoint = {
	.name = "checkpoint",
	.arguments = "CONTAINER",
	.summary = "Save a running container as an image, by CRIU",
	.details = "The processes, their memory and their open files go to the image; the files of the container do not.\n"
		   "Afterwards the container is ended and deleted, unless it is to go on. One that was launched stays, ended.\n",
	.group = CLI_LIFE,
	.options = options_table,
	.options_size = sizeof(struct options),
	.min_args = 1,
	.max_args = 1,
	.run = run_checkpoint,
};
