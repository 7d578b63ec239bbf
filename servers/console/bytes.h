/* SPDX-License-Identifier: Apache-2.0 */
/* Looking through text by words of 8 bytes. */
#pragma once

#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* How many of the first bytes are printable ASCII, 0x20 to 0x7e. */
static inline size_t bytes_printable(const uint8_t *bytes, size_t length)
{
	const uint64_t ones = UINT64_C(0x0101010101010101), top = ones << 7;
	size_t done = 0;
	uint64_t word;

	for (; done < length && ((uintptr_t)(bytes + done) & 7) && bytes[done] >= 0x20 && bytes[done] < 0x7f; done++)
		;
	if (!((uintptr_t)(bytes + done) & 7)) {
		for (; length - done >= 8; done += 8) {
			memcpy(&word, __builtin_assume_aligned(bytes + done, 8), 8);
			/* A byte's top bit in turn: not ASCII; 0x7f; at least 0x20. */
			if ((word | (word + ones) | ~((word | top) - 0x20 * ones)) & top)
				break;
		}
	}
	for (; done < length && bytes[done] >= 0x20 && bytes[done] < 0x7f; done++)
		;
	return done;
}

/* Where the first newline is; `length` if there is none. */
static inline size_t bytes_newline(const uint8_t *bytes, size_t length)
{
	const uint64_t ones = UINT64_C(0x0101010101010101), top = ones << 7;
	size_t done = 0;
	uint64_t word;

	for (; done < length && ((uintptr_t)(bytes + done) & 7) && bytes[done] != '\n'; done++)
		;
	if (!((uintptr_t)(bytes + done) & 7)) {
		for (; length - done >= 8; done += 8) {
			memcpy(&word, __builtin_assume_aligned(bytes + done, 8), 8);
			word ^= '\n' * ones;
			if ((word - ones) & ~word & top)
				break;
		}
	}
	for (; done < length && bytes[done] != '\n'; done++)
		;
	return done;
}
