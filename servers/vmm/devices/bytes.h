/* SPDX-License-Identifier: Apache-2.0 */
/* Little-endian numbers in byte arrays. */
#pragma once

#include <abi/types.h>

static inline uint64_t bytes_get(const uint8_t *bytes, unsigned size)
{
	uint64_t value = 0;

	for (unsigned i = size; i-- > 0;)
		value = value << 8 | bytes[i];
	return value;
}

static inline void bytes_put(uint8_t *bytes, unsigned size, uint64_t value)
{
	for (unsigned i = 0; i < size; i++)
		bytes[i] = (uint8_t)(value >> 8 * i);
}
