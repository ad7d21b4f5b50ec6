#include "namespaces/mount_options.h"

#include "lib/sys.h"
#include "namespaces/namespaces.h"

#include <string.h>

enum option_kind {
	OPTION_NOTHING, /* understood, and asks for what is the case anyway */
	OPTION_SET, /* a MOUNT_ATTR_* flag */
	OPTION_CLEAR,
	OPTION_ATIME, /* a value of the access time field */
	OPTION_NOT_ATIME, /* takes that value back: the kernel's default is then relatime */
	OPTION_SUPERBLOCK, /* a flag every file system takes through fsconfig(2) under its own name */
	OPTION_PROPAGATION,
	OPTION_BIND,
	OPTION_RBIND,
	OPTION_REMOUNT,
	OPTION_TMPCOPYUP,
	OPTION_IDMAP,
	OPTION_RIDMAP,
};

struct option {
	const char *name;
	enum option_kind kind;
	bool recursive;
	uint64_t value;
};

/*
 * Sorted by name. (no)iversion: every file system that can count versions does so since Linux 5.x, and the mount API
 * has no flag for it. silent, loud: the mount API gives its messages to the caller and logs nothing.
 */
#define OPTIONS(X) \
	X("async", OPTION_SUPERBLOCK, 0, 0) \
	X("atime", OPTION_NOT_ATIME, 0, MOUNT_ATTR_NOATIME) \
	X("bind", OPTION_BIND, 0, 0) \
	X("defaults", OPTION_NOTHING, 0, 0) \
	X("dev", OPTION_CLEAR, 0, MOUNT_ATTR_NODEV) \
	X("diratime", OPTION_CLEAR, 0, MOUNT_ATTR_NODIRATIME) \
	X("dirsync", OPTION_SUPERBLOCK, 0, 0) \
	X("exec", OPTION_CLEAR, 0, MOUNT_ATTR_NOEXEC) \
	X("idmap", OPTION_IDMAP, 0, 0) \
	X("iversion", OPTION_NOTHING, 0, 0) \
	X("lazytime", OPTION_SUPERBLOCK, 0, 0) \
	X("loud", OPTION_NOTHING, 0, 0) \
	X("mand", OPTION_SUPERBLOCK, 0, 0) \
	X("noatime", OPTION_ATIME, 0, MOUNT_ATTR_NOATIME) \
	X("nodev", OPTION_SET, 0, MOUNT_ATTR_NODEV) \
	X("nodiratime", OPTION_SET, 0, MOUNT_ATTR_NODIRATIME) \
	X("noexec", OPTION_SET, 0, MOUNT_ATTR_NOEXEC) \
	X("noiversion", OPTION_NOTHING, 0, 0) \
	X("nolazytime", OPTION_SUPERBLOCK, 0, 0) \
	X("nomand", OPTION_SUPERBLOCK, 0, 0) \
	X("norelatime", OPTION_NOT_ATIME, 0, MOUNT_ATTR_RELATIME) \
	X("nostrictatime", OPTION_NOT_ATIME, 0, MOUNT_ATTR_STRICTATIME) \
	X("nosuid", OPTION_SET, 0, MOUNT_ATTR_NOSUID) \
	X("nosymfollow", OPTION_SET, 0, MOUNT_ATTR_NOSYMFOLLOW) \
	X("private", OPTION_PROPAGATION, 0, MS_PRIVATE) \
	X("ratime", OPTION_NOT_ATIME, 1, MOUNT_ATTR_NOATIME) \
	X("rbind", OPTION_RBIND, 0, 0) \
	X("rdev", OPTION_CLEAR, 1, MOUNT_ATTR_NODEV) \
	X("rdiratime", OPTION_CLEAR, 1, MOUNT_ATTR_NODIRATIME) \
	X("relatime", OPTION_ATIME, 0, MOUNT_ATTR_RELATIME) \
	X("remount", OPTION_REMOUNT, 0, 0) \
	X("rexec", OPTION_CLEAR, 1, MOUNT_ATTR_NOEXEC) \
	X("ridmap", OPTION_RIDMAP, 0, 0) \
	X("rnoatime", OPTION_ATIME, 1, MOUNT_ATTR_NOATIME) \
	X("rnodev", OPTION_SET, 1, MOUNT_ATTR_NODEV) \
	X("rnodiratime", OPTION_SET, 1, MOUNT_ATTR_NODIRATIME) \
	X("rnoexec", OPTION_SET, 1, MOUNT_ATTR_NOEXEC) \
	X("rnorelatime", OPTION_NOT_ATIME, 1, MOUNT_ATTR_RELATIME) \
	X("rnostrictatime", OPTION_NOT_ATIME, 1, MOUNT_ATTR_STRICTATIME) \
	X("rnosuid", OPTION_SET, 1, MOUNT_ATTR_NOSUID) \
	X("rnosymfollow", OPTION_SET, 1, MOUNT_ATTR_NOSYMFOLLOW) \
	X("ro", OPTION_SET, 0, MOUNT_ATTR_RDONLY) \
	X("rprivate", OPTION_PROPAGATION, 1, MS_PRIVATE) \
	X("rrelatime", OPTION_ATIME, 1, MOUNT_ATTR_RELATIME) \
	X("rro", OPTION_SET, 1, MOUNT_ATTR_RDONLY) \
	X("rrw", OPTION_CLEAR, 1, MOUNT_ATTR_RDONLY) \
	X("rshared", OPTION_PROPAGATION, 1, MS_SHARED) \
	X("rslave", OPTION_PROPAGATION, 1, MS_SLAVE) \
	X("rstrictatime", OPTION_ATIME, 1, MOUNT_ATTR_STRICTATIME) \
	X("rsuid", OPTION_CLEAR, 1, MOUNT_ATTR_NOSUID) \
	X("rsymfollow", OPTION_CLEAR, 1, MOUNT_ATTR_NOSYMFOLLOW) \
	X("runbindable", OPTION_PROPAGATION, 1, MS_UNBINDABLE) \
	X("rw", OPTION_CLEAR, 0, MOUNT_ATTR_RDONLY) \
	X("shared", OPTION_PROPAGATION, 0, MS_SHARED) \
	X("silent", OPTION_NOTHING, 0, 0) \
	X("slave", OPTION_PROPAGATION, 0, MS_SLAVE) \
	X("strictatime", OPTION_ATIME, 0, MOUNT_ATTR_STRICTATIME) \
	X("suid", OPTION_CLEAR, 0, MOUNT_ATTR_NOSUID) \
	X("symfollow", OPTION_CLEAR, 0, MOUNT_ATTR_NOSYMFOLLOW) \
	X("sync", OPTION_SUPERBLOCK, 0, 0) \
	X("tmpcopyup", OPTION_TMPCOPYUP, 0, 0) \
	X("unbindable", OPTION_PROPAGATION, 0, MS_UNBINDABLE)

#define ROW(name, kind, recursive, value) { name, kind, recursive, value },
static const struct option table[] = { OPTIONS(ROW) };

#define NAME(name, kind, recursive, value) name,
static const char *const names[] = { OPTIONS(NAME) NULL };

enum { N_OPTIONS = sizeof(table) / sizeof(table[0]) };

const char *const *mount_option_names(void)
{
	return names;
}

static const struct option *find(const char *name)
{
	size_t low = 0, high = N_OPTIONS;

	while (low < high) {
		size_t mid = low + (high - low) / 2;
		int c = strcmp(name, table[mid].name);
		if (c == 0)
			return &table[mid];
		if (c < 0)
			high = mid;
		else
			low = mid + 1;
	}
	return NULL;
}

/* The whole field is cleared whenever a value of it is set: mount_setattr(2) insists. */
static void set_atime(struct mount_attrs *at, uint64_t value)
{
	at->clr |= MOUNT_ATTR__ATIME;
	at->set = (at->set & ~(uint64_t)MOUNT_ATTR__ATIME) | value;
}

static void apply_attr(const struct option *o, struct mount_options *ret)
{
	struct mount_attrs *at = o->recursive ? &ret->rec_attr : &ret->attr;
	uint64_t field = o->value;

	switch (o->kind) {
	case OPTION_SET:
		at->set |= o->value;
		at->clr &= ~o->value;
		break;
	case OPTION_CLEAR:
		at->clr |= o->value;
		at->set &= ~o->value;
		break;
	case OPTION_ATIME:
		field = MOUNT_ATTR__ATIME;
		set_atime(at, o->value);
		break;
	default: /* OPTION_NOT_ATIME: "strictatime,atime" stays strict, as "atime" only takes noatime back */
		field = MOUNT_ATTR__ATIME;
		if (!(at->clr & MOUNT_ATTR__ATIME) || (at->set & MOUNT_ATTR__ATIME) == o->value)
			set_atime(at, MOUNT_ATTR_RELATIME);
	}
	if (o->recursive) {
		ret->attr.set &= ~field;
		ret->attr.clr &= ~field;
	}
}

static void apply(const struct option *o, struct arena *a, struct mount_options *ret)
{
	switch (o->kind) {
	case OPTION_NOTHING:
		break;
	case OPTION_SET:
	case OPTION_CLEAR:
	case OPTION_ATIME:
	case OPTION_NOT_ATIME:
		apply_attr(o, ret);
		break;
	case OPTION_SUPERBLOCK:
		arena_push(a, &ret->params, &ret->n_params)->key = o->name;
		break;
	case OPTION_PROPAGATION:
		ret->propagation = o->value;
		ret->propagation_rec = o->recursive;
		break;
	case OPTION_BIND:
		ret->bind = true;
		ret->rbind = false;
		break;
	case OPTION_RBIND:
		ret->bind = ret->rbind = true;
		break;
	case OPTION_REMOUNT:
		ret->remount = true;
		break;
	case OPTION_TMPCOPYUP:
		ret->tmpcopyup = true;
		break;
	case OPTION_IDMAP:
		ret->idmap = true;
		ret->ridmap = false;
		break;
	case OPTION_RIDMAP:
		ret->idmap = ret->ridmap = true;
		break;
	}
}

/* "size=64k" or "newinstance", the file system's own. */
static void add_param(const char *word, struct arena *a, struct mount_options *ret)
{
	const char *equals = strchr(word, '=');
	struct fs_param *p = arena_push(a, &ret->params, &ret->n_params);

	p->key = equals ? arena_strndup(a, word, (size_t)(equals - word)) : word;
	p->value = equals ? equals + 1 : NULL;
}

/* Where a word ends: at a comma that is neither escaped (overlay paths) nor quoted (SELinux contexts). */
static size_t word_length(const char *s)
{
	bool quoted = false;
	size_t n = 0;

	for (; s[n] && (quoted || s[n] != ','); n++) {
		if (s[n] == '"')
			quoted = !quoted;
		else if (s[n] == '\\' && s[n + 1])
			n++;
	}
	return n;
}

void mount_options_parse(const char *const *options, size_t n, struct arena *a, struct mount_options *ret)
{
	*ret = (struct mount_options){ 0 };

	for (size_t i = 0; i < n; i++) {
		for (const char *s = options[i]; *s;) {
			size_t len = word_length(s);
			const char *word = arena_strndup(a, s, len);
			const struct option *o = find(word);
			if (o)
				apply(o, a, ret);
			else if (len)
				add_param(word, a, ret);
			s += len + (s[len] == ',');
		}
	}
}

const char *mount_options_param(const struct mount_options *o, const char *key)
{
	for (size_t i = o->n_params; i-- > 0;)
		if (o->params[i].value && strcmp(o->params[i].key, key) == 0)
			return o->params[i].value;
	return NULL;
}

bool mount_propagation_parse(const char *word, uint64_t *ret, bool *ret_rec)
{
	const struct option *o = find(word);

	if (!o || o->kind != OPTION_PROPAGATION)
		return false;
	*ret = o->value;
	*ret_rec = o->recursive;
	return true;
}

uint64_t mount_options_fsmount_attrs(const struct mount_options *o)
{
	return (o->rec_attr.set & ~o->attr.clr) | o->attr.set;
}
