/* SPDX-License-Identifier: Apache-2.0 */
/* The guest's terminal: this VMM's end of its channel to the console server (<proto/console.h>). */
#pragma once

#include <proto/console.h>

/* Signals, of anybody, that came while the VMM waited for something else; console_signalled takes them. Not 0: call it. */
extern uint64_t console_kept_bits;

/* Takes the channel; `signal` is the console's notification, `deliver` is called when input can be read. */
void console_open(struct console_channel *channel, cptr_t signal, void (*deliver)(void));

/* Sends guest output; waits up to 100 ms for room, then drops and counts what does not fit. */
void console_write(const void *data, size_t length);

/* Sends one byte, and tells the console only at the end of a line or at console_flush. */
void console_put(uint8_t byte);
void console_flush(void);

/* Takes typed bytes; returns how many. */
size_t console_read(void *data, size_t length);
size_t console_readable(void);

/* Quick: false if there is no input for sure. */
bool console_has_input(void);

/* Asks `deliver` to go on with input, after a device has room again. */
void console_deliver(void);

/* Bits that were signalled: takes its own, CONSOLE_SIGNAL_*, and returns them all, with those that were kept. */
uint64_t console_signalled(uint64_t bits);

/* Sink for log_set_sink: a line to the channel's log, dropped if it does not fit. */
void console_log(const char *line, unsigned long length);

/* Size of the terminal in characters, 0 if unknown. */
void console_size(uint16_t *columns, uint16_t *rows);

static inline bool console_pending(void)
{
	return __atomic_load_n(&console_kept_bits, __ATOMIC_RELAXED) != 0;
}
