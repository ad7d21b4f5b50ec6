/* Keys and signatures in minisign's form: two letters for the algorithm, 8 bytes of the key's id, and what they announce. */
#include "overlay/trust/trust.h"

#include <errno.h>
#include <string.h>

enum { HEAD = 2 + 8 };

/* One line of base64 of exactly @size bytes; *ret_end is behind it, its newline too. */
static bool decode_line(const char *text, uint8_t *ret, size_t size, const char **ret_end)
{
	size_t n = strcspn(text, "\r\n"), got = 0;

	if (sodium_base642bin(ret, size, text, n, NULL, &got, NULL, sodium_base64_VARIANT_ORIGINAL) < 0 || got != size)
		return false;
	text += n;
	text += *text == '\r';
	text += *text == '\n';
	if (ret_end)
		*ret_end = text;
	return true;
}

int trust_key_parse(const char *text, struct trust_key *ret, struct err *e)
{
	uint8_t raw[HEAD + crypto_sign_PUBLICKEYBYTES];
	const char *end;

	if (!decode_line(text, raw, sizeof(raw), &end) || *end || memcmp(raw, "Ed", 2) != 0)
		return err_say(e, EINVAL, "'%s' is no public key of minisign's", text);
	memcpy(ret->id, raw + 2, sizeof(ret->id));
	memcpy(ret->key, raw + HEAD, sizeof(ret->key));
	return 0;
}

/* The text behind @head on this line; *ret_next is the next line. */
static const char *after(const char *line, const char *head, size_t *ret_len, const char **ret_next)
{
	size_t n = strlen(head);

	if (strncmp(line, head, n) != 0)
		return NULL;
	*ret_len = strcspn(line + n, "\r\n");
	const char *end = line + n + *ret_len;
	end += *end == '\r';
	end += *end == '\n';
	*ret_next = end;
	return line + n;
}

int trust_signature_parse(const char *text, struct trust_signature *ret, struct err *e)
{
	uint8_t raw[HEAD + crypto_sign_BYTES];
	struct trust_signature s;
	const char *line;
	size_t ignored;

	if (!after(text, "untrusted comment: ", &ignored, &line) || !decode_line(line, raw, sizeof(raw), &line))
		return err_say(e, EINVAL, "no signature of minisign's");
	if (memcmp(raw, "Ed", 2) == 0)
		return err_say(e, EINVAL, "signed without a hash, as old versions of minisign do: sign it again with -H");
	if (memcmp(raw, "ED", 2) != 0)
		return err_say(e, EINVAL, "a signature of an unknown kind");
	memcpy(s.key_id, raw + 2, sizeof(s.key_id));
	memcpy(s.of_hash, raw + HEAD, sizeof(s.of_hash));
	s.comment = after(line, "trusted comment: ", &s.comment_len, &line);
	if (!s.comment || !decode_line(line, s.of_comment, sizeof(s.of_comment), NULL))
		return err_say(e, EINVAL, "a signature without its trusted comment");
	*ret = s;
	return 0;
}
