/* Launched containers at rest: their files, their names, how they are found, what killed commands leave of them. */
#include "lib/fd.h"
#include "lib/file.h"
#include "lib/proc.h"
#include "runtime/container.h"
#include "runtime/launch/launch.h"
#include "runtime/launch/launched_event.h"
#include "runtime/record.h"
#include "tests/unit/fixture_dir.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include <cmocka.h>

struct fixture {
	struct fixture_dir dir;
	struct runtime rt;
	const char *storage;
	struct err e;
};

/* As an ordinary user's: the attribute that says whose a directory is needs no rights then. */
static int set_up(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	f->dir = fixture_dir_new();
	setenv("XDG_DATA_HOME", f->dir.path, 1);
	setenv("XDG_RUNTIME_DIR", f->dir.path, 1);
	assert_int_equal(runtime_init(&f->rt, NULL, "true", "disabled", &f->e), 0);
	f->rt.root_path = arena_printf(&f->rt.arena, "%s/state", f->dir.path);
	assert_int_equal(launch_storage(&f->rt, &f->storage, &f->e), 0);
	*state = f;
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *f = *state;

	fixture_dir_finish(&f->dir);
	runtime_finish(&f->rt);
	free(f);
	return 0;
}

/* Its directory, locked. */
static int make_dir(struct fixture *f, const char *storage, const char *id, const char **ret_dir)
{
	const char *name;
	int fd = launch_make_directory(&f->rt, storage, id, &name, ret_dir, &f->e);

	assert_true(fd >= 0);
	return fd;
}

static const char *make(struct fixture *f, const char *storage, const char *id, const char *name)
{
	struct launched l = { .image = "host", .created = "2001-02-03T04:05:06.000000007Z" };
	const char *dir;
	cleanup_close int fd = make_dir(f, storage, id, &dir);

	assert_int_equal(launched_add_name(&f->rt, dir, name, &f->e), 0);
	assert_int_equal(launched_save(fd, &l, &f->e), 0);
	return dir;
}

static bool exists(const char *path)
{
	struct stat st;

	return lstat(path, &st) == 0;
}

static const char *list(struct fixture *f)
{
	struct launched *all;
	const char *text = "";
	size_t n;

	assert_int_equal(launched_list(&f->rt, &all, &n, &f->e), 0);
	for (size_t i = 0; i < n; i++)
		text = arena_printf(&f->rt.arena, "%s%s%s", text, i ? " " : "", all[i].name);
	return text;
}

/* ---- the files ---- */

static void launch_json_comes_back_whole(void **state)
{
	const char *layers[] = { "sha256:a", "sha256:b", NULL }, *command[] = { "sh", "-c", "", "\"x\"\n", NULL };
	const char *ports[] = { "80/tcp", "[::1]:53:53/udp", NULL }, *dns[] = { "10.0.0.1", NULL }, *alias[] = { "w", NULL };
	struct launched_attachment attachments[] = {
		{ .network = "web", .ip = "10.0.0.2", .aliases = alias, .n_aliases = 1 }, { .network = "db", .interface = "b0" },
	};
	const char *check[] = { "true", NULL }, *options[] = { "lowerdir=/", "upperdir=/u", NULL };
	struct spec_pair labels[] = { { "a", "1" }, { "b", "" } };
	const struct launched l = {
		.image = "debian:12", .image_digest = "sha256:c", .layers = layers, .n_layers = 2,
		.root_options = options, .n_root_options = 2,
		.created = "2001-02-03T04:05:06.000000007Z", .command = command, .n_command = 4,
		.labels = labels, .n_labels = 2, .restart = RESTART_ON_FAILURE, .restart_max = 3, .stop_signal = 15,
		.stop_timeout_ms = 10000, .rm = true, .terminal = true, .init = true, .log_max_bytes = -1, .log_files = 5,
		.health = { .command = check, .n_command = 1, .interval_ms = 30000, .retries = 3 },
		.network = { .mode = NETWORK_ATTACHED, .attachments = attachments, .n_attachments = 2,
			     .ports = ports, .n_ports = 2, .shaping = { .rate_bps = 7, .loss_ppm = 9 }, .dns = dns,
			     .n_dns = 1 },
	};
	struct fixture *f = *state;
	struct launched back = { .id = "i", .name = "n", .dir = "/d" };

	assert_int_equal(launched_save(f->dir.fd, &l, &f->e), 0);
	assert_int_equal(launched_load(f->dir.fd, &back, &f->rt.arena, &f->e), 0);
	assert_string_equal(back.id, "i");
	assert_string_equal(back.name, "n");
	assert_string_equal(back.dir, "/d");
	assert_string_equal(back.image, "debian:12");
	assert_string_equal(back.image_digest, "sha256:c");
	assert_int_equal(back.n_layers, 2);
	assert_string_equal(back.layers[1], "sha256:b");
	assert_int_equal(back.network.mode, NETWORK_ATTACHED);
	assert_int_equal(back.network.n_attachments, 2);
	assert_string_equal(back.network.attachments[0].ip, "10.0.0.2");
	assert_string_equal(back.network.attachments[0].aliases[0], "w");
	assert_null(back.network.attachments[0].mac);
	assert_string_equal(back.network.attachments[1].interface, "b0");
	assert_string_equal(back.network.ports[1], "[::1]:53:53/udp");
	assert_int_equal(back.network.shaping.rate_bps, 7);
	assert_int_equal(back.network.shaping.loss_ppm, 9);
	assert_string_equal(back.network.dns[0], "10.0.0.1");
	assert_null(back.layers[2]);
	assert_int_equal(back.n_root_options, 2);
	assert_string_equal(back.root_options[1], "upperdir=/u");
	assert_string_equal(back.created, l.created);
	assert_int_equal(back.n_command, 4);
	assert_string_equal(back.command[2], "");
	assert_string_equal(back.command[3], "\"x\"\n");
	assert_int_equal(back.n_labels, 2);
	assert_string_equal(back.labels[1].key, "b");
	assert_string_equal(back.labels[1].value, "");
	assert_int_equal(back.restart, RESTART_ON_FAILURE);
	assert_int_equal(back.restart_max, 3);
	assert_int_equal(back.stop_signal, 15);
	assert_int_equal(back.stop_timeout_ms, 10000);
	assert_true(back.rm && back.terminal && back.init && !back.stdin_open);
	assert_int_equal(back.log_max_bytes, -1);
	assert_int_equal(back.log_files, 5);
	assert_string_equal(back.health.command[0], "true");
	assert_int_equal(back.health.interval_ms, 30000);
	assert_int_equal(back.health.retries, 3);
}

static void status_json_comes_back_whole(void **state)
{
	const struct launched_status s = {
		.state = LAUNCHED_RUNNING, .pid = 7, .exit_code = 137, .error = "why",
		.started_at = "2001-02-03T04:05:06Z",
		.restart_count = 2, .oom_killed = true, .stopped = true, .health = HEALTH_UNHEALTHY,
		.failing_streak = 4, .health_output = "no\n",
	};
	struct fixture *f = *state;
	struct launched_status back;

	assert_int_equal(launched_load_status(f->dir.fd, &back, &f->rt.arena, &f->e), 0);
	assert_null(back.started_at);
	assert_int_equal(launched_save_status(f->dir.fd, &s, &f->e), 0);
	assert_int_equal(launched_load_status(f->dir.fd, &back, &f->rt.arena, &f->e), 0);
	/* What the kernel knows is not remembered. */
	assert_int_equal(back.pid, 0);
	assert_int_equal(back.exit_code, 137);
	assert_string_equal(back.error, "why");
	assert_string_equal(back.started_at, "2001-02-03T04:05:06Z");
	assert_null(back.finished_at);
	assert_int_equal(back.restart_count, 2);
	assert_true(back.oom_killed && back.stopped);
	assert_int_equal(back.health, HEALTH_UNHEALTHY);
	assert_int_equal(back.failing_streak, 4);
	assert_string_equal(back.health_output, "no\n");
}

static void files_are_read_strictly(void **state)
{
	static const struct {
		const char *text, *error; /* NULL: good */
	} cases[] = {
		{ "{\"image\":\"host\",\"created\":\"x\",\"later\":{\"a\":[1]}}", NULL },
		{ "{\"image\":\"host\"}", "launch.json: created: " },
		{ "", "launch.json: " },
		{ "[]", "launch.json: expected an object" },
		{ "{\"image\":1,\"created\":\"x\"}", "launch.json: image: expected a string" },
		{ "{\"image\":\"host\",\"created\":\"x\",\"rm\":\"yes\"}", "launch.json: rm: expected" },
		{ "{\"image\":\"host\",\"created\":\"x\",\"restart\":\"often\"}", "launch.json: restart: " },
		{ "{\"image\":\"host\",\"created\":\"x\",\"command\":[1]}", "launch.json: command[0]: " },
		{ "{\"image\":\"host\",\"created\":\"x\",\"stopSignal\":99999999999}", "launch.json: stopSignal: " },
		{ "{\"image\":\"host\",\"created\":\"x\",\"health\":{\"retries\":true}}",
		  "launch.json: health.retries: " },
	};
	struct fixture *f = *state;
	struct launched l = { 0 };

	assert_int_equal(launched_load(f->dir.fd, &l, &f->rt.arena, &f->e), -ENOENT);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		fixture_file(&f->dir, "launch.json", cases[i].text);
		int r = launched_load(f->dir.fd, &l, &f->rt.arena, &f->e);
		assert_int_equal(r < 0, cases[i].error != NULL);
		if (r < 0 && strncmp(f->e.msg, cases[i].error, strlen(cases[i].error)) != 0)
			assert_string_equal(f->e.msg, cases[i].error);
	}
}

/* ---- finding ---- */

static void found_by_name_id_and_beginning(void **state)
{
	static const struct {
		const char *text, *id; /* NULL: not found */
	} cases[] = {
		{ "web", "web" }, { "database", "postgres" }, { "postgres", "postgres" }, { "post", "postgres" },
		{ "data", "postgres" }, { "wor", "worker" }, { "worker", "worker" }, { "elsewhere", "away" },
		{ "x", NULL }, { "", NULL }, { "webs", NULL },
	};
	struct fixture *f = *state;
	const char *other = arena_printf(&f->rt.arena, "%s/other", f->dir.path);
	struct launched l;

	make(f, f->storage, "web", "web");
	make(f, f->storage, "postgres", "database");
	make(f, f->storage, "worker", "worker");
	make(f, other, "away", "elsewhere");
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		int r = launched_find(&f->rt, cases[i].text, &l, &f->e);
		assert_int_equal(r, cases[i].id ? 0 : -ENOENT);
		if (r == 0)
			assert_string_equal(l.id, cases[i].id);
	}
	assert_int_equal(launched_find(&f->rt, "w", &l, &f->e), -EINVAL);
	assert_string_equal(f->e.msg, "more than one container begins with \"w\": \"web\", \"worker\"");
	assert_int_equal(launched_find(&f->rt, "wbe", &l, &f->e), -ENOENT);
	assert_string_equal(f->e.msg, "no container \"wbe\": did you mean \"web\"?");
	assert_string_equal(list(f), "database elsewhere web worker");
}

static void name_before_id(void **state)
{
	struct fixture *f = *state;
	struct launched l;

	make(f, f->storage, "web", "old");
	make(f, f->storage, "web-2", "web");
	assert_int_equal(launched_find(&f->rt, "web", &l, &f->e), 0);
	assert_string_equal(l.id, "web-2");
	assert_int_equal(launched_find_id(&f->rt, "web", &l, &f->e), 0);
	assert_string_equal(l.name, "old");
	assert_int_equal(launched_find_id(&f->rt, "old", &l, &f->e), -ENOENT);
}

static void those_of_another_state_root_are_not_seen(void **state)
{
	struct fixture *f = *state;
	struct launched l;

	make(f, f->storage, "web", "web");
	f->rt.root_path = "/elsewhere";
	assert_int_equal(launched_find(&f->rt, "web", &l, &f->e), -ENOENT);
	assert_string_equal(list(f), "");
}

static void without_a_name_the_id_is_one(void **state)
{
	struct fixture *f = *state;
	struct launched l;

	make(f, f->storage, "web", "web");
	assert_int_equal(unlink(arena_printf(&f->rt.arena, "%s/.names/web", f->storage)), 0);
	assert_string_equal(list(f), "web");
	assert_int_equal(launched_find(&f->rt, "web", &l, &f->e), 0);
	assert_int_equal(launched_rename(&f->rt, &l, "site", &f->e), 0);
	assert_string_equal(list(f), "site");
}

/* ---- names ---- */

static void renaming(void **state)
{
	struct fixture *f = *state;
	struct launched l;

	make(f, f->storage, "web", "web");
	make(f, f->storage, "db", "db");
	assert_int_equal(launched_find(&f->rt, "web", &l, &f->e), 0);
	assert_int_equal(launched_rename(&f->rt, &l, "db", &f->e), -EEXIST);
	assert_int_equal(launched_rename(&f->rt, &l, "web", &f->e), -EINVAL);
	assert_int_equal(launched_rename(&f->rt, &l, "../x", &f->e), -EINVAL);
	assert_int_equal(launched_rename(&f->rt, &l, "site", &f->e), 0);
	assert_string_equal(list(f), "db site");
	assert_int_equal(launched_find(&f->rt, "site", &l, &f->e), 0);
	assert_string_equal(l.id, "web");
}

static void names_are_unique(void **state)
{
	struct fixture *f = *state;
	const char *dir = make(f, f->storage, "web", "web");

	assert_int_equal(launched_add_name(&f->rt, "/some/where/else", "web", &f->e), -EEXIST);
	assert_string_equal(f->e.msg, "a container 'web' is there already: remove it, or choose another name");
	assert_true(exists(dir));
}

/* ---- what killed commands leave ---- */

static void half_made_goes_when_nobody_holds_it(void **state)
{
	struct fixture *f = *state;
	const char *dir, *name = arena_printf(&f->rt.arena, "%s/.names/half", f->storage);
	int fd = make_dir(f, f->storage, "half", &dir);

	assert_int_equal(mkdirat(fd, "upper", 0700), 0);
	assert_int_equal(launched_add_name(&f->rt, dir, "half", &f->e), 0);
	assert_string_equal(list(f), "");
	assert_true(exists(dir) && exists(name));
	close(fd);
	assert_string_equal(list(f), "");
	assert_false(exists(dir) || exists(name));
}

static void name_on_a_missing_file_system_stays(void **state)
{
	struct fixture *f = *state;
	const char *names = arena_printf(&f->rt.arena, "%s/.names", f->storage);
	const char *gone = arena_printf(&f->rt.arena, "%s/gone", f->storage);

	assert_int_equal(launched_add_name(&f->rt, gone, "gone", &f->e), 0);
	assert_int_equal(launched_add_name(&f->rt, "/no/such/storage/away", "away", &f->e), 0);
	assert_string_equal(list(f), "");
	assert_false(exists(arena_printf(&f->rt.arena, "%s/gone", names)));
	assert_true(exists(arena_printf(&f->rt.arena, "%s/away", names)));
	/* And a new one may take the name that points nowhere. */
	assert_int_equal(launched_add_name(&f->rt, gone, "web", &f->e), 0);
	make(f, f->storage, "web", "web");
	assert_string_equal(list(f), "web");
}

static void damaged_one_does_not_hide_the_others(void **state)
{
	struct fixture *f = *state;
	struct launched l;

	cleanup_close int fd = open(make(f, f->storage, "bad", "bad"), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	make(f, f->storage, "good", "good");
	assert_int_equal(file_replace_at(fd, "launch.json", 0600, "{", 1, &f->e), 0);
	assert_true(launched_find(&f->rt, "bad", &l, &f->e) < 0);
	assert_non_null(strstr(f->e.msg, "container 'bad': launch.json: "));
	assert_string_equal(list(f), "good");
}

static void removal(void **state)
{
	struct fixture *f = *state;
	struct launched l;
	const char *dir = make(f, f->storage, "web", "site");

	assert_int_equal(launched_find(&f->rt, "site", &l, &f->e), 0);
	int held = launched_lock(&l, &f->e);
	assert_true(held >= 0);
	assert_int_equal(launched_lock(&l, &f->e), -EBUSY);
	assert_int_equal(mkdirat(held, "upper", 0700), 0);
	assert_int_equal(launched_remove(&f->rt, &l, held, &f->e), 0);
	assert_int_equal(launched_remove(&f->rt, &l, held, &f->e), 0);
	close(held);
	assert_false(exists(dir) || exists(arena_printf(&f->rt.arena, "%s/.names/site", f->storage)));
	assert_string_equal(list(f), "");
}

/* ---- what they do ---- */

static enum launched_state state_of(struct fixture *f, const struct launched *l)
{
	struct launched_status s;

	assert_int_equal(launched_status(&f->rt, l, &s, &f->e), 0);
	assert_int_equal(s.pid != 0, s.state == LAUNCHED_RUNNING);
	return s.state;
}

static void states(void **state)
{
	struct fixture *f = *state;
	struct sockaddr_un a = { .sun_family = AF_UNIX };
	struct launched_status saved = { .started_at = "2001-02-03T04:05:06Z" };
	struct container c;
	struct proc_stat st;
	struct launched l;

	cleanup_close int fd = open(make(f, f->storage, "web", "web"), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	assert_int_equal(launched_find(&f->rt, "web", &l, &f->e), 0);
	assert_int_equal(state_of(f, &l), LAUNCHED_CREATED);
	assert_int_equal(launched_save_status(fd, &saved, &f->e), 0);
	assert_int_equal(state_of(f, &l), LAUNCHED_EXITED);

	/* A supervisor of one that shall be restarted. */
	int supervisor = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	snprintf(a.sun_path, sizeof(a.sun_path), "%s/supervisor", fd_path(fd).path);
	assert_int_equal(bind(supervisor, (struct sockaddr *)&a, sizeof(a)), 0);
	assert_int_equal(listen(supervisor, 1), 0);
	assert_int_equal(state_of(f, &l), LAUNCHED_EXITED);
	l.restart = RESTART_ALWAYS;
	assert_int_equal(state_of(f, &l), LAUNCHED_RESTARTING);
	saved.stopped = true;
	assert_int_equal(launched_save_status(fd, &saved, &f->e), 0);
	assert_int_equal(state_of(f, &l), LAUNCHED_EXITED);
	saved.stopped = false;
	assert_int_equal(launched_save_status(fd, &saved, &f->e), 0);
	close(supervisor);
	assert_int_equal(state_of(f, &l), LAUNCHED_EXITED);

	/* This very process as the container's first. */
	assert_int_equal(container_new(&f->rt, "web", &c, &f->e), 0);
	assert_int_equal(proc_stat(getpid(), &st, &f->e), 0);
	c.pid = getpid();
	c.start_time = st.start_time;
	c.cgroup = (struct cgroup_ref){ .driver = CGROUP_DISABLED };
	assert_int_equal(record_save(&c, &f->e), 0);
	assert_int_equal(state_of(f, &l), LAUNCHED_RUNNING);
	container_close(&c);
}

/* ---- the journal ---- */

static void events_are_noted(void **state)
{
	struct fixture *f = *state;
	const struct launched l = { .id = "web", .name = "site", .image = "host", .dir = "/d" };
	cleanup_buf struct buf text = BUF_INIT;
	struct launched_event ev;
	const char *files[2];

	make(f, f->storage, "web", "site");
	launched_event_note(&f->rt, &l, "start", NULL, NULL);
	launched_event_note(&f->rt, &l, "die", "exitCode", "137");
	assert_int_equal(launched_event_files(&f->rt, files, &f->e), 0);
	assert_int_equal(file_read_at(AT_FDCWD, files[1], 4096, &text, &f->e), 0);
	const char *second = strchr(buf_text(&text), '\n') + 1;
	assert_int_equal(launched_event_parse(text.data, (size_t)(second - text.data), &f->rt.arena, &ev, &f->e), 0);
	assert_string_equal(ev.action, "start");
	assert_string_equal(ev.name, "site");
	assert_string_equal(ev.id, "web");
	assert_string_equal(ev.image, "host");
	assert_int_equal(ev.n_attributes, 0);
	assert_int_equal(launched_event_parse(second, strlen(second), &f->rt.arena, &ev, &f->e), 0);
	assert_string_equal(ev.attributes[0].key, "exitCode");
	assert_string_equal(ev.attributes[0].value, "137");
	assert_true(launched_event_parse("{}", 2, &f->rt.arena, &ev, &f->e) < 0);
}

static void journal_is_rotated(void **state)
{
	struct fixture *f = *state;
	const struct launched l = { .id = "web", .name = "site", .image = "host", .dir = "/d" };
	const char *files[2];

	make(f, f->storage, "web", "site");
	assert_int_equal(launched_event_files(&f->rt, files, &f->e), 0);
	launched_event_note(&f->rt, &l, "start", NULL, NULL);
	assert_false(exists(files[0]));
	assert_int_equal(truncate(files[1], 1 << 20), 0);
	launched_event_note(&f->rt, &l, "die", NULL, NULL);
	assert_true(exists(files[0]) && !exists(files[1]));
	launched_event_note(&f->rt, &l, "start", NULL, NULL);
	assert_true(exists(files[0]) && exists(files[1]));
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(launch_json_comes_back_whole),
		TEST(status_json_comes_back_whole),
		TEST(files_are_read_strictly),
		TEST(found_by_name_id_and_beginning),
		TEST(name_before_id),
		TEST(those_of_another_state_root_are_not_seen),
		TEST(without_a_name_the_id_is_one),
		TEST(renaming),
		TEST(names_are_unique),
		TEST(half_made_goes_when_nobody_holds_it),
		TEST(name_on_a_missing_file_system_stays),
		TEST(damaged_one_does_not_hide_the_others),
		TEST(removal),
		TEST(states),
		TEST(events_are_noted),
		TEST(journal_is_rotated),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
