#include "runtime/cli/image_trust.h"

#include "lib/file.h"

#include <fcntl.h>

enum { SIGNATURE_MAX = 16 << 10 };

int image_trust_load(const char *signature, struct arena *a, struct trust *ret, struct err *e)
{
	cleanup_buf struct buf text = BUF_INIT;
	struct trust t = { .where = "signature: give one by --signature" };

	if (trust_policy_load(TRUST_POLICY_PATH, a, &t.policy, e) < 0)
		return -e->code;
	if (signature) {
		if (file_read_at(AT_FDCWD, signature, SIGNATURE_MAX, &text, e) < 0)
			return err_wrap(e, "--signature");
		t.signature = arena_strdup(a, buf_text(&text));
		t.where = arena_printf(a, "signature '%s'", signature);
	}
	*ret = t;
	return 0;
}

int image_trust_accept(void *data, const char *name, const char *text, size_t len, struct err *e)
{
	return trust_document(data, name, text, len, e);
}
