/* SPDX-License-Identifier: Apache-2.0 */
/* Operations on slots: mint, move, delete, revoke; CNodes that contain themselves or each other. */
#include "test.h"

static enum err mint(cptr_t to, cptr_t from, uint64_t rights, uint64_t badge)
{
	return invoke(CNODE, OP_CNODE_MINT, to, CNODE, from, rights, badge);
}

static struct slot *inside(cptr_t cnode, unsigned index)
{
	return cap_cnode(&slot_at(cnode)->cap) + index;
}

TEST(cnode, slot_answers_null_when_index_is_zero_or_beyond)
{
	const struct cap *cap = &slot_at(make(OBJECT_CNODE, 3))->cap;

	assert_null(cnode_slot(cap, 0));
	assert_non_null(cnode_slot(cap, 7));
	assert_null(cnode_slot(cap, 8));
	assert_null(cnode_slot(cap, UINT64_C(1) << 32));
	assert_null(cnode_slot(cap, UINT64_MAX));
}

TEST(cnode, range_refuses_what_is_no_cnode_or_out_of_it)
{
	struct cap null = { 0 };
	struct slot *first;
	const struct cap *cap = &slot_at(make(OBJECT_CNODE, 3))->cap;

	assert_err(INVALID_CAP, cnode_range(NULL, 1, 1, &first));
	assert_err(INVALID_CAP, cnode_range(&null, 1, 1, &first));
	assert_err(WRONG_TYPE, cnode_range(&slot_at(VSPACE)->cap, 1, 1, &first));
	assert_err(RANGE, cnode_range(cap, 1, UINT64_MAX, &first));
	assert_err(RANGE, cnode_range(cap, 7, 2, &first));
	assert_ok(cnode_range(cap, 1, 7, &first));
	assert_ptr_equal(first, cap_cnode(cap) + 1);
}

TEST(cnode, mint_never_adds_rights)
{
	cptr_t endpoint = make(OBJECT_ENDPOINT, 0);

	for (unsigned rights = 0; rights <= RIGHT_ALL; rights++) {
		cptr_t first = derive(endpoint, rights, 0), second = derive(first, RIGHT_ALL, 0);

		assert_int_equal(slot_at(first)->cap.rights, rights);
		assert_int_equal(slot_at(second)->cap.rights, rights);
	}
	cptr_t odd = free_slot();

	assert_ok(mint(odd, endpoint, UINT64_MAX, 0));
	assert_int_equal(slot_at(odd)->cap.rights, RIGHT_ALL);
}

TEST(cnode, mint_sets_a_badge_once)
{
	cptr_t endpoint = make(OBJECT_ENDPOINT, 0), badged = derive(endpoint, RIGHT_ALL, 77);

	assert_int_equal(slot_at(badged)->cap.word, 77);
	assert_err(INVALID_ARGUMENT, mint(free_slot(), badged, RIGHT_ALL, 78));
	assert_err(INVALID_ARGUMENT, mint(free_slot(), badged, RIGHT_ALL, 77));
	assert_int_equal(slot_at(derive(badged, RIGHT_READ, 0))->cap.word, 77);
	assert_err(INVALID_ARGUMENT, mint(free_slot(), endpoint, RIGHT_ALL, UINT64_C(1) << 32));
	assert_ok(mint(free_slot(), endpoint, RIGHT_ALL, UINT32_MAX));
}

TEST(cnode, mint_refuses_a_badge_when_type_has_none)
{
	static const uint8_t types[][2] = { { OBJECT_CNODE, 2 }, { OBJECT_THREAD, 0 },	{ OBJECT_SCHED_CONTEXT, 0 }, { OBJECT_VSPACE, 0 },
					    { OBJECT_FRAME, 12 }, { OBJECT_GSPACE, 0 }, { OBJECT_VCPU, 0 } };

	for (unsigned i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
		cptr_t made = make(types[i][0], types[i][1]);

		assert_err(INVALID_ARGUMENT, mint(free_slot(), made, RIGHT_ALL, 1));
		assert_ok(mint(free_slot(), made, RIGHT_ALL, 0));
	}
}

TEST(cnode, mint_refuses_types_with_one_capability)
{
	cptr_t irq = free_slot();

	assert_ok(invoke(ROOT_SLOT_IRQ_CONTROL, OP_IRQ_CONTROL_GET, 5, CNODE, irq, 0, 0));
	assert_err(WRONG_TYPE, mint(free_slot(), irq, RIGHT_ALL, 0));
	assert_err(WRONG_TYPE, mint(free_slot(), RAM, RIGHT_ALL, 0));
	assert_err(WRONG_TYPE, mint(free_slot(), DEVICE, RIGHT_ALL, 0));
	assert_err(WRONG_TYPE, mint(free_slot(), make(OBJECT_PAGE_TABLE, 0), RIGHT_ALL, 0));
	assert_err(WRONG_TYPE, mint(free_slot(), make(OBJECT_REPLY, 0), RIGHT_ALL, 0));
}

TEST(cnode, mint_leaves_the_mapping_with_the_source)
{
	cptr_t frame = make(OBJECT_FRAME, 30 - 9);
	cptr_t gspace = make(OBJECT_GSPACE, 0), table = make(OBJECT_PAGE_TABLE, 0);

	assert_ok(invoke(table, OP_PAGE_TABLE_MAP, gspace, 0x80000000, 0, 0, 0));
	assert_ok(invoke(frame, OP_FRAME_MAP, gspace, 0x80000000, RIGHT_READ, 0, 0));
	cptr_t copy = derive(frame, RIGHT_ALL, 0);

	assert_int_equal(slot_at(copy)->cap.word, 0);
	assert_int_equal(slot_at(copy)->cap.page_number, 0);
	assert_int_not_equal(slot_at(frame)->cap.word, 0);
}

TEST(cnode, mint_and_move_refuse_bad_slots)
{
	cptr_t endpoint = make(OBJECT_ENDPOINT, 0), other = make(OBJECT_ENDPOINT, 0), empty = free_slot();

	for (uint64_t operation = OP_CNODE_MINT; operation <= OP_CNODE_MOVE; operation++) {
		assert_err(RANGE, invoke(CNODE, operation, 0, CNODE, endpoint, RIGHT_ALL, 0));
		assert_err(RANGE, invoke(CNODE, operation, 1u << ROOT_CNODE_BITS, CNODE, endpoint, RIGHT_ALL, 0));
		assert_err(RANGE, invoke(CNODE, operation, UINT64_MAX, CNODE, endpoint, RIGHT_ALL, 0));
		assert_err(RANGE, invoke(CNODE, operation, empty, CNODE, 0, RIGHT_ALL, 0));
		assert_err(RANGE, invoke(CNODE, operation, empty, CNODE, UINT64_C(1) << 40, RIGHT_ALL, 0));
		assert_err(INVALID_CAP, invoke(CNODE, operation, empty, CNODE, empty, RIGHT_ALL, 0));
		assert_err(SLOT_OCCUPIED, invoke(CNODE, operation, other, CNODE, endpoint, RIGHT_ALL, 0));
		assert_err(SLOT_OCCUPIED, invoke(CNODE, operation, endpoint, CNODE, endpoint, RIGHT_ALL, 0));
		assert_err(INVALID_CAP, invoke(CNODE, operation, empty, 0, endpoint, RIGHT_ALL, 0));
		assert_err(WRONG_TYPE, invoke(CNODE, operation, empty, endpoint, endpoint, RIGHT_ALL, 0));
	}
}

TEST(cnode, operations_need_the_right_on_the_cnode)
{
	cptr_t cnode = make(OBJECT_CNODE, 4), readable = derive(cnode, RIGHT_READ, 0), writable = derive(cnode, RIGHT_WRITE, 0);
	cptr_t endpoint = make(OBJECT_ENDPOINT, 0);

	assert_err(NO_RIGHT, invoke(readable, OP_CNODE_MINT, 1, CNODE, endpoint, RIGHT_ALL, 0));
	assert_ok(invoke(writable, OP_CNODE_MINT, 1, CNODE, endpoint, RIGHT_ALL, 0));
	assert_err(NO_RIGHT, invoke(CNODE, OP_CNODE_MINT, free_slot(), writable, 1, RIGHT_ALL, 0));
	assert_ok(invoke(CNODE, OP_CNODE_MINT, free_slot(), readable, 1, RIGHT_ALL, 0));
	assert_err(NO_RIGHT, invoke(CNODE, OP_CNODE_MOVE, free_slot(), readable, 1, 0, 0));
	assert_ok(invoke(CNODE, OP_CNODE_MOVE, free_slot(), writable, 1, 0, 0));
	assert_err(NO_RIGHT, invoke(readable, OP_CNODE_DELETE, 1, 0, 0, 0, 0));
	assert_err(NO_RIGHT, invoke(readable, OP_CNODE_REVOKE, 1, 0, 0, 0, 0));
	assert_err(NO_RIGHT, invoke(RAM, OP_UNTYPED_RETYPE, OBJECT_ENDPOINT, 0, readable, 2, 1));
	assert_err(UNKNOWN_OPERATION, invoke(writable, 4, 1, CNODE, endpoint, RIGHT_ALL, 0));
	assert_err(UNKNOWN_OPERATION, invoke(writable, UINT64_MAX, 1, CNODE, endpoint, RIGHT_ALL, 0));
}

TEST(cnode, delete_of_an_empty_slot_is_no_error)
{
	assert_ok(delete_cap(free_slot()));
	assert_ok(revoke_cap(free_slot()));
	assert_err(RANGE, delete_cap(0));
	assert_err(RANGE, revoke_cap(1u << ROOT_CNODE_BITS));
}

TEST(cnode, delete_empties_all_slots_and_what_derives_from_them)
{
	cptr_t cnode = make(OBJECT_CNODE, 5), endpoint = make(OBJECT_ENDPOINT, 0), outside = free_slot();

	for (unsigned i = 1; i < 32; i++)
		assert_ok(invoke(cnode, OP_CNODE_MINT, i, CNODE, endpoint, RIGHT_ALL, i));
	assert_ok(invoke(CNODE, OP_CNODE_MINT, outside, cnode, 31, RIGHT_ALL, 0));
	struct slot *slots = inside(cnode, 0);

	assert_ok(delete_cap(cnode));
	for (unsigned i = 0; i < 32; i++)
		assert_true(slot_empty(&slots[i]));
	assert_true(slot_empty(slot_at(outside)));
	assert_false(cap_has_children(slot_at(endpoint)));
}

TEST(cnode, delete_keeps_slots_when_a_copy_of_the_cnode_goes)
{
	cptr_t cnode = make(OBJECT_CNODE, 3), copy = derive(cnode, RIGHT_ALL, 0), endpoint = make(OBJECT_ENDPOINT, 0);

	assert_ok(invoke(cnode, OP_CNODE_MINT, 1, CNODE, endpoint, RIGHT_ALL, 0));
	assert_ok(delete_cap(copy));
	assert_false(slot_empty(inside(cnode, 1)));
}

TEST(cnode, dies_when_it_contains_its_own_last_capability)
{
	cptr_t untyped = make(OBJECT_UNTYPED, 12), cnode = make_from(untyped, OBJECT_CNODE, 4);
	cptr_t endpoint = make(OBJECT_ENDPOINT, 0);
	struct slot *slots = inside(cnode, 0);

	assert_ok(invoke(cnode, OP_CNODE_MINT, 2, CNODE, endpoint, RIGHT_ALL, 0));
	assert_ok(invoke(cnode, OP_CNODE_MOVE, 9, CNODE, cnode, 0, 0));
	assert_true(slot_empty(slot_at(cnode)));
	assert_int_equal(slots[9].cap.type, OBJECT_CNODE);
	host.interrupt_every = 1;
	assert_ok(revoke_cap(untyped));
	assert_true(slot_empty(&slots[2]));
	assert_true(slot_empty(&slots[9]));
	assert_false(cap_has_children(slot_at(untyped)));
	assert_false(cap_has_children(slot_at(endpoint)));
}

TEST(cnode, both_die_when_two_contain_each_other)
{
	cptr_t untyped = make(OBJECT_UNTYPED, 12), a = make_from(untyped, OBJECT_CNODE, 2), b = make_from(untyped, OBJECT_CNODE, 2);
	struct slot *in_a = inside(a, 0), *in_b = inside(b, 0);

	assert_ok(invoke(b, OP_CNODE_MINT, 2, CNODE, a, RIGHT_ALL, 0));
	assert_ok(invoke(a, OP_CNODE_MOVE, 1, CNODE, b, 0, 0));
	assert_ok(invoke(a, OP_CNODE_MINT, 3, CNODE, ROOT_SLOT_THREAD, RIGHT_READ, 0));
	assert_ok(delete_cap(a));
	for (unsigned i = 0; i < 4; i++) {
		assert_true(slot_empty(&in_a[i]));
		assert_true(slot_empty(&in_b[i]));
	}
	assert_false(cap_has_children(slot_at(untyped)));
}

TEST(cnode, chain_dies_when_each_contains_the_next)
{
	cptr_t untyped = make(OBJECT_UNTYPED, 14), first = make_from(untyped, OBJECT_CNODE, 1), at = first;

	for (unsigned i = 0; i < 20; i++) {
		cptr_t next = make_from(untyped, OBJECT_CNODE, 1);
		struct slot *slot = inside(at, 1);

		assert_true(slot_empty(slot));
		cap_move(slot_at(next), slot);
		cap_move(slot, slot_at(next));
		if (i % 2)
			assert_ok(invoke(at, OP_CNODE_MINT, 1, CNODE, next, RIGHT_ALL, 0));
		else
			assert_ok(invoke(at, OP_CNODE_MINT, 1, CNODE, at, RIGHT_ALL, 0));
		at = next;
	}
	host.interrupt_every = 1;
	assert_ok(revoke_cap(untyped));
	assert_false(cap_has_children(slot_at(untyped)));
	assert_true(slot_empty(slot_at(first)));
}

TEST(cnode, delete_of_a_slot_inside_the_dying_cnode_ends)
{
	/* The slot that is deleted lies in a CNode that dies of it: its untyped is in it. */
	cptr_t untyped = make(OBJECT_UNTYPED, 12), cnode = make_from(untyped, OBJECT_CNODE, 3);

	assert_ok(invoke(cnode, OP_CNODE_MOVE, 5, CNODE, untyped, 0, 0));
	struct slot *slots = inside(cnode, 0);

	host.interrupt_every = 1;
	assert_ok(invoke(cnode, OP_CNODE_DELETE, 5, 0, 0, 0, 0));
	assert_true(slot_empty(&slots[5]));
	assert_true(slot_empty(slot_at(cnode)));
	assert_int_equal(cap_check(), 0);
}

TEST(cnode, caller_loses_its_own_cnode_when_it_deletes_it)
{
	struct made_thread made = make_thread(240);
	cptr_t cnode = make(OBJECT_CNODE, 4);

	assert_ok(invoke(made.cap, OP_THREAD_SUSPEND, 0, 0, 0, 0, 0));
	assert_ok(invoke(made.cap, OP_THREAD_CONFIGURE, cnode, VSPACE, 0, 0, 0));
	assert_ok(invoke(cnode, OP_CNODE_MINT, 1, CNODE, CNODE, RIGHT_ALL, 0));
	assert_ok(invoke(made.cap, OP_THREAD_RESUME, 0, 0, 0, 0, 0));
	uint64_t *words = arch_thread_words(made.thread);

	words[0] = 1;
	words[1] = OP_CNODE_DELETE;
	words[2] = cnode;
	enter_kernel(made.thread, SYS_INVOKE);
	assert_ok(words[0]);
	assert_true(slot_empty(&made.thread->cspace));
	words[0] = 1;
	enter_kernel(made.thread, SYS_INVOKE);
	assert_err(INVALID_CAP, words[0]);
}
