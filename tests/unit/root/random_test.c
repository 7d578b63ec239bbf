/* SPDX-License-Identifier: Apache-2.0 */
#include "test.h"

#include <string.h>

#include "random.h"

/* RFC 8439, section 2.3.2. */
TEST(chacha20, gives_the_block_of_the_standard)
{
	static const uint8_t nonce[12] = { 0, 0, 0, 9, 0, 0, 0, 0x4a, 0, 0, 0, 0 };
	static const uint8_t expected[64] = {
		0x10, 0xf1, 0xe7, 0xe4, 0xd1, 0x3b, 0x59, 0x15, 0x50, 0x0f, 0xdd, 0x1f, 0xa3, 0x20, 0x71, 0xc4,
		0xc7, 0xd1, 0xf4, 0xc7, 0x33, 0xc0, 0x68, 0x03, 0x04, 0x22, 0xaa, 0x9a, 0xc3, 0xd4, 0x6c, 0x4e,
		0xd2, 0x82, 0x64, 0x46, 0x07, 0x9f, 0xaa, 0x09, 0x14, 0xc2, 0xd7, 0x05, 0xd9, 0x8b, 0x02, 0xa2,
		0xb5, 0x12, 0x9c, 0xd1, 0xde, 0x16, 0x4e, 0xb9, 0xcb, 0xd0, 0x83, 0xe8, 0xa2, 0x50, 0x3c, 0x4e,
	};
	uint8_t key[32], output[64];

	for (unsigned i = 0; i < 32; i++)
		key[i] = (uint8_t)i;
	chacha20_block(key, 1, nonce, output);
	assert_memory_equal(output, expected, 64);
}

/* RFC 8439, appendix A.1, vector 1. */
TEST(chacha20, gives_the_block_of_a_zero_key)
{
	static const uint8_t zero[32], expected[8] = { 0x76, 0xb8, 0xe0, 0xad, 0xa0, 0xf1, 0x3d, 0x90 };
	uint8_t output[64];

	chacha20_block(zero, 0, zero, output);
	assert_memory_equal(output, expected, 8);
}

TEST(random, never_repeats_and_depends_on_seed_and_number)
{
	uint8_t a[64], b[64], zero[64] = { 0 };

	random_bytes(a, 64);
	random_bytes(b, 64);
	assert_memory_not_equal(a, b, 64);
	random_seed("seed", 4, 1);
	random_bytes(a, 64);
	assert_memory_not_equal(a, b, 64);
	assert_memory_not_equal(a, zero, 64);
	memset(b, 0, sizeof(b));
	random_bytes(b, 5);
	assert_memory_equal(b + 5, zero, 59);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		RUN(chacha20, gives_the_block_of_the_standard),
		RUN(chacha20, gives_the_block_of_a_zero_key),
		RUN(random, never_repeats_and_depends_on_seed_and_number),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
