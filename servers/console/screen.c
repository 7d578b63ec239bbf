/* SPDX-License-Identifier: Apache-2.0 */
/* The terminal's bottom line and what is printed above it. */
#include "screen.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* Lines that may be wrapped cannot be erased by one row. */
#define ONE_ROW 79u

void screen_raw(struct mux *mux, const void *bytes, size_t length)
{
	mux->port->write(mux->port->context, bytes, length);
}

void screen_text(struct mux *mux, const char *text)
{
	screen_raw(mux, text, strlen(text));
}

bool screen_ready(const struct mux *mux)
{
	return mux->port->room(mux->port->context) >= MUX_ROOM;
}

void screen_label(struct mux *mux, const struct channel *channel, enum line_source source)
{
	bool vmm = source == LINE_LOG && channel->guest != MUX_NO_GUEST;
	const struct label *label = vmm ? &channel->log_label : &channel->label;

	screen_raw(mux, label->text, label->length);
}

static void make_label(struct label *label, const struct channel *channel, const char *what)
{
	int length = snprintf(label->text, sizeof(label->text), "\033[0;3%um[%s%s]\033[0m ", channel->color % 8u,
		channel->name, what);

	label->length = length > 0 ? (size_t)length : 0;
	if (label->length >= sizeof(label->text))
		label->length = sizeof(label->text) - 1;
}

void screen_make_labels(struct channel *channel)
{
	make_label(&channel->label, channel, "");
	make_label(&channel->log_label, channel, "/vmm");
}

static unsigned owner_width(const struct mux *mux)
{
	const struct channel *channel = &mux->channel[mux->focus];
	unsigned width;

	if (mux->prompt.open)
		return (unsigned)strlen(PROMPT_TEXT) + mux->prompt.length;
	width = channel->terminal.length > channel->terminal.cursor ? channel->terminal.length : channel->terminal.cursor;
	if (channel->labelled)
		width += (unsigned)strlen(channel->name) + 3;
	return width;
}

static bool styled(const struct mux *mux)
{
	return !mux->prompt.open && !style_plain(mux->channel[mux->focus].terminal.style);
}

void screen_begin(struct mux *mux)
{
	unsigned width = owner_width(mux);
	bool full = !mux->prompt.open && terminal_full_screen(&mux->channel[mux->focus].terminal);

	if (!mux->owner_shown)
		return;
	mux->owner_shown = false;
	if (styled(mux))
		screen_text(mux, "\033[0m");
	if (full || width >= ONE_ROW)
		screen_text(mux, "\r\n");
	else if (width)
		screen_text(mux, "\r\033[K");
}

void screen_break(struct mux *mux)
{
	if (!mux->owner_shown)
		return;
	mux->owner_shown = false;
	if (styled(mux))
		screen_text(mux, "\033[0m");
	if (owner_width(mux))
		screen_text(mux, "\r\n");
}

static void restore_guest(struct mux *mux)
{
	struct channel *channel = &mux->channel[mux->focus];
	struct terminal *terminal = &channel->terminal;
	char sequence[TERMINAL_STYLE_MAX];
	size_t size;

	if (terminal->alternate)
		return;
	if (channel->labelled)
		screen_label(mux, channel, LINE_OUTPUT);
	size = terminal_render(terminal, 0, mux->text);
	screen_raw(mux, mux->text, size);
	if (terminal->cursor != terminal->length) {
		bool left = terminal->cursor < terminal->length;
		int cells = left ? terminal->length - terminal->cursor : terminal->cursor - terminal->length;
		int length = snprintf(sequence, sizeof(sequence), "\033[%d%c", cells, left ? 'D' : 'C');

		screen_raw(mux, sequence, (size_t)length);
	}
	if (styled(mux)) {
		size = terminal_style(terminal->style, sequence);
		screen_raw(mux, sequence, size);
	}
}

void screen_restore(struct mux *mux)
{
	/* Nobody types any more once the machine goes off; what the user had before shall begin on a line of its own. */
	if (mux->owner_shown || mux->shutdown)
		return;
	if (mux->prompt.open) {
		screen_text(mux, PROMPT_TEXT);
		screen_raw(mux, mux->prompt.line, mux->prompt.length);
	} else {
		restore_guest(mux);
	}
	mux->owner_shown = true;
}

void screen_line(struct mux *mux, const struct channel *channel, enum line_source source, const uint8_t *text,
	size_t length)
{
	screen_begin(mux);
	screen_label(mux, channel, source);
	screen_raw(mux, text, length);
	screen_text(mux, "\r\n");
}

void screen_print(struct mux *mux, const char *format, ...)
{
	char line[256];
	va_list arguments;
	int length;

	va_start(arguments, format);
	length = vsnprintf(line, sizeof(line), format, arguments);
	va_end(arguments);
	if (length < 0)
		return;
	screen_begin(mux);
	screen_raw(mux, line, (size_t)length < sizeof(line) ? (size_t)length : sizeof(line) - 1);
	screen_text(mux, "\r\n");
}

void screen_leave(struct mux *mux)
{
	struct terminal *terminal = &mux->channel[mux->focus].terminal;

	if (mux->prompt.open || !(terminal->modes || terminal_full_screen(terminal)))
		return;
	/* Main screen, visible cursor, normal keys, no mouse, no bracketed paste, auto wrap, whole screen scrolls, ASCII. */
	screen_text(mux, "\033[?1049l\033[?25h\033[?1l\033[?1000;1002;1003;1006l\033[?2004l\033[?7h\033>\0337\033[r\0338\033(B\017\033[0m");
}

bool screen_held(const struct mux *mux)
{
	return mux->job.active || (!mux->prompt.open && terminal_full_screen(&mux->channel[mux->focus].terminal));
}
