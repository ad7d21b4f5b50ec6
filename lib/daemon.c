#include "lib/daemon.h"

#include "lib/buf.h"
#include "lib/fd.h"
#include "lib/file.h"
#include "lib/sys.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <link.h>
#include <malloc.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <sys/prctl.h>

void daemon_close_others(const int *kept, size_t n)
{
	unsigned from = STDERR_FILENO + 1;

	/* The least of those that are left, one after the other. */
	for (;;) {
		unsigned next = UINT_MAX;
		for (size_t i = 0; i < n; i++)
			if (kept[i] >= 0 && (unsigned)kept[i] >= from && (unsigned)kept[i] < next)
				next = (unsigned)kept[i];
		if (next > from)
			sys_close_range(from, next == UINT_MAX ? UINT_MAX : next - 1, 0);
		if (next == UINT_MAX)
			return;
		from = next + 1;
	}
}

int daemon_null(struct err *e)
{
	cleanup_close int null = open("/dev/null", O_RDWR | O_CLOEXEC);

	if (null < 0)
		return err_set(e, errno, "open '/dev/null'");
	for (int fd = 0; fd <= STDERR_FILENO; fd++)
		if (dup2(null, fd) < 0)
			return err_set(e, errno, "dup2");
	if (null <= STDERR_FILENO)
		take_fd(&null); /* one of the three was closed */
	return 0;
}

/* Where the kernel has the command line: the 48th and 49th field of stat, behind the name in parentheses. */
static char *command_line(size_t *ret_size)
{
	enum { FIELDS_BEFORE = 45 };
	cleanup_buf struct buf b = BUF_INIT;
	struct err ignored = ERR_INIT;
	unsigned long start, end;

	if (file_read_once_at(AT_FDCWD, "/proc/self/stat", &b, &ignored) < 0)
		return NULL;
	const char *at = strrchr(buf_text(&b), ')');
	for (int i = 0; at && i <= FIELDS_BEFORE; i++)
		at = strchr(at + 1, ' ');
	if (!at || sscanf(at, "%lu %lu", &start, &end) != 2 || !start || end <= start)
		return NULL;
	*ret_size = end - start;
	return (char *)start; /* NOLINT: an address, as a number */
}

void daemon_title(const char *line, const char *name)
{
	size_t size, len = strlen(line);
	char *to = command_line(&size);

	prctl(PR_SET_NAME, name);
	if (!to)
		return;
	memset(to, '\0', size);
	memcpy(to, line, len < size ? len : size - 1);
}

/*
 * Around a page that is needed the kernel maps what else it has of the file, all of a large folio where that is how it
 * has it, and counts that as this process's. It goes no further than the mapping: each piece becomes one, as every
 * other is said to be read in another manner.
 */
static void give_back(uintptr_t first, uintptr_t end)
{
	enum { PIECE = 16 << 10 };

	for (uintptr_t at = first; at < end; at += 2 * PIECE)
		madvise((void *)at, end - at < PIECE ? end - at : PIECE, MADV_RANDOM);
	madvise((void *)first, end - first, MADV_DONTNEED);
}

void daemon_shrink(void)
{
	extern const char __executable_start;
	const ElfW(Phdr) *segment = (const ElfW(Phdr) *)getauxval(AT_PHDR);
	const uintptr_t page = getauxval(AT_PAGESZ);

	malloc_trim(0);
	/* The first one last: it has these headers. */
	for (size_t i = getauxval(AT_PHNUM); i-- > 0;) {
		const uintptr_t start = (uintptr_t)&__executable_start + segment[i].p_vaddr;
		const uintptr_t first = start & ~(page - 1);
		if (segment[i].p_type == PT_LOAD && !(segment[i].p_flags & PF_W))
			give_back(first, start + segment[i].p_memsz);
	}
}
