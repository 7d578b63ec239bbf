/* SPDX-License-Identifier: Apache-2.0 */
/* Numbers of bits, without instructions or a library for that. */
#pragma once

#include <stdint.h>

/* The lowest bit set in a word that is not 0; quick for low ones. */
static inline unsigned lowest_bit(uint64_t word)
{
	unsigned bit = 0;

	for (; !(word & 0xff); word >>= 8)
		bit += 8;
	for (; !(word & 1); word >>= 1)
		bit++;
	return bit;
}
