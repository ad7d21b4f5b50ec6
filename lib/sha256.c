#include "lib/sha256.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

void sha256_begin(struct sha256 *s)
{
	nettle_sha256_init(&s->state);
}

void sha256_add(struct sha256 *s, const void *data, size_t n)
{
	nettle_sha256_update(&s->state, n, data);
}

struct sha256_text sha256_end(struct sha256 *s)
{
	static const char digits[] = "0123456789abcdef";
	struct sha256_text t = { "sha256:" };
	uint8_t digest[SHA256_DIGEST_SIZE];
	size_t at = strlen(t.text);

	nettle_sha256_digest(&s->state, sizeof(digest), digest);
	for (size_t i = 0; i < sizeof(digest); i++) {
		t.text[at++] = digits[digest[i] >> 4];
		t.text[at++] = digits[digest[i] & 0xf];
	}
	t.text[at] = '\0';
	return t;
}

struct sha256_text sha256_of(const void *data, size_t n)
{
	struct sha256 s;

	sha256_begin(&s);
	sha256_add(&s, data, n);
	return sha256_end(&s);
}

int sha256_of_fd(int fd, struct sha256_text *ret, int64_t *ret_bytes, struct err *e)
{
	char chunk[64 * 1024];
	struct sha256 s;
	int64_t total = 0;

	sha256_begin(&s);
	for (;;) {
		ssize_t n = read(fd, chunk, sizeof(chunk));
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return err_set(e, errno, "read");
		if (n == 0)
			break;
		sha256_add(&s, chunk, (size_t)n);
		total += n;
	}
	*ret = sha256_end(&s);
	if (ret_bytes)
		*ret_bytes = total;
	return 0;
}
