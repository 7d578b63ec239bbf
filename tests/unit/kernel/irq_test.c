/* SPDX-License-Identifier: Apache-2.0 */
/* Interrupts as capabilities: one handler per source, delivery, acknowledgement, deletion. */
#include "test.h"

#include <irq.h>

static enum err get(uint64_t source, cptr_t slot)
{
	return invoke(ROOT_SLOT_IRQ_CONTROL, OP_IRQ_CONTROL_GET, source, CNODE, slot, 0, 0);
}

static cptr_t handler(unsigned source)
{
	cptr_t slot = free_slot();

	assert_ok(get(source, slot));
	return slot;
}

TEST(irq, get_makes_one_handler_per_source)
{
	cptr_t slot = handler(10);

	assert_int_equal(slot_at(slot)->cap.type, OBJECT_IRQ_HANDLER);
	assert_int_equal(slot_at(slot)->cap.object, 10);
	assert_err(BUSY, get(10, free_slot()));
	assert_ok(delete_cap(slot));
	assert_ok(get(10, slot));
}

TEST(irq, get_refuses_bad_arguments)
{
	cptr_t slot = free_slot();

	assert_err(RANGE, get(0, slot));
	assert_err(RANGE, get(HOST_IRQ_LAST + 1, slot));
	assert_err(RANGE, get(IRQ_SOURCES_MAX, slot));
	assert_err(RANGE, get(UINT64_C(1) << 32 | 10, slot));
	assert_err(RANGE, get(10, 0));
	assert_err(SLOT_OCCUPIED, get(10, CNODE));
	assert_err(WRONG_TYPE, invoke(ROOT_SLOT_IRQ_CONTROL, OP_IRQ_CONTROL_GET, 10, VSPACE, slot, 0, 0));
	assert_err(UNKNOWN_OPERATION, invoke(ROOT_SLOT_IRQ_CONTROL, 1, 10, CNODE, slot, 0, 0));
	assert_ok(get(HOST_IRQ_LAST, slot));
}

TEST(irq, delivery_signals_the_notification_and_waits_for_acknowledge)
{
	cptr_t slot = handler(10), notification = make(OBJECT_NOTIFICATION, 0), badged = derive(notification, RIGHT_ALL, 0x40);
	struct thread *driver = spawn(100);

	assert_ok(invoke(slot, OP_IRQ_HANDLER_BIND, badged, 0, 0, 0, 0));
	assert_true(host.irq_enabled[10]);
	do_wait(driver, notification, DEADLINE_NEVER);
	irq_deliver(10);
	assert_int_equal(answer_of(driver).badge, 0x40);
	assert_int_equal(host.irq_completed[10], 0);
	assert_ok(invoke(slot, OP_IRQ_HANDLER_ACKNOWLEDGE, 0, 0, 0, 0, 0));
	assert_int_equal(host.irq_completed[10], 1);
	assert_ok(invoke(slot, OP_IRQ_HANDLER_ACKNOWLEDGE, 0, 0, 0, 0, 0));
	assert_int_equal(host.irq_completed[10], 1);
}

TEST(irq, delivery_without_notification_turns_the_source_off)
{
	cptr_t slot = handler(7), notification = make(OBJECT_NOTIFICATION, 0), again = make(OBJECT_NOTIFICATION, 0);

	assert_ok(invoke(slot, OP_IRQ_HANDLER_BIND, notification, 0, 0, 0, 0));
	assert_ok(delete_cap(notification));
	irq_deliver(7);
	assert_false(host.irq_enabled[7]);
	assert_int_equal(host.irq_completed[7], 1);
	assert_ok(invoke(slot, OP_IRQ_HANDLER_BIND, again, 0, 0, 0, 0));
	assert_true(host.irq_enabled[7]);
	irq_deliver(8);
	irq_deliver(IRQ_SOURCES_MAX + 5);
	assert_int_equal(host.irq_completed[8], 1);
}

TEST(irq, bind_replaces_the_notification)
{
	cptr_t slot = handler(3), first = make(OBJECT_NOTIFICATION, 0), second = make(OBJECT_NOTIFICATION, 0);
	cptr_t one = derive(first, RIGHT_ALL, 1), two = derive(second, RIGHT_ALL, 2);

	assert_ok(invoke(slot, OP_IRQ_HANDLER_BIND, one, 0, 0, 0, 0));
	assert_ok(invoke(slot, OP_IRQ_HANDLER_BIND, two, 0, 0, 0, 0));
	assert_false(cap_has_children(slot_at(one)));
	irq_deliver(3);
	assert_int_equal(notification_at(first)->bits, 0);
	assert_int_equal(notification_at(second)->bits, 2);
	assert_err(WRONG_TYPE, invoke(slot, OP_IRQ_HANDLER_BIND, CNODE, 0, 0, 0, 0));
	assert_err(NO_RIGHT, invoke(slot, OP_IRQ_HANDLER_BIND, derive(first, RIGHT_READ, 0), 0, 0, 0, 0));
	assert_err(UNKNOWN_OPERATION, invoke(slot, 2, 0, 0, 0, 0, 0));
}

TEST(irq, deletion_turns_the_source_off_and_completes_it)
{
	cptr_t slot = handler(3), notification = make(OBJECT_NOTIFICATION, 0);

	assert_ok(invoke(slot, OP_IRQ_HANDLER_BIND, notification, 0, 0, 0, 0));
	irq_deliver(3);
	assert_ok(delete_cap(slot));
	assert_false(host.irq_enabled[3]);
	assert_int_equal(host.irq_completed[3], 1);
	assert_false(cap_has_children(slot_at(notification)));
}

TEST(irq, handlers_die_with_the_control_they_came_from)
{
	cptr_t control = derive(ROOT_SLOT_IRQ_CONTROL, RIGHT_ALL, 0), mine = handler(4), theirs = free_slot();

	assert_ok(invoke(control, OP_IRQ_CONTROL_GET, 5, CNODE, theirs, 0, 0));
	cptr_t copy = derive(ROOT_SLOT_IRQ_CONTROL, RIGHT_ALL, 0);

	assert_ok(delete_cap(control));
	assert_true(slot_empty(slot_at(theirs)));
	assert_false(slot_empty(slot_at(mine)));
	assert_false(slot_empty(slot_at(copy)));
	assert_ok(get(5, theirs));
	assert_ok(revoke_cap(ROOT_SLOT_IRQ_CONTROL));
	assert_true(slot_empty(slot_at(mine)));
	assert_ok(get(4, mine));
}
