/* SPDX-License-Identifier: Apache-2.0 */
#include "test.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

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

TEST(memory, copies_between_all_alignments_at_all_lengths)
{
	for (size_t to = 0; to < 8; to++) {
		fill();
		for (size_t from = 512; from < 520; from++) {
			for (size_t length = 0; length <= 320; length++) {
				memcpy(expected + 8 + to, expected + from, length);
				assert_ptr_equal(tested_memcpy(actual + 8 + to, actual + from, length), actual + 8 + to);
				assert_memory_equal(actual, expected, SIZE);
				expected[from + length / 2]++;
				actual[from + length / 2]++;
			}
		}
	}
}

TEST(memory, moves_down_by_all_distances)
{
	for (size_t distance = 0; distance <= 40; distance++) {
		for (size_t to = 0; to < 8; to++) {
			for (size_t length = 0; length <= 320; length += length < 80 ? 1 : 13) {
				fill();
				memmove(expected + to, expected + to + distance, length);
				assert_ptr_equal(tested_memmove(actual + to, actual + to + distance, length), actual + to);
				assert_memory_equal(actual, expected, SIZE);
			}
		}
	}
}

/* Pages that cannot be accessed lie before and behind the source. */
TEST(memory, reads_no_page_without_the_source)
{
	size_t page = 4096;
	uint8_t *pages = mmap(NULL, 3 * page, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	uint8_t *first = pages + page, *end = first + page;

	assert_ptr_not_equal(pages, MAP_FAILED);
	assert_int_equal(mprotect(first, page, PROT_READ | PROT_WRITE), 0);
	for (size_t i = 0; i < page; i++)
		first[i] = (uint8_t)rand();
	for (size_t to = 0; to < 8; to++) {
		for (size_t length = 0; length <= 320; length++) {
			tested_memcpy(actual + to, end - length, length);
			assert_memory_equal(actual + to, end - length, length);
			tested_memcpy(actual + to, first, length);
			assert_memory_equal(actual + to, first, length);
		}
	}
	munmap(pages, 3 * page);
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
		RUN(memory, copies_between_all_alignments_at_all_lengths),
		RUN(memory, moves_down_by_all_distances),
		RUN(memory, reads_no_page_without_the_source),
		RUN(memory, fills_for_all_offsets),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
