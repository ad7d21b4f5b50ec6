#include "overlay/image/crew.h"

#include "lib/fd.h"

#include <errno.h>
#include <poll.h>
#include <sched.h>
#include <sys/stat.h>

enum { REDRAW_MS = 100, HANDS_MAX = 8 };

/* A worker, and the file that it writes: how long that is tells how far it is. */
struct hand {
	struct layer_worker worker;
	size_t task;
	int to;
	bool busy;
};

static size_t processors(void)
{
	cpu_set_t set;
	int n = sched_getaffinity(0, sizeof(set), &set) == 0 ? CPU_COUNT(&set) : 1;

	return n > HANDS_MAX ? HANDS_MAX : (size_t)n;
}

static void show(const struct crew *c)
{
	if (c->progress)
		c->progress->show(c->progress->data, c->parts, c->n);
}

static void close_job(struct layer_job *j)
{
	close_fd(&j->dir);
	close_fd(&j->from);
	close_fd(&j->to);
}

static int set_to_work(struct crew *c, struct hand *h, size_t task, int budget, struct err *e)
{
	struct layer_job job = LAYER_JOB_INIT;
	int r = c->begin(c->data, task, &job, e);

	job.budget = budget;
	if (r >= 0)
		r = layer_start(&job, &h->worker, e);
	if (r >= 0) {
		h->task = task;
		h->busy = true;
		h->to = take_fd(&job.to);
		c->parts[task].state = IMAGE_PART_WORKING;
		show(c);
	}
	close_job(&job);
	return r < 0 ? r : 0;
}

static int finish(struct crew *c, struct hand *h, struct err *e)
{
	struct image_part *part = &c->parts[h->task];
	struct layer_result result;
	int r = layer_wait(&h->worker, &result, e);

	h->busy = false;
	close_fd(&h->to);
	if (r < 0)
		return err_wrap(e, "layer %s", part->digest);
	if (c->end(c->data, h->task, &result, e) < 0)
		return -e->code;
	part->state = IMAGE_PART_DONE;
	part->done_bytes = part->total_bytes = result.size_bytes;
	show(c);
	return 0;
}

static void look(struct crew *c, const struct hand *hands, size_t n)
{
	struct stat st;

	for (size_t i = 0; i < n; i++)
		if (hands[i].busy && hands[i].to >= 0 && fstat(hands[i].to, &st) == 0)
			c->parts[hands[i].task].done_bytes = st.st_size;
	show(c);
}

/* Waits for the end of one or more workers. */
static int wait_for_one(struct crew *c, struct hand *hands, size_t n, struct err *e)
{
	struct pollfd polls[HANDS_MAX];
	int ready;

	for (size_t i = 0; i < n; i++)
		polls[i] = (struct pollfd){ .fd = hands[i].busy ? hands[i].worker.pidfd : -1, .events = POLLIN };
	while ((ready = poll(polls, n, c->progress ? REDRAW_MS : -1)) == 0)
		look(c, hands, n);
	if (ready < 0)
		return errno == EINTR ? 0 : err_set(e, errno, "wait for workers");
	for (size_t i = 0; i < n; i++)
		if (polls[i].revents && finish(c, &hands[i], e) < 0)
			return -e->code;
	return 0;
}

static struct hand *idle(struct hand *hands, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (!hands[i].busy)
			return &hands[i];
	return NULL;
}

static bool any_busy(const struct hand *hands, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (hands[i].busy)
			return true;
	return false;
}

int crew_run(struct crew *c, struct err *e)
{
	struct hand hands[HANDS_MAX];
	size_t n_hands = processors(), next = 0;
	cleanup_close int budget = layer_budget(e);
	int r = budget;

	for (size_t i = 0; i < n_hands; i++)
		hands[i] = (struct hand){ .worker = LAYER_WORKER_INIT, .to = -1 };
	show(c);
	while (r >= 0) {
		struct hand *h = idle(hands, n_hands);
		while (next < c->n && c->parts[next].state == IMAGE_PART_THERE)
			next++;
		if (h && next < c->n)
			r = set_to_work(c, h, next++, budget, e);
		else if (any_busy(hands, n_hands))
			r = wait_for_one(c, hands, n_hands, e);
		else
			break;
	}
	for (size_t i = 0; i < n_hands; i++) {
		layer_cancel(&hands[i].worker);
		close_fd(&hands[i].to);
	}
	return r < 0 ? r : 0;
}

int crew_alone(const struct layer_job *job, struct layer_result *ret, struct err *e)
{
	cleanup_layer_worker struct layer_worker w = LAYER_WORKER_INIT;

	if (layer_start(job, &w, e) < 0)
		return -e->code;
	return layer_wait(&w, ret, e);
}
