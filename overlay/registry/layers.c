#include "overlay/registry/layers.h"

#include "lib/fd.h"
#include "lib/sys.h"
#include "overlay/layer/layer.h"

#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>

/* One layer at work: a ferry-registry writes into a pipe, a ferry-layer reads from it. */
struct slot {
	struct registry registry;
	struct layer_worker worker;
	bool open; /* the registry's process is there */
	bool asked, unpacking; /* what is still to come */
	bool stored; /* the store has the blob, only not unpacked */
	size_t layer; /* of the manifest */
	int64_t status;
	struct err refused; /* what the registry's side says */
	struct err broken; /* what the layer's side says */
	struct layer_result result;
};

struct work {
	const struct registry_layers *l;
	struct image_part *parts; /* one a layer of the manifest */
	size_t n, next;
	int budget;
	struct slot slot[REGISTRY_LAYERS_AT_ONCE];
};

static void show(const struct work *w)
{
	const struct image_progress *p = w->l->progress;

	if (p)
		p->show(p->data, w->parts, w->n);
}

struct keys {
	char layer[24], blob[24]; /* in the ingest */
};

static struct keys keys_of(size_t layer)
{
	struct keys k;

	snprintf(k.layer, sizeof(k.layer), "layer-%zu", layer);
	snprintf(k.blob, sizeof(k.blob), "blob-%zu", layer);
	return k;
}

/* ---- what is there already ---- */

static bool comes_earlier(const struct image_manifest *m, size_t layer)
{
	for (size_t i = 0; i < layer; i++)
		if (strcmp(m->layers[i].digest, m->layers[layer].digest) == 0)
			return true;
	return false;
}

static void look(struct work *w)
{
	const struct registry_layers *l = w->l;

	for (size_t i = 0; i < w->n; i++) {
		const struct image_descriptor *d = &l->manifest->layers[i];
		bool there = store_has_blob(l->store, d->digest) && store_has_layer(l->store, l->config->diff_ids[i]);
		w->parts[i] = (struct image_part){
			.digest = d->digest,
			.state = there || comes_earlier(l->manifest, i) ? IMAGE_PART_THERE : IMAGE_PART_WAITING,
			.total_bytes = d->size_bytes,
		};
	}
}

/* ---- one layer ---- */

/* The pipe's reading end goes to the worker, or the blob's file if the store has that. */
static int start_worker(struct work *w, struct slot *s, int from, struct err *e)
{
	const struct registry_layers *l = w->l;
	const struct keys keys = keys_of(s->layer);

	cleanup_close int dir = ingest_layer(l->ingest, keys.layer, e);
	if (dir < 0)
		return dir;
	cleanup_close int blob = s->stored ? -1 : ingest_blob(l->ingest, keys.blob, e);
	if (!s->stored && blob < 0)
		return blob;
	struct layer_job job = {
		.verb = LAYER_UNPACK,
		.dir = dir,
		.from = from,
		.length_bytes = -1,
		.to = blob,
		.budget = w->budget,
		.userxattr = l->rootless,
		.mtime_max_s = -1,
	};
	s->worker = LAYER_WORKER_INIT;
	if (layer_start(&job, &s->worker, e) < 0)
		return -e->code;
	s->unpacking = true;
	return 0;
}

static int ask_for_blob(struct work *w, struct slot *s, const struct image_descriptor *d, struct err *e)
{
	int ends[2];

	if (!s->open && registry_another(w->l->registry, &s->registry, e) < 0)
		return -e->code;
	s->open = true;
	if (pipe2(ends, O_CLOEXEC) < 0)
		return err_set(e, errno, "pipe");
	cleanup_close int from = ends[0], to = ends[1];
	struct registry_request q = registry_request(&s->registry, "GET", "blobs", d->digest);
	q.length_bytes = d->size_bytes;
	q.exact = 1;
	if (registry_send(&s->registry, &q, to, e) < 0)
		return -e->code;
	s->asked = true;
	return start_worker(w, s, from, e);
}

static int begin_layer(struct work *w, struct slot *s, struct err *e)
{
	const struct image_descriptor *d = &w->l->manifest->layers[w->next];

	s->layer = w->next;
	s->status = 0;
	s->refused = s->broken = ERR_INIT;
	w->parts[s->layer].state = IMAGE_PART_WORKING;
	show(w);
	s->stored = store_has_blob(w->l->store, d->digest);
	if (!s->stored)
		return ask_for_blob(w, s, d, e);
	cleanup_close int blob = store_open_blob(w->l->store, d->digest, e);
	return blob < 0 ? blob : start_worker(w, s, blob, e);
}

static int check(const struct slot *s, const struct image_descriptor *d, const char *diff_id, struct err *e)
{
	const struct layer_result *is = &s->result;

	if (strcmp(is->digest, d->digest) != 0)
		return err_say(e, EBADMSG, "what came has the digest %s", is->digest);
	if (is->size_bytes != d->size_bytes)
		return err_say(e, EBADMSG, "%" PRId64 " bytes came, the manifest has %" PRId64, is->size_bytes,
			       d->size_bytes);
	if (strcmp(is->diff_id, diff_id) != 0)
		return err_say(e, EBADMSG, "unpacked it has the digest %s, the configuration has %s", is->diff_id,
			       diff_id);
	return 0;
}

/*
 * Both sides have ended. An unpacking that fails breaks the pipe, and a download that fails ends the archive early: the
 * one that failed by itself is the one to tell of.
 */
static int failure(const struct slot *s, struct err *e)
{
	bool by_pipe = s->refused.code == EPIPE;

	if (s->refused.code && !(by_pipe && s->broken.code))
		*e = s->refused;
	else
		*e = s->broken;
	return -e->code;
}

static int end_layer(struct work *w, struct slot *s, struct err *e)
{
	const struct image_descriptor *d = &w->l->manifest->layers[s->layer];
	const char *diff_id = w->l->config->diff_ids[s->layer];
	const struct keys keys = keys_of(s->layer);

	if (s->refused.code || s->broken.code)
		return failure(s, e);
	if (check(s, d, diff_id, e) < 0)
		return -e->code;
	if (!s->stored && ingest_blob_done(w->l->ingest, keys.blob, d->digest, e) < 0)
		return -e->code;
	if (ingest_layer_done(w->l->ingest, keys.layer, diff_id, e) < 0)
		return -e->code;
	w->parts[s->layer].state = IMAGE_PART_DONE;
	w->parts[s->layer].done_bytes = d->size_bytes;
	show(w);
	return 0;
}

/* ---- all of them ---- */

static void hear_registry(struct work *w, struct slot *s)
{
	struct registry_answer answer = { 0 };
	int64_t bytes = 0;

	int r = registry_receive(&s->registry, &bytes, &answer, &s->refused);
	if (r == 0) {
		w->parts[s->layer].done_bytes = bytes;
		show(w);
		return;
	}
	s->asked = false;
	if (r > 0 && answer.status != 200 && answer.status != 206)
		registry_refused(&s->registry, &answer, &s->refused);
}

/*
 * What is still to come is of no use when it cannot be unpacked; but if the archive ended early, the registry's side
 * has said why before it closed the pipe.
 */
static void hear_worker(struct work *w, struct slot *s)
{
	layer_wait(&s->worker, &s->result, &s->broken);
	s->unpacking = false;
	if (!s->broken.code)
		return;
	for (struct pollfd p = { .fd = s->registry.process.sock, .events = POLLIN }; s->asked && poll(&p, 1, 0) > 0;)
		hear_registry(w, s);
	if (s->asked)
		registry_close(&s->registry);
	s->open = s->open && !s->asked;
	s->asked = false;
}

static bool is_busy(const struct slot *s)
{
	return s->asked || s->unpacking;
}

/* Gives the free slots what waits. */
static int hand_out(struct work *w, struct err *e)
{
	for (size_t i = 0; i < REGISTRY_LAYERS_AT_ONCE; i++) {
		while (w->next < w->n && w->parts[w->next].state != IMAGE_PART_WAITING)
			w->next++;
		if (w->next == w->n)
			return 0;
		if (is_busy(&w->slot[i]))
			continue;
		if (begin_layer(w, &w->slot[i], e) < 0)
			return err_wrap(e, "layer %s", w->l->manifest->layers[w->next].digest);
		w->next++;
	}
	return 0;
}

static int hear(struct work *w, struct err *e)
{
	struct pollfd p[2 * REGISTRY_LAYERS_AT_ONCE];

	for (size_t i = 0; i < REGISTRY_LAYERS_AT_ONCE; i++) {
		const struct slot *s = &w->slot[i];
		p[2 * i] = (struct pollfd){ .fd = s->asked ? s->registry.process.sock : -1, .events = POLLIN };
		p[2 * i + 1] = (struct pollfd){ .fd = s->unpacking ? s->worker.pidfd : -1, .events = POLLIN };
	}
	if (poll(p, 2 * REGISTRY_LAYERS_AT_ONCE, -1) < 0)
		return errno == EINTR ? 0 : err_set(e, errno, "wait for layers");
	for (size_t i = 0; i < REGISTRY_LAYERS_AT_ONCE; i++) {
		struct slot *s = &w->slot[i];
		if (!is_busy(s))
			continue;
		if (p[2 * i].revents)
			hear_registry(w, s);
		if (p[2 * i + 1].revents)
			hear_worker(w, s);
		if (!is_busy(s) && end_layer(w, s, e) < 0)
			return err_wrap(e, "layer %s", w->l->manifest->layers[s->layer].digest);
	}
	return 0;
}

static bool any_busy(const struct work *w)
{
	for (size_t i = 0; i < REGISTRY_LAYERS_AT_ONCE; i++)
		if (is_busy(&w->slot[i]))
			return true;
	return false;
}

static void stop(struct work *w)
{
	for (size_t i = 0; i < REGISTRY_LAYERS_AT_ONCE; i++) {
		struct slot *s = &w->slot[i];
		if (s->open)
			registry_close(&s->registry);
		if (s->unpacking)
			layer_cancel(&s->worker);
	}
}

int registry_layers_pull(const struct registry_layers *l, struct err *e)
{
	cleanup_arena struct arena a = ARENA_INIT;
	cleanup_close int budget = layer_budget(e);
	struct work w = { .l = l, .n = l->manifest->n_layers, .budget = budget };
	int r = 0;

	if (budget < 0)
		return budget;
	w.parts = arena_new_array(&a, w.n + 1, struct image_part);
	look(&w);
	show(&w);
	do
		r = hand_out(&w, e);
	while (r >= 0 && any_busy(&w) && (r = hear(&w, e)) >= 0);
	stop(&w);
	return r;
}
