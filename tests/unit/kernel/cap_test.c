/* SPDX-License-Identifier: Apache-2.0 */
/* The derivation tree: computed parenthood, deletion, revocation, moves, limits. */
#include "test.h"

TEST(cap, is_descendant_when_range_inside_and_level_greater)
{
	struct cap outer = { .type = OBJECT_UNTYPED, .size_bits = 16, .base = 0x1000, .level = 1 };
	struct cap inner = { .type = OBJECT_UNTYPED, .size_bits = 12, .base = 0x1040, .level = 2 };

	assert_true(cap_is_descendant(&outer, &inner));
	inner.level = 1;
	assert_false(cap_is_descendant(&outer, &inner));
	inner.level = 2;
	inner.base = 0x1400;
	assert_false(cap_is_descendant(&outer, &inner));
	inner.base = 0xfc0;
	assert_false(cap_is_descendant(&outer, &inner));
}

TEST(cap, is_descendant_when_same_range_and_level_greater)
{
	struct cap outer = { .type = OBJECT_FRAME, .size_bits = 12, .frame_number = 7, .level = 1 };
	struct cap inner = outer;

	assert_false(cap_is_descendant(&outer, &inner));
	inner.level = 2;
	assert_true(cap_is_descendant(&outer, &inner));
	inner.type = OBJECT_NULL;
	assert_false(cap_is_descendant(&outer, &inner));
}

TEST(cap, range_covers_object_when_of_any_memory_type)
{
	static const struct {
		uint8_t type, size_bits;
		uint64_t size;
	} types[] = { { OBJECT_CNODE, 4, 512 },	   { OBJECT_THREAD, 0, 1024 },	     { OBJECT_SCHED_CONTEXT, 0, 256 },
		      { OBJECT_ENDPOINT, 0, 64 },   { OBJECT_REPLY, 0, 64 },	     { OBJECT_NOTIFICATION, 0, 64 },
		      { OBJECT_VSPACE, 0, 4096 },   { OBJECT_PAGE_TABLE, 0, 4096 },  { OBJECT_FRAME, 12, 4096 },
		      { OBJECT_FRAME, 21, 2 << 20 }, { OBJECT_GSPACE, 0, 16384 },    { OBJECT_VCPU, 0, 1024 },
		      { OBJECT_UNTYPED, 6, 64 } };

	for (unsigned i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
		cptr_t made = make(types[i].type, types[i].size_bits);
		struct cap_range range = cap_range(&slot_at(made)->cap);

		assert_int_equal(range.size, types[i].size);
		assert_true(range.base >= RAM_BASE && range.base + range.size <= RAM_BASE + (16u << 20));
		assert_int_equal(range.base % range.size, 0);
		assert_true(cap_is_descendant(&slot_at(RAM)->cap, &slot_at(made)->cap));
	}
}

TEST(cap, ranges_are_apart_when_not_memory)
{
	struct cap null = { 0 };
	struct cap_range irq = cap_range(&slot_at(ROOT_SLOT_IRQ_CONTROL)->cap);
	struct cap_range sched = cap_range(&slot_at(ROOT_SLOT_SCHED_CONTROL)->cap);
	struct cap_range platform = cap_range(&slot_at(ROOT_SLOT_PLATFORM_CONTROL)->cap);

	assert_true(irq.base >= UINT64_C(1) << 56);
	assert_true(irq.base + irq.size <= sched.base && sched.base + sched.size <= platform.base);
	assert_int_equal(cap_range(&null).size, 0);
}

TEST(cap, delete_takes_derived_along_when_original_goes)
{
	cptr_t endpoint = make(OBJECT_ENDPOINT, 0);
	cptr_t copy = derive(endpoint, RIGHT_ALL, 5);
	cptr_t grandchild = derive(copy, RIGHT_READ, 0);
	cptr_t sibling = derive(endpoint, RIGHT_ALL, 0);
	cptr_t other = make(OBJECT_ENDPOINT, 0);

	assert_ok(delete_cap(copy));
	assert_true(slot_empty(slot_at(copy)));
	assert_true(slot_empty(slot_at(grandchild)));
	assert_false(slot_empty(slot_at(sibling)));
	assert_ok(delete_cap(endpoint));
	assert_true(slot_empty(slot_at(endpoint)));
	assert_true(slot_empty(slot_at(sibling)));
	assert_false(slot_empty(slot_at(other)));
}

TEST(cap, revoke_keeps_capability_when_children_go)
{
	cptr_t endpoint = make(OBJECT_ENDPOINT, 0);
	cptr_t copies[8];

	for (unsigned i = 0; i < 8; i++)
		copies[i] = derive(i < 2 ? endpoint : copies[i / 2], RIGHT_ALL, i ? 0 : 3);
	assert_ok(revoke_cap(endpoint));
	assert_false(slot_empty(slot_at(endpoint)));
	for (unsigned i = 0; i < 8; i++)
		assert_true(slot_empty(slot_at(copies[i])));
	assert_false(cap_has_children(slot_at(endpoint)));
}

TEST(cap, revoke_spares_siblings_and_parent_when_of_a_copy)
{
	cptr_t frame = make(OBJECT_FRAME, 12);
	cptr_t a = derive(frame, RIGHT_ALL, 0), b = derive(frame, RIGHT_ALL, 0), under = derive(a, RIGHT_ALL, 0);

	assert_ok(revoke_cap(a));
	assert_true(slot_empty(slot_at(under)));
	assert_false(slot_empty(slot_at(a)));
	assert_false(slot_empty(slot_at(b)));
	assert_false(slot_empty(slot_at(frame)));
	assert_ok(revoke_cap(b));
	assert_false(slot_empty(slot_at(a)));
}

TEST(cap, revoke_of_untyped_ends_all_objects_when_nested)
{
	cptr_t outer = make(OBJECT_UNTYPED, 16), middle = make_from(outer, OBJECT_UNTYPED, 14);
	cptr_t endpoint = make_from(middle, OBJECT_ENDPOINT, 0), copy = derive(endpoint, RIGHT_ALL, 1);
	cptr_t frame = make_from(outer, OBJECT_FRAME, 12);

	assert_ok(revoke_cap(outer));
	assert_true(slot_empty(slot_at(middle)));
	assert_true(slot_empty(slot_at(endpoint)));
	assert_true(slot_empty(slot_at(copy)));
	assert_true(slot_empty(slot_at(frame)));
	assert_false(cap_has_children(slot_at(outer)));
}

TEST(cap, child_untyped_of_full_size_is_no_copy_when_deleted)
{
	cptr_t outer = make(OBJECT_UNTYPED, 12), inner = make_from(outer, OBJECT_UNTYPED, 12);
	cptr_t endpoint = make_from(inner, OBJECT_ENDPOINT, 0);

	assert_int_equal(slot_at(inner)->cap.level, slot_at(outer)->cap.level + 1);
	assert_ok(delete_cap(inner));
	assert_true(slot_empty(slot_at(endpoint)));
	assert_false(slot_empty(slot_at(outer)));
	assert_false(cap_has_children(slot_at(outer)));
}

TEST(cap, object_lives_when_only_a_copy_is_deleted)
{
	cptr_t notification = make(OBJECT_NOTIFICATION, 0), copy = derive(notification, RIGHT_ALL, 4);
	struct thread *waiter = spawn(100);

	do_wait(waiter, notification, DEADLINE_NEVER);
	assert_ok(delete_cap(copy));
	assert_int_equal(waiter->state, THREAD_WAITING);
	assert_ok(delete_cap(notification));
	assert_int_equal(waiter->state, THREAD_READY);
	assert_err(DELETED, answer_of(waiter).err);
}

TEST(cap, move_keeps_children_when_original_moves)
{
	cptr_t endpoint = make(OBJECT_ENDPOINT, 0), copy = derive(endpoint, RIGHT_ALL, 0), to = free_slot(), further = free_slot();

	assert_ok(invoke(CNODE, OP_CNODE_MOVE, to, CNODE, endpoint, 0, 0));
	assert_true(slot_empty(slot_at(endpoint)));
	assert_true(cap_has_children(slot_at(to)));
	assert_int_equal(cap_check(), 0);
	assert_ok(invoke(CNODE, OP_CNODE_MOVE, further, CNODE, copy, 0, 0));
	assert_ok(revoke_cap(to));
	assert_true(slot_empty(slot_at(further)));
}

TEST(cap, level_stops_derivation_when_limit_is_reached)
{
	cptr_t source = make(OBJECT_ENDPOINT, 0);
	unsigned derived = 0;

	while (slot_at(source)->cap.level < CAP_LEVEL_MAX) {
		source = derive(source, RIGHT_ALL, 0);
		derived++;
	}
	assert_int_equal(derived, CAP_LEVEL_MAX - 1);
	assert_err(LIMIT, invoke(CNODE, OP_CNODE_MINT, free_slot(), CNODE, source, RIGHT_ALL, 0));
	assert_int_equal(cap_check(), 0);
	assert_ok(revoke_cap(RAM));
	assert_true(slot_empty(slot_at(source)));
}

TEST(cap, level_stops_retype_when_limit_is_reached)
{
	cptr_t untyped = make(OBJECT_UNTYPED, 12);

	while (slot_at(untyped)->cap.level < CAP_LEVEL_MAX)
		untyped = make_from(untyped, OBJECT_UNTYPED, 12);
	assert_err(LIMIT, retype(untyped, OBJECT_ENDPOINT, 0, free_slot(), 1));
	assert_ok(revoke_cap(RAM));
}

TEST(cap, level_stops_inner_copies_when_limit_is_reached)
{
	struct made_thread made = make_passive(100);
	cptr_t cnode = make(OBJECT_CNODE, 4), vspace = make(OBJECT_VSPACE, 0), notification = make(OBJECT_NOTIFICATION, 0);
	cptr_t control = ROOT_SLOT_IRQ_CONTROL, irq = free_slot(), endpoint = make(OBJECT_ENDPOINT, 0);

	while (slot_at(endpoint)->cap.level < CAP_LEVEL_MAX)
		endpoint = derive(endpoint, RIGHT_ALL, 0);
	while (slot_at(cnode)->cap.level < CAP_LEVEL_MAX)
		cnode = derive(cnode, RIGHT_ALL, 0);
	while (slot_at(vspace)->cap.level < CAP_LEVEL_MAX)
		vspace = derive(vspace, RIGHT_ALL, 0);
	while (slot_at(notification)->cap.level < CAP_LEVEL_MAX)
		notification = derive(notification, RIGHT_ALL, 0);
	while (slot_at(control)->cap.level < CAP_LEVEL_MAX)
		control = derive(control, RIGHT_ALL, 0);
	assert_err(LIMIT, invoke(made.cap, OP_THREAD_CONFIGURE, cnode, VSPACE, 0, 0, 0));
	assert_err(LIMIT, invoke(made.cap, OP_THREAD_CONFIGURE, CNODE, vspace, 0, 0, 0));
	assert_err(LIMIT, invoke(made.cap, OP_THREAD_CONFIGURE, CNODE, VSPACE, endpoint, 0, 0));
	assert_err(LIMIT, invoke(made.cap, OP_THREAD_SET_TIMEOUT_ENDPOINT, endpoint, 0, 0, 0, 0));
	assert_err(LIMIT, invoke(control, OP_IRQ_CONTROL_GET, 10, CNODE, irq, 0, 0));
	assert_ok(invoke(ROOT_SLOT_IRQ_CONTROL, OP_IRQ_CONTROL_GET, 10, CNODE, irq, 0, 0));
	assert_err(LIMIT, invoke(irq, OP_IRQ_HANDLER_BIND, notification, 0, 0, 0, 0));
}

TEST(cap, revoke_goes_on_when_interrupted)
{
	cptr_t endpoint = make(OBJECT_ENDPOINT, 0);

	for (unsigned i = 0; i < 200; i++)
		(void)derive(endpoint, RIGHT_ALL, i + 1);
	host.interrupt_every = 1;
	assert_ok(revoke_cap(endpoint));
	assert_true(invoke_restarts >= 10);
	assert_false(cap_has_children(slot_at(endpoint)));
	assert_false(slot_empty(slot_at(endpoint)));
}

TEST(cap, restart_keeps_arguments_when_interrupted)
{
	cptr_t endpoint = make(OBJECT_ENDPOINT, 0);
	struct thread *root = root_thread();
	uint64_t pc = root->arch.pc;

	for (unsigned i = 0; i < 40; i++)
		(void)derive(endpoint, RIGHT_ALL, 0);
	host.interrupt_every = 1;
	uint64_t *words = arch_thread_words(root);

	words[0] = CNODE;
	words[1] = OP_CNODE_DELETE;
	words[2] = endpoint;
	enter_kernel(root, SYS_INVOKE);
	assert_true(root->arch.restarted);
	assert_int_equal(root->arch.pc, pc - 4);
	assert_int_equal(words[0], CNODE);
	assert_int_equal(words[1], OP_CNODE_DELETE);
	assert_int_equal(words[2], endpoint);
	assert_false(slot_empty(slot_at(endpoint)));
}

TEST(cap, check_finds_damage_when_links_or_levels_are_wrong)
{
	cptr_t endpoint = make(OBJECT_ENDPOINT, 0), copy = derive(endpoint, RIGHT_READ, 0);
	struct slot *slot = slot_at(copy);
	struct cap good = slot->cap;

	slot->cap.level += 3;
	assert_true(cap_check() > 0);
	slot->cap = good;
	slot->cap.rights = RIGHT_ALL;
	slot_at(endpoint)->cap.rights = RIGHT_READ;
	assert_true(cap_check() > 0);
	slot->cap = good;
	slot->cap.type = OBJECT_TYPES;
	assert_true(cap_check() > 0);
	slot->cap.type = OBJECT_NULL;
	assert_true(cap_check() > 0);
	slot->cap = good;
	slot_at(CNODE)->cap.level = 1; /* the first of all: nothing before it can be its parent */
	assert_true(cap_check() > 0);
	slot_at(CNODE)->cap.level = 0;
	struct slot *next = slot->next;

	slot->next = slot_at(RAM);
	slot->next = next;
	next->prev = slot_at(endpoint);
	assert_true(cap_check() > 0);
	next->prev = slot;
	assert_int_equal(cap_check(), 0);
}

TEST(cap, types_that_do_not_exist_have_no_range_and_no_end)
{
	static const uint8_t types[] = { OBJECT_NULL, OBJECT_TYPES, 255 };

	for (unsigned i = 0; i < sizeof(types); i++) {
		struct cap cap = { .type = types[i], .rights = RIGHT_ALL };

		assert_int_equal(cap_range(&cap).size, 0);
		assert_int_equal(object_bits(types[i], 0), 0);
		assert_false(object_size_valid(types[i], 0));
		object_destroy(&cap);
		assert_err(UNKNOWN_OPERATION, invoke(make(OBJECT_ENDPOINT, 0), types[i], 0, 0, 0, 0, 0));
	}
}
