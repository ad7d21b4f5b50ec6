/*
 * Internal to runtime/launch/: the parts of launch_plan and of launch_prepare. Those that write take their place in the
 * document that is open; errors name the option.
 */
#ifndef RUNTIME_LAUNCH_PLAN_H
#define RUNTIME_LAUNCH_PLAN_H

#include "lib/json.h"
#include "runtime/launch/launch.h"

/* ---- parts of the plan: each writes its members of the document ---- */

/* What is to be run, and as whom: launch/process.c */
struct launch_security;
int launch_plan_process(const struct launch_options *o, const struct launch_facts *f, const struct launch_root *root,
			const struct launch_security *security, struct arena *a, struct launched *l,
			struct json_writer *w, struct err *e);

/* Without --hostname it is the container's name, or what of it the kernel takes; with --uts host the machine's. */
const char *launch_hostname(const struct launch_options *o, const struct launch_facts *f, const struct launched *l,
			    struct arena *a);

/* The health check of struct launched: launch/health.c */
int launch_plan_health(const struct launch_options *o, const struct image_config *image, struct arena *a,
		       struct launched *l, struct err *e);

/* "mounts": launch/mounts.c */
int launch_write_mounts(const struct launch_options *o, const struct launch_facts *f, const struct launch_root *root,
			const struct launched *l, struct arena *a, struct json_writer *w, struct err *e);

/*
 * The directory of the files that are mounted over those of /etc; NULL: they lie in the root. On a network they are written
 * anew at each start, while the root is being mounted: so they are never in it.
 */
const char *launch_own_files(const struct launch_root *root, const struct launched *l);

/* What --volume or --mount says. */
struct launch_volume {
	struct spec_mount mount;
	const char *name; /* a volume's, whose data is mounted; NULL: it is none */
	bool nocopy; /* what the image has in its place is not copied to a volume that is new */
	bool chown; /* what is mounted shall belong to the container's user */
};

/*
 * One mount of the user's: launch/volume.c. Returns 1, or 0 for a volume without a source, which lies in the root: only the
 * destination is set then.
 */
int launch_volume(const char *text, const struct launch_facts *f, struct arena *a, struct launch_volume *ret,
		  struct err *e);
int launch_mount(const char *text, const struct launch_facts *f, struct arena *a, struct launch_volume *ret,
		 struct err *e);
int launch_tmpfs(const char *text, struct arena *a, struct spec_mount *ret, struct err *e);

/*
 * Volumes without a source, of @o and of @image (may be NULL): they lie in the root. *ret: their paths. An absolute path
 * without "..": true.
 */
int launch_anonymous_volumes(const struct launch_options *o, const struct launch_facts *f,
			     const struct image_config *image, struct arena *a, struct launch_list *ret, struct err *e);

/* All of --volume and --mount that are mounted. */
int launch_volumes(const struct launch_options *o, const struct launch_facts *f, struct arena *a,
		   struct launch_volume **ret, size_t *ret_n, struct err *e);

/*
 * Volumes with names are made where they are missing, noted as the container's, and filled by the first who uses them; what
 * shall belong to the container's user is given to him: launch/volume_take.c. @config: the container's.
 */
int launch_take_volumes(struct runtime *rt, const struct launch_options *o, const struct launch_facts *f,
			const struct launched *l, const char *config, struct err *e);

/*
 * Volumes that the launch at @created (struct launched) has made, and that nobody else has come to use, go again: it failed, so
 * that nothing is in them but what it put there. Once it is removed, and last of all: the caller may be in a user namespace then.
 */
void launch_return_volumes(struct runtime *rt, const char *created);

bool launch_is_plain_path(const char *path);

/* "namespaces", "uidMappings", "gidMappings", "cgroupsPath": launch/namespaces.c */
int launch_write_namespaces(const struct launch_options *o, const struct launch_facts *f, const struct launched *l,
			    struct arena *a, struct json_writer *w, struct err *e);
bool launch_has_userns(const struct launch_options *o, const struct launch_facts *f);

/* --userns keep-id: the caller's ids are his inside, too, and he is whom the command runs as, unless --user says otherwise. */
bool launch_keeps_id(const struct launch_options *o, const struct launch_facts *f);

/* Which id of the host the container's root has, user and group, when the host's root launches it. */
int launch_userns_root(const struct launch_options *o, const struct launch_facts *f, uint32_t *ret, struct err *e);

/* "resources"; the members "rlimits" and "oomScoreAdj" of the process; "sysctl": launch/limits.c */
int launch_write_resources(const struct launch_options *o, const struct launch_facts *f, struct json_writer *w,
			   struct err *e);
int launch_write_rlimits(const struct launch_options *o, struct arena *a, struct json_writer *w, struct err *e);
int launch_write_sysctl(const struct launch_options *o, struct arena *a, struct json_writer *w, struct err *e);

/* Sets the value of @key, adding it when it is new. */
void launch_set_pair(struct arena *a, struct spec_pair **pairs, size_t *n, const char *key, const char *value);

/* Devices: launch/devices.c. The default ones, --device, and all of them with --privileged. */
int launch_devices_read(const struct launch_options *o, bool rootless, struct arena *a, struct launch_device **ret,
			size_t *ret_n, struct err *e);
void launch_write_devices(const struct launch_facts *f, struct json_writer *w);
void launch_write_device_rules(const struct launch_options *o, const struct launch_facts *f, struct json_writer *w);

/* --cap-add, --cap-drop, --security-opt, --privileged: launch/security.c */
struct launch_security {
	uint64_t capabilities; /* bit N is number N */
	bool no_new_privileges;
	const char *apparmor; /* a profile, or NULL */
	const char *seccomp; /* a file, "unconfined", or NULL */
	struct launch_list masked, readonly;
};
int launch_security_plan(const struct launch_options *o, const struct launch_facts *f, bool host, struct arena *a,
			 struct launch_security *ret, struct err *e);

/* Whether facts.capabilities must be known. */
bool launch_needs_all_capabilities(const struct launch_options *o);

/* The file of --security-opt seccomp=, or NULL. */
const char *launch_seccomp_file(const struct launch_options *o, struct arena *a);

/* "seccomp", less what the capabilities lift: launch/seccomp.c. And a profile that was given: launch/profile.c */
void launch_write_seccomp(struct json_writer *w, const char *machine, uint64_t capabilities);
int launch_write_profile(struct json_writer *w, const struct json *profile, const struct launch_security *s,
			 const struct launch_facts *f, struct err *e);

/* Networks, of --network and the like; the ports among them; which of --add-host: launch/network.c, publish.c, identity.c */
int launch_plan_network(const struct launch_options *o, const struct launch_facts *f, const struct image_config *image,
			struct arena *a, struct launched_network *ret, struct err *e);
int launch_plan_ports(const struct launch_options *o, const struct image_config *image, struct arena *a,
		      struct launched_network *n, struct err *e);
int launch_check_host(const char *text, enum launched_network_mode mode, struct err *e);

/* "/etc/resolv.conf" of a container: launch/identity.c. @resolvers: its networks' own. */
int launch_resolv_conf(const struct launched_network *n, const struct net_address *resolvers, size_t n_resolvers,
		       struct buf *out, struct err *e);

/* A user as the command line or an image names him, looked up in the text of /etc/passwd and /etc/group: launch/user.c */
struct launch_user {
	uint32_t uid, gid;
	uint32_t *groups;
	size_t n_groups;
	const char *home; /* "/" when the file does not know him */
	const char *name; /* NULL when the file does not know him */
};
int launch_find_user(const char *text, const struct launch_facts *f, struct arena *a, struct launch_user *ret,
		     struct err *e);
int launch_find_group(const char *text, const struct launch_facts *f, struct arena *a, uint32_t *ret, struct err *e);

/* The text of this machine's /etc/passwd and /etc/group into the facts. */
int launch_host_users(struct arena *a, struct launch_facts *f, struct err *e);

/* ---- the root ---- */

/* Makes what @o asks for in @dir, once the plan stands: launch/root.c */
struct launch_template {
	struct launch_root root;
	struct host_view view; /* of "host" */
	struct layered_root layered; /* of an image, or of --rootfs DIR:O */
	bool is_layered;
	int hold; /* the store's lock, shared */
};
#define LAUNCH_TEMPLATE_INIT ((struct launch_template){ .hold = -1 })

/* Finds it and plans the root; sets the facts that it changes: passwd, group, shell. */
int launch_template_find(struct runtime *rt, const struct launch_options *o, const char *storage, const char *dir,
			 struct launch_facts *f, struct launch_template *ret, struct err *e);

/* Makes the directories, and the files that say which machine it is. */
int launch_template_make(struct runtime *rt, const struct launch_options *o, const struct launch_facts *f,
			 const struct launch_template *t, const struct launched *l, const char *hostname, struct err *e);

#endif
