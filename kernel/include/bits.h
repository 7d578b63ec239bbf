/* SPDX-License-Identifier: Apache-2.0 */
/* Numbers of bits, without instructions or a library for that. */
#pragma once

#include <stdint.h>

/* The highest bit set in a word that is not 0. */
static inline unsigned highest_bit(uint64_t word)
{
	unsigned bit = 0;

	for (unsigned step = 32; step; step /= 2)
		if (word >> step) {
			word >>= step;
			bit += step;
		}
	return bit;
}

/* The lowest bit set in a word that is not 0. */
static inline unsigned lowest_bit(uint64_t word)
{
	return highest_bit(word & -word);
}
