/* SPDX-License-Identifier: Apache-2.0 */
/* Line editing: printable bytes and UTF-8, backspace, Ctrl-U, Ctrl-W, Ctrl-C, Ctrl-D, Enter, arrows up and down. */
#include "prompt.h"

#include <string.h>

enum { CTRL_C = 3, CTRL_D = 4, BACKSPACE = 8, CTRL_U = 21, CTRL_W = 23, ESC = 27, DELETE = 127 };

void prompt_clear(struct prompt *prompt)
{
	prompt->length = 0;
	prompt->line[0] = 0;
	prompt->shown = 0;
}

static void remember(struct prompt *prompt)
{
	if (prompt->entries && !strcmp(prompt->history[prompt->newest], prompt->line))
		return;
	prompt->newest = (uint8_t)((prompt->newest + 1u) % PROMPT_HISTORY);
	memcpy(prompt->history[prompt->newest], prompt->line, sizeof(prompt->line));
	if (prompt->entries < PROMPT_HISTORY)
		prompt->entries++;
}

static enum prompt_event recall(struct prompt *prompt, bool older)
{
	unsigned shown = prompt->shown;

	if (older ? shown == prompt->entries : shown == 0)
		return PROMPT_NONE;
	shown = older ? shown + 1 : shown - 1;
	prompt_clear(prompt);
	prompt->shown = (uint8_t)shown;
	if (shown) {
		memcpy(prompt->line, prompt->history[(prompt->newest + PROMPT_HISTORY + 1 - shown) % PROMPT_HISTORY],
			sizeof(prompt->line));
		prompt->length = (uint8_t)strlen(prompt->line);
	}
	return PROMPT_REDRAW;
}

/* ESC [ A and ESC [ B, also with O; others are swallowed. */
static enum prompt_event feed_escape(struct prompt *prompt, uint8_t byte)
{
	if (prompt->escape == 1 && (byte == '[' || byte == 'O')) {
		prompt->escape = 2;
		return PROMPT_NONE;
	}
	if (prompt->escape == 2 && byte >= 0x20 && byte < 0x40)
		return PROMPT_NONE;
	if (prompt->escape == 2 && (byte == 'A' || byte == 'B')) {
		prompt->escape = 0;
		return recall(prompt, byte == 'A');
	}
	prompt->escape = 0;
	return PROMPT_NONE;
}

/* Takes the last character off, all bytes of it. */
static void chop(struct prompt *prompt)
{
	while (prompt->length && (prompt->line[--prompt->length] & 0xc0) == 0x80)
		;
	prompt->line[prompt->length] = 0;
}

static void chop_word(struct prompt *prompt)
{
	while (prompt->length && prompt->line[prompt->length - 1] == ' ')
		chop(prompt);
	while (prompt->length && prompt->line[prompt->length - 1] != ' ')
		chop(prompt);
}

static enum prompt_event enter(struct prompt *prompt)
{
	if (strspn(prompt->line, " ") == prompt->length)
		return PROMPT_LEAVE;
	remember(prompt);
	return PROMPT_SUBMIT;
}

static enum prompt_event feed_control(struct prompt *prompt, uint8_t byte)
{
	switch (byte) {
	case '\r':
	case '\n':
		return enter(prompt);
	case CTRL_C:
		prompt_clear(prompt);
		return PROMPT_CANCEL;
	case CTRL_D:
		return prompt->length ? PROMPT_NONE : PROMPT_LEAVE;
	case CTRL_U:
		prompt_clear(prompt);
		return PROMPT_REDRAW;
	case CTRL_W:
		chop_word(prompt);
		return PROMPT_REDRAW;
	case BACKSPACE:
	case DELETE:
		chop(prompt);
		return PROMPT_REDRAW;
	case ESC:
		prompt->escape = 1;
		return PROMPT_NONE;
	default:
		return PROMPT_NONE;
	}
}

enum prompt_event prompt_feed(struct prompt *prompt, uint8_t byte)
{
	bool carriage = prompt->carriage;

	prompt->carriage = byte == '\r';
	if (carriage && byte == '\n')
		return PROMPT_NONE;
	if (prompt->escape && byte >= 0x20)
		return feed_escape(prompt, byte);
	prompt->escape = 0;
	if (byte < 0x20 || byte == DELETE)
		return feed_control(prompt, byte);
	if (prompt->length == PROMPT_LINE_MAX)
		return PROMPT_NONE;
	prompt->line[prompt->length++] = (char)byte;
	prompt->line[prompt->length] = 0;
	return PROMPT_ECHO;
}
