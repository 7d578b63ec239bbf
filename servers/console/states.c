/* SPDX-License-Identifier: Apache-2.0 */
/* Changes in the life of guests, and the console's own log. */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "screen.h"

/* A line that is kept in the log of channel 0 and shown, at the latest when the screen is free. */
static void __attribute__((format(printf, 2, 3))) announce(struct mux *mux, const char *format, ...)
{
	struct channel *system = &mux->channel[0];
	char line[160];
	va_list arguments;
	int length;

	va_start(arguments, format);
	length = vsnprintf(line, sizeof(line), format, arguments);
	va_end(arguments);
	if (length < 0)
		return;
	if ((size_t)length >= sizeof(line))
		length = (int)sizeof(line) - 1;
	scrollback_add(&system->scrollback, LINE_LOG, (const uint8_t *)line, (size_t)length);
	if (screen_held(mux) || system->skipped)
		system->skipped++;
	else
		screen_print(mux, "%s", line);
}

/* The guest's machine is new, or gone: its terminal is, too. */
static void end_session(struct mux *mux, struct channel *channel)
{
	if (channel == &mux->channel[mux->focus]) {
		screen_leave(mux);
		if (!mux->prompt.open)
			screen_break(mux);
		mux->pending_length = 0;
	}
	if (channel->terminal.length && !channel->terminal.alternate)
		scrollback_add(&channel->scrollback, LINE_OUTPUT, mux->text,
			terminal_render(&channel->terminal, 0, mux->text));
	terminal_reset(&channel->terminal);
	channel->interactive = channel->labelled = channel->returned = false;
	channel->shown = 0;
	channel->refuse_again = 0;
}

static void report(struct mux *mux, struct channel *channel, uint64_t state, uint64_t starts)
{
	const char *name = channel->name;
	bool again = starts > 1 && starts != channel->starts;

	switch (state) {
	case GUEST_OFF:
		announce(mux, "-- %s: %s --", name, channel->stop_asked ? "stopped" : "powered off");
		channel->stop_asked = false;
		break;
	case GUEST_CRASHED:
		announce(mux, "-- %s: crashed; `log %s` shows the report, `start %s` starts it again --", name, name, name);
		break;
	case GUEST_STARTING:
	case GUEST_RUNNING:
		if (again)
			announce(mux, "-- %s: started again --", name);
		break;
	default:
		break;
	}
}

static void update(struct mux *mux, struct channel *channel)
{
	uint64_t word[5] = {channel->guest}, state, starts;
	bool known = channel->state_known, ended;

	if (mux->port->call(mux->port->context, ROOT_GUEST_STATUS, word) != ROOT_OK)
		return;
	state = word[0];
	starts = word[4];
	if (known && state == channel->state && starts == channel->starts)
		return;
	ended = state == GUEST_OFF || state == GUEST_CRASHED;
	if (known && (ended || starts != channel->starts)) {
		mux_take_rest(mux, channel);
		end_session(mux, channel);
	}
	/* At the start of the system a guest that is not started automatically is off without news. */
	if (known || !(state == GUEST_OFF && starts == 0))
		report(mux, channel, state, starts);
	channel->state_known = true;
	channel->state = state;
	channel->starts = starts;
}

void mux_states(struct mux *mux)
{
	unsigned i;

	for (i = 0; i < mux->channels; i++) {
		if (mux->channel[i].guest != MUX_NO_GUEST)
			update(mux, &mux->channel[i]);
	}
}

void mux_log(struct mux *mux, const char *text, size_t length)
{
	if (length && text[length - 1] == '\n')
		length--;
	announce(mux, "[serai/console] %.*s", (int)(length < 130 ? length : 130), text);
}
