/* cp: files and directories between the host and a container, by the rules of docker cp. */
#include "runtime/cli/commands.h"
#include "runtime/cli/containers.h"
#include "runtime/cli/cp.h"
#include "runtime/container.h"
#include "runtime/container_root.h"
#include "runtime/supervise/supervise.h"

#include "lib/fd.h"
#include "lib/in_root.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct options {
	bool archive, follow_link, quiet;
};

static const struct cli_option options_table[] = {
	CLI_OPTION("archive", 'a', CLI_FLAG, struct options, archive, NULL, "keep users, groups and attributes"),
	CLI_OPTION("follow-link", 'L', CLI_FLAG, struct options, follow_link, NULL,
		   "copy what SRC points to when it is a symbolic link"),
	CLI_OPTION("quiet", 'q', CLI_IGNORED, struct options, quiet, NULL, "nothing is said of its progress anyway"),
	{ 0 },
};

/* ---- SRC and DEST ---- */

struct cp_place cp_parse(const char *text, struct arena *a)
{
	size_t name = strcspn(text, ":");

	/* A path with a colon is told by what stands before it: ./a:b, /a:b */
	if (!text[name] || name == 0 || text[0] == '.' || memchr(text, '/', name))
		return (struct cp_place){ .path = text, .root = -1 };
	const char *path = text + name + 1;
	return (struct cp_place){
		.container = arena_strndup(a, text, name),
		.path = path[0] == '/' ? path : arena_printf(a, "/%s", path),
		.root = -1,
	};
}

static int open_at(const struct cp_place *p, const char *path, int flags, struct err *e)
{
	if (p->root >= 0)
		return in_root_open(p->root, path, flags, e);
	int fd = open(path, flags | O_CLOEXEC);
	return fd >= 0 ? fd : err_set(e, errno, "open '%s'", path);
}

/*
 * "/a/b" is "b" in "/a"; "b" is in ".". A slash or "/." at its end says that it must be a directory, "/." that its
 * content is meant.
 */
void cp_split(const char *path, struct arena *a, struct cp_parts *ret)
{
	char *text = arena_strdup(a, path);
	size_t len = strlen(text);

	*ret = (struct cp_parts){ .dir = "." };
	if (strcmp(text, ".") == 0 || (len > 1 && strcmp(text + len - 2, "/.") == 0)) {
		ret->content = ret->must_be_dir = true;
		text[--len] = '\0';
	}
	for (; len > 1 && text[len - 1] == '/'; ret->must_be_dir = true)
		text[--len] = '\0';
	char *slash = strrchr(text, '/');
	ret->name = slash ? slash + 1 : text;
	if (slash) {
		ret->dir = slash == text ? "/" : text;
		*slash = '\0';
	}
	/* What has no name of its own has a content. */
	if (!*ret->name || strcmp(ret->name, "..") == 0)
		ret->content = ret->must_be_dir = true;
}

/* An archive on standard input or output. */
static bool is_stream(const struct cp_place *p)
{
	return !p->container && strcmp(p->path, "-") == 0;
}

/* ---- copying ---- */

struct copying {
	struct tree_copy how;
	bool follow_link;
};

static int open_source(const struct cp_place *src, const struct cp_parts *parts, bool follow, struct stat *st,
		       struct err *e)
{
	cleanup_close int fd = -1;

	fd = open_at(src, src->path, O_PATH | (follow || parts->must_be_dir ? 0 : O_NOFOLLOW), e);
	if (fd < 0)
		return fd;
	if (fstat(fd, st) < 0)
		return err_set(e, errno, "stat '%s'", src->path);
	if (parts->must_be_dir && !S_ISDIR(st->st_mode))
		return err_say(e, ENOTDIR, "'%s' is no directory", src->path);
	if (!S_ISDIR(st->st_mode) && !S_ISREG(st->st_mode) && !S_ISLNK(st->st_mode) && !S_ISFIFO(st->st_mode))
		return err_say(e, EINVAL, "'%s' is a device or a socket: not copied", src->path);
	return take_fd(&fd);
}

/* @dir: what DEST is. */
static int copy_into(const struct copying *c, int from, const struct cp_parts *src, const struct stat *st, int dir,
		     struct err *e)
{
	if (S_ISDIR(st->st_mode) && src->content)
		return tree_copy_content(&c->how, from, dir, e);
	return tree_copy(&c->how, from, dir, src->name, e);
}

/* DEST is a file, or a link to one, or nothing yet. */
static int copy_as(const struct copying *c, int from, const struct stat *st, const struct cp_place *dst,
		   const struct cp_parts *to, struct err *e)
{
	struct stat there;
	int dir = open_at(dst, to->dir, O_PATH | O_DIRECTORY, e);

	if (dir < 0)
		return dir;
	cleanup_close int parent = dir;
	if (to->content || (to->must_be_dir && !S_ISDIR(st->st_mode)))
		return err_say(e, ENOENT, "directory '%s' does not exist", dst->path);
	if (fstatat(parent, to->name, &there, AT_SYMLINK_NOFOLLOW) < 0)
		return errno == ENOENT ? tree_copy(&c->how, from, parent, to->name, e) :
					 err_set(e, errno, "stat '%s'", dst->path);
	if (S_ISDIR(st->st_mode))
		return err_say(e, ENOTDIR, "'%s' is no directory, so a directory cannot be copied to it", dst->path);
	if (!S_ISLNK(there.st_mode) || !S_ISREG(st->st_mode))
		return tree_copy(&c->how, from, parent, to->name, e);
	cleanup_close int over = open_at(dst, dst->path, O_PATH, e);
	return over < 0 ? over : tree_copy_over(from, over, e);
}

static int copy(const struct copying *c, const struct cp_place *src, const struct cp_place *dst, struct arena *a,
		struct err *e)
{
	struct cp_parts from, to;
	struct stat st, there;
	struct err ignored = ERR_INIT;

	cp_split(src->path, a, &from);
	cp_split(dst->path, a, &to);
	cleanup_close int source = open_source(src, &from, c->follow_link, &st, e);
	if (source < 0)
		return source;
	if (is_stream(dst))
		return cp_archive(source, &from, &st, e);
	cleanup_close int target = open_at(dst, dst->path, O_PATH, &ignored);
	if (target >= 0 && fstat(target, &there) == 0 && S_ISDIR(there.st_mode))
		return copy_into(c, source, &from, &st, target, e);
	if (target >= 0 && to.must_be_dir)
		return err_say(e, ENOTDIR, "'%s' is no directory", dst->path);
	return copy_as(c, source, &st, dst, &to, e);
}

/* ---- the container ---- */

static int open_running(struct runtime *rt, const struct cli_container *c, struct container_root *ret, struct err *e)
{
	cleanup_container struct container oci = CONTAINER_INIT;

	if (container_open(rt, c->l.id, false, &oci, e) < 0)
		return -e->code;
	cleanup_close int pidfd = container_pidfd(&oci, e);
	return pidfd < 0 ? pidfd : container_root_of_process(rt, oci.pid, pidfd, ret, e);
}

/* *ret_lock: keeps it from being started. */
static int open_at_rest(struct runtime *rt, const struct cli_container *c, bool to_container, int *ret_lock,
			struct container_root *ret, struct err *e)
{
	cleanup_container struct container oci = CONTAINER_INIT;
	struct create_request r = { 0 };

	if (c->l.dir) {
		*ret_lock = launched_lock(&c->l, e);
		if (*ret_lock < 0 || supervise_request(rt, &c->l, *ret_lock, &r, e) < 0)
			return -e->code;
	} else {
		if (container_open(rt, c->l.id, true, &oci, e) < 0 ||
		    container_load_config(&oci, &rt->arena, &r.spec, e) < 0)
			return -e->code;
		r.bundle = oci.bundle;
		*ret_lock = take_fd(&oci.dir);
	}
	if (to_container && r.spec->root && r.spec->root->readonly)
		return err_say(e, EROFS, "its root is read-only");
	return container_root_at_rest(rt, r.spec, r.bundle, ret, e);
}

/* What is mapped to root, in numbers of ours. */
static uint32_t root_of(const struct id_range *ranges, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (ranges[i].from == 0)
			return ranges[i].to;
	return 0;
}

static struct id_range *turned(const struct id_range *ranges, size_t n, struct arena *a)
{
	struct id_range *t = arena_new_array(a, n, struct id_range);

	for (size_t i = 0; i < n; i++)
		t[i] = (struct id_range){ ranges[i].to, ranges[i].from, ranges[i].count };
	return t;
}

/*
 * Files come to belong to the container's root, or to whoever copies them out of it; and a program of the container
 * does not become one that gives the host's users rights. With --archive all stays, in the container's numbers.
 */
static struct tree_copy choose_owners(const struct options *o, const struct container_root *r, bool to_container,
				      struct arena *a)
{
	struct tree_copy how = {
		.owner = OWNER_MAKER,
		.keep_set_id = o->archive || to_container,
		.xattrs = o->archive,
	};

	if (o->archive) {
		how.owner = OWNER_MAPPED;
		how.uids = to_container ? r->uids : turned(r->uids, r->n_uids, a);
		how.gids = to_container ? r->gids : turned(r->gids, r->n_gids, a);
		how.n_uids = r->n_uids;
		how.n_gids = r->n_gids;
	} else if (to_container && r->n_uids > 0) {
		how.owner = OWNER_FIXED;
		how.uid = root_of(r->uids, r->n_uids);
		how.gid = root_of(r->gids, r->n_gids);
	}
	return how;
}

static int check_streams(const struct cp_place *src, const struct cp_place *dst, struct err *e)
{
	if (is_stream(src) && isatty(STDIN_FILENO))
		return err_say(e, EINVAL, "standard input is a terminal: an archive comes from a file or a pipe");
	if (is_stream(dst) && isatty(STDOUT_FILENO))
		return err_say(e, EINVAL, "standard output is a terminal: an archive goes to a file or a pipe");
	return 0;
}

static int run_cp(struct runtime *rt, const void *options, int argc, char **argv, struct err *e)
{
	const struct options *o = options;
	struct cp_place src = cp_parse(argv[0], &rt->arena), dst = cp_parse(argv[1], &rt->arena);
	cleanup_container_root struct container_root root = CONTAINER_ROOT_INIT;
	cleanup_close int lock = -1;
	struct cli_container c;

	(void)argc;
	if (!src.container == !dst.container)
		return err_say(e, EINVAL, "one path must be in a container, as CONTAINER:PATH, the other on the host");
	if (check_streams(&src, &dst, e) < 0)
		return -e->code;
	if (!*src.path || !*dst.path)
		return err_say(e, EINVAL, "a path is missing");
	bool to_container = dst.container != NULL, stream = is_stream(&src) || is_stream(&dst);
	if (cli_container(rt, to_container ? dst.container : src.container, &c, e) < 0)
		return -e->code;
	int r = c.status.pid ? open_running(rt, &c, &root, e) :
			       open_at_rest(rt, &c, to_container, &lock, &root, e);
	/* The numbers of owners in an archive are the container's. */
	if (r < 0 || ((rt->rootless || stream) && container_root_become(&root, e) < 0))
		return err_wrap(e, "container '%s'", c.l.name);
	if (to_container)
		dst.root = root.fd;
	else
		src.root = root.fd;
	const struct copying how = { choose_owners(o, &root, to_container, &rt->arena), o->follow_link };
	umask(0);
	if (is_stream(&src) ? cp_extract(&dst, root.userns >= 0, e) : copy(&how, &src, &dst, &rt->arena, e) < 0)
		return err_wrap(e, "copy '%s' to '%s'", argv[0], argv[1]);
	return 0;
}

const struct cli_command command_cp = {
	.name = "cp",
	.arguments = "CONTAINER:SRC DEST|- | SRC|- CONTAINER:DEST",
	.summary = "Copy files between the host and a container",
	.details = "Whether the container runs or not. A directory is copied as DEST, or into DEST when that exists;\n"
		   "SRC/. is what is in it. Devices and sockets are left out. With - it is a tar archive on standard\n"
		   "output, or one on standard input, which is unpacked in the directory DEST.\n",
	.group = CLI_CHANGE,
	.options = options_table,
	.options_size = sizeof(struct options),
	.min_args = 2,
	.max_args = 2,
	.run = run_cp,
};
