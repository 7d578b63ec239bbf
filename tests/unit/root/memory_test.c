/* SPDX-License-Identifier: Apache-2.0 */
/* Buddy, arena and slots against a naive model of untyped capabilities. */
#include "test.h"

#include <stdlib.h>
#include <string.h>

#include <abi/root_info.h>
#include <libsys/invoke.h>
#include <libsys/task.h>

#include "arena.h"
#include "memory.h"
#include "slots.h"

#define SLOTS 2048u
#define FIRST 64u
#define BASE 0x80000000u
#define TOP_BITS 24u

/* A capability of the model: a range, and which one it was made from. */
static struct {
	bool used;
	unsigned type, bits, parent;
	uint64_t base, watermark;
} caps[SLOTS];

static bool has_children(unsigned slot)
{
	for (unsigned i = 1; i < SLOTS; i++)
		if (caps[i].used && caps[i].parent == slot)
			return true;
	return false;
}

static void model_revoke(unsigned slot)
{
	bool again = true;

	while (again) { /* leaves first, until none is left below the slot */
		again = false;
		for (unsigned i = 1; i < SLOTS; i++) {
			unsigned above = caps[i].parent;

			if (!caps[i].used || has_children(i))
				continue;
			while (above && above != slot)
				above = caps[above].parent;
			if (above == slot) {
				caps[i].used = false;
				again = true;
			}
		}
	}
}

static enum err model_retype(unsigned slot, const uint64_t *a)
{
	unsigned bits = a[0] == OBJECT_PAGE_TABLE ? 12 : (unsigned)a[1];
	uint64_t unit = UINT64_C(1) << bits, start;

	assert_int_equal(a[2], ROOT_SLOT_CNODE);
	assert_true(caps[slot].used && caps[slot].type == OBJECT_UNTYPED);
	start = has_children(slot) ? (caps[slot].watermark + unit - 1) & ~(unit - 1) : 0;
	for (uint64_t i = 0; i < a[4]; i++)
		if (a[3] + i >= SLOTS || caps[a[3] + i].used)
			return ERR_SLOT_OCCUPIED;
	if (start + a[4] * unit > UINT64_C(1) << caps[slot].bits)
		return ERR_NO_MEMORY;
	for (uint64_t i = 0; i < a[4]; i++, start += unit) {
		caps[a[3] + i].used = true;
		caps[a[3] + i].type = (unsigned)a[0];
		caps[a[3] + i].bits = bits;
		caps[a[3] + i].parent = slot;
		caps[a[3] + i].base = caps[slot].base + start;
		caps[a[3] + i].watermark = 0;
	}
	caps[slot].watermark = start;
	return ERR_OK;
}

enum err sys_invoke(cptr_t cap, uint64_t operation, const uint64_t arguments[5], uint64_t *result)
{
	(void)result;
	if (cap == ROOT_SLOT_CNODE) {
		assert_int_equal(operation, OP_CNODE_REVOKE);
		model_revoke((unsigned)arguments[0]);
		return ERR_OK;
	}
	assert_int_equal(operation, OP_UNTYPED_RETYPE);
	return model_retype(cap, arguments);
}

_Noreturn void task_fail(const char *format, ...)
{
	fail_msg("%s", format);
	__builtin_unreachable();
}

static int set_up(void **state)
{
	(void)state;
	memset(caps, 0, sizeof(caps));
	slots_init(FIRST, SLOTS);
	memory_init();
	for (unsigned i = 0; i < 2; i++) {
		caps[16 + i].used = true;
		caps[16 + i].type = OBJECT_UNTYPED;
		caps[16 + i].bits = TOP_BITS - i;
		caps[16 + i].base = BASE + ((uint64_t)i << TOP_BITS);
		assert_int_equal(memory_add(16 + i, caps[16 + i].base, TOP_BITS - i), ERR_OK);
	}
	return 0;
}

static void assert_all_back(void)
{
	assert_int_equal(memory_available(), memory_total());
	assert_int_equal(memory_blocks(), 2);
	assert_int_equal(slots_free_count(), SLOTS - FIRST);
	for (unsigned i = 18; i < SLOTS; i++)
		assert_false(caps[i].used);
}

TEST(memory, gives_disjoint_blocks_and_takes_all_back)
{
	block_t taken[64] = { 0 };

	for (unsigned i = 0; i < 4000; i++) {
		unsigned n = (unsigned)rand() % 64, bits = 12 + (unsigned)rand() % 9;

		if (taken[n]) {
			memory_free(taken[n]);
			taken[n] = 0;
			continue;
		}
		taken[n] = memory_allocate(bits);
		if (!taken[n])
			continue;
		assert_int_equal(memory_bits(taken[n]), bits);
		uint64_t base = caps[memory_cap(taken[n])].base;

		assert_int_equal(caps[memory_cap(taken[n])].bits, bits);
		for (unsigned j = 0; j < 64; j++) {
			uint64_t other = taken[j] ? caps[memory_cap(taken[j])].base : 0;

			if (taken[j] && j != n)
				assert_true(base + (UINT64_C(1) << bits) <= other || other + (UINT64_C(1) << memory_bits(taken[j])) <= base);
		}
	}
	for (unsigned j = 0; j < 64; j++)
		if (taken[j])
			memory_free(taken[j]);
	assert_all_back();
}

TEST(memory, refuses_what_it_does_not_have)
{
	assert_int_equal(memory_allocate(TOP_BITS + 1), 0);
	block_t large = memory_allocate(TOP_BITS), half = memory_allocate(TOP_BITS - 1);

	assert_true(large && half);
	assert_int_equal(memory_available(), 0);
	assert_int_equal(memory_allocate(12), 0);
	memory_free(large);
	memory_free(half);
	assert_all_back();
}

TEST(memory, survives_a_lack_of_slots)
{
	cptr_t all = slots_allocate(SLOTS - FIRST - 2);

	assert_int_not_equal(all, 0);
	assert_int_equal(memory_allocate(12), 0);
	slots_free(all, SLOTS - FIRST - 2);
	block_t block = memory_allocate(12);

	assert_int_not_equal(block, 0);
	memory_free(block);
	assert_all_back();
}

TEST(arena, grows_and_returns_everything_each_time)
{
	for (unsigned round = 0; round < 200; round++) {
		struct arena arena = { 0 };
		cptr_t slots = slots_allocate(600);

		assert_int_equal(arena_room(&arena, OBJECT_FRAME, 12), 0);
		for (unsigned i = 0; i < 600; i++) {
			bool table = i % 3 == 0;
			enum err err = arena_make(&arena, table ? OBJECT_PAGE_TABLE : OBJECT_FRAME, table ? 0 : 12, ROOT_SLOT_CNODE, slots + i, 1);

			assert_int_equal(err, ERR_OK);
		}
		assert_true(arena.bytes >= 600 * 4096u && arena.blocks < ARENA_BLOCKS);
		uint64_t room = arena_room(&arena, OBJECT_FRAME, 12);

		if (room) {
			cptr_t more = slots_allocate((uint32_t)room + 1);

			assert_int_equal(model_retype(memory_cap(arena.block[arena.blocks - 1]),
						      (const uint64_t[]){ OBJECT_FRAME, 12, ROOT_SLOT_CNODE, more, room + 1 }),
					 ERR_NO_MEMORY);
			slots_free(more, (uint32_t)room + 1);
		}
		arena_release(&arena);
		slots_free(slots, 600);
		assert_all_back();
	}
}

TEST(arena, says_when_memory_ends)
{
	struct arena arena = { 0 };

	assert_int_equal(arena_add(&arena, TOP_BITS), ERR_OK);
	assert_int_equal(arena_add(&arena, TOP_BITS), ERR_NO_MEMORY);
	assert_int_equal(arena.bytes, UINT64_C(1) << TOP_BITS);
	arena_release(&arena);
	assert_all_back();
}

TEST(slots, are_given_out_once_and_in_a_row)
{
	bool taken[SLOTS] = { false };
	struct {
		cptr_t first;
		uint32_t count;
	} runs[32] = { 0 };

	assert_int_equal(slots_allocate(0), 0);
	assert_int_equal(slots_allocate(SLOTS), 0);
	for (unsigned i = 0; i < 5000; i++) {
		unsigned n = (unsigned)rand() % 32;

		if (runs[n].first) {
			memset(taken + runs[n].first, 0, runs[n].count);
			slots_free(runs[n].first, runs[n].count);
			runs[n].first = 0;
			continue;
		}
		runs[n].count = 1 + (uint32_t)rand() % 100;
		runs[n].first = slots_allocate(runs[n].count);
		for (uint32_t j = 0; runs[n].first && j < runs[n].count; j++) {
			assert_true(runs[n].first + j >= FIRST && runs[n].first + j < SLOTS);
			assert_false(taken[runs[n].first + j]);
			taken[runs[n].first + j] = true;
		}
	}
}

#define FRESH(module, what) { #module " " #what, module##_##what, set_up, NULL, NULL }

int main(void)
{
	const struct CMUnitTest tests[] = {
		FRESH(memory, gives_disjoint_blocks_and_takes_all_back), FRESH(memory, refuses_what_it_does_not_have),
		FRESH(memory, survives_a_lack_of_slots),                 FRESH(arena, grows_and_returns_everything_each_time),
		FRESH(arena, says_when_memory_ends),                     FRESH(slots, are_given_out_once_and_in_a_row),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
