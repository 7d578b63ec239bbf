/* SPDX-License-Identifier: Apache-2.0 */
/* Page tables, built in memory of the host and walked by an independent walker. */
#include "test.h"

#include "table.h"

#include <stdlib.h>

#define ARENA (16u * TABLE_SIZE)

static struct memory memory;
static void *arena;

static uint64_t fresh(void)
{
	uint64_t root;

	memory = (struct memory){ .taken = 0 };
	assert_true(ranges_add(&memory.free, (uintptr_t)arena, (uintptr_t)arena + ARENA));
	memory.ram = memory.free;
	assert_true(table_new(&memory, &root));
	return root;
}

/* The leaf for an address, 0 if none; *level is the leaf's. */
static uint64_t walk(uint64_t table, uint64_t address, unsigned *level)
{
	for (*level = 2;; (*level)--) {
		uint64_t entry = ((uint64_t *)(uintptr_t)table)[address >> (12 + 9 * *level) & 511];

		if ((entry & 1) == 0 || *level == 0 || (entry & 14) != 0)
			return (entry & 1) != 0 ? entry : 0;
		table = entry >> 10 << 12;
	}
}

TEST(table, maps_with_rights_and_preset_bits)
{
	uint64_t root = fresh();
	unsigned level;

	assert_true(table_map(&memory, root, 0x3dffff0000, 0x80300000, 0x11000, TABLE_READ | TABLE_WRITE | TABLE_USER));
	assert_int_equal(walk(root, 0x3dffff0000, &level), 0x80300000ull >> 2 | 0xd7);
	assert_int_equal(level, 0);
	assert_int_equal(walk(root, 0x3dfffff000, &level), 0x8030f000ull >> 2 | 0xd7);
	assert_int_equal(walk(root, 0x3e00000000, &level), 0x80310000ull >> 2 | 0xd7);
	assert_int_equal(walk(root, 0x3dfffef000 - 0x10000, &level), 0);
	assert_int_equal(memory.taken, 5 * TABLE_SIZE);
}

TEST(table, refuses_when_mapped_or_out_of_memory)
{
	uint64_t root = fresh();

	assert_true(table_map(&memory, root, 0x10000, 0x80300000, 0x1000, TABLE_READ));
	assert_false(table_map(&memory, root, 0x10000, 0x80300000, 0x1000, TABLE_READ));
	table_map_gigapage(root, 0x40000000, 0, TABLE_READ);
	assert_false(table_map(&memory, root, 0x40001000, 0x80300000, 0x1000, TABLE_READ));
	assert_false(table_map(&memory, root, 0x80000000, 0x80300000, 64ull << 20, TABLE_READ));
}

TEST(table, shares_only_the_kernel_half)
{
	uint64_t kernel = fresh(), user;
	unsigned level;

	assert_true(table_new(&memory, &user));
	table_map_gigapage(kernel, 0xffffffc080000000, 0x80000000, TABLE_READ | TABLE_WRITE | TABLE_GLOBAL);
	table_map_gigapage(kernel, 0x40000000, 0, TABLE_READ);
	table_share_kernel_half(kernel, user);
	assert_int_equal(walk(user, 0xffffffc080000000, &level), 0x80000000ull >> 2 | 0xe7);
	assert_int_equal(level, 2);
	assert_int_equal(walk(user, 0x40000000, &level), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(table_maps_with_rights_and_preset_bits),
		cmocka_unit_test(table_refuses_when_mapped_or_out_of_memory),
		cmocka_unit_test(table_shares_only_the_kernel_half),
	};
	int failed;

	arena = aligned_alloc(TABLE_SIZE, ARENA);
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	free(arena);
	return failed;
}
