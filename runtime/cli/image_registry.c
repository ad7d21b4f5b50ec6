/* image pull, image push: what both are told of a registry, and the two. */
#include "runtime/cli/commands.h"
#include "runtime/cli/image_display.h"
#include "runtime/cli/image_trust.h"
#include "runtime/images.h"

#include "overlay/registry/registry.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

struct registry_options {
	const char *auth_file, *cert_dir, *timeout;
	struct spec_bool tls_verify;
	bool quiet;
	const char *platform, *signature; /* pull */
};

#define OPTION(name, letter, type, field, value, help) \
	CLI_OPTION(name, letter, type, struct registry_options, field, value, help)

#define ACCESS_OPTIONS(QUIET) \
	OPTION("authfile", 0, CLI_STRING, auth_file, "FILE", \
	       "what to log in with (default: where podman and docker login put it)"), \
	OPTION("cert-dir", 0, CLI_STRING, cert_dir, "DIR", \
	       "certificates: *.crt of authorities, *.cert and *.key of this client"), \
	OPTION("tls-verify", 0, CLI_SWITCH, tls_verify, NULL, \
	       "--tls-verify=false: take any certificate, and plain HTTP"), \
	OPTION("timeout", 0, CLI_STRING, timeout, "DURATION", \
	       "give up on a registry that is silent for so long (default: 30s)"), \
	OPTION("quiet", 'q', CLI_FLAG, quiet, NULL, QUIET)

static const struct cli_option pull_options[] = {
	OPTION("platform", 0, CLI_STRING, platform, "OS/ARCH[/VARIANT]",
	       "which image of several platforms to take (default: this machine's)"),
	OPTION("signature", 0, CLI_STRING, signature, "FILE",
	       "minisign's, of the manifest or index, where the host's policy wants one"),
	ACCESS_OPTIONS("print the id alone, and no progress"),
	{ 0 },
};

static const struct cli_option push_options[] = {
	ACCESS_OPTIONS("print the digest alone, and no progress"),
	{ 0 },
};

static int access_of(const struct registry_options *o, const struct image_reference *ref, struct arena *a,
		     struct registry_access *ret, struct err *e)
{
	*ret = (struct registry_access){
		.cert_dir = o->cert_dir,
		.insecure = o->tls_verify.set && !o->tls_verify.v,
	};
	if (o->timeout && cli_duration_ms(o->timeout, &ret->timeout_ms, e) < 0)
		return err_wrap(e, "--timeout");
	if (o->timeout && ret->timeout_ms < 1)
		return err_say(e, EINVAL, "--timeout: must be more than nothing");
	return registry_login_find(ref, o->auth_file, a, &ret->login, e) < 0 ? -e->code : 0;
}

static int parse_with_host(const char *text, const char *command, struct arena *a, struct image_reference *ret,
			   struct err *e)
{
	if (image_reference_parse(text, a, ret, e) < 0)
		return -e->code;
	if (!ret->host)
		return err_say(e, EINVAL,
			       "\"%s\" does not say which registry: there is none by default; write its host in front, as in "
			       "'ferry image %s registry.example/%s'",
			       text, command, text);
	return 0;
}

static int run_pull(struct runtime *rt, const void *options, int argc, char **argv, struct err *e)
{
	cleanup_image_display struct image_display display = { 0 };
	cleanup_store struct store store = STORE_INIT;
	const struct registry_options *o = options;
	struct image_reference ref;
	struct image_added image;
	struct trust trust;

	(void)argc;
	struct image_progress progress = image_display_begin(&display, o->quiet);
	struct registry_pull pull = {
		.ref = &ref,
		.platform = o->platform,
		.rootless = rt->rootless,
		.progress = &progress,
		.accept = image_trust_accept,
		.accept_data = &trust,
	};
	if (parse_with_host(argv[0], "pull", &rt->arena, &ref, e) < 0 || access_of(o, &ref, &rt->arena, &pull.access, e) < 0)
		return -e->code;
	if (image_trust_load(o->signature, &rt->arena, &trust, e) < 0 || images_enter_userns(rt, e) < 0 ||
	    images_open(rt, true, &store, e) < 0)
		return -e->code;
	if (registry_pull(&store, &pull, &rt->arena, &image, e) < 0)
		return err_wrap(e, "pull '%s'", argv[0]);
	if (!o->quiet)
		printf("%s ", image.names[0]);
	printf("%s\n", image.id);
	return 0;
}

static int run_push(struct runtime *rt, const void *options, int argc, char **argv, struct err *e)
{
	cleanup_image_display struct image_display display = { 0 };
	cleanup_store struct store store = STORE_INIT;
	const struct registry_options *o = options;
	struct image_reference ref;
	struct store_image image;

	const char *to = argc > 1 ? argv[1] : argv[0];
	struct image_progress progress = image_display_begin(&display, o->quiet);
	struct registry_push push = { .ref = &ref, .progress = &progress };
	if (images_open(rt, false, &store, e) < 0 || store_find(&store, argv[0], &rt->arena, &image, e) < 0)
		return -e->code;
	if (argc == 1 && image.n_names == 1)
		to = image.names[0];
	if (parse_with_host(to, argc > 1 ? "push IMAGE" : arena_printf(&rt->arena, "push %s", to), &rt->arena, &ref, e) < 0 ||
	    access_of(o, &ref, &rt->arena, &push.access, e) < 0)
		return -e->code;
	/* Nothing that it is made of may be pruned meanwhile. */
	if (store_lock_shared(&store, e) < 0)
		return -e->code;
	if (registry_push(&store, &image, &push, &rt->arena, e) < 0)
		return err_wrap(e, "push '%s'", to);
	if (!o->quiet)
		printf("%s ", image_reference_text(&ref, &rt->arena));
	printf("%s\n", image.digest);
	return 0;
}

const struct cli_command command_image_pull = {
	.name = "image pull",
	.arguments = "REF",
	.summary = "Get an image from a registry",
	.details = "REF is HOST[:PORT]/NAME[:TAG] or HOST[:PORT]/NAME@DIGEST: there is no registry by default.\n"
		   "Every layer is checked against its digests. Prints the image's name, with its id.\n",
	.group = CLI_IMAGES,
	.stateless = true,
	.options = pull_options,
	.options_size = sizeof(struct registry_options),
	.min_args = 1,
	.max_args = 1,
	.run = run_pull,
};

const struct cli_command command_image_push = {
	.name = "image push",
	.arguments = "IMAGE [REF]",
	.summary = "Send an image to a registry",
	.details = "Without REF, HOST[:PORT]/NAME[:TAG], it goes where its own name says. Prints where\n"
		   "it is now, with its manifest's digest.\n",
	.group = CLI_IMAGES,
	.stateless = true,
	.options = push_options,
	.options_size = sizeof(struct registry_options),
	.min_args = 1,
	.max_args = 2,
	.run = run_push,
};
