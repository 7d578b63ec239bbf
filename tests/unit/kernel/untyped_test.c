/* SPDX-License-Identifier: Apache-2.0 */
/* Retype: watermark, alignment, zeroing, restarts, reuse, limits. */
#include "test.h"

static uint64_t address_of(cptr_t index)
{
	return cap_range(&slot_at(index)->cap).base;
}

static void fill(uint64_t base, uint64_t size)
{
	memset(arch_pointer(paddr(base)), 0xa5, size);
}

static bool is_zero(uint64_t base, uint64_t size)
{
	const uint8_t *bytes = arch_pointer(paddr(base));

	for (uint64_t i = 0; i < size; i++)
		if (bytes[i])
			return false;
	return true;
}

TEST(untyped, retype_places_objects_in_a_row)
{
	cptr_t first = free_slot();

	assert_ok(retype(SMALL_RAM, OBJECT_ENDPOINT, 0, first, 8));
	for (unsigned i = 0; i < 8; i++)
		assert_int_equal(address_of(first + i), SMALL_RAM_BASE + i * 64u);
	assert_int_equal(slot_at(SMALL_RAM)->cap.word, 8);
}

TEST(untyped, retype_aligns_objects_when_watermark_is_odd)
{
	cptr_t small = make_from(SMALL_RAM, OBJECT_ENDPOINT, 0), frame = make_from(SMALL_RAM, OBJECT_FRAME, 12);
	cptr_t next = make_from(SMALL_RAM, OBJECT_ENDPOINT, 0);

	assert_int_equal(address_of(small), SMALL_RAM_BASE);
	assert_int_equal(address_of(frame), SMALL_RAM_BASE + 4096);
	assert_int_equal(address_of(next), SMALL_RAM_BASE + 8192);
}

TEST(untyped, retype_fills_untyped_exactly_and_then_fails)
{
	cptr_t first = free_slot();

	assert_err(NO_MEMORY, retype(SMALL_RAM, OBJECT_FRAME, 12, first, 17));
	assert_ok(retype(SMALL_RAM, OBJECT_FRAME, 12, first, 16));
	assert_err(NO_MEMORY, retype(SMALL_RAM, OBJECT_ENDPOINT, 0, free_slot() + 20, 1));
}

TEST(untyped, retype_fails_when_object_is_larger)
{
	cptr_t untyped = make(OBJECT_UNTYPED, 6);

	assert_err(NO_MEMORY, retype(SMALL_RAM, OBJECT_FRAME, 21, free_slot(), 1));
	assert_err(NO_MEMORY, retype(SMALL_RAM, OBJECT_FRAME, 30, free_slot(), 1));
	assert_err(NO_MEMORY, retype(SMALL_RAM, OBJECT_UNTYPED, UNTYPED_MAX_BITS, free_slot(), RETYPE_COUNT_MAX));
	assert_err(NO_MEMORY, retype(untyped, OBJECT_THREAD, 0, free_slot(), 1));
	assert_ok(retype(untyped, OBJECT_ENDPOINT, 0, free_slot(), 1));
	assert_err(NO_MEMORY, retype(untyped, OBJECT_ENDPOINT, 0, free_slot(), 1));
}

TEST(untyped, retype_gives_zeroed_memory_when_dirty)
{
	fill(SMALL_RAM_BASE, 65536);
	for (unsigned type = OBJECT_CNODE; type <= OBJECT_VCPU; type++) {
		unsigned bits = type == OBJECT_CNODE ? 4 : type == OBJECT_FRAME ? 12 : 0;

		if (type == OBJECT_THREAD || type == OBJECT_SCHED_CONTEXT || type == OBJECT_VCPU)
			continue; /* initialised with more than zeros */
		cptr_t made = make_from(SMALL_RAM, type, bits);
		struct cap_range range = cap_range(&slot_at(made)->cap);

		assert_true(is_zero(range.base, range.size));
	}
}

TEST(untyped, retype_zeroes_memory_once)
{
	host.zeroed = 0;
	cptr_t first = free_slot();

	assert_ok(retype(SMALL_RAM, OBJECT_FRAME, 12, first, 3));
	assert_int_equal(host.zeroed, 3 * 4096);
	(void)make_from(SMALL_RAM, OBJECT_ENDPOINT, 0);
	assert_int_equal(host.zeroed, 3 * 4096 + 64);
}

TEST(untyped, retype_does_not_zero_when_making_untyped)
{
	host.zeroed = 0;
	cptr_t inner = make_from(SMALL_RAM, OBJECT_UNTYPED, 15);

	assert_int_equal(host.zeroed, 0);
	fill(SMALL_RAM_BASE, 32768);
	cptr_t frame = make_from(inner, OBJECT_FRAME, 12);

	assert_true(is_zero(address_of(frame), 4096));
	assert_int_equal(host.zeroed, 4096);
}

TEST(untyped, retype_starts_over_and_zeroes_again_when_all_is_gone)
{
	cptr_t frame = make_from(SMALL_RAM, OBJECT_FRAME, 12);

	fill(address_of(frame), 4096);
	assert_ok(delete_cap(frame));
	cptr_t again = make_from(SMALL_RAM, OBJECT_FRAME, 12);

	assert_int_equal(address_of(again), SMALL_RAM_BASE);
	assert_true(is_zero(address_of(again), 4096));
}

TEST(untyped, retype_does_not_reuse_memory_when_one_child_is_left)
{
	cptr_t a = make_from(SMALL_RAM, OBJECT_FRAME, 12), b = make_from(SMALL_RAM, OBJECT_FRAME, 12);

	assert_ok(delete_cap(a));
	cptr_t c = make_from(SMALL_RAM, OBJECT_FRAME, 12);

	assert_int_equal(address_of(c), SMALL_RAM_BASE + 8192);
	assert_int_equal(address_of(b), SMALL_RAM_BASE + 4096);
}

TEST(untyped, failed_retype_keeps_watermark_when_all_is_gone)
{
	cptr_t frame = make_from(SMALL_RAM, OBJECT_FRAME, 12);

	assert_ok(delete_cap(frame));
	assert_err(NO_MEMORY, retype(SMALL_RAM, OBJECT_FRAME, 12, free_slot(), 17));
	fill(SMALL_RAM_BASE, 4096);
	cptr_t again = make_from(SMALL_RAM, OBJECT_FRAME, 12);

	assert_true(is_zero(address_of(again), 4096));
}

TEST(untyped, retype_goes_on_where_it_was_interrupted)
{
	cptr_t frame = free_slot();

	fill(RAM_BASE, 4u << 20);
	host.zeroed = 0;
	host.interrupt_every = 1;
	assert_ok(retype(RAM, OBJECT_FRAME, 21, frame, 2));
	assert_true(invoke_restarts >= 100);
	assert_int_equal(host.zeroed, 4u << 20);
	assert_true(is_zero(RAM_BASE, 4u << 20));
}

TEST(untyped, retype_zeroes_rest_when_interrupted_and_then_asked_for_less)
{
	struct thread *root = root_thread();
	uint64_t *words = arch_thread_words(root);
	const uint64_t values[] = { RAM, OP_UNTYPED_RETYPE, OBJECT_FRAME, 21, CNODE, free_slot(), 2 };

	fill(RAM_BASE, 4u << 20);
	host.interrupt_every = 2;
	for (unsigned i = 0; i < 7; i++)
		words[i] = values[i];
	enter_kernel(root, SYS_INVOKE);
	assert_true(root->arch.restarted);
	assert_false(cap_has_children(slot_at(RAM)));
	uint64_t clean = slot_at(RAM)->cap.clean * UINT64_C(64), left = (4u << 20) - clean;

	assert_int_equal(clean, host.zeroed);
	assert_true(clean >= 8192 && left > 0);
	host.interrupt_every = 0;
	host.zeroed = 0;
	cptr_t small = make(OBJECT_ENDPOINT, 0), frame = make(OBJECT_FRAME, 12);

	assert_int_equal(address_of(small), RAM_BASE);
	assert_int_equal(host.zeroed, 0);
	assert_true(is_zero(address_of(frame), 4096));
	cptr_t later = make(OBJECT_FRAME, 21);

	assert_int_equal(host.zeroed, left);
	assert_true(is_zero(address_of(later), 2u << 20));
}

TEST(untyped, device_gives_frames_only_and_keeps_content)
{
	fill(ARCHIVE_BASE, 8192);
	assert_err(WRONG_TYPE, retype(ARCHIVE, OBJECT_ENDPOINT, 0, free_slot(), 1));
	assert_err(WRONG_TYPE, retype(ARCHIVE, OBJECT_UNTYPED, 12, free_slot(), 1));
	assert_err(WRONG_TYPE, retype(ARCHIVE, OBJECT_PAGE_TABLE, 0, free_slot(), 1));
	host.zeroed = 0;
	cptr_t first = free_slot();

	assert_ok(retype(ARCHIVE, OBJECT_FRAME, 12, first, 2));
	assert_int_equal(host.zeroed, 0);
	assert_int_equal(*(uint8_t *)arch_pointer(paddr(ARCHIVE_BASE)), 0xa5);
	assert_int_equal(address_of(first + 1), ARCHIVE_BASE + 4096);
	assert_ok(retype(DEVICE, OBJECT_FRAME, 12, first + 2, 16));
	assert_int_equal(address_of(first + 2), DEVICE_BASE);
	assert_err(NO_MEMORY, retype(DEVICE, OBJECT_FRAME, 12, first + 18, 1));
}

TEST(untyped, device_starts_over_when_revoked)
{
	cptr_t frame = make_from(DEVICE, OBJECT_FRAME, 12);

	assert_ok(revoke_cap(DEVICE));
	assert_true(slot_empty(slot_at(frame)));
	assert_int_equal(address_of(make_from(DEVICE, OBJECT_FRAME, 12)), DEVICE_BASE);
}

TEST(untyped, retype_refuses_types_and_sizes_that_do_not_exist)
{
	static const uint64_t bad[][2] = {
		{ OBJECT_NULL, 0 },	     { OBJECT_UNTYPED_DEVICE, 12 }, { OBJECT_IRQ_CONTROL, 0 }, { OBJECT_IRQ_HANDLER, 0 },
		{ OBJECT_SCHED_CONTROL, 0 }, { OBJECT_PLATFORM_CONTROL, 0 }, { OBJECT_TYPES, 0 },      { UINT64_MAX, 0 },
		{ UINT64_C(1) << 32 | OBJECT_ENDPOINT, 0 },		    { OBJECT_CNODE, 0 },       { OBJECT_CNODE, 17 },
		{ OBJECT_UNTYPED, 5 },	     { OBJECT_UNTYPED, UNTYPED_MAX_BITS + 1 },		       { OBJECT_FRAME, 0 },
		{ OBJECT_FRAME, 13 },	     { OBJECT_FRAME, 64 },	     { OBJECT_FRAME, UINT64_MAX }, { OBJECT_ENDPOINT, 7 },
		{ OBJECT_THREAD, 9 },	     { OBJECT_CNODE, UINT64_C(1) << 32 | 4 },
	};

	for (unsigned i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_err(INVALID_ARGUMENT, retype(RAM, bad[i][0], bad[i][1], free_slot(), 1));
	assert_ok(retype(RAM, OBJECT_ENDPOINT, ENDPOINT_BITS, free_slot(), 1));
}

TEST(untyped, retype_refuses_counts_and_slots_out_of_range)
{
	cptr_t slot = free_slot(), cnode = make(OBJECT_CNODE, 4);
	uint64_t top = 1u << ROOT_CNODE_BITS;

	assert_err(RANGE, retype(RAM, OBJECT_ENDPOINT, 0, slot, 0));
	assert_err(RANGE, retype(RAM, OBJECT_ENDPOINT, 0, slot, RETYPE_COUNT_MAX + 1));
	assert_err(RANGE, retype(RAM, OBJECT_ENDPOINT, 0, slot, UINT64_MAX));
	assert_err(RANGE, retype(RAM, OBJECT_ENDPOINT, 0, 0, 1));
	assert_err(RANGE, retype(RAM, OBJECT_ENDPOINT, 0, top, 1));
	assert_err(RANGE, retype(RAM, OBJECT_ENDPOINT, 0, UINT64_MAX, 1));
	assert_err(RANGE, retype(RAM, OBJECT_ENDPOINT, 0, top - 1, 2));
	assert_ok(retype(RAM, OBJECT_ENDPOINT, 0, top - 1, 1));
	assert_err(RANGE, invoke(RAM, OP_UNTYPED_RETYPE, OBJECT_ENDPOINT, 0, cnode, 15, 2));
	assert_ok(invoke(RAM, OP_UNTYPED_RETYPE, OBJECT_ENDPOINT, 0, cnode, 1, 15));
}

TEST(untyped, retype_makes_nothing_when_one_slot_is_taken)
{
	cptr_t first = free_slot();
	uint32_t watermark = slot_at(RAM)->cap.word;

	slot_at(first + 3);
	assert_ok(retype(RAM, OBJECT_ENDPOINT, 0, first + 3, 1));
	watermark = slot_at(RAM)->cap.word;
	assert_err(SLOT_OCCUPIED, retype(RAM, OBJECT_ENDPOINT, 0, first, 4));
	assert_true(slot_empty(slot_at(first)));
	assert_int_equal(slot_at(RAM)->cap.word, watermark);
}

TEST(untyped, retype_makes_many_objects_when_count_is_largest)
{
	cptr_t first = free_slot();

	assert_ok(retype(RAM, OBJECT_ENDPOINT, 0, first, RETYPE_COUNT_MAX));
	assert_false(slot_empty(slot_at(first + RETYPE_COUNT_MAX - 1)));
	host.interrupt_every = 1;
	assert_ok(revoke_cap(RAM));
	assert_true(slot_empty(slot_at(first + RETYPE_COUNT_MAX - 1)));
}

TEST(untyped, retype_refuses_spaces_when_table_is_full)
{
	cptr_t first = free_slot();

	assert_ok(retype(RAM, OBJECT_VSPACE, 0, first, 200));
	assert_err(LIMIT, retype(RAM, OBJECT_VSPACE, 0, first + 200, 55));
	assert_ok(retype(RAM, OBJECT_GSPACE, 0, first + 200, 54));
	assert_err(LIMIT, retype(RAM, OBJECT_GSPACE, 0, first + 254, 1));
	assert_ok(delete_cap(first + 3));
	assert_ok(retype(RAM, OBJECT_VSPACE, 0, first + 254, 1));
}

TEST(untyped, memory_of_a_dying_cnode_is_not_given_out)
{
	cptr_t outer = make(OBJECT_UNTYPED, 12), cnode = make_from(outer, OBJECT_CNODE, 6);
	cptr_t endpoint = make(OBJECT_ENDPOINT, 0);
	struct thread *root = root_thread();
	uint64_t *words = arch_thread_words(root);

	for (unsigned i = 1; i < 64; i++)
		assert_ok(invoke(cnode, OP_CNODE_MINT, i, CNODE, endpoint, RIGHT_ALL, 0));
	host.interrupt_every = 1;
	words[0] = CNODE;
	words[1] = OP_CNODE_DELETE;
	words[2] = cnode;
	enter_kernel(root, SYS_INVOKE);
	assert_true(root->arch.restarted);
	assert_true(slot_empty(slot_at(cnode)));
	assert_true(cap_has_children(slot_at(endpoint)));
	assert_ok(retype(outer, OBJECT_FRAME, 12, free_slot(), 1));
	assert_true(invoke_restarts > 0);
	assert_false(cap_has_children(slot_at(endpoint)));
	assert_int_equal(cap_check(), 0);
}

TEST(untyped, largest_untyped_does_not_wrap_its_watermark)
{
	struct cap cap = { .type = OBJECT_UNTYPED_DEVICE, .rights = RIGHT_ALL, .size_bits = UNTYPED_MAX_BITS };
	cptr_t huge = free_slot(), frame;
	unsigned made = 0;

	cap_insert_root(slot_at(huge), cap);
	for (frame = free_slot(); retype(huge, OBJECT_FRAME, 30, frame, 1) == ERR_OK && made <= 256; frame = free_slot())
		made++;
	assert_int_equal(made, UINT64_C(1) << (UNTYPED_MAX_BITS - 30));
	assert_err(NO_MEMORY, retype(huge, OBJECT_FRAME, 12, frame, 1));
}
