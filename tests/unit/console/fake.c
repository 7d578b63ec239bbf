/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE /* memmem */
#include "fake.h"

struct fake fake;

static void end_sequence(char final)
{
	unsigned count = 0, i;

	for (i = 1; fake.sequence[i] >= '0' && fake.sequence[i] <= '9'; i++)
		count = count * 10 + (unsigned)(fake.sequence[i] - '0');
	if (final == 'K')
		memset(fake.row[fake.y] + fake.x, 0, FAKE_COLUMNS - fake.x);
	else if (final == 'D')
		fake.x -= count ? count : 1;
	else if (final == 'C')
		fake.x += count ? count : 1;
	else if ((final == 'h' || final == 'l') && strstr(fake.sequence, "?1049"))
		fake.alternate = final == 'h';
	assert_true(fake.x < FAKE_COLUMNS);
}

/* ESC [ parameters final, ESC ( x, or ESC x. */
static void show_escape(char byte)
{
	bool control = fake.sequence_length && fake.sequence[0] == '[';

	if (!fake.sequence_length && (byte == '[' || byte == '(')) {
		fake.sequence[fake.sequence_length++] = byte;
	} else if (control && byte < 0x40) {
		assert_true(fake.sequence_length < sizeof(fake.sequence) - 1);
		fake.sequence[fake.sequence_length++] = byte;
	} else {
		fake.escape = false;
		if (control)
			end_sequence(byte);
	}
}

static void show(char byte)
{
	if (fake.escape) {
		show_escape(byte);
	} else if (byte == 27) {
		fake.escape = true;
		fake.sequence_length = 0;
		memset(fake.sequence, 0, sizeof(fake.sequence));
	} else if (byte == '\r') {
		fake.x = 0;
	} else if (byte == '\n') {
		fake.y++;
		assert_true(fake.y < FAKE_ROWS);
	} else if (byte == '\b') {
		fake.x -= fake.x ? 1 : 0;
	} else if (byte == '\a') {
		fake.bells++;
	} else if ((uint8_t)byte >= 0x20) {
		unsigned i;

		assert_true(fake.x < FAKE_COLUMNS);
		for (i = 0; i < fake.x; i++) {
			if (!fake.row[fake.y][i])
				fake.row[fake.y][i] = ' ';
		}
		fake.row[fake.y][fake.x++] = byte;
	}
}

static size_t port_room(void *context)
{
	(void)context;
	return fake.room;
}

static void port_write(void *context, const void *bytes, size_t length)
{
	const char *text = bytes;
	size_t i;

	(void)context;
	assert_true(length <= fake.room);
	assert_true(fake.out_length + length < FAKE_OUT);
	memcpy(fake.out + fake.out_length, bytes, length);
	fake.out_length += length;
	for (i = 0; i < length; i++)
		show(text[i]);
}

static void port_signal(void *context, unsigned channel, uint32_t bits)
{
	(void)context;
	fake.signalled[channel] |= bits;
}

static unsigned port_call(void *context, enum root_request request, uint64_t word[5])
{
	uint64_t guest = word[0];

	(void)context;
	if (request == ROOT_MEMORY) {
		for (unsigned i = 0; i < 5; i++)
			word[i] = (i + 1) * 1024 * 1000;
		return ROOT_OK;
	}
	if (request == ROOT_GUEST_STATUS) {
		if (guest > 1)
			return ROOT_UNKNOWN;
		word[0] = fake.state[guest];
		word[1] = 128 << 20;
		word[2] = 83000;
		word[3] = 712 << 10;
		word[4] = fake.starts[guest];
		return ROOT_OK;
	}
	if (request == ROOT_GUEST_CPU) {
		if (guest > 1)
			return ROOT_UNKNOWN;
		word[0] = 100 + 200 * guest;
		word[1] = 25 * guest;
		word[2] = 83004;
		word[3] = 7 * guest;
		word[4] = 2;
		return ROOT_OK;
	}
	fake.requests++;
	fake.last = request;
	fake.last_guest = guest;
	return fake.answer;
}

static uint64_t port_now(void *context)
{
	(void)context;
	return fake.now;
}

static void port_block_signal(void *context)
{
	(void)context;
	fake.block_signals++;
}

static void port_net_signal(void *context)
{
	(void)context;
	fake.net_signals++;
}

static const struct port port = {
	.room = port_room,
	.write = port_write,
	.signal = port_signal,
	.call = port_call,
	.now = port_now,
	.block_status = &fake.block_status,
	.block_command = &fake.block_command,
	.block_signal = port_block_signal,
	.net_status = &fake.net_status,
	.net_command = &fake.net_command,
	.net_signal = port_net_signal,
	.gateway_status = &fake.gateway_status,
};

int fake_setup(void **state)
{
	static const char *const name[] = {"serai", "alpha", "beta"};

	(void)state;
	memset(&fake, 0, sizeof(fake));
	fake.room = MUX_ROOM + 4096;
	fake.now = 5000;
	fake.state[0] = fake.state[1] = GUEST_RUNNING;
	fake.starts[0] = fake.starts[1] = 1;
	mux_init(&fake.mux, &port, 0x1d);
	for (unsigned i = 0; i < FAKE_CHANNELS; i++) {
		struct console_channel *shared = &fake.shared[i];

		ring_open(&fake.output[i], &shared->output, shared->output_bytes, CONSOLE_OUTPUT_SIZE);
		ring_open(&fake.log[i], &shared->log, shared->log_bytes, CONSOLE_LOG_SIZE);
		ring_open(&fake.input[i], &shared->input, shared->input_bytes, CONSOLE_INPUT_SIZE);
		if (!mux_add(&fake.mux, name[i], (uint8_t)(i + 1), i ? i - 1 : MUX_NO_GUEST, shared, fake.scrollback[i],
			SCROLLBACK_SIZE_MIN))
			return -1;
	}
	mux_start(&fake.mux);
	mux_states(&fake.mux);
	fake_run();
	return 0;
}

void fake_print(unsigned channel, const char *text)
{
	assert_int_equal(ring_write(&fake.output[channel], text, strlen(text)), strlen(text));
}

void fake_log(unsigned channel, const char *text)
{
	assert_int_equal(ring_write(&fake.log[channel], text, strlen(text)), strlen(text));
}

void fake_run(void)
{
	unsigned turns = 0;

	while (mux_turn(&fake.mux) || !mux_prepare_wait(&fake.mux))
		assert_true(turns++ < 10000);
}

void fake_type(const char *text)
{
	while (*text)
		mux_input(&fake.mux, (uint8_t)*text++);
	fake_run();
}

void fake_wait(uint64_t ms)
{
	fake.now += ms;
	fake_run();
}

const char *fake_typed(unsigned channel)
{
	static char text[CONSOLE_INPUT_SIZE + 1];

	text[ring_read(&fake.input[channel], text, CONSOLE_INPUT_SIZE)] = 0;
	return text;
}

const char *fake_row(unsigned above)
{
	assert_true(above <= fake.y);
	return fake.row[fake.y - above];
}

unsigned fake_count(const char *text)
{
	unsigned count = 0;

	for (unsigned i = 0; i <= fake.y; i++)
		count += strstr(fake.row[i], text) != NULL;
	return count;
}

bool fake_sent(const char *text)
{
	return memmem(fake.out, fake.out_length, text, strlen(text)) != NULL;
}

void fake_forget(void)
{
	fake.out_length = 0;
}
