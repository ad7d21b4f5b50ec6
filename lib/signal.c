#include "lib/signal.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

static const struct {
	const char *name;
	int number;
} signals[] = {
	{ "ABRT", SIGABRT },	 { "ALRM", SIGALRM }, { "BUS", SIGBUS },   { "CHLD", SIGCHLD }, { "CLD", SIGCHLD },
	{ "CONT", SIGCONT },	 { "FPE", SIGFPE },   { "HUP", SIGHUP },   { "ILL", SIGILL },	{ "INT", SIGINT },
	{ "IO", SIGIO },	 { "IOT", SIGIOT },   { "KILL", SIGKILL }, { "PIPE", SIGPIPE }, { "POLL", SIGPOLL },
	{ "PROF", SIGPROF },	 { "PWR", SIGPWR },   { "QUIT", SIGQUIT }, { "SEGV", SIGSEGV }, { "STKFLT", SIGSTKFLT },
	{ "STOP", SIGSTOP },	 { "SYS", SIGSYS },   { "TERM", SIGTERM }, { "TRAP", SIGTRAP }, { "TSTP", SIGTSTP },
	{ "TTIN", SIGTTIN },	 { "TTOU", SIGTTOU }, { "URG", SIGURG },   { "USR1", SIGUSR1 }, { "USR2", SIGUSR2 },
	{ "VTALRM", SIGVTALRM }, { "WINCH", SIGWINCH }, { "XCPU", SIGXCPU }, { "XFSZ", SIGXFSZ },
};

/* Digits alone, nothing signed, nothing before or after; -1 when it is something else. */
static int small_number(const char *s)
{
	size_t n = strlen(s);

	if (n == 0 || n > 3 || strspn(s, "0123456789") != n)
		return -1;
	return atoi(s);
}

/* "RTMIN", "RTMIN+3", "RTMAX-2". The first ones the C library keeps for itself, so RTMIN is asked for at run time. */
static int realtime(const char *s)
{
	int base, sign, n = 0;

	if (strncasecmp(s, "RTMIN", 5) == 0)
		base = SIGRTMIN, sign = '+';
	else if (strncasecmp(s, "RTMAX", 5) == 0)
		base = SIGRTMAX, sign = '-';
	else
		return -1;
	if (s[5]) {
		n = s[5] == sign ? small_number(s + 6) : -1;
		if (n < 0)
			return -1;
	}
	n = sign == '+' ? base + n : base - n;
	return n >= SIGRTMIN && n <= SIGRTMAX ? n : -1;
}

int signal_number(const char *name, struct err *e)
{
	const char *s = strncasecmp(name, "SIG", 3) == 0 ? name + 3 : name;
	int n = s == name ? small_number(name) : -1;

	if (n >= 0 && n <= SIGRTMAX)
		return n;
	for (size_t i = 0; i < sizeof(signals) / sizeof(*signals); i++)
		if (strcasecmp(s, signals[i].name) == 0)
			return signals[i].number;
	n = realtime(s);
	return n >= 0 ? n : err_say(e, EINVAL, "unknown signal \"%s\"", name);
}
