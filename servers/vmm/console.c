/* SPDX-License-Identifier: Apache-2.0 */
/* Guest output, input and log lines through the shared rings. */
#include <libsys/channel.h>
#include <libsys/syscalls.h>
#include <libsys/task.h>
#include "console.h"

#define WAIT_FOR_ROOM_DIVISOR 10u /* of a second */
#define LOOK_FOR_ROOM_DIVISOR 500u

static struct {
	struct console_channel *channel;
	struct ring_end output;
	struct ring_end log;
	struct ring_end input;
	cptr_t signal;
	void (*deliver)(void);
	bool unsignalled; /* bytes that the console was not told of */
	bool stalled;     /* a wait for room was in vain: do not wait again before there is some */
} console;

uint64_t console_kept_bits;

void console_open(struct console_channel *channel, cptr_t signal, void (*deliver)(void))
{
	console.channel = channel;
	console.signal = signal;
	console.deliver = deliver;
	ring_open(&console.output, &channel->output, channel->output_bytes, CONSOLE_OUTPUT_SIZE);
	ring_open(&console.log, &channel->log, channel->log_bytes, CONSOLE_LOG_SIZE);
	ring_open(&console.input, &channel->input, channel->input_bytes, CONSOLE_INPUT_SIZE);
	ring_reset_producer(&console.output);
	ring_reset_producer(&console.log);
	ring_reset_consumer(&console.input);
}

static void signal_console(void)
{
	console.unsignalled = false;
	/* The head was published before the flag is read; the console sets its flag before it reads the head again. */
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	if (__atomic_load_n(&console.channel->console_waits, __ATOMIC_RELAXED))
		(void)sys_signal(console.signal);
}

/* Waits until the ring has room or the deadline is over; false: no room. */
static bool wait_for_room(uint64_t deadline)
{
	uint64_t bits = 0;

	__atomic_store_n(&console.channel->client_waits, 1, __ATOMIC_RELAXED);
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	(void)sys_signal(console.signal);
	/* The first vCPU's thread may take the signal, and then it waits for the lock that this thread holds: so look at times. */
	for (uint64_t now = sys_time(); now < deadline && !ring_writable(&console.output); now = sys_time()) {
		uint64_t look = now + task_info()->timebase_hz / LOOK_FOR_ROOM_DIVISOR;
		enum err error = sys_wait(TASK_SLOT_NOTIFICATION, look < deadline ? look : deadline, &bits);

		if (error == ERR_OK)
			console_kept_bits |= bits & ~(uint64_t)CONSOLE_SIGNAL_SPACE;
		else if (error != ERR_TIMED_OUT)
			break;
	}
	__atomic_store_n(&console.channel->client_waits, 0, __ATOMIC_RELAXED);
	return ring_writable(&console.output) != 0;
}

static __attribute__((noinline, cold)) void write_rest(const uint8_t *data, size_t length)
{
	uint64_t deadline = sys_time() + task_info()->timebase_hz / WAIT_FOR_ROOM_DIVISOR;

	while (length) {
		size_t done;

		if (console.stalled || !wait_for_room(deadline)) {
			console.stalled = true;
			console.channel->dropped += length;
			return;
		}
		done = ring_write(&console.output, data, length);
		data += done;
		length -= done;
	}
}

void console_write(const void *data, size_t length)
{
	size_t done = ring_write(&console.output, data, length);

	if (done)
		console.stalled = false;
	if (done < length)
		write_rest((const uint8_t *)data + done, length - done);
	signal_console();
}

/* As ring_write for one byte that the room is there for without doubt. */
static inline bool put_quickly(struct ring_end *end, uint8_t byte)
{
	uint32_t used = end->index - __atomic_load_n(&end->ring->tail, __ATOMIC_ACQUIRE);

	if (used >= end->size)
		return false;
	end->bytes[end->index++ & (end->size - 1)] = byte;
	__atomic_store_n(&end->ring->head, end->index, __ATOMIC_RELEASE);
	return true;
}

__attribute__((hot)) void console_put(uint8_t byte)
{
	if (put_quickly(&console.output, byte) || ring_write(&console.output, &byte, 1))
		console.stalled = false;
	else
		write_rest(&byte, 1);
	console.unsignalled = true;
	if (byte == '\n')
		signal_console();
}

void console_flush(void)
{
	if (console.unsignalled)
		signal_console();
}

size_t console_read(void *data, size_t length)
{
	return ring_read(&console.input, data, length);
}

size_t console_readable(void)
{
	return ring_readable(&console.input);
}

__attribute__((hot)) bool console_has_input(void)
{
	return __atomic_load_n(&console.input.ring->head, __ATOMIC_RELAXED) != console.input.index;
}

void console_deliver(void)
{
	if (ring_readable(&console.input))
		console.deliver();
}

uint64_t console_signalled(uint64_t bits)
{
	bits |= console_kept_bits;
	console_kept_bits = 0;
	if (bits & CONSOLE_SIGNAL_INPUT)
		console.deliver();
	return bits;
}

void console_log(const char *line, unsigned long length)
{
	if (!console.channel || ring_writable(&console.log) < length)
		return;
	(void)ring_write(&console.log, line, length);
	signal_console();
}

void console_size(uint16_t *columns, uint16_t *rows)
{
	uint32_t wide = console.channel->columns;
	uint32_t high = console.channel->rows;

	*columns = wide <= UINT16_MAX ? (uint16_t)wide : 0;
	*rows = high <= UINT16_MAX ? (uint16_t)high : 0;
}
