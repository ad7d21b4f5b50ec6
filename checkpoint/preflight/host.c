#include "checkpoint/preflight/host.h"

#include "checkpoint/criu_log.h"
#include "lib/fd.h"
#include "lib/file.h"
#include "lib/proc.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <unistd.h>

#define SUBJECT "this machine"

enum { LAZY_PIPE_BYTES = 4 << 20, LOCKS = 2, OUTPUT_MAX = 1 << 20 };

static bool has_iptables(void)
{
	cleanup_arena struct arena a = ARENA_INIT;

	return program_in(getenv("PATH"), "iptables-restore", &a);
}

/* ---- what was proved before ---- */

/* For which kernel and which file of criu; and where it is kept. */
struct proof {
	char name[64];
	char key[512];
};

static int proof_of(const char *program, const struct utsname *u, struct proof *ret, struct err *e)
{
	struct stat st;

	if (stat(program, &st) < 0)
		return err_set(e, errno, "stat '%s'", program);
	snprintf(ret->name, sizeof(ret->name), "criu-%llx-%llx", (unsigned long long)st.st_dev, (unsigned long long)st.st_ino);
	snprintf(ret->key, sizeof(ret->key), "%.100s %.200s %.100s %llu %llu.%09lu %llu", FERRY_VERSION, u->release,
		 u->version, (unsigned long long)st.st_ino, (unsigned long long)st.st_mtim.tv_sec,
		 (unsigned long)st.st_mtim.tv_nsec, (unsigned long long)st.st_size);
	return 0;
}

/* True when the file is whole and of this key; anything else is as good as none. */
static bool proof_load(int dir, const struct proof *p, struct preflight_host *h)
{
	cleanup_buf struct buf b = BUF_INIT;
	struct err ignored = ERR_INIT;
	unsigned mem_track, lazy_pages, pidfd_store, lock;
	char end[4];

	if (file_read_once_at(dir, p->name, &b, &ignored) < 0)
		return false;
	size_t n = strlen(p->key);
	if (strncmp(buf_text(&b), p->key, n) != 0 || b.data[n] != '\n' ||
	    sscanf(b.data + n + 1, "%u %1u %1u %1u %1u %3s", &h->version, &mem_track, &lazy_pages, &pidfd_store, &lock,
		   end) != 6 || strcmp(end, "end") != 0)
		return false;
	if (lock != CRIU_LOCK_NFTABLES && (lock != CRIU_LOCK_IPTABLES || !has_iptables()))
		return false;
	h->features = (struct criu_features){ mem_track, lazy_pages, pidfd_store };
	h->lock = lock;
	h->self_dump = SELF_DUMP_WORKS;
	return true;
}

/* Only what works is kept: what does not may come from something that is put right the next moment. */
static void proof_store(int dir, const struct proof *p, const struct preflight_host *h)
{
	cleanup_buf struct buf b = BUF_INIT;
	struct err ignored = ERR_INIT;

	buf_printf(&b, "%s\n%u %d %d %d %u end\n", p->key, h->version, h->features.mem_track, h->features.lazy_pages,
		   h->features.pidfd_store, (unsigned)h->lock);
	file_replace_at(dir, p->name, 0600, b.data, b.len, &ignored);
}

/* ---- the network's lock ---- */

/*
 * `criu check`, for what the RPC does not tell. @out: what it says on standard error; may be NULL. Returns its wait status, -1
 * when it could not be run.
 */
static int run_check(const char *program, const char *feature, struct buf *out)
{
	char *const argv[] = { (char *)program, (char *)"check", feature ? (char *)"--feature" : NULL, (char *)feature, NULL };
	cleanup_buf struct buf said = BUF_INIT;

	return proc_hear(program, argv, -1, STDERR_FILENO, OUTPUT_MAX, out ? out : &said);
}

/* Those that there are, the quicker first: for each change of the other two programs are run, while nothing of the container runs. */
static size_t find_locks(const char *program, enum criu_network_lock ret[LOCKS])
{
	size_t n = 0;

	if (run_check(program, "network_lock_nftables", NULL) == 0)
		ret[n++] = CRIU_LOCK_NFTABLES;
	if (has_iptables())
		ret[n++] = CRIU_LOCK_IPTABLES;
	return n;
}

/* ---- the proof ---- */

static void add_failed(struct preflight *p, const struct preflight_host *h, const char *cause)
{
	const char *version = criu_version_text(h->version, p->arena);

	if (h->self_dump == SELF_DUMP_NO_SOCKETS)
		preflight_add(p, PREFLIGHT_SELF_DUMP, SUBJECT, "cannot dump sockets with criu %s on Linux %s (%s)", version,
			      h->kernel, cause);
	else
		preflight_add(p, PREFLIGHT_SELF_DUMP, SUBJECT, "cannot dump a process with criu %s on Linux %s (%s)", version,
			      h->kernel, cause);
}

/* With the first lock that works, which becomes h->lock. 1, 0, -errno as self_dump. */
static int prove_with(struct preflight *p, int dir, struct preflight_host *h, bool sockets,
		      const enum criu_network_lock *locks, size_t n, const char **ret_cause, struct err *e)
{
	int r = 0;

	for (size_t i = 0; i < n && r == 0; i++) {
		const char *cause = NULL;
		r = self_dump(h->program, dir, locks[i], sockets, p->arena, &cause, e);
		if (r > 0)
			h->lock = locks[i];
		if (!*ret_cause)
			*ret_cause = cause;
	}
	return r;
}

static int prove(struct preflight *p, int dir, struct preflight_host *h, struct err *e)
{
	enum criu_network_lock locks[LOCKS] = { CRIU_LOCK_SKIP };
	const char *cause = NULL;
	size_t n = find_locks(h->program, locks);

	if (n == 0)
		preflight_add(p, PREFLIGHT_NETWORK_LOCK, SUBJECT,
			      "has no iptables-restore, and its criu cannot lock a network by nftables");
	/* Then it is seen what criu can do otherwise. */
	n += n == 0;
	int r = prove_with(p, dir, h, true, locks, n, &cause, e);
	h->self_dump = r > 0 ? SELF_DUMP_WORKS : SELF_DUMP_FAILS;
	if (r != 0)
		return r;
	r = prove_with(p, dir, h, false, locks, n, &cause, e);
	if (r < 0)
		return r;
	h->self_dump = r > 0 ? SELF_DUMP_NO_SOCKETS : SELF_DUMP_FAILS;
	add_failed(p, h, cause);
	return 0;
}

/* It does not answer: by itself it says why. */
static void add_criu_fails(struct preflight *p, struct preflight_host *h, const struct err *why)
{
	cleanup_buf struct buf said = BUF_INIT;
	struct criu_cause c;

	h->version = 0;
	run_check(h->program, NULL, &said);
	preflight_add(p, PREFLIGHT_CRIU_FAILS, SUBJECT, "cannot use '%s' on Linux %s (%s)", h->program, h->kernel,
		      criu_log_cause(buf_text(&said), &c) ? c.line : why->msg);
}

/* One at a time: they share the directory, and what the first proves is there for the others. */
static int ask(struct preflight *p, const struct preflight_host_options *o, const struct proof *proof,
	       struct preflight_host *h, bool may_dump, struct err *e)
{
	struct err why = ERR_INIT;

	if (criu_version(h->program, &h->version, &why) < 0 || criu_features(h->program, &h->features, &why) < 0) {
		add_criu_fails(p, h, &why);
		return 0;
	}
	if (!may_dump)
		return 0;
	if (mkdir_parents(o->cache_dir, 0700, e) < 0)
		return -e->code;
	cleanup_close int dir = open(o->cache_dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (dir < 0)
		return err_set(e, errno, "open '%s'", o->cache_dir);
	cleanup_close int lock = openat(dir, "criu.lock", O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (lock < 0 || flock(lock, LOCK_EX) < 0)
		return err_set(e, errno, "lock '%s/criu.lock'", o->cache_dir);
	if (!o->anew && proof_load(dir, proof, h))
		return 0;
	if (prove(p, dir, h, e) < 0)
		return -e->code;
	if (h->self_dump == SELF_DUMP_WORKS && h->lock != CRIU_LOCK_SKIP)
		proof_store(dir, proof, h);
	return 0;
}

/* ---- the whole ---- */

static bool check_rights(struct preflight *p)
{
	if (geteuid() == 0 && proc_in_first_userns())
		return true;
	preflight_add(p, PREFLIGHT_RIGHTS, SUBJECT, "lets only its root make checkpoints of containers");
	return false;
}

static long number_in(const char *path, long missing)
{
	cleanup_buf struct buf b = BUF_INIT;
	struct err ignored = ERR_INIT;

	return file_read_once_at(AT_FDCWD, path, &b, &ignored) < 0 ? missing : strtol(buf_text(&b), NULL, 10);
}

static void check_features(struct preflight *p, const struct preflight_host *h)
{
	if (!h->features.mem_track)
		preflight_add(p, PREFLIGHT_MEM_TRACK, SUBJECT, "does not track which memory was written");
	if (!h->features.lazy_pages)
		preflight_add(p, PREFLIGHT_LAZY_PAGES, SUBJECT, "cannot bring memory in when it is needed");
	else if (number_in("/proc/sys/fs/pipe-max-size", LAZY_PIPE_BYTES) < LAZY_PIPE_BYTES && geteuid() != 0)
		preflight_add(p, PREFLIGHT_PIPE_SIZE, SUBJECT, "has a limit for pipes that is too small for lazy pages");
}

int preflight_host(struct preflight *p, const struct preflight_host_options *o, struct preflight_host *ret, struct err *e)
{
	struct preflight_host h = { 0 };
	struct err why = ERR_INIT;
	struct proof proof;
	struct utsname u;

	uname(&u);
	h.kernel = arena_strdup(p->arena, u.release);
	bool may_dump = check_rights(p);
	if (number_in("/proc/sys/kernel/yama/ptrace_scope", 0) >= 3) {
		preflight_add(p, PREFLIGHT_PTRACE_SCOPE, SUBJECT, "lets nobody trace a process");
		may_dump = false;
	}
	if (criu_find(o->criu, p->arena, &h.program, &why) < 0) {
		h.program = NULL;
		if (why.code == ENOENT && !o->criu)
			preflight_add(p, PREFLIGHT_NO_CRIU, SUBJECT, "has no criu");
		else
			preflight_add(p, PREFLIGHT_NO_CRIU, SUBJECT, "has no criu where it is said to be (%s)", why.msg);
		*ret = h;
		return 0;
	}
	if (proof_of(h.program, &u, &proof, e) < 0)
		return -e->code;
	cleanup_close int dir = o->anew ? -1 : open(o->cache_dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	bool known = may_dump && dir >= 0 && proof_load(dir, &proof, &h);
	if (!known && ask(p, o, &proof, &h, may_dump, e) < 0)
		return -e->code;
	if (h.version)
		check_features(p, &h);
	*ret = h;
	return 0;
}

const char *criu_version_text(unsigned version, struct arena *a)
{
	unsigned major = version / 10000, minor = version / 100 % 100, patch = version % 100;

	return patch ? arena_printf(a, "%u.%u.%u", major, minor, patch) : arena_printf(a, "%u.%u", major, minor);
}
