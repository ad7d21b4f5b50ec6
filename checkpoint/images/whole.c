#include "checkpoint/images/whole.h"

#include "checkpoint/images/digests.h"
#include "checkpoint/images/directory.h"
#include "checkpoint/images/image.h"
#include "checkpoint/images/pagemap.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* pstree.proto, core.proto */
enum { PSTREE_PID = 1, PSTREE_THREADS = 5 };
enum { CORE_TASK = 3, TASK_STATE = 1 };
enum { TASK_DEAD = 2, TASK_ZOMBIE = 6 };

struct check {
	int images;
	bool elsewhere;
};

/* What is missing is damage, too. */
static int damaged(struct err *e, const char *name)
{
	if (e->code == ENOENT)
		return err_say(e, EBADMSG, "'%s' is missing", name);
	return -e->code;
}

static int walk(int images, const char *name, enum image_type type, struct err *e)
{
	cleanup_image struct image i = IMAGE_INIT;
	struct wire entry;

	int r = image_read_first(images, name, type, &i, &entry, e);
	if (r < 0)
		return damaged(e, name);
	while ((r = image_next(&i, &entry, e)) > 0)
		;
	return r < 0 ? err_wrap(e, "'%s'", name) : 0;
}

/* Of one that is there. */
static int check_type(const struct check *c, const char *name, enum image_type type, struct err *e)
{
	return faccessat(c->images, name, F_OK, 0) < 0 && errno == ENOENT ? 0 : walk(c->images, name, type, e);
}

static int check_pages(const struct check *c, uint64_t pid, struct err *e)
{
	cleanup_pagemap struct pagemap p = PAGEMAP_INIT;
	cleanup_arena struct arena a = ARENA_INIT;
	char name[40];

	snprintf(name, sizeof(name), "mm-%" PRIu64 ".img", pid);
	if (walk(c->images, name, IMAGE_MM, e) < 0)
		return -e->code;
	snprintf(name, sizeof(name), "pagemap-%" PRIu64 ".img", pid);
	if (c->elsewhere)
		return check_type(c, name, IMAGE_PAGEMAP, e);
	if (walk(c->images, name, IMAGE_PAGEMAP, e) < 0)
		return -e->code;
	/* What is in a form that is not known here is for CRIU to judge. */
	if (pagemap_read(c->images, name, &a, &p, e) < 0 && e->code != ENOTSUP)
		return e->code == ENOENT ? err_say(e, EBADMSG, "'%s': pages are missing", name) : -e->code;
	*e = ERR_INIT;
	return 0;
}

static int check_core(const struct check *c, uint64_t tid, uint64_t *ret_state, struct err *e)
{
	cleanup_image struct image i = IMAGE_INIT;
	struct wire entry, task;
	char name[40];

	snprintf(name, sizeof(name), "core-%" PRIu64 ".img", tid);
	if (image_read_first(c->images, name, IMAGE_CORE, &i, &entry, e) < 0)
		return damaged(e, name);
	*ret_state = 0;
	int r = wire_find_bytes(entry, CORE_TASK, &task);
	if (r > 0)
		r = wire_find_number(task, TASK_STATE, ret_state);
	return r < 0 ? err_say(e, EBADMSG, "'%s': an entry is damaged", name) : 0;
}

static int check_process(const struct check *c, struct wire entry, struct err *e)
{
	uint64_t pid = 0, state = 0, ignored;
	struct wire_field f;
	int r;

	if (wire_find_number(entry, PSTREE_PID, &pid) <= 0)
		return image_damaged(e);
	if (check_core(c, pid, &state, e) < 0)
		return -e->code;
	/* It has no threads, and CRIU writes any number for the one that it was. */
	if (state == TASK_DEAD || state == TASK_ZOMBIE)
		return 0;
	while ((r = wire_next(&entry, &f)) > 0)
		if (f.number == PSTREE_THREADS && f.type == WIRE_VARINT && check_core(c, f.value, &ignored, e) < 0)
			return -e->code;
	if (r < 0)
		return image_damaged(e);
	return check_pages(c, pid, e);
}

int images_check(int images, bool elsewhere, struct err *e)
{
	const struct check c = { images, elsewhere };
	cleanup_image struct image i = IMAGE_INIT;
	struct wire entry;

	int r = images_digests_check(images, e);
	if (r < 0 && r != -ENOENT)
		return r;
	*e = ERR_INIT;
	if (walk(images, "inventory.img", IMAGE_INVENTORY, e) < 0 || walk(images, "files.img", IMAGE_FILES, e) < 0 ||
	    check_type(&c, "remap-fpath.img", IMAGE_REMAPS, e) < 0)
		return -e->code;
	if (image_read(images, "pstree.img", IMAGE_PSTREE, &i, e) < 0)
		return damaged(e, "pstree.img");
	while ((r = image_next(&i, &entry, e)) > 0)
		if (check_process(&c, entry, e) < 0)
			return -e->code;
	return r < 0 ? err_wrap(e, "'pstree.img'") : 0;
}
