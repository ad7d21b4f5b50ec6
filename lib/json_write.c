#include "lib/json.h"

#include <stdio.h>
#include <stdlib.h>

static void quote_char(struct buf *b, unsigned char c)
{
	static const char letters[] = "btnvfr"; /* from 8 on; \v is not JSON's */

	if (c == '"' || c == '\\') {
		buf_char(b, '\\');
		buf_char(b, (char)c);
	} else if (c >= 8 && c <= 13 && c != 11) {
		buf_char(b, '\\');
		buf_char(b, letters[c - 8]);
	} else
		buf_printf(b, "\\u%04x", c);
}

/* The length of the UTF-8 character at @s, 0 when there is none: overlong forms and surrogates are none. */
static size_t utf8_length(const unsigned char *s)
{
	if (s[0] < 0x80)
		return 1;
	size_t len = s[0] < 0xc2 ? 0 : s[0] < 0xe0 ? 2 : s[0] < 0xf0 ? 3 : s[0] < 0xf5 ? 4 : 0;
	for (size_t i = 1; i < len; i++)
		if ((s[i] & 0xc0) != 0x80)
			return 0;
	if ((s[0] == 0xe0 && s[1] < 0xa0) || (s[0] == 0xed && s[1] > 0x9f) || (s[0] == 0xf0 && s[1] < 0x90) ||
	    (s[0] == 0xf4 && s[1] > 0x8f))
		return 0;
	return len;
}

static void quote(struct buf *b, const char *text)
{
	const unsigned char *s = (const unsigned char *)text;

	buf_char(b, '"');
	while (*s) {
		const unsigned char *plain = s;
		while (*s >= 0x20 && *s < 0x7f && *s != '"' && *s != '\\')
			s++;
		buf_add(b, plain, (size_t)(s - plain));
		if (!*s)
			break;
		size_t len = utf8_length(s);
		if (len > 1)
			buf_add(b, s, len);
		else if (len == 0)
			buf_str(b, "\xef\xbf\xbd");
		else
			quote_char(b, *s);
		s += len ? len : 1;
	}
	buf_char(b, '"');
}

static void new_line(struct json_writer *w)
{
	if (!w->pretty)
		return;
	buf_char(w->out, '\n');
	for (unsigned i = 0; i < w->depth; i++)
		buf_str(w->out, "  ");
}

/* What stands before every value. */
static void before(struct json_writer *w, const char *key)
{
	if (w->more)
		buf_char(w->out, ',');
	if (w->depth)
		new_line(w);
	if (key) {
		quote(w->out, key);
		buf_str(w->out, w->pretty ? ": " : ":");
	}
	w->more = true;
}

static void open_level(struct json_writer *w, const char *key, char bracket)
{
	before(w, key);
	buf_char(w->out, bracket);
	w->depth++;
	w->more = false;
}

static void close_level(struct json_writer *w, char bracket)
{
	w->depth--;
	if (w->more)
		new_line(w);
	buf_char(w->out, bracket);
	w->more = true;
}

void json_begin_object(struct json_writer *w, const char *key)
{
	open_level(w, key, '{');
}

void json_end_object(struct json_writer *w)
{
	close_level(w, '}');
}

void json_begin_array(struct json_writer *w, const char *key)
{
	open_level(w, key, '[');
}

void json_end_array(struct json_writer *w)
{
	close_level(w, ']');
}

void json_string(struct json_writer *w, const char *key, const char *value)
{
	before(w, key);
	if (value)
		quote(w->out, value);
	else
		buf_str(w->out, "null");
}

void json_bool(struct json_writer *w, const char *key, bool value)
{
	before(w, key);
	buf_str(w->out, value ? "true" : "false");
}

static void digits(struct buf *b, uint64_t value)
{
	char text[20];
	size_t at = sizeof(text);

	do
		text[--at] = (char)('0' + value % 10);
	while (value /= 10);
	buf_add(b, text + at, sizeof(text) - at);
}

void json_int(struct json_writer *w, const char *key, int64_t value)
{
	before(w, key);
	if (value < 0)
		buf_char(w->out, '-');
	digits(w->out, value < 0 ? -(uint64_t)value : (uint64_t)value);
}

void json_uint(struct json_writer *w, const char *key, uint64_t value)
{
	before(w, key);
	digits(w->out, value);
}

/* The shortest of the usual forms that reads back as the same number. JSON has no infinities: null. */
void json_double(struct json_writer *w, const char *key, double value)
{
	char text[40];

	before(w, key);
	if (!__builtin_isfinite(value)) {
		buf_str(w->out, "null");
		return;
	}
	for (int precision = 6; precision <= 17; precision++) {
		snprintf(text, sizeof(text), "%.*g", precision, value);
		if (strtod(text, NULL) == value)
			break;
	}
	buf_str(w->out, text);
}

void json_strings(struct json_writer *w, const char *key, const char *const *values, size_t n)
{
	json_begin_array(w, key);
	for (size_t i = 0; i < n; i++)
		json_string(w, NULL, values[i]);
	json_end_array(w);
}

void json_value(struct json_writer *w, const char *key, const struct json *value)
{
	switch (value->type) {
	case JSON_NULL:
		json_string(w, key, NULL);
		break;
	case JSON_BOOL:
		json_bool(w, key, value->boolean);
		break;
	case JSON_NUMBER:
		before(w, key);
		buf_str(w->out, value->text);
		break;
	case JSON_STRING:
		json_string(w, key, value->text);
		break;
	case JSON_ARRAY:
	case JSON_OBJECT:
		open_level(w, key, value->type == JSON_ARRAY ? '[' : '{');
		for (size_t i = 0; i < value->n; i++)
			json_value(w, value->members[i].key, &value->members[i].value);
		close_level(w, value->type == JSON_ARRAY ? ']' : '}');
		break;
	}
}
