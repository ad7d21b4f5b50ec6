#include "checkpoint/images/handlers.h"

#include "checkpoint/images/image.h"
#include "lib/file.h"

#include <inttypes.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>

/* pstree.proto, core.proto, sa.proto */
enum { PSTREE_PID = 1 };
enum { CORE_TASK = 3, TASK_ACTIONS = 15 };
enum { ACTION_HANDLER = 1, ACTION_FLAGS, ACTION_RESTORER, ACTION_MASK };

struct change {
	const struct images_handler *handlers;
	size_t n;
	bool changed;
};

/* Entries stand there from signal 1 on, without those that nobody can catch. */
static int signal_of(int entry)
{
	int signal = entry + 1;

	signal += signal >= SIGKILL;
	return signal + (signal >= SIGSTOP);
}

static const struct images_handler *find(const struct change *c, int signal, struct wire action)
{
	uint64_t handler = 0;

	if (wire_find_number(action, ACTION_HANDLER, &handler) <= 0)
		return NULL;
	for (size_t i = 0; i < c->n; i++)
		if (c->handlers[i].signal == signal && c->handlers[i].was == handler)
			return &c->handlers[i];
	return NULL;
}

static void put_action(struct buf *task, uint64_t handler)
{
	cleanup_buf struct buf action = BUF_INIT;

	wire_put_number(&action, ACTION_HANDLER, handler);
	wire_put_number(&action, ACTION_FLAGS, 0);
	wire_put_number(&action, ACTION_RESTORER, 0);
	wire_put_number(&action, ACTION_MASK, 0);
	wire_put_bytes(task, TASK_ACTIONS, action.data, action.len);
}

static int change_task(struct wire task, struct change *c, struct buf *out)
{
	const struct images_handler *h;
	struct wire_field f;
	int r, actions = 0;

	while ((r = wire_next(&task, &f)) > 0) {
		h = NULL;
		if (f.number == TASK_ACTIONS && f.type == WIRE_BYTES)
			h = find(c, signal_of(actions++), wire_inside(&f));
		if (h)
			put_action(out, h->is);
		else
			wire_put_field(out, &f);
		c->changed |= h != NULL;
	}
	return r;
}

static int change_core(struct wire entry, void *data, struct buf *out, struct err *e)
{
	cleanup_buf struct buf task = BUF_INIT;
	struct change *c = data;
	struct wire was;

	c->changed = false;
	int r = wire_find_bytes(entry, CORE_TASK, &was);
	if (r > 0)
		r = change_task(was, c, &task);
	if (r < 0)
		return image_damaged(e);
	if (!c->changed)
		return 0;
	wire_put_others(out, entry, CORE_TASK);
	wire_put_bytes(out, CORE_TASK, task.data, task.len);
	return 1;
}

static int change_process(int images, uint64_t pid, struct change *c, struct err *e)
{
	cleanup_buf struct buf out = BUF_INIT;
	cleanup_image struct image i = IMAGE_INIT;
	char name[40];

	snprintf(name, sizeof(name), "core-%" PRIu64 ".img", pid);
	int r = image_read(images, name, IMAGE_CORE, &i, e);
	if (r < 0)
		return r;
	r = image_rewrite(&i, IMAGE_CORE, change_core, c, &out, e);
	if (r < 0)
		return err_wrap(e, "'%s'", name);
	return r > 0 ? file_replace_at(images, name, 0644, out.data, out.len, e) : 0;
}

int images_change_handlers(int images, const struct images_handler *handlers, size_t n, struct err *e)
{
	struct change c = { .handlers = handlers, .n = n };
	cleanup_image struct image i = IMAGE_INIT;
	struct wire entry;
	uint64_t pid = 0;

	int r = image_read(images, "pstree.img", IMAGE_PSTREE, &i, e);
	if (r < 0)
		return r;
	while ((r = image_next(&i, &entry, e)) > 0) {
		if (wire_find_number(entry, PSTREE_PID, &pid) <= 0) {
			r = image_damaged(e);
			break;
		}
		if (change_process(images, pid, &c, e) < 0)
			return -e->code;
	}
	return r < 0 ? err_wrap(e, "'pstree.img'") : 0;
}
