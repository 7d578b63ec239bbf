/* SPDX-License-Identifier: Apache-2.0 */
#include "random.h"

#include <string.h>

static uint8_t state_key[32];

static uint32_t rotate(uint32_t value, unsigned bits)
{
	return value << bits | value >> (32 - bits);
}

static void quarter_round(uint32_t *a, uint32_t *b, uint32_t *c, uint32_t *d)
{
	*a += *b;
	*d = rotate(*d ^ *a, 16);
	*c += *d;
	*b = rotate(*b ^ *c, 12);
	*a += *b;
	*d = rotate(*d ^ *a, 8);
	*c += *d;
	*b = rotate(*b ^ *c, 7);
}

static uint32_t load32(const uint8_t *bytes)
{
	return (uint32_t)bytes[0] | (uint32_t)bytes[1] << 8 | (uint32_t)bytes[2] << 16 | (uint32_t)bytes[3] << 24;
}

static void erase(void *memory, size_t length)
{
	memset(memory, 0, length);
	__asm__ volatile("" : : "r"(memory) : "memory"); /* the compiler must not drop the fill */
}

void chacha20_block(const uint8_t key[32], uint32_t counter, const uint8_t nonce[12], uint8_t output[64])
{
	uint32_t input[16] = { 0x61707865, 0x3320646e, 0x79622d32, 0x6b206574 }, x[16];

	for (unsigned i = 0; i < 8; i++)
		input[4 + i] = load32(key + 4 * i);
	input[12] = counter;
	for (unsigned i = 0; i < 3; i++)
		input[13 + i] = load32(nonce + 4 * i);
	memcpy(x, input, sizeof(x));
	for (unsigned round = 0; round < 10; round++) {
		for (unsigned i = 0; i < 4; i++)
			quarter_round(&x[i], &x[4 + i], &x[8 + i], &x[12 + i]);
		for (unsigned i = 0; i < 4; i++)
			quarter_round(&x[i], &x[4 + (i + 1) % 4], &x[8 + (i + 2) % 4], &x[12 + (i + 3) % 4]);
	}
	for (unsigned i = 0; i < 16; i++) {
		uint32_t word = x[i] + input[i];

		for (unsigned j = 0; j < 4; j++)
			output[4 * i + j] = (uint8_t)(word >> 8 * j);
	}
	erase(input, sizeof(input));
	erase(x, sizeof(x));
}

/* The key becomes a block of itself under this number. */
static void stir(uint64_t number)
{
	uint8_t nonce[12] = { 's' }, block[64];

	memcpy(nonce + 4, &number, sizeof(number));
	chacha20_block(state_key, 1, nonce, block);
	memcpy(state_key, block, sizeof(state_key));
	erase(block, sizeof(block));
}

void random_seed(const void *seed, size_t length, uint64_t number)
{
	const uint8_t *bytes = seed;

	stir(number);
	for (size_t i = 0; i < length; i++) {
		state_key[i % sizeof(state_key)] ^= bytes[i];
		if ((i + 1) % sizeof(state_key) == 0 || i + 1 == length)
			stir(i);
	}
}

void random_bytes(void *output, size_t length)
{
	static const uint8_t nonce[12] = { 'r' };
	uint8_t block[64];

	if (length > sizeof(block))
		length = sizeof(block);
	chacha20_block(state_key, 0, nonce, block);
	memcpy(output, block, length);
	stir(length);
	erase(block, sizeof(block));
}
