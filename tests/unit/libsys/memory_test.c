/* SPDX-License-Identifier: Apache-2.0 */
#include "test.h"

#include <stdlib.h>
#include <string.h>

/* The functions under test under names of their own. */
void *tested_memcpy(void *restrict destination, const void *restrict source, size_t length);
void *tested_memmove(void *destination, const void *source, size_t length);
void *tested_memset(void *destination, int value, size_t length);
#define memcpy tested_memcpy
#define memmove tested_memmove
#define memset tested_memset
#include "memory.c"
#undef memcpy
#undef memmove
#undef memset

#define SIZE 1024u

static uint8_t expected[SIZE], actual[SIZE];

static void fill(void)
{
	for (unsigned i = 0; i < SIZE; i++)
		expected[i] = actual[i] = (uint8_t)rand();
}

TEST(memory, moves_as_the_standard_says_for_all_offsets)
{
	for (unsigned i = 0; i < 200000; i++) {
		size_t to = (size_t)rand() % 300, from = (size_t)rand() % 300, length = (size_t)rand() % (i % 2 ? 24 : 700);

		if (i % 100 == 0)
			fill();
		memmove(expected + to, expected + from, length);
		assert_ptr_equal(tested_memmove(actual + to, actual + from, length), actual + to);
		assert_memory_equal(actual, expected, SIZE);
	}
}

TEST(memory, copies_for_all_offsets)
{
	for (unsigned i = 0; i < 100000; i++) {
		size_t to = (size_t)rand() % 16, from = 512 + (size_t)rand() % 16, length = (size_t)rand() % 480;

		if (i % 100 == 0)
			fill();
		memcpy(expected + to, expected + from, length);
		assert_ptr_equal(tested_memcpy(actual + to, actual + from, length), actual + to);
		assert_memory_equal(actual, expected, SIZE);
	}
}

TEST(memory, fills_for_all_offsets)
{
	for (unsigned i = 0; i < 100000; i++) {
		size_t to = (size_t)rand() % 300, length = (size_t)rand() % 700;
		int value = rand();

		if (i % 100 == 0)
			fill();
		memset(expected + to, value, length);
		assert_ptr_equal(tested_memset(actual + to, value, length), actual + to);
		assert_memory_equal(actual, expected, SIZE);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		RUN(memory, moves_as_the_standard_says_for_all_offsets),
		RUN(memory, copies_for_all_offsets),
		RUN(memory, fills_for_all_offsets),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
