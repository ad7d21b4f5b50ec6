#include "overlay/registry/request.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

struct field {
	size_t offset;
	bool number;
};

#define TEXT(st, name) { offsetof(struct st, name), false }
#define NUMBER(st, name) { offsetof(struct st, name), true }
#define COUNT(table) (sizeof(table) / sizeof(*(table)))

static const struct field setup_fields[] = {
	TEXT(registry_setup, origin),	TEXT(registry_setup, user),	  TEXT(registry_setup, password),
	TEXT(registry_setup, cert_dir), NUMBER(registry_setup, insecure), NUMBER(registry_setup, timeout_ms),
};

static const struct field request_fields[] = {
	TEXT(registry_request, method),		TEXT(registry_request, url),
	TEXT(registry_request, accept),		TEXT(registry_request, scope),
	TEXT(registry_request, content_type),	NUMBER(registry_request, offset_bytes),
	NUMBER(registry_request, length_bytes), NUMBER(registry_request, exact),
	NUMBER(registry_request, range),
};

static const struct field answer_fields[] = {
	NUMBER(registry_answer, status), TEXT(registry_answer, content_type),
	TEXT(registry_answer, digest),	 TEXT(registry_answer, location),
	TEXT(registry_answer, range),	 TEXT(registry_answer, message),
	TEXT(registry_answer, code),	 NUMBER(registry_answer, chunk_min_bytes),
};

static void encode(const struct field *fields, size_t n, const void *from, struct buf *out)
{
	for (size_t i = 0; i < n; i++) {
		const void *at = (const char *)from + fields[i].offset;
		if (fields[i].number) {
			buf_printf(out, "%" PRId64, *(const int64_t *)at);
		} else if (*(const char *const *)at) {
			buf_str(out, *(const char *const *)at);
		}
		buf_char(out, '\0');
	}
}

static bool number_of(const char *text, int64_t *ret)
{
	char *end;

	errno = 0;
	*ret = strtoll(text, &end, 10);
	return *text && !*end && !errno && ((*text >= '0' && *text <= '9') || *text == '-');
}

static int decode(const struct field *fields, size_t n, const char *data, size_t len, struct arena *a, void *to,
		  struct err *e)
{
	const char *end = data + len;

	for (size_t i = 0; i < n; i++) {
		const char *nul = len ? memchr(data, '\0', (size_t)(end - data)) : NULL;
		void *at = (char *)to + fields[i].offset;
		if (!nul || (fields[i].number && !number_of(data, at)))
			return err_say(e, EPROTO, "a packet of ferry-registry that cannot be read");
		if (!fields[i].number)
			*(const char **)at = arena_strdup(a, data);
		data = nul + 1;
	}
	return data == end ? 0 : err_say(e, EPROTO, "a packet of ferry-registry that is too long");
}

void registry_setup_encode(const struct registry_setup *s, struct buf *out)
{
	encode(setup_fields, COUNT(setup_fields), s, out);
}

void registry_request_encode(const struct registry_request *q, struct buf *out)
{
	encode(request_fields, COUNT(request_fields), q, out);
}

void registry_answer_encode(const struct registry_answer *w, struct buf *out)
{
	encode(answer_fields, COUNT(answer_fields), w, out);
}

int registry_setup_decode(const char *data, size_t len, struct arena *a, struct registry_setup *ret, struct err *e)
{
	return decode(setup_fields, COUNT(setup_fields), data, len, a, ret, e);
}

int registry_request_decode(const char *data, size_t len, struct arena *a, struct registry_request *ret, struct err *e)
{
	return decode(request_fields, COUNT(request_fields), data, len, a, ret, e);
}

int registry_answer_decode(const char *data, size_t len, struct arena *a, struct registry_answer *ret, struct err *e)
{
	return decode(answer_fields, COUNT(answer_fields), data, len, a, ret, e);
}
