/*
 * The program ferry-layer, and its parts: one job a process. Nothing of this is in ferry's own code.
 *
 *	worker_main.c   receives the job, confines itself, does it, answers
 *	input.c         bytes -> digest, copy, decompression, diff id
 *	window.c        the memory that decompression takes
 *	tree.c          the directory: where a file's name leads, and the making of files
 *	attributes.c    owner, mode, times, xattrs, ACLs of one file
 *	output.c        the same the other way
 *	unpack.c split.c compare.c pack.c stream.c    the verbs
 */
#ifndef OVERLAY_LAYER_WORKER_H
#define OVERLAY_LAYER_WORKER_H

#include "lib/sha256.h"
#include "overlay/layer/layer.h"

#include <archive.h>
#include <archive_entry.h>
#include <limits.h>
#include <linux/posix_acl_xattr.h>
#include <pthread.h>
#include <sys/stat.h>

/*
 * Gives up what the job does not need: privileges, the sight of other files, system calls. Where something cannot be given
 * up (rootless: chroot), the rest still is.
 */
int worker_confine(const struct layer_job *j, struct err *e);

/* ---- memory ---- */

/* How far back a compressed archive reaches, and so the memory it takes, as it is read. */
struct window {
	int budget; /* layer_budget(), or -1 */
	uint64_t held; /* bytes */
	/* where in the archive it is: */
	bool begun, in_frame, checksum;
	uint8_t head[18]; /* of a frame or a block, as far as it has come */
	size_t len;
	uint64_t skip; /* bytes that say nothing */
};

enum { WINDOW_HEAD = 64 }; /* of the archive, at least, come first; after that as many as there are */

/*
 * Looks at what comes next of the archive, before it is decompressed: waits until the budget has what it takes, and raises
 * by that what the process may have. -EFBIG: above LAYER_WINDOW_MAX.
 */
int window_watch(struct window *w, const void *data, size_t len, struct err *e);

/* ---- input ---- */

enum { INPUT_BLOCK = 256 * 1024, INPUT_BLOCKS = 6 };

struct input_block {
	size_t len;
	char data[INPUT_BLOCK];
};

/*
 * A layer's archive being read: a thread reads, hashes, copies and decompresses; the blocks it fills are hashed and parsed by
 * whoever calls.
 */
struct input {
	struct archive *tar; /* the tar within */
	/* the thread's */
	int from, to, stop;
	int64_t at, left; /* at: -1 for a pipe. left: -1 when the end is where there is no more */
	struct window window;
	struct sha256 digest;
	int64_t size_bytes;
	enum layer_compression compression;
	bool plain; /* the diff id is the digest: one is enough */
	struct err e;
	char *raw; /* what was read last */
	/* between the two */
	pthread_t thread;
	pthread_mutex_t mutex;
	pthread_cond_t changed;
	struct input_block *blocks;
	unsigned filled, taken; /* counts; the block is the count modulo INPUT_BLOCKS */
	bool ended, stopped;
	/* the caller's */
	bool holds; /* the block `taken` */
	int64_t content_left; /* of the member, in bytes; -1: none was met yet */
	struct sha256 diff;
	int64_t diff_size_bytes;
};

int input_begin(const struct layer_job *j, struct input *in, struct err *e);

/* The next member. Returns 1 with *ret, the input's until the next call; 0 at the end. */
int input_next(struct input *in, struct archive_entry **ret, struct err *e);

/* A piece of the member's content. Returns 1; 0 at the end. Between the pieces are holes. */
int input_data(struct input *in, const void **data, size_t *len, int64_t *offset, struct err *e);

/* Reads to the end, and gives what was found on the way. */
int input_end(struct input *in, struct layer_result *ret, struct err *e);

/* Frees it, wherever it is. */
void input_finish(struct input *in);
#define INPUT_INIT ((struct input){ 0 })
#define cleanup_input __attribute__((cleanup(input_finish)))

/* ---- output ---- */

/* An archive being written: members go to `tar`, by libarchive's archive_write_header and archive_write_data. */
struct output {
	struct archive *tar, *raw; /* raw: compresses what the first writes */
	int to;
	struct sha256 digest, diff;
	int64_t size_bytes, diff_size_bytes;
	enum layer_compression compression;
	struct err e; /* why writing failed */
};

#define OUTPUT_INIT ((struct output){ .to = -1 })

int output_begin(const struct layer_job *j, struct output *o, struct err *e);
int output_end(struct output *o, struct layer_result *ret, struct err *e);
void output_finish(struct output *o);

/* The error of a call to libarchive with @a. */
int output_error(struct output *o, struct archive *a, struct err *e);

/* ---- names ---- */

enum name_kind {
	NAME_FILE,
	NAME_WHITEOUT, /* hides `base` of the layers below */
	NAME_OPAQUE, /* the directory hides those of the layers below */
	NAME_IGNORED, /* of aufs's own: "also, .wh..wh. is reserved" */
};

/* A member's name, taken apart. The root is "" in "". */
struct name {
	enum name_kind kind;
	char path[PATH_MAX]; /* without "." and doubled slashes; "" for the root */
	const char *base; /* in path, or behind it: what it is called in its directory */
	size_t dir_len; /* of path, the directory it is in */
};

/* -EINVAL: "..", an empty name, a whiteout of nothing; -ENAMETOOLONG. */
int name_parse(const char *text, struct name *ret, struct err *e);

/* The same without a meaning for ".wh.". */
int name_parse_plain(const char *text, struct name *ret, struct err *e);

/* ---- names that were met, to find those that were not ---- */

struct seen {
	uint64_t *keys;
	size_t n, room;
};

#define SEEN_INIT ((struct seen){ 0 })
void seen_finish(struct seen *s);

/* @dir: the inode number of its directory. */
int seen_add(struct seen *s, ino_t dir, const char *name, struct err *e);
bool seen_has(const struct seen *s, ino_t dir, const char *name);

/* ---- the directory ---- */

/*
 * One directory is held open: that of the file at work, mostly the one before it. Its time is put right when it is left,
 * whoever wrote in it: so no list of directories is needed for the end.
 */
struct tree {
	int root;
	const char *below; /* where in the root all names begin; "" */
	bool live; /* others use what is there: no directory is replaced, mounts are crossed */
	bool whole; /* overlayfs's xattrs are an archive's, too */
	struct seen timed; /* live: the directories whose time is the archive's */
	bool userxattr, exact; /* exact: whoever may not set an attribute fails */
	bool overrides; /* permissions: the modes may be any */
	bool default_acls; /* directories may have them: what is made does not have the mode it was made with */
	uid_t uid; /* what is made belongs to */
	gid_t gid;
	/* the directory that is held: */
	int parent;
	char path[PATH_MAX];
	struct stat st;
	bool touched; /* its time must be put right */
};

int tree_begin(const struct layer_job *j, struct tree *ret, struct err *e);
void tree_finish(struct tree *t);
#define TREE_INIT ((struct tree){ .root = -1, .parent = -1 })
#define cleanup_tree __attribute__((cleanup(tree_finish)))

/* @dir_len bytes of @path as a directory, opened for reading. -1 with errno. The caller's. */
int tree_open_dir(const struct tree *t, const char *path, size_t dir_len);

/*
 * Makes @dir_len bytes of @path (0: the root) the directory that is held. A symbolic link in it leads where it would in a
 * root directory of the layer's own. @make: what is missing is made, mode 0755. -ENOENT, -ENOTDIR.
 */
int tree_enter(struct tree *t, const char *path, size_t dir_len, bool make, struct err *e);

/* Puts the time of the directory that is held right, and closes it. */
int tree_leave(struct tree *t, struct err *e);

/* ---- attributes ---- */

/* A file. fd: -1 for those that cannot be opened, which are @base of the directory that is held. */
struct node {
	int fd;
	const char *base;
	bool made; /* it is new: owner and mode are those it was made with */
};

/* Owner, mode, xattrs, ACLs and, at last, times. */
int attributes_set(struct tree *t, const struct node *n, struct archive_entry *what, struct err *e);

/* Whether the file @st is not as the archive has it; @why says in what: ETIME, in nothing but its time. */
bool attributes_differ(const struct tree *t, const struct node *n, const struct stat *st, struct archive_entry *what,
		       struct err *why);

/* The mode that the file gets: who cannot override it keeps directories open to himself, and files readable. */
mode_t attributes_mode(const struct tree *t, struct archive_entry *what);

/* -EINVAL: not ids. */
int attributes_owner(struct archive_entry *what, uid_t *ret_uid, gid_t *ret_gid, struct err *e);

/* As fsetxattr and the like. */
int node_set_xattr(const struct tree *t, const struct node *n, const char *name, const void *value, size_t len);
ssize_t node_get_xattr(const struct tree *t, const struct node *n, const char *name, void *value, size_t room);
ssize_t node_list_xattrs(const struct tree *t, const struct node *n, char *names, size_t room);

/* @base, in the directory that is held: hides what the layers below have, in either form. */
bool node_is_whiteout(const struct tree *t, const char *base, const struct stat *st);

/* overlayfs's own: no archive sets them or gets them. */
bool xattr_is_overlays(const char *name);
/* Neither those nor what archives have in another form, or not at all. */
bool xattr_is_content(const char *name);

const char *xattr_opaque(const struct tree *t);
const char *xattr_whiteout(const struct tree *t);

/* ---- ACLs ---- */

enum acl_kind { ACL_ACCESS, ACL_DEFAULT, ACL_KINDS };
enum { ACL_ENTRIES_MAX = 256 };

struct acl_xattr {
	struct posix_acl_xattr_header header;
	struct posix_acl_xattr_entry entries[ACL_ENTRIES_MAX];
	size_t len; /* of header and entries, in bytes: the value of the xattr */
};

const char *acl_name(enum acl_kind kind);

/* Returns 1, or 0 when @what has none of that kind. */
int acl_encode(struct archive_entry *what, enum acl_kind kind, struct acl_xattr *ret, struct err *e);
int acl_decode(const struct acl_xattr *acl, enum acl_kind kind, struct archive_entry *ret, struct err *e);

/* ---- the verbs ---- */

/*
 * Makes @base in the directory that is held: a regular file with its content (*ret_fd is the caller's), a symbolic link, a
 * device, a fifo (-1). Replaces what is there.
 */
int unpack_content(struct tree *t, struct input *in, const char *base, struct archive_entry *what, int *ret_fd,
		   struct err *e);

/* A hard link to @target of the archive, as @n. The directory of @n is held. */
int unpack_link(struct tree *t, const struct name *n, const char *target, struct err *e);

/* A member: whatever it is. */
int unpack_named(struct tree *t, struct input *in, const struct name *n, struct archive_entry *what, struct err *e);

int layer_unpack(const struct layer_job *j, struct layer_result *ret, struct err *e);
int layer_split(const struct layer_job *j, struct layer_result *ret, struct err *e);
int layer_compare(const struct layer_job *j, struct layer_result *ret, struct err *e);
int layer_pack(const struct layer_job *j, struct layer_result *ret, struct err *e);
int layer_archive(const struct layer_job *j, struct layer_result *ret, struct err *e); /* LAYER_SAVE, too */
int layer_extract(const struct layer_job *j, struct layer_result *ret, struct err *e); /* LAYER_LOAD, too */

#endif
