/* SPDX-License-Identifier: Apache-2.0 */
#include <libsys/log.h>

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <libsys/channel.h>
#include <libsys/syscalls.h>
#ifdef SERAI_DEBUG
#include <libsys/debug.h>
#endif

#define LINE_MAX 320u

static void default_sink(const char *line, unsigned long length)
{
#ifdef SERAI_DEBUG
	for (unsigned long i = 0; i < length; i++)
		debug_putchar(line[i]);
#else
	(void)line;
	(void)length;
#endif
}

static void (*current_sink)(const char *line, unsigned long length) = default_sink;
static enum log_level limit = LOG_INFO;
static struct {
	struct ring_end ring;
	struct console_channel *channel;
	cptr_t console;
	unsigned dropped; /* lines */
} target;

void log_set_sink(void (*sink)(const char *line, unsigned long length))
{
	current_sink = sink ? sink : default_sink;
}

void log_set_level(enum log_level level)
{
	limit = level;
}

/* A line goes into the ring whole or not at all; what was lost is said once there is room. */
static void channel_sink(const char *line, unsigned long length)
{
	char note[48];
	size_t room = ring_writable(&target.ring);

	if (target.dropped && room >= sizeof(note) + length) {
		int size = snprintf(note, sizeof(note), "(%u lines lost)\n", target.dropped);

		ring_write(&target.ring, note, (size_t)size);
		target.dropped = 0;
		room -= (size_t)size;
	}
	if (room < length) {
		target.dropped++;
	} else {
		ring_write(&target.ring, line, length);
	}
	if (__atomic_load_n(&target.channel->console_waits, __ATOMIC_RELAXED))
		sys_signal(target.console);
}

void log_set_channel(struct console_channel *channel, cptr_t console)
{
	target.channel = channel;
	target.console = console;
	ring_open(&target.ring, &channel->log, channel->log_bytes, CONSOLE_LOG_SIZE);
	ring_reset_producer(&target.ring);
	log_set_sink(channel_sink);
}

void log_line(enum log_level level, const char *format, ...)
{
	static const char *const prefix[] = { "error: ", "warning: ", "", "debug: " };
	char line[LINE_MAX];
	va_list arguments;

	if (level > limit)
		return;
	size_t start = strlen(prefix[level]);

	memcpy(line, prefix[level], start);
	va_start(arguments, format);
	int length = vsnprintf(line + start, sizeof(line) - start - 1, format, arguments);
	va_end(arguments);
	if (length < 0)
		return;
	size_t end = start + (size_t)length;

	if (end > sizeof(line) - 2)
		end = sizeof(line) - 2;
	line[end++] = '\n';
	current_sink(line, end);
}
