#include "checkpoint/images/sockets.h"

#include "checkpoint/images/image.h"
#include "lib/file.h"

#include <string.h>

/* fdinfo.proto, sk-inet.proto */
enum { FILE_INET = 4, INET_SOURCE = 11, INET_DESTINATION = 12 };
enum { WORDS_MAX = 4 };

/* Words as they lie in memory, of an address in network order. */
struct words {
	uint32_t v[WORDS_MAX];
	size_t n;
};

struct change {
	const struct images_address *addresses;
	size_t n;
	bool changed;
};

static void replace(uint8_t *at, size_t len, bool ipv6, struct change *c)
{
	for (size_t i = 0; i < c->n; i++) {
		if (c->addresses[i].ipv6 != ipv6 || memcmp(at, c->addresses[i].was, len) != 0)
			continue;
		memcpy(at, c->addresses[i].is, len);
		c->changed = true;
		return;
	}
}

static void change_words(struct words *w, struct change *c)
{
	static const uint8_t mapped[12] = { [10] = 0xff, [11] = 0xff };
	uint8_t *bytes = (uint8_t *)w->v;

	if (w->n == 1)
		replace(bytes, 4, false, c);
	else if (w->n == WORDS_MAX && memcmp(bytes, mapped, sizeof(mapped)) == 0)
		replace(bytes + sizeof(mapped), 4, false, c);
	else if (w->n == WORDS_MAX)
		replace(bytes, sizeof(w->v), true, c);
}

/* The socket again, its addresses changed. */
static int change_socket(struct wire socket, struct change *c, struct buf *out)
{
	struct words addresses[2] = { 0 };
	struct wire_field f;
	struct wire w = socket;
	size_t put[2] = { 0 };
	int r;

	while ((r = wire_next(&w, &f)) > 0) {
		struct words *of = &addresses[f.number == INET_DESTINATION];
		if ((f.number == INET_SOURCE || f.number == INET_DESTINATION) && f.type == WIRE_VARINT && of->n < WORDS_MAX)
			of->v[of->n++] = (uint32_t)f.value;
	}
	if (r < 0)
		return r;
	change_words(&addresses[0], c);
	change_words(&addresses[1], c);
	while (wire_next(&socket, &f) > 0) {
		size_t which = f.number == INET_DESTINATION;
		if ((f.number == INET_SOURCE || which) && f.type == WIRE_VARINT && put[which] < addresses[which].n)
			wire_put_number(out, f.number, addresses[which].v[put[which]++]);
		else
			wire_put_field(out, &f);
	}
	return 0;
}

static int change_file(struct wire entry, void *data, struct buf *out, struct err *e)
{
	struct change *c = data;
	struct wire_field f;
	int r;

	c->changed = false;
	while ((r = wire_next(&entry, &f)) > 0) {
		cleanup_buf struct buf socket = BUF_INIT;
		if (f.number != FILE_INET || f.type != WIRE_BYTES) {
			wire_put_field(out, &f);
			continue;
		}
		if (change_socket(wire_inside(&f), c, &socket) < 0)
			return image_damaged(e);
		wire_put_bytes(out, FILE_INET, buf_text(&socket), socket.len);
	}
	return r < 0 ? image_damaged(e) : c->changed;
}

int images_readdress(int images, const struct images_address *addresses, size_t n, struct err *e)
{
	cleanup_buf struct buf out = BUF_INIT;
	cleanup_image struct image i = IMAGE_INIT;
	struct change c = { .addresses = addresses, .n = n };

	int r = image_read(images, "files.img", IMAGE_FILES, &i, e);
	if (r < 0)
		return r;
	r = image_rewrite(&i, IMAGE_FILES, change_file, &c, &out, e);
	if (r < 0)
		return err_wrap(e, "'files.img'");
	return r > 0 ? file_replace_at(images, "files.img", 0644, out.data, out.len, e) : 0;
}
