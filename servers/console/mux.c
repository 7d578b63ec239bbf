/* SPDX-License-Identifier: Apache-2.0 */
/* Output of the channels: what is shown at once, what waits, what is only kept. */
#include "mux.h"

#include <stdio.h>
#include <string.h>

#include "ask.h"
#include "nets.h"
#include "screen.h"
#include "volumes.h"

enum {
	CHUNK = 128,              /* bytes per step; each may grow by a label, see MUX_ROOM */
	FOCUSED_BYTES = 2048,     /* per turn */
	OTHER_BYTES = 1024,       /* per turn */
	PARTIAL_MS = 100,         /* an unfocused guest's unfinished line is shown after this time */
	ADDRESSED_MS = 10000,     /* full-screen mode without the alternate screen ends after this time */
	FLOOD_WINDOW_MS = 1000,
	FLOOD_BEGIN_LINES = 500,  /* more in a window are a flood */
	FLOOD_SHOWN_LINES = 20,   /* of each window while it lasts */
	FLOOD_END_LINES = 100,    /* a window with no more ends it */
	RELEASE_LINES = 64,       /* lines held back that are shown afterwards; of more only the number */
	CREDIT_PER_MS = 256,
	RETRY_MS = 10,
};

static uint64_t now(const struct mux *mux)
{
	return mux->port->now(mux->port->context);
}

static bool is_raw(const struct mux *mux, const struct channel *channel)
{
	return !mux->prompt.open && channel == &mux->channel[mux->focus];
}

/* Counts a line; false if the channel prints more than a reader can follow. */
static bool flood_allows(struct mux *mux, struct channel *channel)
{
	uint64_t age = now(mux) - channel->window;

	if (channel->guest == MUX_NO_GUEST)
		return true;
	if (age >= FLOOD_WINDOW_MS) {
		if (channel->window_lines <= FLOOD_END_LINES || age >= 2 * FLOOD_WINDOW_MS)
			channel->flooding = false;
		channel->window += age;
		channel->window_lines = 0;
	}
	channel->window_lines++;
	if (channel->window_lines > (channel->flooding ? FLOOD_SHOWN_LINES : FLOOD_BEGIN_LINES))
		channel->flooding = true;
	else
		return true;
	return false;
}

/* Shows a line that is in the scrollback already, or counts it for later. */
static void deliver(struct mux *mux, struct channel *channel, enum line_source source, const uint8_t *text, size_t length)
{
	bool allowed = flood_allows(mux, channel);

	if (!allowed || channel->skipped || screen_held(mux))
		channel->skipped++;
	else
		screen_line(mux, channel, source, text, length);
}

/* Shows what was held back, or says how much it is. */
static bool release(struct mux *mux, struct channel *channel)
{
	enum line_source source;
	uint64_t position;
	size_t length;

	if (!channel->skipped || screen_held(mux))
		return false;
	if (channel->flooding && now(mux) - channel->window < FLOOD_WINDOW_MS)
		return false;
	if (channel->skipped > channel->scrollback.kept || channel->skipped > RELEASE_LINES) {
		if (!screen_ready(mux))
			return false;
		screen_begin(mux);
		screen_label(mux, channel, LINE_OUTPUT);
		screen_print(mux, "... %lu lines not shown; `log %s` shows them", (unsigned long)channel->skipped,
			channel->name);
		channel->skipped = 0;
		return true;
	}
	while (channel->skipped && screen_ready(mux)) {
		position = scrollback_tail(&channel->scrollback, channel->skipped);
		if (!scrollback_next(&channel->scrollback, &position, &source, mux->text, sizeof(mux->text), &length))
			break;
		screen_line(mux, channel, source, mux->text, length);
		channel->skipped--;
	}
	return true;
}

/* A line of an unfocused guest or of a log is complete. */
static void finish_line(struct mux *mux, struct channel *channel, struct terminal *terminal, enum line_source source)
{
	bool output = source == LINE_OUTPUT;
	unsigned shown = output ? channel->shown : 0;
	size_t length;

	if (output)
		channel->shown = 0;
	if (terminal->alternate)
		return;
	length = terminal_render(terminal, 0, mux->text);
	scrollback_add(&channel->scrollback, source, mux->text, length);
	if (shown && shown >= terminal->length)
		return;
	if (terminal->addressed)
		return;
	if (shown)
		length = terminal_render(terminal, shown, mux->text);
	deliver(mux, channel, source, mux->text, length);
}

static void note_newline(struct channel *channel)
{
	struct terminal *terminal = &channel->terminal;

	terminal_clear_line(terminal);
	channel->labelled = false;
	channel->returned = false;
	if (terminal->addressed && channel->enter_typed)
		terminal->addressed = false;
}

static void note_sequence(struct mux *mux, struct channel *channel)
{
	struct terminal *terminal = &channel->terminal;

	if (terminal->filter.raw_length < 2 || !terminal_full_screen(terminal))
		return;
	channel->addressed_at = now(mux);
	if (terminal->filter.final != 'm')
		channel->enter_typed = false;
}

static void line_byte(struct mux *mux, struct channel *channel, enum line_source source, uint8_t byte)
{
	struct terminal *terminal = source == LINE_LOG ? &channel->log_terminal : &channel->terminal;

	do {
		enum terminal_event event = terminal_feed(terminal, byte);

		if (source == LINE_LOG)
			terminal->alternate = terminal->addressed = false;
		if (event == TERMINAL_PRINT && source == LINE_OUTPUT && terminal->cursor <= channel->shown)
			channel->shown = 0; /* overwritten, as progress displays do */
		if (event == TERMINAL_PASS && source == LINE_OUTPUT)
			note_sequence(mux, channel);
		if (event != TERMINAL_LINE && event != TERMINAL_WRAP)
			continue;
		finish_line(mux, channel, terminal, source);
		if (source == LINE_OUTPUT)
			note_newline(channel);
		else
			terminal_clear_line(terminal);
	} while (terminal->filter.again);
}

static void keep_line(struct mux *mux, struct channel *channel)
{
	if (channel->terminal.alternate)
		return;
	scrollback_add(&channel->scrollback, LINE_OUTPUT, mux->text, terminal_render(&channel->terminal, 0, mux->text));
}

/* Before the focused guest's character: its label where a line starts. */
static void raw_label(struct mux *mux, struct channel *channel, bool at_start)
{
	const struct terminal *terminal = &channel->terminal;

	if (at_start && !channel->interactive && !terminal_full_screen(terminal))
		channel->labelled = channel->returned = true;
	if (channel->labelled && channel->returned) {
		char sequence[TERMINAL_STYLE_MAX];

		screen_label(mux, channel, LINE_OUTPUT); /* ends in the plain style */
		if (!style_plain(terminal->style))
			screen_raw(mux, sequence, terminal_style(terminal->style, sequence));
		channel->returned = false;
	}
}

/* As many characters as need no look at each of them; returns how many. */
static size_t print_run(struct mux *mux, struct channel *channel, enum line_source source, const uint8_t *bytes,
	size_t length)
{
	struct terminal *terminal = source == LINE_LOG ? &channel->log_terminal : &channel->terminal;
	size_t count = terminal_printable(terminal, bytes, length);

	if (!count)
		return 0;
	if (source == LINE_OUTPUT && is_raw(mux, channel)) {
		screen_restore(mux);
		raw_label(mux, channel, !terminal->length && !terminal->cursor);
		screen_raw(mux, bytes, count);
	} else if (source == LINE_OUTPUT && terminal->cursor < channel->shown) {
		channel->shown = 0;
	}
	terminal_print(terminal, bytes, count);
	return count;
}

static void raw_byte(struct mux *mux, struct channel *channel, uint8_t byte)
{
	struct terminal *terminal = &channel->terminal;
	const struct filter *filter = &terminal->filter;

	do {
		bool at_start = !terminal->length && !terminal->cursor, moved = terminal->cursor != 0;
		enum terminal_event event;

		screen_restore(mux);
		event = terminal_feed(terminal, byte);
		if (event == TERMINAL_PRINT || event == TERMINAL_WRAP) {
			raw_label(mux, channel, at_start);
			screen_raw(mux, filter->raw, filter->raw_length);
		} else if (event == TERMINAL_LINE) {
			/* Early consoles print no carriage return. */
			if (moved && !channel->interactive && !terminal_full_screen(terminal))
				screen_text(mux, "\r");
			screen_text(mux, "\n");
		} else if (event == TERMINAL_PASS) {
			screen_raw(mux, filter->raw, filter->raw_length);
			channel->returned |= channel->labelled && filter->raw[0] == '\r';
			note_sequence(mux, channel);
		}
		if (event == TERMINAL_LINE || event == TERMINAL_WRAP) {
			keep_line(mux, channel);
			note_newline(channel);
		}
	} while (filter->again);
}

static void refill_credit(struct mux *mux, struct channel *channel)
{
	uint64_t time = now(mux), passed = time - channel->credit_at;

	channel->credit_at = time;
	if (passed >= MUX_CREDIT / CREDIT_PER_MS || channel->credit + passed * CREDIT_PER_MS >= MUX_CREDIT)
		channel->credit = MUX_CREDIT;
	else
		channel->credit += passed * CREDIT_PER_MS;
}

/* The console's other clients must not wait for a channel that has used up its share. */
static bool limited(const struct mux *mux, const struct channel *channel, enum line_source source)
{
	if (channel->guest == MUX_NO_GUEST || (source == LINE_OUTPUT && is_raw(mux, channel)))
		return false;
	return channel->credit < CHUNK;
}

static bool drain(struct mux *mux, struct channel *channel, enum line_source source)
{
	struct ring_end *ring = source == LINE_LOG ? &channel->log : &channel->output;
	bool raw = source == LINE_OUTPUT && is_raw(mux, channel);
	size_t left = raw ? FOCUSED_BYTES : OTHER_BYTES, count, run, i;
	_Alignas(8) uint8_t bytes[CHUNK];
	bool moved = false;

	while (left >= CHUNK && screen_ready(mux) && !limited(mux, channel, source)) {
		count = ring_read(ring, bytes, CHUNK);
		if (!count)
			break;
		moved = true;
		left -= CHUNK;
		for (i = 0; i < count; i += run) {
			run = print_run(mux, channel, source, bytes + i, count - i);
			if (run)
				continue;
			run = 1;
			if (raw)
				raw_byte(mux, channel, bytes[i]);
			else
				line_byte(mux, channel, source, bytes[i]);
		}
		if (!raw && channel->guest != MUX_NO_GUEST)
			channel->credit -= count;
		if (source == LINE_OUTPUT)
			channel->last_byte = now(mux);
	}
	return moved;
}

static void wake_client(struct mux *mux, unsigned number)
{
	struct channel *channel = &mux->channel[number];
	uint32_t *waits = &channel->shared->client_waits;

	if (!__atomic_load_n(waits, __ATOMIC_RELAXED))
		return;
	if (ring_readable(&channel->output) > CONSOLE_OUTPUT_SIZE / 2 || ring_readable(&channel->log) > CONSOLE_LOG_SIZE / 2)
		return;
	__atomic_store_n(waits, 0, __ATOMIC_SEQ_CST);
	mux->port->signal(mux->port->context, number, CONSOLE_SIGNAL_SPACE);
}

static bool partial_due(const struct mux *mux, const struct channel *channel)
{
	const struct terminal *terminal = &channel->terminal;

	return !is_raw(mux, channel) && terminal->length > channel->shown && !terminal_full_screen(terminal) &&
		!channel->skipped && !screen_held(mux);
}

static uint64_t partial_time(const struct channel *channel)
{
	uint64_t time = channel->last_byte + PARTIAL_MS, window_end = channel->window + FLOOD_WINDOW_MS;

	return channel->flooding && window_end > time ? window_end : time;
}

/* Prompts and the like of guests that are not focused. */
static void show_partial(struct mux *mux, struct channel *channel)
{
	size_t length;

	if (!partial_due(mux, channel) || now(mux) < partial_time(channel) || !screen_ready(mux))
		return;
	length = terminal_render(&channel->terminal, channel->shown, mux->text);
	screen_line(mux, channel, LINE_OUTPUT, mux->text, length);
	channel->shown = channel->terminal.length;
}

static void end_addressed(struct mux *mux, struct channel *channel)
{
	struct terminal *terminal = &channel->terminal;

	if ((terminal->addressed || terminal->uncertain) && now(mux) - channel->addressed_at >= ADDRESSED_MS)
		terminal->addressed = terminal->uncertain = false;
}

/* Nothing came, and nothing waits for its time. */
static bool quiet(const struct mux *mux, const struct channel *channel)
{
	const struct terminal *terminal = &channel->terminal;

	return !ring_readable(&channel->output) && !ring_readable(&channel->log) && !channel->skipped &&
		!terminal_full_screen(terminal) && (terminal->length <= channel->shown || is_raw(mux, channel)) &&
		!__atomic_load_n(&channel->shared->client_waits, __ATOMIC_RELAXED);
}

static bool channel_turn(struct mux *mux, unsigned number)
{
	struct channel *channel = &mux->channel[number];
	bool moved, drained;

	if (quiet(mux, channel))
		return false;
	refill_credit(mux, channel);
	end_addressed(mux, channel);
	moved = release(mux, channel);
	drained = drain(mux, channel, LINE_OUTPUT);
	/* A report comes after what the guest printed before it; but a flood must not hold it back for long. */
	if (!ring_readable(&channel->output) || ring_readable(&channel->log) > CONSOLE_LOG_SIZE / 4)
		drained |= drain(mux, channel, LINE_LOG);
	show_partial(mux, channel);
	wake_client(mux, number);
	/* What is left in the rings mux_prepare_wait sees. But the end of a full-screen program releases lines. */
	return moved || (drained && channel->skipped);
}

void mux_take_rest(struct mux *mux, struct channel *channel)
{
	unsigned rounds;

	/* No more than fits into the rings, even if somebody goes on writing. */
	channel->credit = MUX_CREDIT;
	for (rounds = 0; rounds < (CONSOLE_OUTPUT_SIZE + CONSOLE_LOG_SIZE) / OTHER_BYTES; rounds++) {
		if (!drain(mux, channel, LINE_OUTPUT) && !drain(mux, channel, LINE_LOG))
			break;
	}
}

static bool job_turn(struct mux *mux)
{
	struct mux_job *job = &mux->job;
	struct channel *channel = &mux->channel[job->channel];
	enum line_source source;
	bool moved = false;
	size_t length;

	while (job->active && screen_ready(mux)) {
		moved = true;
		if (job->position >= job->end ||
			!scrollback_next(&channel->scrollback, &job->position, &source, mux->text, sizeof(mux->text), &length)) {
			job->active = false;
			screen_print(mux, "-- end of log %s --", channel->name);
			break;
		}
		screen_begin(mux);
		if (source == LINE_LOG && channel->guest != MUX_NO_GUEST)
			screen_label(mux, channel, source);
		screen_raw(mux, mux->text, length);
		screen_text(mux, "\r\n");
	}
	return moved;
}

bool mux_turn(struct mux *mux)
{
	bool moved = mux_flush_input(mux);
	unsigned i;

	moved |= job_turn(mux);
	moved |= volumes_turn(mux);
	moved |= nets_turn(mux);
	moved |= channel_turn(mux, mux->focus);
	for (i = 0; i < mux->channels; i++) {
		if (i != mux->focus)
			moved |= channel_turn(mux, i);
	}
	if (!mux->job.active && screen_ready(mux))
		screen_restore(mux);
	return moved;
}

bool mux_prepare_wait(struct mux *mux)
{
	bool ready = screen_ready(mux), idle = true;
	unsigned i;

	for (i = 0; i < mux->channels; i++) {
		struct channel *channel = &mux->channel[i];
		bool output = ready && !limited(mux, channel, LINE_OUTPUT), log = ready && !limited(mux, channel, LINE_LOG);
		bool empty = !ring_readable(&channel->output) && !ring_readable(&channel->log);

		/* What a channel without credit has in its rings is looked at in time, but nobody looks at empty ones. */
		__atomic_store_n(&channel->shared->console_waits, output || log || (ready && empty), __ATOMIC_RELAXED);
		__atomic_thread_fence(__ATOMIC_SEQ_CST);
		if ((output && ring_readable(&channel->output)) || (log && ring_readable(&channel->log)))
			idle = false;
	}
	return idle;
}

void mux_hold_signals(struct mux *mux)
{
	unsigned i;

	for (i = 0; i < mux->channels; i++)
		__atomic_store_n(&mux->channel[i].shared->console_waits, 0, __ATOMIC_RELAXED);
}

bool mux_readable(const struct mux *mux)
{
	unsigned i;

	for (i = 0; i < mux->channels; i++) {
		if (ring_readable(&mux->channel[i].output) || ring_readable(&mux->channel[i].log))
			return true;
	}
	return false;
}

static uint64_t earlier(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

static uint64_t channel_deadline(const struct mux *mux, const struct channel *channel)
{
	const struct terminal *terminal = &channel->terminal;
	uint64_t deadline = MUX_NEVER;

	if (partial_due(mux, channel))
		deadline = earlier(deadline, partial_time(channel));
	if (channel->skipped && !screen_held(mux))
		deadline = earlier(deadline, channel->window + FLOOD_WINDOW_MS);
	if (!terminal->alternate && terminal_full_screen(terminal))
		deadline = earlier(deadline, channel->addressed_at + ADDRESSED_MS);
	if (limited(mux, channel, LINE_LOG) && (ring_readable(&channel->output) || ring_readable(&channel->log)))
		deadline = earlier(deadline, now(mux) + RETRY_MS);
	return deadline;
}

uint64_t mux_deadline(const struct mux *mux)
{
	uint64_t deadline = mux->pending_length ? now(mux) + RETRY_MS : MUX_NEVER;
	unsigned i;

	/* With the terminal's queue full nothing moves but by its interrupt. */
	if (!screen_ready(mux))
		return deadline;
	/* A server may tell of its work before the answer is on its page. */
	if (mux->asked || mux->net_asked)
		deadline = earlier(deadline, now(mux) + ASK_AGAIN_MS);
	for (i = 0; i < mux->channels; i++)
		deadline = earlier(deadline, channel_deadline(mux, &mux->channel[i]));
	return deadline;
}
