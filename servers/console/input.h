/* SPDX-License-Identifier: Apache-2.0 */
/* What is typed: bytes for the focused guest or the prompt, and the escape key with the one key after it. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

enum input_action {
	INPUT_NONE,    /* the escape key: wait for the next */
	INPUT_PASS,    /* an ordinary byte, or the escape key typed twice */
	INPUT_NEXT,    /* focus the next guest */
	INPUT_SELECT,  /* focus guest `number` */
	INPUT_PROMPT,  /* open the command prompt, or close it */
	INPUT_HELP,
	INPUT_UNKNOWN, /* the escape key and a key without meaning */
};

struct input {
	uint8_t escape;  /* the escape key's byte */
	bool escaped;    /* the escape key was the last */
	unsigned number; /* of INPUT_SELECT, 1 to 9 */
};

void input_init(struct input *input, uint8_t escape);

enum input_action input_feed(struct input *input, uint8_t byte);

/* The key's name, e.g. "Ctrl-]"; `out` takes 8 bytes. */
void input_escape_name(const struct input *input, char out[8]);
