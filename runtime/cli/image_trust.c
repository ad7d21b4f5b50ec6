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
	struct trust_policy policy;
	struct trust_hash hash;

	if (trust_policy_load(TRUST_POLICY_PATH, &a, &policy, e) < 0)
		return -e->code;
	if (t->signature && file_read_at(AT_FDCWD, t->signature, SIGNATURE_MAX, &signature, e) < 0)
		return err_wrap(e, "--signature");
	trust_hash_begin(&hash);
	trust_hash_add(&hash, text, len);
	return trust_check(&policy, name, &hash, t->signature ? buf_text(&signature) : NULL,
			   t->signature ? t->signature : "given by --signature", e);
}
