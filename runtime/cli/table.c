#include "runtime/cli/table.h"

#include <string.h>

/* Characters, not bytes: what continues one in UTF-8 takes no room. */
static size_t width_of(const char *text)
{
	size_t n = 0;

	for (; *text; text++)
		n += ((unsigned char)*text & 0xc0) != 0x80;
	return n;
}

static size_t width_of_column(const char *const *cells, size_t columns, size_t rows, size_t column)
{
	size_t widest = 0;

	for (size_t row = 0; row < rows; row++) {
		size_t width = width_of(cells[row * columns + column]);
		widest = width > widest ? width : widest;
	}
	return widest;
}

void cli_write_table(struct buf *out, const char *const *cells, size_t columns, size_t rows)
{
	for (size_t row = 0; row < rows; row++) {
		for (size_t i = 0; i < columns; i++) {
			const char *cell = cells[row * columns + i];
			size_t width = i + 1 < columns ? width_of_column(cells, columns, rows, i) + 3 : 0;
			buf_str(out, cell);
			for (size_t at = width_of(cell); at < width; at++)
				buf_char(out, ' ');
		}
		buf_char(out, '\n');
	}
}

const char *cli_age(int64_t seconds, struct arena *a)
{
	static const struct {
		int64_t below_s, unit_s;
		const char *one, *many; /* one: when it is less than two of the unit */
	} steps[] = {
		{ 60, 1, "1 second", "seconds" },
		{ 3600, 60, "About a minute", "minutes" },
		{ 48 * 3600, 3600, "About an hour", "hours" },
		{ 14 * 86400, 86400, NULL, "days" },
		{ 60 * 86400, 7 * 86400, NULL, "weeks" },
		{ 730 * 86400, 30 * 86400, NULL, "months" },
		{ INT64_MAX, 365 * 86400, NULL, "years" },
	};
	size_t i = 0;

	if (seconds < 1)
		return "Less than a second";
	while (seconds >= steps[i].below_s)
		i++;
	int64_t n = seconds / steps[i].unit_s;
	return n == 1 ? steps[i].one : arena_printf(a, "%lld %s", (long long)n, steps[i].many);
}

const char *cli_size(uint64_t bytes, struct arena *a)
{
	static const char *const units[] = { "B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB" };
	double v = (double)bytes;
	size_t i = 0;

	for (; v >= 1023.5; i++)
		v /= 1024;
	return arena_printf(a, i == 0 || v >= 99.95 ? "%.0f%s" : v >= 9.995 ? "%.1f%s" : "%.2f%s", v, units[i]);
}
