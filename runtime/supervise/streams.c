/*
 * What the container prints and reads. Without a terminal these are fifos in its directory, of which it has the
 * outgoing ones open for reading too, and so has the supervisor: whichever of the two ends, the other sees neither end
 * nor signal, and a new supervisor finds what was written meanwhile. With a terminal it is the pty's other end, which
 * ends with the supervisor.
 */
#include "lib/fd.h"
#include "lib/sys.h"
#include "runtime/pty.h"
#include "runtime/supervise/supervisor.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <termios.h>
#include <unistd.h>

enum { CONTROL_D = 4 };

static const char *const names[] = { "stdin", "stdout", "stderr" };

/* CRIU opens what a container has open again as it was, and that by a link in /proc: so nothing is said of links here. */
static int open_fifo(int dir, const char *name, int flags, struct err *e)
{
	int fd = openat(dir, name, flags | O_CLOEXEC);

	return fd >= 0 ? fd : err_set(e, errno, "fifo '%s'", name);
}

static bool has_input(const struct supervisor *s)
{
	return s->l.stdin_open && !s->in_ended;
}

/*
 * Those that are not there. Whoever the program runs as may open them again, by /dev/stdout; who can get here is another
 * matter.
 */
static int make_fifos(const struct supervisor *s, struct err *e)
{
	mode_t mask = umask(0);
	int code = 0;

	for (int i = has_input(s) ? 0 : 1; i < 3; i++)
		if (mkfifoat(s->dir, names[i], 0666) < 0 && errno != EEXIST)
			code = errno;
	umask(mask);
	return code ? err_set(e, code, "make fifos") : 0;
}

int streams_open(struct supervisor *s, struct err *e)
{
	if (s->l.terminal)
		return 0;
	if (s->out[0] < 0 && make_fifos(s, e) < 0)
		return -e->code;
	for (int i = 0; i < 2; i++)
		if (s->out[i] < 0 && (s->out[i] = open_fifo(s->dir, names[i + 1], O_RDWR | O_NONBLOCK, e)) < 0)
			return s->out[i];
	if (!has_input(s) || s->in >= 0)
		return 0;
	/* Nobody can write to a fifo without a reader: this one is there until the program is. */
	cleanup_close int reader = open_fifo(s->dir, names[0], O_RDONLY | O_NONBLOCK, e);
	if (reader < 0)
		return reader;
	s->in = open_fifo(s->dir, names[0], O_WRONLY | O_NONBLOCK, e);
	return s->in < 0 ? s->in : 0;
}

static int put(int *fd, int at, struct err *e)
{
	if (*fd < 0)
		return -e->code;
	if (dup2(*fd, at) < 0)
		return err_set(e, errno, "dup2");
	close_fd(fd);
	return 0;
}

int streams_take(const struct supervisor *s, struct err *e)
{
	if (s->l.terminal)
		return 0;
	for (int i = 0; i < 2; i++) {
		int fd = open_fifo(s->dir, names[i + 1], O_RDWR, e);
		if (put(&fd, i + 1, e) < 0)
			return -e->code;
	}
	int in = has_input(s) ? open_fifo(s->dir, names[0], O_RDONLY, e) : open("/dev/null", O_RDWR | O_CLOEXEC);
	if (in < 0 && e->code == 0)
		err_set(e, errno, "open '/dev/null'");
	return put(&in, 0, e);
}

void streams_terminal(struct supervisor *s, int master)
{
	fcntl(master, F_SETFL, O_RDWR | O_NONBLOCK);
	close_fd(&s->out[0]);
	s->out[0] = master;
	s->in = master;
	s->own_slave = ioctl(master, TIOCGPTPEER, O_RDWR | O_NOCTTY | O_CLOEXEC);
}

void streams_close(struct supervisor *s)
{
	if (s->in == s->out[0])
		s->in = -1;
	close_fd(&s->in);
	close_fd(&s->out[0]);
	close_fd(&s->out[1]);
	close_fd(&s->own_slave);
	s->input_len = 0;
}

bool streams_read(struct supervisor *s)
{
	bool more = false;

	for (int i = 0; i < 2 && !s->chunk_pending; i++) {
		if (s->out[i] < 0)
			continue;
		ssize_t n = read(s->out[i], s->chunk->bytes, sizeof(s->chunk->bytes));
		if (n < 0 && errno == EINTR)
			more = true;
		if (n < 0 && errno == EIO)
			streams_close(s); /* a terminal that nobody has open */
		if (n <= 0)
			continue;
		more = true;
		enum stream stream = i == 0 ? STREAM_STDOUT : STREAM_STDERR;
		s->chunk->stream = (char)stream;
		s->chunk_len = (size_t)n;
		log_file_write(s, stream, s->chunk->bytes, (size_t)n);
		clients_send_chunk(s);
	}
	return more || s->chunk_pending;
}

bool streams_open_terminal(const struct supervisor *s)
{
	return s->l.terminal && s->out[0] >= 0;
}

void streams_write(struct supervisor *s)
{
	ssize_t n = s->in >= 0 ? write(s->in, s->input->bytes, s->input_len) : -1;

	if (n < 0 && s->in >= 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n < 0)
		n = (ssize_t)s->input_len; /* nobody there to read it */
	memmove(s->input->bytes, s->input->bytes + n, s->input_len - (size_t)n);
	s->input_len -= (size_t)n;
}

void streams_end_input(struct supervisor *s)
{
	if (s->in < 0)
		return;
	if (s->l.terminal) {
		/* What typing it would send. */
		s->input->bytes[0] = CONTROL_D;
		s->input_len = 1;
		return streams_write(s);
	}
	close_fd(&s->in);
	s->in_ended = true;
}

int streams_resize(struct supervisor *s, int64_t number, struct err *e)
{
	struct winsize size = { .ws_col = RESIZE_COLUMNS(number), .ws_row = RESIZE_ROWS(number) };

	if (!s->l.terminal || s->out[0] < 0)
		return err_say(e, ENOTTY, "the container has no terminal");
	return ioctl(s->out[0], TIOCSWINSZ, &size) < 0 ? err_set(e, errno, "set the terminal's size") : 0;
}
