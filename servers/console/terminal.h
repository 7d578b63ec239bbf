/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a guest's terminal shows in the line where its cursor is: enough to print that line again after another guest's
 * line, to put whole lines into the scrollback, and to tell when a full-screen program runs.
 */
#pragma once

#include "filter.h"

#define TERMINAL_CELLS 1024u
/* Room for every cell at four bytes; style changes are left out where they would not fit. */
#define TERMINAL_TEXT_MAX 6144u
#define TERMINAL_STYLE_MAX 48u /* bytes of the longest style sequence */

enum { STYLE_BOLD = 1, STYLE_DIM = 2, STYLE_ITALIC = 4, STYLE_UNDERLINE = 8, STYLE_BLINK = 16, STYLE_REVERSE = 32 };

/* Colours are their SGR numbers (30 to 37, 90 to 97; background 10 more); 0: the terminal's own. */
struct style {
	uint8_t foreground;
	uint8_t background;
	uint8_t flags;
};

static inline bool style_plain(struct style style)
{
	return !(style.foreground | style.background | style.flags);
}

struct cell {
	_Alignas(8) uint8_t bytes[4]; /* one character in UTF-8, filled up with 0 */
	uint8_t length;
	struct style style;
};

struct terminal {
	struct filter filter;
	struct cell cell[TERMINAL_CELLS];
	uint8_t text[TERMINAL_CELLS];
	uint16_t plain;  /* the first cells of the line: ASCII in plain style, in `text` and not in `cell` */
	uint16_t length; /* cells of the line */
	uint16_t cursor; /* cell that the next character goes to */
	struct style style;
	bool alternate; /* the alternate screen is on */
	bool addressed; /* the cursor was put somewhere by row, or a scrolling region set */
	bool uncertain; /* the cursor moved to another row: the line is not known until the next newline */
	bool modes;     /* terminal modes were changed: put them back before others use the screen */
};

enum terminal_event {
	TERMINAL_NONE,  /* nothing to pass on */
	TERMINAL_PRINT, /* a character was put into the line; filter.raw holds it */
	TERMINAL_PASS,  /* another control or sequence; filter.raw holds it */
	TERMINAL_LINE,  /* newline: the line is complete; the caller uses it, then calls terminal_clear_line */
	TERMINAL_WRAP,  /* as TERMINAL_PRINT, and the line is full: use it, then terminal_clear_line */
};

/* As after power-on. */
void terminal_reset(struct terminal *terminal);

/* Takes one byte; while terminal->filter.again is set on return, pass the same byte again after handling the event. */
enum terminal_event terminal_feed(struct terminal *terminal, uint8_t byte);

/* How many of these bytes terminal_print takes: printable ASCII that does not fill the line; 0 within a sequence. */
size_t terminal_printable(const struct terminal *terminal, const uint8_t *bytes, size_t length);

/* Puts so many characters into the line, as terminal_feed would one by one. */
void terminal_print(struct terminal *terminal, const uint8_t *bytes, size_t length);

void terminal_clear_line(struct terminal *terminal);

/* A program has the whole screen. */
static inline bool terminal_full_screen(const struct terminal *terminal)
{
	return terminal->alternate || terminal->addressed || terminal->uncertain;
}

/* Writes cells `from` to the end with their styles, back to the plain style at the end. Returns bytes, at most TERMINAL_TEXT_MAX. */
size_t terminal_render(const struct terminal *terminal, unsigned from, uint8_t out[TERMINAL_TEXT_MAX]);

/* Writes the sequence that sets a style; returns bytes, at most TERMINAL_STYLE_MAX. */
size_t terminal_style(struct style style, char out[TERMINAL_STYLE_MAX]);
