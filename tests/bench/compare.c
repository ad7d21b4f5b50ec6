/*
 * Runs commands side by side and prints how long each took: A B C A B C ..., so that a slow moment of the machine meets
 * all of them.
 *
 *	compare [-n ROUNDS] [-p AT_ONCE] [-r NAME] [-r NAME] NAME COMMAND... -- NAME COMMAND... [-- ...]
 *
 * A word ";" separates commands that run after one another and are timed together; what stands before a word "!" is run
 * first and not timed. With -p each round starts that
 * many copies at once and times all of them together. "%" in a word stands for the number of the copy. Standard output
 * goes to /dev/null. Ratios are those of the medians, to the entries named
 * by -r, else to crun and bare. A command that fails is
 * counted and shown, and its time is not. Peak memory is the largest of one process of the command (ru_maxrss).
 *
 * Linked static and small: what it uses itself is the floor of what ru_maxrss of its children can show.
 */
#include <fcntl.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

extern char **environ;

enum { ENTRIES_MAX = 8, COPIES_MAX = 64, WORDS_MAX = 64 };

struct entry {
	const char *name;
	char **words; /* ended by NULL */
	double *ms;
	size_t n;
	unsigned failures;
	long peak_kb;
};

static double now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

/* Replaces "%" by the copy's number. The memory is the program's until it ends: there are few words. */
static char *numbered(const char *word, unsigned copy)
{
	const char *percent = strchr(word, '%');
	char *text;

	if (!percent)
		return (char *)word;
	if (asprintf(&text, "%.*s%u%s", (int)(percent - word), word, copy, percent + 1) < 0)
		abort();
	return text;
}

static pid_t start(char **argv)
{
	static posix_spawn_file_actions_t actions, *ready;
	pid_t pid;

	if (!ready) {
		posix_spawn_file_actions_init(&actions);
		posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
		posix_spawn_file_actions_addopen(&actions, 1, "/dev/null", O_WRONLY, 0);
		ready = &actions;
	}
	if (posix_spawnp(&pid, argv[0], ready, NULL, argv, environ) != 0) {
		fprintf(stderr, "compare: cannot run %s\n", argv[0]);
		exit(2);
	}
	return pid;
}

/* Starts the command of each copy that begins at words[at], and waits for all. Returns how many failed. */
static unsigned step(struct entry *e, size_t at, unsigned copies, char *argvs[][WORDS_MAX])
{
	pid_t pids[COPIES_MAX];
	unsigned failed = 0;

	for (unsigned c = 0; c < copies; c++)
		pids[c] = start(&argvs[c][at]);
	for (unsigned c = 0; c < copies; c++) {
		struct rusage usage;
		int status;

		if (wait4(pids[c], &status, 0, &usage) < 0 || status != 0)
			failed++;
		if (usage.ru_maxrss > e->peak_kb)
			e->peak_kb = usage.ru_maxrss;
	}
	return failed;
}

static int is_separator(const char *word)
{
	return !strcmp(word, ";") || !strcmp(word, "!");
}

static void round_of(struct entry *e, unsigned copies)
{
	static char *argvs[COPIES_MAX][WORDS_MAX];
	long before_kb = e->peak_kb;
	size_t n_words = 0;
	unsigned failed = 0;

	while (e->words[n_words])
		n_words++;
	for (unsigned c = 0; c < copies; c++)
		for (size_t i = 0; i <= n_words; i++)
			argvs[c][i] = i == n_words || is_separator(e->words[i]) ? NULL : numbered(e->words[i], c);

	double begin = now_ms();
	for (size_t i = 0; i < n_words; i++) {
		if (i == 0 || !argvs[0][i - 1])
			failed += step(e, i, copies, argvs);
		if (!strcmp(e->words[i], "!")) {
			begin = now_ms();
			e->peak_kb = before_kb;
		}
	}
	double end = now_ms();

	if (failed)
		e->failures++;
	else
		e->ms[e->n++] = end - begin;
}

static int by_size(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static double quantile(const struct entry *e, double q)
{
	return e->n ? e->ms[(size_t)((double)(e->n - 1) * q + 0.5)] : 0;
}

static void print_ratio(const struct entry *e, const struct entry *entries, size_t n, const char *to)
{
	for (size_t i = 0; i < n; i++)
		if (!strcmp(entries[i].name, to) && entries[i].n && e->n) {
			printf(" %8.2f", quantile(e, 0.5) / quantile(&entries[i], 0.5));
			return;
		}
	printf(" %8s", "-");
}

static void print_table(struct entry *entries, size_t n, unsigned copies, const char *const *to)
{
	printf("%-8s %10s %10s %10s   / %-4s   / %-4s %9s%s\n", "", "median ms", "min ms", "p90 ms", to[0], to[1], "peak KiB",
	       copies > 1 ? "   each/s" : "");
	for (size_t i = 0; i < n; i++)
		qsort(entries[i].ms, entries[i].n, sizeof(double), by_size);
	for (size_t i = 0; i < n; i++) {
		const struct entry *e = &entries[i];

		printf("%-8s %10.2f %10.2f %10.2f", e->name, quantile(e, 0.5), quantile(e, 0), quantile(e, 0.9));
		print_ratio(e, entries, n, to[0]);
		print_ratio(e, entries, n, to[1]);
		printf(" %9ld", e->peak_kb);
		if (copies > 1)
			printf(" %8.0f", e->n ? copies * 1e3 / quantile(e, 0.5) : 0);
		if (e->failures)
			printf("   %u rounds failed", e->failures);
		printf("\n");
	}
}

int main(int argc, char **argv)
{
	struct entry entries[ENTRIES_MAX] = { 0 };
	unsigned rounds = 100, copies = 1, failures = 0;
	const char *to[] = { "crun", "bare" };
	size_t n = 0, n_to = 0;
	int opt;

	while ((opt = getopt(argc, argv, "+n:p:r:")) != -1) {
		if (opt == 'r' && n_to < 2) {
			to[n_to++] = optarg;
			continue;
		}
		unsigned v = optarg ? (unsigned)strtoul(optarg, NULL, 10) : 0;

		if (opt == '?' || v == 0 || (opt == 'p' && v > COPIES_MAX))
			return 2;
		*(opt == 'n' ? &rounds : &copies) = v;
	}
	for (int i = optind; i < argc; n++) {
		int words = 0;

		if (n == ENTRIES_MAX || i + 1 >= argc)
			return 2;
		entries[n].name = argv[i++];
		entries[n].words = &argv[i];
		for (; i < argc && strcmp(argv[i], "--"); i++)
			words++;
		if (words == 0 || words >= WORDS_MAX)
			return 2;
		if (i < argc)
			argv[i++] = NULL;
		entries[n].ms = calloc(rounds, sizeof(double));
		if (!entries[n].ms)
			return 2;
	}
	for (unsigned r = 0; r < rounds; r++)
		for (size_t i = 0; i < n; i++)
			round_of(&entries[i], copies);
	print_table(entries, n, copies, to);
	struct rusage own;
	if (getrusage(RUSAGE_SELF, &own) == 0)
		printf("(%ld KiB are what is seen at the least)\n", own.ru_maxrss);
	for (size_t i = 0; i < n; i++)
		failures += entries[i].failures;
	return failures > 0;
}
