#include "runtime/cli/image_trust.h"

#include "lib/arena.h"
#include "lib/file.h"
#include "overlay/trust/trust.h"

#include <fcntl.h>

enum { SIGNATURE_MAX = 16 << 10 };

int image_trust_accept(void *data, const char *name, const char *text, size_t len, struct err *e)
{
	cleanup_arena struct arena a = ARENA_INIT;
	cleanup_buf struct buf signature = BUF_INIT;
	const struct image_trust *t = data;
	struct trust trust = { .where = "signature: give one by --signature" };

	if (trust_policy_load(TRUST_POLICY_PATH, &a, &trust.policy, e) < 0)
		return -e->code;
	if (t->signature) {
		if (file_read_at(AT_FDCWD, t->signature, SIGNATURE_MAX, &signature, e) < 0)
			return err_wrap(e, "--signature");
		trust.signature = buf_text(&signature);
		trust.where = arena_printf(&a, "signature '%s'", t->signature);
	}
	return trust_document(&trust, name, text, len, e);
}
