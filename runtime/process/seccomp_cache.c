#include "runtime/process/steps.h"

#include "lib/buf.h"
#include "lib/fd.h"
#include "lib/file.h"

#include <errno.h>
#include <fcntl.h>
#include <seccomp.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/utsname.h>

/*
 * One file a program: this head, the key, the instructions. It is named by a hash of the key, but the key is compared
 * in full, so that two profiles with the same hash only take turns.
 */
struct head {
	char magic[8];
	uint64_t key_len, n_instructions;
	uint64_t program_hash; /* against files that were cut or damaged */
};

#define MAGIC "ferry-s2"

static uint64_t fnv1a(const void *data, size_t n)
{
	const unsigned char *at = data;
	uint64_t hash = UINT64_C(0xcbf29ce484222325);

	while (n--)
		hash = (hash ^ *at++) * UINT64_C(0x100000001b3);
	return hash;
}

static void add_number(struct buf *b, uint64_t n)
{
	buf_add(b, &n, sizeof(n));
}

/* With its length, so that no two lists of strings look the same. */
static void add_text(struct buf *b, const char *s)
{
	size_t n = s ? strlen(s) : 0;

	add_number(b, s ? n : UINT64_MAX);
	buf_add(b, s ? s : "", n);
}

static void add_texts(struct buf *b, const char *const *s, size_t n)
{
	add_number(b, n);
	for (size_t i = 0; i < n; i++)
		add_text(b, s[i]);
}

static void add_optional(struct buf *b, struct spec_u64 n)
{
	add_number(b, n.set);
	add_number(b, n.set ? n.v : 0);
}

void seccomp_cache_key(const struct spec_seccomp *s, struct buf *ret)
{
	const struct scmp_version *v = seccomp_version();
	struct utsname host = { 0 };

	/* libseccomp asks the kernel what it can do; the release stands for the answers. */
	uname(&host);
	add_text(ret, host.release);
	add_text(ret, host.machine);
	add_text(ret, FERRY_VERSION);
	add_number(ret, (uint64_t)v->major << 32 | v->minor << 16 | v->micro);

	add_text(ret, s->default_action);
	add_optional(ret, s->default_errno_ret);
	add_texts(ret, s->architectures, s->n_architectures);
	add_number(ret, s->n_rules);
	for (size_t i = 0; i < s->n_rules; i++) {
		const struct spec_seccomp_rule *r = &s->rules[i];
		add_texts(ret, r->names, r->n_names);
		add_text(ret, r->action);
		add_optional(ret, r->errno_ret);
		add_number(ret, r->n_args);
		for (size_t k = 0; k < r->n_args; k++) {
			add_number(ret, r->args[k].index);
			add_number(ret, r->args[k].value);
			add_number(ret, r->args[k].value_two);
			add_text(ret, r->args[k].op);
		}
	}
}

static int file_path(const char *dir, const struct buf *key, char ret[PATH_MAX])
{
	int n = snprintf(ret, PATH_MAX, "%s/%016llx", dir, (unsigned long long)fnv1a(key->data, key->len));
	return n > 0 && n < PATH_MAX ? 0 : -ENAMETOOLONG;
}

/* A whole file of ours, of plausible size, that nobody else may write. */
static char *read_trusted(const char *path, struct arena *a, size_t *ret_len)
{
	enum { LARGEST = 16 << 20 };
	cleanup_close int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	struct stat st;

	if (fd < 0 || fstat(fd, &st) < 0 || !S_ISREG(st.st_mode) || st.st_uid != geteuid() || st.st_mode & 022)
		return NULL;
	if (st.st_size < (off_t)sizeof(struct head) || st.st_size > LARGEST)
		return NULL;
	char *data = arena_alloc(a, (size_t)st.st_size);
	if (read(fd, data, (size_t)st.st_size) != st.st_size)
		return NULL;
	*ret_len = (size_t)st.st_size;
	return data;
}

bool seccomp_cache_load(const char *dir, const struct buf *key, struct arena *a, struct sock_fprog *ret)
{
	char path[PATH_MAX];
	struct head head;
	size_t len;

	if (file_path(dir, key, path) < 0)
		return false;
	char *data = read_trusted(path, a, &len);
	if (!data)
		return false;
	memcpy(&head, data, sizeof(head));
	size_t program_len = head.n_instructions * sizeof(struct sock_filter);
	if (memcmp(head.magic, MAGIC, sizeof(head.magic)) != 0 || head.key_len != key->len)
		return false;
	if (head.n_instructions == 0 || head.n_instructions > BPF_MAXINSNS ||
	    len != sizeof(head) + key->len + program_len)
		return false;
	const char *program = data + sizeof(head) + key->len;
	if (memcmp(data + sizeof(head), key->data, key->len) != 0 || fnv1a(program, program_len) != head.program_hash)
		return false;
	ret->len = (unsigned short)head.n_instructions;
	ret->filter = arena_dup(a, program, program_len);
	return true;
}

void seccomp_cache_store(const char *dir, const struct buf *key, const struct sock_fprog *program)
{
	struct err ignored = ERR_INIT;
	cleanup_buf struct buf b = BUF_INIT;
	size_t program_len = program->len * sizeof(struct sock_filter);
	struct head head = {
		.key_len = key->len,
		.n_instructions = program->len,
		.program_hash = fnv1a(program->filter, program_len),
	};
	char path[PATH_MAX];

	memcpy(head.magic, MAGIC, sizeof(head.magic));
	buf_add(&b, &head, sizeof(head));
	buf_add(&b, key->data, key->len);
	buf_add(&b, program->filter, program_len);
	if (file_path(dir, key, path) < 0 || mkdir_parents(dir, 0700, &ignored) < 0)
		return;
	file_replace_at(AT_FDCWD, path, 0600, b.data, b.len, &ignored);
}
