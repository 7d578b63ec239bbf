/* SPDX-License-Identifier: Apache-2.0 */
/* The fuzzer's input as a sequence of numbers. */
#pragma once

#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

struct input {
	const uint8_t *data;
	size_t left;
};

/* The next `size` bytes as a number; 0 in the place of bytes that are missing. */
static inline uint64_t input_take(struct input *input, unsigned size)
{
	uint64_t value = 0;

	if (size > input->left)
		size = (unsigned)input->left;
	memcpy(&value, input->data, size);
	input->data += size;
	input->left -= size;
	return value;
}

/* A property that must hold whatever the guest does. */
#define CHECK(condition) do { if (!(condition)) abort(); } while (0)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
