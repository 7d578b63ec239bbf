/* SPDX-License-Identifier: Apache-2.0 */
/* The Internet checksum (RFC 1071), and its change when a part of what it covers changes (RFC 1624). */
#pragma once

#include "bytes.h"

/* The sum of the bytes, in ones' complement, not yet folded; further ones may be added. from: 0 or an earlier sum of an even number of bytes. */
static inline uint64_t checksum_add(uint64_t from, const uint8_t *data, size_t length)
{
	for (; length > 1; data += 2, length -= 2)
		from += load16(data);
	return length ? from + ((uint64_t)data[0] << 8) : from;
}

static inline uint16_t checksum_fold(uint64_t sum)
{
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t)sum;
}

/* A checksum in which 16 bits have changed: RFC 1624, equation 3. */
static inline uint16_t checksum_change16(uint16_t checksum, uint16_t from, uint16_t to)
{
	return (uint16_t)~checksum_fold((uint64_t)(uint16_t)~checksum + (uint16_t)~from + to);
}

static inline uint16_t checksum_change32(uint16_t checksum, uint32_t from, uint32_t to)
{
	checksum = checksum_change16(checksum, (uint16_t)(from >> 16), (uint16_t)(to >> 16));
	return checksum_change16(checksum, (uint16_t)from, (uint16_t)to);
}
