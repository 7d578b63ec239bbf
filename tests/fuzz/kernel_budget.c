/* SPDX-License-Identifier: Apache-2.0 */
/* Random walks of a scheduling context's CPU time against the naive model. */
#include <stdio.h>
#include <stdlib.h>

#include "budget_model.h"

static const uint8_t *input;
static size_t left;
static uint32_t mix;

/* Two bytes of the input, and when it is at its end, what a generator makes of it. */
static uint32_t next(void)
{
	if (left >= 2) {
		uint32_t value = input[0] | (uint32_t)input[1] << 8;

		input += 2;
		left -= 2;
		mix = mix * 31 + value;
		return value;
	}
	mix = mix * 1664525 + 1013904223;
	return mix >> 8;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size < 1)
		return 0;
	input = data + 1;
	left = size - 1;
	mix = 0;
	const char *wrong = budget_walk(next, data[0] & 1);

	if (wrong) {
		fprintf(stderr, "%s\n", wrong);
		abort();
	}
	return 0;
}
