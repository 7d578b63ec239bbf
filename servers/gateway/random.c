/* SPDX-License-Identifier: Apache-2.0 */
#include "random.h"

#include <string.h>

static uint64_t secret[2], counter;

static inline uint64_t rotate(uint64_t value, unsigned bits)
{
	return value << bits | value >> (64 - bits);
}

static void mix(uint64_t v[4], unsigned rounds)
{
	for (; rounds; rounds--) {
		v[0] += v[1];
		v[2] += v[3];
		v[1] = rotate(v[1], 13) ^ v[0];
		v[3] = rotate(v[3], 16) ^ v[2];
		v[0] = rotate(v[0], 32);
		v[2] += v[1];
		v[0] += v[3];
		v[1] = rotate(v[1], 17) ^ v[2];
		v[3] = rotate(v[3], 21) ^ v[0];
		v[2] = rotate(v[2], 32);
	}
}

uint64_t random_hash(const uint64_t key[2], uint64_t message)
{
	const uint64_t length = UINT64_C(8) << 56;
	uint64_t v[4] = {
		key[0] ^ UINT64_C(0x736f6d6570736575),
		key[1] ^ UINT64_C(0x646f72616e646f6d),
		key[0] ^ UINT64_C(0x6c7967656e657261),
		key[1] ^ UINT64_C(0x7465646279746573),
	};

	v[3] ^= message;
	mix(v, 2);
	v[0] ^= message;
	v[3] ^= length;
	mix(v, 2);
	v[0] ^= length;
	v[2] ^= 0xff;
	mix(v, 4);
	return v[0] ^ v[1] ^ v[2] ^ v[3];
}

void random_init(const uint8_t key[RANDOM_KEY])
{
	memcpy(secret, key, sizeof(secret));
	counter = 0;
}

uint32_t random_next(void)
{
	return (uint32_t)random_hash(secret, counter++);
}
