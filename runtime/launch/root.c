/* From a template to a root: this machine, an image of the store, or a directory. */
#include "lib/fd.h"
#include "lib/file.h"
#include "lib/in_root.h"
#include "runtime/images.h"
#include "runtime/launch/plan.h"
#include "runtime/process/process.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>

enum { PASSWD_MAX = 16 * 1024 * 1024 };

static int find_host(struct runtime *rt, const struct launch_options *o, const char *storage, const char *dir,
		     struct launch_facts *f, struct launch_template *t, struct err *e)
{
	const struct host_view_options options = {
		.dir = dir,
		.storage = storage,
		.rootless = rt->rootless,
		.share_home = o->share_home,
		.discarded = o->rm,
	};
	struct host_facts host;
	struct host_view *v = &t->view;

	if (launch_has_userns(o, f) && !rt->rootless)
		return err_say(e, ENOTSUP, "--userns: a view of this machine has this machine's ids; it is for images");
	if (host_facts_read(&options, &rt->arena, &host, e) < 0 ||
	    host_view_plan(&host, &options, &rt->arena, v, e) < 0)
		return -e->code;
	bool whole = v->n_layers > 0 && strcmp(v->layers[0].lower, "/") == 0;
	t->root = (struct launch_root){
		.path = v->root,
		.host = true,
		.options = whole ? v->layers[0].options : NULL,
		.n_options = whole ? v->layers[0].n_options : 0,
		.parts = v->layers + whole,
		.n_parts = v->n_layers - whole,
	};
	return launch_host_users(&rt->arena, f, e);
}

static int plan_layers(struct runtime *rt, const struct launch_options *o, const char *dir, const char **lowers,
		       size_t n, struct launch_template *t, struct err *e)
{
	const struct layered_root_options options = {
		.dir = dir,
		.lowers = { lowers, n, rt->rootless },
		.discarded = o->rm,
	};

	if (layered_root_plan(&options, &rt->arena, &t->layered, e) < 0)
		return -e->code;
	t->is_layered = true;
	t->root.path = t->layered.path;
	t->root.options = t->layered.options;
	t->root.n_options = t->layered.n_options;
	return 0;
}

static int find_image(struct runtime *rt, const struct launch_options *o, const char *dir, struct launch_template *t,
		      struct err *e)
{
	cleanup_store struct store store = STORE_INIT;
	struct store_image *image = arena_new(&rt->arena, struct store_image);
	const char **lowers = NULL;
	size_t n = 0;

	/* Until the container is known to use it, the image must not be pruned. */
	if (images_open(rt, false, &store, e) < 0 || store_lock_shared(&store, e) < 0)
		return -e->code;
	if (store_find(&store, o->template, &rt->arena, image, e) < 0)
		return -e->code;
	const struct image_config *config = &image->config;
	for (size_t i = config->n_diff_ids; i-- > 0;) {
		if (!store_has_layer(&store, config->diff_ids[i]))
			return err_say(e, ENOENT, "image '%s': its layer %s is missing: import or pull it again", o->template,
				       config->diff_ids[i]);
		*arena_push(&rt->arena, &lowers, &n) = store_layer_path(&store, config->diff_ids[i], &rt->arena);
	}
	t->root.image = config;
	t->root.image_digest = image->digest;
	t->root.layers = config->diff_ids;
	t->root.n_layers = config->n_diff_ids;
	if (plan_layers(rt, o, dir, lowers, n, t, e) < 0)
		return err_wrap(e, "image '%s'", o->template);
	if (store_use(&store, image->digest, dir, e) < 0)
		return -e->code;
	t->hold = take_fd(&store.lock);
	return 0;
}

/* "DIR": the root itself. "DIR:O": an overlay of it. */
static int find_directory(struct runtime *rt, const struct launch_options *o, const char *dir,
			  const struct launch_facts *f, struct launch_template *t, struct err *e)
{
	char *path = arena_strdup(&rt->arena, o->rootfs), *colon = strrchr(path, ':'), *real;
	bool overlay = colon && strcmp(colon, ":O") == 0;
	struct stat st;

	if (overlay)
		*colon = '\0';
	else if (launch_has_userns(o, f) && !rt->rootless)
		return err_say(e, ENOTSUP,
			       "--userns: the files of a directory have this machine's ids: say --rootfs '%s:O' for an overlay",
			       o->rootfs);
	real = realpath(path, NULL);
	if (!real || stat(real, &st) < 0 || !S_ISDIR(st.st_mode)) {
		int code = real ? ENOTDIR : errno;
		free(real);
		return err_set(e, code, "--rootfs '%s'", o->rootfs);
	}
	path = arena_strdup(&rt->arena, real);
	free(real);
	if (overlay) {
		const char **lowers = arena_new(&rt->arena, const char *);
		*lowers = path;
		return plan_layers(rt, o, dir, lowers, 1, t, e);
	}
	t->root.path = path;
	return 0;
}

/* One of the files that know users, as the container will see it. Missing ones are empty. */
static int read_users(const struct launch_template *t, const char *path, struct arena *a, const char **ret,
		      struct err *e)
{
	cleanup_buf struct buf text = BUF_INIT;
	cleanup_close int fd = -1, root = -1;
	struct stat st;

	*ret = "";
	if (t->is_layered)
		fd = merged_open(&t->layered.lowers, path, e);
	else if ((root = open(t->root.path, O_PATH | O_DIRECTORY | O_CLOEXEC)) >= 0)
		fd = in_root_open(root, path, O_RDONLY | O_NONBLOCK, e);
	if (fd == -ENOENT || fd == -ENOTDIR)
		return 0;
	if (fd < 0)
		return fd;
	if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode))
		return 0;
	if (fd_read_all(fd, PASSWD_MAX, &text, e) < 0)
		return err_wrap(e, "'%s' of the image", path);
	*ret = arena_strdup(a, buf_text(&text));
	return 0;
}

int launch_template_find(struct runtime *rt, const struct launch_options *o, const char *storage, const char *dir,
			 struct launch_facts *f, struct launch_template *ret, struct err *e)
{
	struct launch_template t = LAUNCH_TEMPLATE_INIT;

	if (!o->rootfs && strcmp(o->template, "host") == 0) {
		if (find_host(rt, o, storage, dir, f, &t, e) < 0)
			return -e->code;
		*ret = t;
		return 0;
	}
	if (o->share_home)
		return err_say(e, EINVAL, "--share-home is for 'host'");
	if ((o->rootfs ? find_directory(rt, o, dir, f, &t, e) : find_image(rt, o, dir, &t, e)) < 0)
		return -e->code;
	f->shell = NULL;
	t.root.files = dir;
	if (read_users(&t, "etc/passwd", &rt->arena, &f->passwd, e) < 0 ||
	    read_users(&t, "etc/group", &rt->arena, &f->group, e) < 0) {
		close_fd(&t.hold);
		return -e->code;
	}
	*ret = t;
	return 0;
}

/* ---- making it ---- */

/* Files that say which machine this is: the container is another. */
int launch_machine_id(struct buf *out, struct err *e)
{
	uint8_t id[16];

	if (getrandom(id, sizeof(id), 0) != sizeof(id))
		return err_set(e, errno, "getrandom");
	for (size_t i = 0; i < sizeof(id); i++)
		buf_printf(out, "%02x", id[i]);
	buf_char(out, '\n');
	return 0;
}

static int write_machine_id(const struct host_view *view, struct err *e)
{
	cleanup_buf struct buf machine_id = BUF_INIT;

	return launch_machine_id(&machine_id, e) < 0 ? -e->code :
	       host_view_file(view, "/etc/machine-id", 0444, buf_text(&machine_id), e);
}

/* Into the root itself. The machine's own name servers are there already. */
static int write_in_view(const struct host_view *view, const char *hostname, const struct launched_network *n, struct arena *a,
			 struct err *e)
{
	cleanup_buf struct buf hosts = BUF_INIT, resolv_conf = BUF_INIT;

	if (n->n_dns + n->n_dns_search + n->n_dns_options > 0 &&
	    (launch_resolv_conf(n, NULL, 0, &resolv_conf, e) < 0 ||
	     host_view_file(view, "/etc/resolv.conf", 0644, buf_text(&resolv_conf), e) < 0))
		return -e->code;
	if (host_view_file(view, "/etc/hostname", 0644, arena_printf(a, "%s\n", hostname), e) < 0)
		return -e->code;
	return launch_hosts(n, hostname, NULL, &hosts, e) < 0 ? -e->code :
	       host_view_file(view, "/etc/hosts", 0644, buf_text(&hosts), e);
}

static int write_file(int dir, const char *name, const char *text, uint32_t owner, struct err *e)
{
	cleanup_close int fd = openat(dir, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);

	if (fd < 0 || fchmod(fd, 0644) < 0 || (owner && fchown(fd, owner, owner) < 0))
		return err_set(e, errno, "create '%s'", name);
	return fd_write_all(fd, text, strlen(text), e);
}

uint32_t launch_files_owner(const struct spec *s)
{
	return spec_find_namespace(s, CLONE_NEWUSER) ? spec_host_id(s->lx.uid_mappings, s->lx.n_uid_mappings, 0) : 0;
}

int launch_make_own_files(const char *dir, const char *hostname, const struct launched_network *n, uint32_t owner,
			  struct arena *a, struct err *e)
{
	cleanup_buf struct buf hosts = BUF_INIT, resolv_conf = BUF_INIT;
	cleanup_close int fd = open(dir, O_PATH | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0)
		return err_set(e, errno, "open '%s'", dir);
	if (launch_hosts(n, hostname, NULL, &hosts, e) < 0 || launch_resolv_conf(n, NULL, 0, &resolv_conf, e) < 0)
		return -e->code;
	if (write_file(fd, "hosts", buf_text(&hosts), owner, e) < 0 ||
	    write_file(fd, "hostname", arena_printf(a, "%s\n", hostname), owner, e) < 0 ||
	    write_file(fd, "resolv.conf", buf_text(&resolv_conf), owner, e) < 0)
		return err_wrap(e, "'%s'", dir);
	return 0;
}

/* Volumes without a source are directories of the root, made where it lacks them. */
static int make_volumes(const struct launch_options *o, const struct launch_facts *f, const struct launch_template *t,
			struct arena *a, struct err *e)
{
	struct launch_list paths = { 0 };
	cleanup_close int root = -1;

	if (launch_anonymous_volumes(o, f, t->root.image, a, &paths, e) < 0)
		return -e->code;
	if (paths.n > 0 && t->root.host)
		return err_say(e, ENOTSUP, "--volume '%s': without a source it is for images", paths.v[0]);
	if (paths.n > 0 && !t->is_layered && (root = open(t->root.path, O_PATH | O_DIRECTORY | O_CLOEXEC)) < 0)
		return err_set(e, errno, "open '%s'", t->root.path);
	for (size_t i = 0; i < paths.n; i++) {
		const char *path = paths.v[i] + strspn(paths.v[i], "/");
		cleanup_close int made = t->is_layered ? -1 : in_root_mkdir(root, path, 0755, e);
		if (t->is_layered ? layered_root_mkdir(&t->layered, path, e) < 0 : made < 0)
			return err_wrap(e, "volume '%s'", paths.v[i]);
	}
	return 0;
}

static int make_init(const struct launched *l, struct err *e)
{
	cleanup_close int dir = open(l->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	return dir < 0 ? err_set(e, errno, "open '%s'", l->dir) : process_init_save(dir, e);
}

int launch_template_make(struct runtime *rt, const struct launch_options *o, const struct launch_facts *f,
			 const struct launch_template *t, const struct launched *l, const char *hostname, struct err *e)
{
	const char *own_files = launch_own_files(&t->root, l);
	uint32_t owner;

	if (launch_userns_root(o, f, &owner, e) < 0)
		return -e->code;
	if (t->root.host && host_view_make(&t->view, e) < 0)
		return -e->code;
	if (t->is_layered && layered_root_make(&t->layered, e) < 0)
		return -e->code;
	if (make_volumes(o, f, t, &rt->arena, e) < 0)
		return -e->code;
	if (t->root.host && write_machine_id(&t->view, e) < 0)
		return -e->code;
	if (o->init && make_init(l, e) < 0)
		return -e->code;
	return own_files ? launch_make_own_files(own_files, hostname, &l->network, owner, &rt->arena, e)
			 : write_in_view(&t->view, hostname, &l->network, &rt->arena, e);
}

int launch_root_again(struct runtime *rt, struct launched *l, int *ret_hold, struct err *e)
{
	const struct launch_options o = { .template = l->image_digest, .rootfs = l->image_digest ? NULL : l->image };
	struct launch_facts f = { .rootless = rt->rootless };
	struct launch_template t;

	if (launch_template_find(rt, &o, NULL, l->dir, &f, &t, e) < 0)
		return err_wrap(e, "what it was launched from, '%s', is not here", l->image);
	*ret_hold = t.hold;
	l->root_options = t.root.options;
	l->n_root_options = t.root.n_options;
	l->layers = t.root.layers;
	l->n_layers = t.root.n_layers;
	return t.is_layered ? layered_root_make(&t.layered, e) : err_say(e, ENOTSUP, "it was launched in '%s' itself", l->image);
}
