/* SPDX-License-Identifier: Apache-2.0 */
/* The escape key. */
#include "input.h"

#include <string.h>

void input_init(struct input *input, uint8_t escape)
{
	*input = (struct input){.escape = escape};
}

enum input_action input_feed(struct input *input, uint8_t byte)
{
	if (!input->escaped) {
		input->escaped = byte == input->escape;
		return input->escaped ? INPUT_NONE : INPUT_PASS;
	}
	input->escaped = false;
	if (byte == input->escape)
		return INPUT_PASS;
	if (byte >= '1' && byte <= '9') {
		input->number = (unsigned)(byte - '0');
		return INPUT_SELECT;
	}
	switch (byte) {
	case 'n':
	case 'N':
		return INPUT_NEXT;
	case ':':
	case 'c':
	case 'C':
		return INPUT_PROMPT;
	case '?':
	case 'h':
	case 'H':
		return INPUT_HELP;
	default:
		return INPUT_UNKNOWN;
	}
}

void input_escape_name(const struct input *input, char out[8])
{
	if (input->escape < 0x20) {
		memcpy(out, "Ctrl-", 5);
		out[5] = (char)(input->escape >= 1 && input->escape <= 26 ? 'A' + input->escape - 1 : '@' + input->escape);
		out[6] = 0;
	} else {
		out[0] = (char)(input->escape < 0x7f ? input->escape : '?');
		out[1] = 0;
	}
}
