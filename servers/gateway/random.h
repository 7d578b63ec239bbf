/* SPDX-License-Identifier: Apache-2.0 */
/* Numbers that nobody can predict who has not the key: SipHash-2-4 (Aumasson and Bernstein, 2012) of a counter. */
#pragma once

#include <abi/types.h>

#define RANDOM_KEY 16u /* bytes */

void random_init(const uint8_t key[RANDOM_KEY]);
uint32_t random_next(void);

/* SipHash-2-4 of eight bytes, which are read as a little-endian number. */
uint64_t random_hash(const uint64_t key[2], uint64_t message);
