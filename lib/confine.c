#include "lib/confine.h"

#include "lib/fd.h"
#include "lib/sys.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

static const uint64_t reading = LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_READ_DIR;
/* Everything of the first version: reading, writing, executing, making, removing. */
static const uint64_t everything = (LANDLOCK_ACCESS_FS_MAKE_SYM << 1) - 1;

static void allow(int rules, int dir, const char *path)
{
	struct landlock_path_beneath_attr rule = { .allowed_access = reading };
	struct stat st;

	cleanup_close int fd = openat(dir, path, O_PATH | O_CLOEXEC);
	if (fd < 0 || fstat(fd, &st) < 0)
		return;
	if (!S_ISDIR(st.st_mode))
		rule.allowed_access = LANDLOCK_ACCESS_FS_READ_FILE;
	rule.parent_fd = fd;
	syscall(SYS_landlock_add_rule, rules, LANDLOCK_RULE_PATH_BENEATH, &rule, 0);
}

static int confine_files(const char *const *paths, size_t n, int dir, struct err *e)
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
		return err_set(e, errno, "landlock_create_ruleset");
	for (size_t i = 0; i < n; i++)
		allow(rules, AT_FDCWD, paths[i]);
	if (dir >= 0)
		allow(rules, dir, ".");
	if (syscall(SYS_landlock_restrict_self, rules, 0) < 0)
		return err_set(e, errno, "landlock_restrict_self");
	return 0;
}

int confine_to_reading(const char *const *paths, size_t n, int dir, struct err *e)
{
	static const struct rlimit none = { 0, 0 };
	struct __user_cap_header_struct head = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct nothing[2] = { 0 };

	setrlimit(RLIMIT_CORE, &none);
	if (syscall(SYS_capset, &head, nothing) < 0)
		return err_set(e, errno, "capset");
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		return err_set(e, errno, "no_new_privs");
	return confine_files(paths, n, dir, e);
}
