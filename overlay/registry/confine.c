/* What ferry-registry gives up before it hears from strangers: all but the network, and reading a few files. */
#include "overlay/registry/transfer.h"

#include "lib/fd.h"
#include "lib/sys.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <linux/landlock.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

/* Libraries, certificates, and how names are resolved. Those that a host does not have are left out. */
static const char *const readable[] = {
	"/usr", "/lib", "/lib64", "/etc/ld.so.cache", "/etc/localtime", "/dev/urandom", "/dev/null",
	"/etc/ssl", "/etc/pki", "/etc/ca-certificates", "/var/lib/ca-certificates", "/etc/gnutls", "/etc/crypto-policies",
	"/etc/resolv.conf", "/etc/hosts", "/etc/host.conf", "/etc/nsswitch.conf", "/etc/gai.conf", "/etc/services",
	"/run/systemd/resolve", "/run/nscd",
};

static const uint64_t reading = LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_READ_DIR;
/* Everything of the first version: reading, writing, executing, making, removing. */
static const uint64_t everything = (LANDLOCK_ACCESS_FS_MAKE_SYM << 1) - 1;

static void allow(int rules, const char *path)
{
	struct landlock_path_beneath_attr rule = { .allowed_access = reading };
	struct stat st;

	cleanup_close int fd = open(path, O_PATH | O_CLOEXEC);
	if (fd < 0 || fstat(fd, &st) < 0)
		return;
	if (!S_ISDIR(st.st_mode))
		rule.allowed_access = LANDLOCK_ACCESS_FS_READ_FILE;
	rule.parent_fd = fd;
	syscall(SYS_landlock_add_rule, rules, LANDLOCK_RULE_PATH_BENEATH, &rule, 0);
}

/* A kernel without Landlock, or with it switched off, is no reason not to work. */
static int confine_files(const struct session *s, struct err *e)
{
	enum { FIRST_WITH_TRUNCATE = 3 };
	struct landlock_ruleset_attr files = { .handled_access_fs = everything };

	long version = syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION);
	if (version < 1)
		return 0;
	if (version >= FIRST_WITH_TRUNCATE)
		files.handled_access_fs |= LANDLOCK_ACCESS_FS_TRUNCATE;
	cleanup_close int rules = (int)syscall(SYS_landlock_create_ruleset, &files, sizeof(files), 0);
	if (rules < 0)
		return err_set(e, errno, "ferry-registry: landlock_create_ruleset");
	for (size_t i = 0; i < sizeof(readable) / sizeof(*readable); i++)
		allow(rules, readable[i]);
	if (*s->setup.cert_dir)
		allow(rules, s->setup.cert_dir);
	if (syscall(SYS_landlock_restrict_self, rules, 0) < 0)
		return err_set(e, errno, "ferry-registry: landlock_restrict_self");
	return 0;
}

int session_confine(const struct session *s, struct err *e)
{
	static const struct rlimit none = { 0, 0 };
	struct __user_cap_header_struct head = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct nothing[2] = { 0 };

	setrlimit(RLIMIT_CORE, &none); /* passwords are in it */
	if (syscall(SYS_capset, &head, nothing) < 0)
		return err_set(e, errno, "ferry-registry: capset");
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		return err_set(e, errno, "ferry-registry: no_new_privs");
	return confine_files(s, e);
}
