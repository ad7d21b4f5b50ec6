/*
 * What a container with a view of the host must not see. One table of places that are hidden whatever their modes, and
 * one rule: where configuration and state lie, what not every user of the host may read is hidden.
 *
 * The manual page of `launch` documents both: keep it in step.
 */
#include "overlay/host.h"

#include "lib/fd.h"
#include "lib/file.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct hidden_row {
	const char *path;
	bool home; /* shown with --share-home */
};

static const struct hidden_row table[] = {
	/* people's files */
	{ "/root", true },
	{ "/home", true },
	/* what belongs to this boot or to other file systems */
	{ "/tmp", false },
	{ "/var/tmp", false },
	{ "/run", false },
	{ "/mnt", false },
	{ "/media", false },
	{ "/boot", false }, /* initial ramdisks may hold keys */
	{ "/efi", false },
	/* keys and passwords */
	{ "/etc/shadow", false },
	{ "/etc/shadow-", false },
	{ "/etc/gshadow", false },
	{ "/etc/gshadow-", false },
	{ "/etc/security/opasswd", false },
	{ "/etc/ssh/ssh_host_dsa_key", false },
	{ "/etc/ssh/ssh_host_ecdsa_key", false },
	{ "/etc/ssh/ssh_host_ed25519_key", false },
	{ "/etc/ssh/ssh_host_rsa_key", false },
	{ "/etc/ssl/private", false },
	{ "/etc/krb5.keytab", false },
	{ "/etc/crypttab", false },
	{ "/etc/wireguard", false },
	{ "/etc/openvpn", false },
	{ "/etc/ipsec.secrets", false },
	{ "/etc/ipsec.d/private", false },
	{ "/etc/letsencrypt", false },
	{ "/etc/kubernetes", false },
	{ "/etc/NetworkManager/system-connections", false },
	{ "/etc/netplan", false }, /* wireless passwords */
	{ "/etc/wpa_supplicant", false },
	{ "/etc/credstore", false },
	{ "/etc/credstore.encrypted", false },
	{ "/var/cache/debconf/passwords.dat", false },
	{ "/var/lib/NetworkManager", false },
	{ "/var/lib/bluetooth", false },
	{ "/var/lib/cloud", false },
	{ "/var/lib/iwd", false },
	{ "/var/lib/samba/private", false },
	{ "/var/lib/sss", false },
	{ "/var/lib/systemd/coredump", false },
	{ "/var/lib/systemd/credential.secret", false },
	{ "/var/lib/systemd/random-seed", false },
	/* other containers and machines */
	{ "/var/lib/containerd", false },
	{ "/var/lib/containers", false },
	{ "/var/lib/docker", false },
	{ "/var/lib/ferry", false },
	{ "/var/lib/incus", false },
	{ "/var/lib/kubelet", false },
	{ "/var/lib/libvirt", false },
	{ "/var/lib/lxc", false },
	{ "/var/lib/lxd", false },
	{ "/var/lib/machines", false },
	{ "/var/lib/portables", false },
	/* records of what people and services did */
	{ "/var/backups", false },
	{ "/var/crash", false },
	{ "/var/log/journal", false },
	{ "/var/mail", false },
	{ "/var/spool", false },
};

/* Where the rule holds. Elsewhere (/srv, /opt, below /var/lib/X) modes are the container's own business. */
struct scanned_row {
	const char *path;
	bool deep;
};

static const struct scanned_row scanned[] = {
	{ "/", false },
	{ "/etc", true },
	{ "/usr/local/etc", true },
	{ "/var", false },
	{ "/var/cache", false },
	{ "/var/lib", false },
	{ "/var/lib/systemd", false },
	{ "/var/log", false },
};

enum { DEEPEST = 32 };

static void hide(struct arena *a, struct host_facts *f, const char *path)
{
	*arena_push(a, &f->hidden, &f->n_hidden) = arena_strdup(a, path);
}

/* The place itself, wherever a link leads: a /home that is a link to /data/home hides /data/home. */
static int hide_place(struct arena *a, struct host_facts *f, const char *path, struct err *e)
{
	char real[PATH_MAX];

	if (!realpath(path, real)) {
		if (errno == ENOENT || errno == ENOTDIR || errno == EACCES)
			return 0; /* not there, or we could not show it anyway */
		return err_set(e, errno, "resolve '%s'", path);
	}
	if (strcmp(real, "/") == 0)
		return err_say(e, EINVAL, "'%s' is a link to '/', which cannot be hidden", path);
	hide(a, f, real);
	return 0;
}

/*
 * The rule: nothing that others may not read, no directory that they may not enter. Links are judged by their targets.
 */
static bool others_may_see(mode_t mode)
{
	if (S_ISLNK(mode))
		return true;
	return mode & (S_ISDIR(mode) ? S_IXOTH : S_IROTH);
}

static bool is_shared_home(const struct host_view_options *o, const char *path)
{
	if (!o->share_home)
		return false;
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++)
		if (table[i].home && strcmp(table[i].path, path) == 0)
			return true;
	return false;
}

struct scan {
	const struct host_view_options *options;
	struct arena *arena;
	struct host_facts *facts;
	bool deep;
	const char *path; /* of the directory, without a slash at the end ("" for the root) */
	unsigned depth;
};

static int scan_entry(int dir, const char *name, unsigned char type, void *data, struct err *e);

static int scan_below(const struct scan *above, int dir, const char *name, const char *path, struct err *e)
{
	struct scan s = *above;
	cleanup_close int fd = openat(dir, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

	if (fd < 0)
		return errno == EACCES || errno == ENOENT ? 0 : err_set(e, errno, "open '%s'", path);
	s.path = path;
	s.depth++;
	return dir_each(fd, scan_entry, &s, e);
}

static int scan_entry(int dir, const char *name, unsigned char type, void *data, struct err *e)
{
	const struct scan *s = data;
	char path[PATH_MAX];
	struct stat st;

	if (type == DT_LNK)
		return 0;
	if (strlen(s->path) + 1 + strlen(name) >= sizeof(path))
		return 0; /* a path that nobody could open by name */
	if (fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return 0; /* gone meanwhile */
	/* What is not looked into is hidden to be safe. */
	bool unseen = s->deep && S_ISDIR(st.st_mode) && s->depth == DEEPEST;
	bool hides = unseen || !others_may_see(st.st_mode);
	if (!hides && !(s->deep && S_ISDIR(st.st_mode)))
		return 0;
	stpcpy(stpcpy(stpcpy(path, s->path), "/"), name);
	if (!hides)
		return scan_below(s, dir, name, path, e);
	if (!is_shared_home(s->options, path))
		hide(s->arena, s->facts, path);
	return 0;
}

static int scan_place(const struct scan *s, const char *path, struct err *e)
{
	cleanup_close int fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

	if (fd < 0)
		return errno == ENOENT || errno == ENOTDIR || errno == ELOOP || errno == EACCES ?
		       0 : err_set(e, errno, "open '%s'", path);
	return dir_each(fd, scan_entry, (void *)s, e) < 0 ? err_wrap(e, "'%s'", path) : 0;
}

static int by_path(const void *x, const void *y)
{
	return strcmp(*(const char *const *)x, *(const char *const *)y);
}

/* What lies below something hidden, or is named twice, need not be hidden again. */
static void keep_outermost(struct host_facts *f)
{
	size_t kept = 0;

	qsort(f->hidden, f->n_hidden, sizeof(*f->hidden), by_path);
	for (size_t i = 0; i < f->n_hidden; i++) {
		bool covered = false;
		for (size_t j = 0; j < kept && !covered; j++)
			covered = path_is_below(f->hidden[i], f->hidden[j]);
		if (!covered)
			f->hidden[kept++] = f->hidden[i];
	}
	f->n_hidden = kept;
}

int hidden_find(const struct host_view_options *o, struct arena *a, struct host_facts *f, struct err *e)
{
	struct scan s = { .options = o, .arena = a, .facts = f };
	int r = hide_place(a, f, o->storage, e);

	for (size_t i = 0; r == 0 && i < sizeof(table) / sizeof(table[0]); i++)
		if (!table[i].home || !o->share_home)
			r = hide_place(a, f, table[i].path, e);
	for (size_t i = 0; r == 0 && i < sizeof(scanned) / sizeof(scanned[0]); i++) {
		s.deep = scanned[i].deep;
		s.path = strcmp(scanned[i].path, "/") == 0 ? "" : scanned[i].path;
		r = scan_place(&s, scanned[i].path, e);
	}
	if (r < 0)
		return err_wrap(e, "find what to hide");
	if (f->n_hidden > 0)
		keep_outermost(f);
	return 0;
}
