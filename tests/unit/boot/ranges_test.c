/* SPDX-License-Identifier: Apache-2.0 */
/* The memory map's arithmetic, by cases and against a bitmap. */
#include "test.h"

#include "memory.h"
#include "ranges.h"

#define PAGES 256u

TEST(ranges, merges_when_ranges_touch)
{
	struct range_set set = { .count = 0 };

	assert_true(ranges_add(&set, 0x3000, 0x4000));
	assert_true(ranges_add(&set, 0x1000, 0x2000));
	assert_int_equal(set.count, 2);
	assert_true(ranges_add(&set, 0x2000, 0x3000));
	assert_int_equal(set.count, 1);
	assert_true(ranges_contain(&set, 0x1000, 0x4000));
	assert_false(ranges_contain(&set, 0x1000, 0x4001));
}

TEST(ranges, splits_when_middle_is_taken)
{
	struct range_set set = { .count = 0 };

	assert_true(ranges_add(&set, 0x1000, 0x9000));
	assert_true(ranges_subtract(&set, 0x3000, 0x4000));
	assert_int_equal(set.count, 2);
	assert_true(set.range[0].base == 0x1000 && set.range[0].end == 0x3000);
	assert_true(set.range[1].base == 0x4000 && set.range[1].end == 0x9000);
	assert_false(ranges_overlap(&set, 0x3000, 0x4000));
}

TEST(ranges, refuses_when_full)
{
	struct range_set set = { .count = 0 };

	for (uint64_t i = 0; i < RANGES_MAX; i++)
		assert_true(ranges_add(&set, i * 0x3000, i * 0x3000 + 0x2000));
	assert_false(ranges_add(&set, 0x1000000, 0x1001000));
	assert_false(ranges_subtract(&set, 0x100, 0x200));
	assert_int_equal(set.count, RANGES_MAX);
	assert_true(ranges_add(&set, 0, 0x1000000));
	assert_int_equal(set.count, 1);
}

TEST(ranges, shrinks_to_whole_pages)
{
	struct range_set set = { .count = 0 };

	assert_true(ranges_add(&set, 0x1001, 0x1fff));
	assert_true(ranges_add(&set, 0x2800, 0x4800));
	assert_true(ranges_add(&set, UINT64_MAX - 10, UINT64_MAX));
	ranges_shrink_to_pages(&set);
	assert_int_equal(set.count, 1);
	assert_true(set.range[0].base == 0x3000 && set.range[0].end == 0x4000);
}

TEST(ranges, finds_lowest_aligned_place)
{
	struct range_set set = { .count = 0 };
	uint64_t base = 7;

	assert_true(ranges_add(&set, 0x1000, 0x3000));
	assert_true(ranges_add(&set, 0x11000, 0x40000));
	assert_true(ranges_find(&set, 0x1000, 0x1000, &base));
	assert_int_equal(base, 0x1000);
	assert_true(ranges_find(&set, 0x8000, 0x10000, &base));
	assert_int_equal(base, 0x20000);
	assert_false(ranges_find(&set, 0x30000, 0x1000, &base));
	assert_int_equal(base, 0x20000);
	assert_false(ranges_find(&set, 1, 1ull << 63, &base));
}

/* Random additions and subtractions of pages against one flag per page. */
TEST(ranges, agrees_with_a_bitmap)
{
	struct range_set set = { .count = 0 };
	uint8_t model[PAGES] = { 0 };
	uint32_t seed = 1;

	for (unsigned step = 0; step < 20000; step++) {
		uint32_t first, last, changes = 0;
		bool add;

		seed = seed * 1664525u + 1013904223u;
		first = seed >> 8 & (PAGES - 1);
		last = first + (seed >> 16 & 15);
		last = last < PAGES ? last : PAGES;
		add = (seed >> 31) != 0;
		if (add ? !ranges_add(&set, first * 4096ull, last * 4096ull) : !ranges_subtract(&set, first * 4096ull, last * 4096ull))
			continue;
		for (uint32_t i = first; i < last; i++)
			model[i] = add;
		for (uint32_t i = 0; i < PAGES; i++) {
			assert_int_equal(ranges_contain(&set, i * 4096ull, (i + 1) * 4096ull), model[i]);
			changes += model[i] && (i == 0 || !model[i - 1]);
		}
		assert_int_equal(set.count, changes);
	}
}

TEST(memory, takes_lowest_pages_once)
{
	struct memory memory = { .taken = 0 };
	uint64_t first, second;

	assert_true(ranges_add(&memory.ram, 0x1000, 0x9000));
	assert_true(ranges_add(&memory.free, 0x3000, 0x6000));
	assert_true(memory_take(&memory, 1, 4096, &first));
	assert_true(memory_take(&memory, 4097, 4096, &second));
	assert_int_equal(first, 0x3000);
	assert_int_equal(second, 0x4000);
	assert_int_equal(memory.taken, 0x3000);
	assert_false(memory_take(&memory, 1, 4096, &first));
	assert_false(memory_take(&memory, UINT64_MAX, 4096, &first));
	assert_true(ranges_contain(&memory.ram, 0x1000, 0x3000));
	assert_false(ranges_overlap(&memory.ram, 0x3000, 0x6000));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(ranges_merges_when_ranges_touch),
		cmocka_unit_test(ranges_splits_when_middle_is_taken),
		cmocka_unit_test(ranges_refuses_when_full),
		cmocka_unit_test(ranges_shrinks_to_whole_pages),
		cmocka_unit_test(ranges_finds_lowest_aligned_place),
		cmocka_unit_test(ranges_agrees_with_a_bitmap),
		cmocka_unit_test(memory_takes_lowest_pages_once),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
