/* image-index.md, "platform": which manifest of an index is for which machine. */
#include "spec/image.h"

#include <string.h>

/*
 * What uname(2) calls a machine, and what Go calls it, with the variants that run there, the best first. "" is a
 * manifest that names none.
 */
static const struct machine {
	const char *name, *architecture, *variants[5];
} machines[] = {
	{ "x86_64", "amd64", { "", "v1" } },
	{ "aarch64", "arm64", { "v8", "" } },
	{ "armv8l", "arm", { "v7", "", "v6", "v5" } },
	{ "armv7l", "arm", { "v7", "", "v6", "v5" } },
	{ "armv6l", "arm", { "v6", "v5" } },
	{ "i686", "386", { "" } },
	{ "i386", "386", { "" } },
	{ "ppc64le", "ppc64le", { "" } },
	{ "s390x", "s390x", { "" } },
	{ "riscv64", "riscv64", { "" } },
	{ "loongarch64", "loong64", { "" } },
};

static const struct image_descriptor *choose(const struct image_index *i, const char *os, const char *architecture,
					     const char *variant)
{
	for (size_t n = 0; n < i->n_manifests; n++) {
		const struct image_descriptor *d = &i->manifests[n];
		if (d->architecture && strcmp(d->architecture, architecture) == 0 &&
		    strcmp(d->os ? d->os : "linux", os) == 0 && strcmp(d->variant ? d->variant : "", variant) == 0)
			return d;
	}
	return NULL;
}

/* "linux/arm64" or "linux/arm64/v8"; without a variant, those that any machine of the architecture runs. */
static const struct image_descriptor *choose_platform(const struct image_index *i, const char *platform)
{
	char text[64];
	char *rest = text, *os, *architecture;

	if (strlen(platform) >= sizeof(text))
		return NULL;
	strcpy(text, platform);
	os = strsep(&rest, "/");
	architecture = strsep(&rest, "/");
	if (rest)
		return choose(i, os, architecture, rest);
	const struct image_descriptor *d = choose(i, os, architecture, "");
	for (size_t m = 0; !d && m < sizeof(machines) / sizeof(*machines); m++)
		if (strcmp(machines[m].architecture, architecture) == 0)
			for (size_t v = 0; !d && machines[m].variants[v]; v++)
				d = choose(i, os, architecture, machines[m].variants[v]);
	return d;
}

const struct image_descriptor *image_index_choose(const struct image_index *i, const char *machine)
{
	const struct image_descriptor *d = NULL;

	if (strchr(machine, '/'))
		return choose_platform(i, machine);
	for (size_t m = 0; !d && m < sizeof(machines) / sizeof(*machines); m++)
		if (strcmp(machines[m].name, machine) == 0)
			for (size_t v = 0; !d && machines[m].variants[v]; v++)
				d = choose(i, "linux", machines[m].architecture, machines[m].variants[v]);
	/* An index of one image need not say what it is for. */
	if (!d && i->n_manifests == 1 && !i->manifests[0].architecture)
		d = &i->manifests[0];
	return d;
}

void image_machine_platform(const char *machine, const char **ret_architecture, const char **ret_variant)
{
	*ret_architecture = machine;
	*ret_variant = "";
	for (size_t m = 0; m < sizeof(machines) / sizeof(*machines); m++)
		if (strcmp(machines[m].name, machine) == 0) {
			*ret_architecture = machines[m].architecture;
			*ret_variant = machines[m].variants[0];
		}
}
