#include "runtime/seal.h"

#include "lib/fd.h"
#include "lib/sys.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <unistd.h>

enum { SEALS = F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE };

extern char **environ;

static int copy_to_memory(int self, off_t size, struct err *e)
{
	/* Kernels before 6.3 do not know MFD_EXEC; newer ones may be told to want it. */
	int fd = memfd_create("ferry", MFD_CLOEXEC | MFD_ALLOW_SEALING | MFD_EXEC);
	if (fd < 0 && errno == EINVAL)
		fd = memfd_create("ferry", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	if (fd < 0)
		return err_set(e, errno, "make a file in memory");

	cleanup_close int copy = fd;
	while (size > 0) {
		ssize_t n = sendfile(copy, self, NULL, (size_t)size);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return err_set(e, n < 0 ? errno : EIO, "copy the program to memory");
		size -= n;
	}
	if (fcntl(copy, F_ADD_SEALS, SEALS) < 0)
		return err_set(e, errno, "seal the program's copy");
	return take_fd(&copy);
}

int seal_self(char **argv, struct err *e)
{
	struct statx st;
	cleanup_close int self = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);

	if (self < 0)
		return err_set(e, errno, "open '/proc/self/exe'");
	int seals = fcntl(self, F_GET_SEALS);
	if (seals >= 0 && (seals & SEALS) == SEALS) {
		/* The kernel names a process executed by descriptor after the number. */
		prctl(PR_SET_NAME, "ferry");
		return 0;
	}
	if (statx(self, "", AT_EMPTY_PATH, STATX_SIZE, &st) < 0)
		return err_set(e, errno, "stat '/proc/self/exe'");
	if (st.stx_attributes & STATX_ATTR_VERITY)
		return 0;
	cleanup_close int copy = copy_to_memory(self, (off_t)st.stx_size, e);
	if (copy < 0)
		return copy;
	sys_execveat(copy, "", argv, environ, AT_EMPTY_PATH);
	return err_set(e, errno, "execute the program's sealed copy");
}
