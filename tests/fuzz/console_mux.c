/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The console's multiplexer, filter and prompt against hostile guests and a hostile user.
 * Sources: this file; servers/console/{command,filter,input,keys,mux,prompt,screen,scrollback,states,terminal}.c;
 * libsys/src/channel.c. Include path: servers/console; header spaces abi, proto, libsys_headers.
 *
 * The input is a list of steps: one byte that says what happens, one byte for how much, then that many bytes.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "mux.h"

enum { CHANNELS = 3, ROOM = MUX_ROOM + 12288 };

static struct mux mux;
static struct console_channel shared[CHANNELS];
static uint8_t scrollback[CHANNELS][SCROLLBACK_SIZE_MIN];
static uint64_t time_ms;
static uint8_t guest_state, guest_starts;
static size_t used; /* bytes of the terminal's queue */

/* What reaches the terminal while no guest is shown raw may contain these sequences only. */
static struct filter watch;

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(bool holds, const char *what)
{
	if (holds)
		return;
	fprintf(stderr, "violated: %s\n", what);
	abort();
}

static size_t port_room(void *context)
{
	(void)context;
	return ROOM - used;
}

static void port_write(void *context, const void *bytes, size_t length)
{
	const uint8_t *text = bytes;
	size_t i;

	(void)context;
	/* Lines that keys make may be cut; what guests make must fit. */
	if (length > ROOM - used)
		length = ROOM - used;
	used += length;
	for (i = 0; i < length; i++) {
		do {
			enum filter_event event = filter_feed(&watch, text[i]);

			if (!mux.prompt.open || event != FILTER_CSI)
				continue;
			check(watch.final == 'm' || watch.final == 'K' || (watch.final == 'l' && watch.prefix) ||
				(watch.final == 'h' && watch.prefix) || watch.final == 'r',
				"a guest without focus moves the cursor");
		} while (watch.again);
	}
}

static void port_signal(void *context, unsigned channel, uint32_t bits)
{
	(void)context;
	check(channel < CHANNELS && bits, "signal");
}

static unsigned port_call(void *context, enum root_request request, uint64_t word[5])
{
	(void)context;
	check(request >= ROOT_GUEST_STATUS && request <= ROOT_NET_KILL, "request");
	check(word[0] < CHANNELS, "guest");
	word[0] = guest_state;
	word[1] = word[2] = word[3] = ~0ull / (guest_starts + 1u);
	word[4] = guest_starts;
	return guest_state & 0x80 ? ROOT_FAILED : ROOT_OK;
}

static uint64_t port_now(void *context)
{
	(void)context;
	return time_ms;
}

static const struct port port = {
	.room = port_room,
	.write = port_write,
	.signal = port_signal,
	.call = port_call,
	.now = port_now,
};

static void start(void)
{
	static const char *const name[CHANNELS] = {"serai", "alpha", "beta"};

	memset(shared, 0, sizeof(shared));
	filter_init(&watch);
	time_ms = 1000;
	used = 0;
	guest_state = guest_starts = 1;
	mux_init(&mux, &port, 0x1d);
	for (unsigned i = 0; i < CHANNELS; i++)
		check(mux_add(&mux, name[i], (uint8_t)i, i ? i - 1 : MUX_NO_GUEST, &shared[i], scrollback[i],
			SCROLLBACK_SIZE_MIN), "channel");
	mux_start(&mux);
}

static void put(struct console_ring *ring, uint8_t *bytes, uint32_t size, const uint8_t *data, size_t length)
{
	for (size_t i = 0; i < length; i++)
		bytes[ring->head++ & (size - 1)] = data[i];
}

static void set_index(struct console_channel *channel, const uint8_t *data, size_t length)
{
	uint32_t *const index[] = {&channel->output.head, &channel->output.tail, &channel->log.head, &channel->log.tail,
		&channel->input.head, &channel->input.tail, &channel->client_waits, &channel->console_waits};

	if (length >= 5)
		memcpy(index[data[4] % 8], data, 4);
}

static void work(void)
{
	unsigned turns;

	for (turns = 0; mux_turn(&mux) || !mux_prepare_wait(&mux); turns++)
		check(turns < 4096, "work ends");
	/* Nothing to do now means: not at once again either. */
	check(mux_deadline(&mux) > time_ms || used > ROOM - MUX_ROOM, "the deadline is ahead");
}

static void step(uint8_t what, const uint8_t *data, size_t length)
{
	struct console_channel *channel = &shared[(what >> 4) % CHANNELS];

	switch (what & 15) {
	case 0:
	case 1:
	case 2:
		put(&channel->output, channel->output_bytes, CONSOLE_OUTPUT_SIZE, data, length);
		break;
	case 3:
		put(&channel->log, channel->log_bytes, CONSOLE_LOG_SIZE, data, length);
		break;
	case 4:
	case 5:
		for (size_t i = 0; i < length && mux_input_room(&mux); i++)
			mux_input(&mux, data[i]);
		break;
	case 6:
		set_index(channel, data, length);
		break;
	case 7:
		time_ms += length * 16;
		break;
	case 8:
		guest_state = length ? data[0] : 0;
		guest_starts = (uint8_t)(guest_starts + (what >> 7));
		mux_states(&mux);
		break;
	case 9:
		channel->input.tail = channel->input.head;
		break;
	case 10:
		mux_log(&mux, "a line of the console itself\n", 29);
		break;
	case 11:
		for (size_t i = 0; i < 64; i++)
			put(&channel->output, channel->output_bytes, CONSOLE_OUTPUT_SIZE, data, length);
		break;
	case 12: /* the terminal is slow */
		used = ROOM;
		work();
		break;
	default:
		break;
	}
	work();
	used = 0;
	work();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	start();
	while (size >= 2) {
		size_t length = data[1];

		if (length > size - 2)
			length = size - 2;
		step(data[0], data + 2, length);
		data += 2 + length;
		size -= 2 + length;
	}
	return 0;
}
