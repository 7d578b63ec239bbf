/* SPDX-License-Identifier: Apache-2.0 */
/* The line editor of the command prompt. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PROMPT_TEXT "serai> "
#define PROMPT_LINE_MAX 120u
#define PROMPT_HISTORY 8u

enum prompt_event {
	PROMPT_NONE,
	PROMPT_ECHO,   /* the last byte of the line is new: show it */
	PROMPT_REDRAW, /* the line changed: show it anew */
	PROMPT_SUBMIT, /* Enter; the line stays until prompt_clear */
	PROMPT_CANCEL, /* Ctrl-C; the line is empty */
	PROMPT_LEAVE,  /* Ctrl-D, or Enter on an empty line */
};

struct prompt {
	bool open;
	bool carriage;   /* the last byte was a carriage return: a newline after it belongs to it */
	uint8_t escape;  /* bytes of an arrow key's sequence so far */
	uint8_t length;  /* bytes of the line */
	uint8_t entries; /* of the history, 0 to PROMPT_HISTORY */
	uint8_t newest;  /* index of the newest entry */
	uint8_t shown;   /* which entry is shown: 1 the newest, 0 none */
	char line[PROMPT_LINE_MAX + 1]; /* NUL-terminated */
	char history[PROMPT_HISTORY][PROMPT_LINE_MAX + 1];
};

enum prompt_event prompt_feed(struct prompt *prompt, uint8_t byte);

void prompt_clear(struct prompt *prompt);
