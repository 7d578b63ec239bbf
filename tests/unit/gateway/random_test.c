/* SPDX-License-Identifier: Apache-2.0 */
/* The generator against the hash's published test vector, and that numbers differ. */
#include "test.h"

#include <random.h>

TEST(random, is_the_hash_that_it_says)
{
	/* Key 00 to 0f, message 00 to 07: the ninth vector of the reference implementation. */
	const uint64_t key[2] = { 0x0706050403020100u, 0x0f0e0d0c0b0a0908u };

	assert_int_equal(random_hash(key, 0x0706050403020100u), 0x93f5f5799a932462u);
}

TEST(random, begins_elsewhere_with_another_key)
{
	uint8_t key[RANDOM_KEY] = { 1 };
	uint32_t first, second;

	random_init(key);
	first = random_next();
	second = random_next();
	assert_int_not_equal(first, second);
	key[15] ^= 1;
	random_init(key);
	assert_int_not_equal(random_next(), first);
	key[15] ^= 1;
	random_init(key);
	assert_int_equal(random_next(), first);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		RUN(random, is_the_hash_that_it_says),
		RUN(random, begins_elsewhere_with_another_key),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
