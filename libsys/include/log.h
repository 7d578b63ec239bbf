/* SPDX-License-Identifier: Apache-2.0 */
/* Log lines of a server, by level, to a sink that the server chooses (its console channel, or the firmware in debug builds). */
#pragma once

#include <proto/console.h>

enum log_level {
	LOG_ERROR, /* our own bug; nothing that a guest or client does may cause it */
	LOG_WARN,
	LOG_INFO,
	LOG_DEBUG,
};

/* The sink gets whole lines with their newline. */
void log_set_sink(void (*sink)(const char *line, unsigned long length));

/* Makes the log ring of a console channel the sink. console: the notification of the console, badged for this channel. */
void log_set_channel(struct console_channel *channel, cptr_t console);

/* Lines above this level are dropped; LOG_INFO at start. */
void log_set_level(enum log_level level);

void log_line(enum log_level level, const char *format, ...) __attribute__((format(printf, 2, 3)));

#define log_error(...) log_line(LOG_ERROR, __VA_ARGS__)
#define log_warn(...) log_line(LOG_WARN, __VA_ARGS__)
#define log_info(...) log_line(LOG_INFO, __VA_ARGS__)
#define log_debug(...) log_line(LOG_DEBUG, __VA_ARGS__)
