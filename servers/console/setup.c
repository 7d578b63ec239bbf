/* SPDX-License-Identifier: Apache-2.0 */
/* Opens the channels and greets the user. */
#include <string.h>

#include "mux.h"
#include "screen.h"

void mux_init(struct mux *mux, const struct port *port, uint8_t escape)
{
	memset(mux, 0, sizeof(*mux));
	mux->port = port;
	input_init(&mux->input, escape);
}

bool mux_add(struct mux *mux, const char *name, uint8_t color, uint32_t guest, struct console_channel *shared,
	uint8_t *scrollback, size_t scrollback_size)
{
	struct channel *channel = &mux->channel[mux->channels];

	if (mux->channels == MUX_CHANNELS || strlen(name) > SYSTEM_NAME_MAX || scrollback_size < SCROLLBACK_SIZE_MIN)
		return false;
	strcpy(channel->name, name);
	channel->color = color;
	channel->guest = guest;
	channel->shared = shared;
	screen_make_labels(channel);
	channel->credit = MUX_CREDIT;
	channel->credit_at = mux->port->now(mux->port->context);
	ring_open(&channel->output, &shared->output, shared->output_bytes, CONSOLE_OUTPUT_SIZE);
	ring_open(&channel->log, &shared->log, shared->log_bytes, CONSOLE_LOG_SIZE);
	ring_open(&channel->input, &shared->input, shared->input_bytes, CONSOLE_INPUT_SIZE);
	ring_reset_consumer(&channel->output);
	ring_reset_consumer(&channel->log);
	ring_reset_producer(&channel->input);
	scrollback_init(&channel->scrollback, scrollback, scrollback_size);
	mux->channels++;
	return true;
}

void mux_start(struct mux *mux)
{
	char key[8];

	input_escape_name(&mux->input, key);
	while (mux->focus + 1 < mux->channels && mux->channel[mux->focus].guest == MUX_NO_GUEST)
		mux->focus++;
	screen_print(mux, "-- Serai console: %s ? for help, %s : for commands --", key, key);
	screen_print(mux, "-- focus: %s --", mux->channel[mux->focus].name);
	screen_restore(mux);
}
