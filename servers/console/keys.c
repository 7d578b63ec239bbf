/* SPDX-License-Identifier: Apache-2.0 */
/* What is typed: to the focused guest, to the prompt, or a change of focus. */
#include <string.h>

#include "command.h"
#include "screen.h"

enum {
	STUCK_MS = 1000,    /* a guest that takes no input for so long loses what waits for it */
	REFUSED_MS = 3000,  /* between notices that a guest is off */
};

static uint64_t now(const struct mux *mux)
{
	return mux->port->now(mux->port->context);
}

size_t mux_input_room(const struct mux *mux)
{
	return MUX_PENDING_MAX - mux->pending_length;
}

bool mux_flush_input(struct mux *mux)
{
	struct channel *channel = &mux->channel[mux->focus];
	size_t count;

	if (mux->pending_length) {
		count = ring_write(&channel->input, mux->pending, mux->pending_length);
		if (count) {
			mux->pending_length -= (unsigned)count;
			memmove(mux->pending, mux->pending + count, mux->pending_length);
			mux->pending_since = now(mux);
			mux->input_added = true;
		} else if (now(mux) - mux->pending_since >= STUCK_MS) {
			mux->pending_length = 0;
			screen_text(mux, "\a");
		}
	}
	if (!mux->input_added)
		return false;
	mux->input_added = false;
	mux->port->signal(mux->port->context, mux->focus, CONSOLE_SIGNAL_INPUT);
	return true;
}

static bool refuse(struct mux *mux, struct channel *channel)
{
	const char *why = channel->state == GUEST_CRASHED ? "crashed" : "off";
	char key[8];

	if (!channel->state_known || (channel->state != GUEST_OFF && channel->state != GUEST_CRASHED))
		return false;
	if (now(mux) >= channel->refuse_again) {
		input_escape_name(&mux->input, key);
		screen_print(mux, "-- %s is %s; %s : and `start %s` starts it --", channel->name, why, key, channel->name);
		channel->refuse_again = now(mux) + REFUSED_MS;
	}
	return true;
}

static void guest_byte(struct mux *mux, uint8_t byte)
{
	struct channel *channel = &mux->channel[mux->focus];

	if (channel->guest == MUX_NO_GUEST || refuse(mux, channel))
		return;
	channel->interactive = true;
	if (byte == '\r' || byte == '\n')
		channel->enter_typed = true;
	if (mux->pending_length == MUX_PENDING_MAX)
		return;
	if (!mux->pending_length)
		mux->pending_since = now(mux);
	mux->pending[mux->pending_length++] = byte;
}

/* What the user has seen in raw form is not shown again in lines. */
static void leave_guest(struct mux *mux)
{
	struct channel *channel = &mux->channel[mux->focus];

	screen_leave(mux);
	screen_break(mux);
	(void)mux_flush_input(mux);
	mux->pending_length = 0;
	channel->shown = channel->terminal.length;
	channel->labelled = false;
}

static void enter_guest(struct mux *mux)
{
	struct channel *channel = &mux->channel[mux->focus];

	channel->shown = 0;
	if (channel->terminal.alternate) {
		screen_text(mux, "\033[?1049h\033[H\033[2J");
		screen_text(mux, "-- a full-screen program; Ctrl-L makes most of them draw again --\r\n");
		mux->owner_shown = true;
	}
}

void mux_focus(struct mux *mux, unsigned channel)
{
	char key[8];

	if (mux->prompt.open) {
		screen_break(mux);
		mux->prompt.open = false;
		prompt_clear(&mux->prompt);
	} else {
		leave_guest(mux);
	}
	mux->job.active = false;
	mux->focus = channel;
	input_escape_name(&mux->input, key);
	mux->owner_shown = false;
	screen_print(mux, "-- focus: %s (%s ? for help) --", mux->channel[channel].name, key);
	enter_guest(mux);
}

void mux_close_prompt(struct mux *mux)
{
	mux_focus(mux, mux->focus);
}

static void open_prompt(struct mux *mux)
{
	const char *name = mux->channel[mux->focus].name;

	leave_guest(mux);
	mux->prompt.open = true;
	prompt_clear(&mux->prompt);
	mux->owner_shown = false;
	screen_print(mux, "-- commands: `help` lists them; an empty line goes back to %s --", name);
}

static void select_guest(struct mux *mux, unsigned number)
{
	unsigned i;

	for (i = 0; i < mux->channels; i++) {
		if (mux->channel[i].guest != MUX_NO_GUEST && --number == 0) {
			mux_focus(mux, i);
			return;
		}
	}
	screen_print(mux, "-- there is no guest of this number --");
}

static void select_next(struct mux *mux)
{
	unsigned i, next;

	for (i = 1; i <= mux->channels; i++) {
		next = (mux->focus + i) % mux->channels;
		if (mux->channel[next].guest != MUX_NO_GUEST) {
			mux_focus(mux, next);
			return;
		}
	}
}

void mux_help(struct mux *mux)
{
	char key[8];

	input_escape_name(&mux->input, key);
	screen_print(mux, "-- after %s: n next guest, 1 to 9 guest by number, : or c commands, ? or h this help,", key);
	screen_print(mux, "   %s again sends %s to the guest --", key, key);
}

static void prompt_byte(struct mux *mux, uint8_t byte)
{
	struct prompt *prompt = &mux->prompt;

	if (mux->job.active) {
		if (byte != 3)
			return;
		mux->job.active = false;
		screen_print(mux, "^C");
	}
	switch (prompt_feed(prompt, byte)) {
	case PROMPT_ECHO:
		if (mux->owner_shown)
			screen_raw(mux, &byte, 1);
		break;
	case PROMPT_REDRAW:
		if (mux->owner_shown)
			screen_text(mux, "\r\033[K");
		mux->owner_shown = false;
		screen_restore(mux);
		break;
	case PROMPT_SUBMIT:
		screen_break(mux);
		command_run(mux, prompt->line);
		prompt_clear(prompt);
		break;
	case PROMPT_CANCEL:
		screen_restore(mux);
		screen_text(mux, "^C");
		screen_break(mux);
		break;
	case PROMPT_LEAVE:
		mux_close_prompt(mux);
		break;
	case PROMPT_NONE:
	default:
		break;
	}
}

void mux_input(struct mux *mux, uint8_t byte)
{
	switch (input_feed(&mux->input, byte)) {
	case INPUT_PASS:
		if (mux->prompt.open && byte == mux->input.escape)
			mux_close_prompt(mux);
		else if (mux->prompt.open)
			prompt_byte(mux, byte);
		else
			guest_byte(mux, byte);
		break;
	case INPUT_NEXT:
		select_next(mux);
		break;
	case INPUT_SELECT:
		select_guest(mux, mux->input.number);
		break;
	case INPUT_PROMPT:
		if (mux->prompt.open)
			mux_close_prompt(mux);
		else
			open_prompt(mux);
		break;
	case INPUT_HELP:
		mux_help(mux);
		break;
	case INPUT_UNKNOWN:
		screen_print(mux, "-- no such key --");
		mux_help(mux);
		break;
	case INPUT_NONE:
	default:
		break;
	}
}
