/* SPDX-License-Identifier: Apache-2.0 */
/* Doorbells of guest CPUs: which are taken, and what becomes of their notifications. */
#include "test.h"

#define ADDRESS UINT64_C(0x10001000)

struct bells {
	cptr_t vcpu, notification;
	struct vcpu *object;
};

static struct bells make_bells(void)
{
	struct bells all = { .vcpu = make(OBJECT_VCPU, 0), .notification = make(OBJECT_NOTIFICATION, 0) };

	all.object = vcpu_at(all.vcpu);
	return all;
}

#define set_bell(all, index, address, notification) \
	invoke((all).vcpu, OP_VCPU_SET_BELL, index, address, notification, 0, 0)

/* Nothing is set, and nobody holds the notification. */
static void assert_none(const struct bells *all)
{
	assert_int_equal(all->object->bell_count, 0);
	for (unsigned i = 0; i < VCPU_BELLS; i++) {
		assert_true(all->object->bells[i].address == BELL_NONE);
		assert_true(slot_empty(&all->object->bells[i].notification));
	}
	assert_false(cap_has_children(slot_at(all->notification)));
}

TEST(bell, is_a_derived_capability_with_its_badge)
{
	struct bells all = make_bells();
	const struct bell *bell = &all.object->bells[3];

	assert_none(&all);
	cptr_t badged = derive(all.notification, RIGHT_WRITE, 0x84);

	assert_ok(set_bell(all, 3, ADDRESS, badged));
	assert_int_equal(all.object->bell_count, 1);
	assert_int_equal(bell->address, ADDRESS);
	assert_int_equal(bell->notification.cap.type, OBJECT_NOTIFICATION);
	assert_int_equal(bell->notification.cap.word, 0x84);
	assert_ptr_equal(cap_notification(&bell->notification.cap), notification_at(all.notification));
	assert_true(cap_has_children(slot_at(badged)));
	assert_null(invariants_broken());
}

TEST(bell, all_indexes_hold_one_each)
{
	struct bells all = make_bells();

	for (unsigned i = 0; i < VCPU_BELLS; i++) {
		assert_ok(set_bell(all, i, ADDRESS + 4 * i, all.notification));
		assert_int_equal(all.object->bell_count, i + 1);
	}
	for (unsigned i = 0; i < VCPU_BELLS; i++)
		assert_int_equal(all.object->bells[i].address, ADDRESS + 4 * i);
	assert_null(invariants_broken());
}

TEST(bell, bad_arguments_are_refused)
{
	struct bells all = make_bells();
	cptr_t notification = all.notification, read_only = derive(notification, RIGHT_READ, 1);

	assert_err(RANGE, set_bell(all, VCPU_BELLS, ADDRESS, notification));
	assert_err(RANGE, set_bell(all, UINT64_MAX, ADDRESS, notification));
	assert_err(RANGE, set_bell(all, UINT64_C(1) << 32, ADDRESS, notification));
	for (unsigned i = 1; i < 4; i++)
		assert_err(ALIGNMENT, set_bell(all, 0, ADDRESS + i, notification));
	assert_err(ALIGNMENT, set_bell(all, 0, BELL_NONE, notification));
	assert_err(ALIGNMENT, set_bell(all, 0, BELL_NONE, 0));
	assert_err(WRONG_TYPE, set_bell(all, 0, ADDRESS, CNODE));
	assert_err(WRONG_TYPE, set_bell(all, 0, ADDRESS, all.vcpu));
	assert_err(INVALID_CAP, set_bell(all, 0, ADDRESS, free_slot()));
	assert_err(NO_RIGHT, set_bell(all, 0, ADDRESS, read_only));
	assert_err(NO_RIGHT, invoke(derive(all.vcpu, RIGHT_READ, 0), OP_VCPU_SET_BELL, 0, ADDRESS, notification, 0, 0));
	assert_ok(delete_cap(read_only));
	assert_none(&all);
}

TEST(bell, refused_at_the_derivation_limit)
{
	struct bells all = make_bells();
	cptr_t deep = all.notification;

	assert_ok(set_bell(all, 0, ADDRESS, all.notification));
	while (slot_at(deep)->cap.level < CAP_LEVEL_MAX)
		deep = derive(deep, RIGHT_ALL, 0);
	assert_err(LIMIT, set_bell(all, 0, ADDRESS + 4, deep));
	/* What was there stays. */
	assert_int_equal(all.object->bell_count, 1);
	assert_int_equal(all.object->bells[0].address, ADDRESS);
	assert_false(slot_empty(&all.object->bells[0].notification));
}

TEST(bell, refused_while_in_guest)
{
	struct bells all = make_bells();
	struct made_thread vmm = make_thread(230);

	assert_ok(invoke(all.vcpu, OP_VCPU_CONFIGURE, make(OBJECT_GSPACE, 0), make(OBJECT_FRAME, 12), 0, 0, 0));
	thread_resume(vmm.thread);
	do_vcpu_run(vmm.thread, all.vcpu);
	assert_ptr_equal(host_leave_kernel(), vmm.thread);
	assert_err(BUSY, set_bell(all, 0, ADDRESS, all.notification));
	assert_err(BUSY, set_bell(all, 0, ADDRESS, 0));
	assert_none(&all);
	host_guest_exit(vmm.thread, 21);
	assert_ok(set_bell(all, 0, ADDRESS, all.notification));
	assert_int_equal(all.object->bell_count, 1);
}

TEST(bell, another_takes_its_place)
{
	struct bells all = make_bells();
	cptr_t other = make(OBJECT_NOTIFICATION, 0);

	assert_ok(set_bell(all, 7, ADDRESS, all.notification));
	assert_ok(set_bell(all, 7, ADDRESS + 4, other));
	assert_int_equal(all.object->bell_count, 1);
	assert_int_equal(all.object->bells[7].address, ADDRESS + 4);
	assert_ptr_equal(cap_notification(&all.object->bells[7].notification.cap), notification_at(other));
	assert_false(cap_has_children(slot_at(all.notification)));
	assert_true(cap_has_children(slot_at(other)));
	/* The same again counts once. */
	assert_ok(set_bell(all, 7, ADDRESS + 4, other));
	assert_int_equal(all.object->bell_count, 1);
}

TEST(bell, is_removed)
{
	struct bells all = make_bells();

	assert_ok(set_bell(all, 0, ADDRESS, 0)); /* there is none */
	assert_none(&all);
	assert_ok(set_bell(all, 0, ADDRESS, all.notification));
	assert_ok(set_bell(all, 1, ADDRESS + 4, all.notification));
	assert_ok(set_bell(all, 0, 0, 0));
	assert_int_equal(all.object->bell_count, 1);
	assert_true(all.object->bells[0].address == BELL_NONE);
	assert_ok(set_bell(all, 0, 0, 0));
	assert_int_equal(all.object->bell_count, 1);
	assert_ok(set_bell(all, 1, 0, 0));
	assert_none(&all);
}

/* Its address stays taken, but the slot is empty: an exit to the VMM, who can set or remove it as ever. */
static void assert_dead(const struct bells *all)
{
	assert_true(slot_empty(&all->object->bells[0].notification));
	assert_int_equal(all->object->bells[0].address, ADDRESS);
	assert_int_equal(all->object->bell_count, 1);
	assert_null(invariants_broken());
}

TEST(bell, loses_its_notification_when_that_is_revoked)
{
	struct bells all = make_bells();
	cptr_t badged = derive(all.notification, RIGHT_ALL, 1);

	assert_ok(set_bell(all, 0, ADDRESS, badged));
	assert_ok(revoke_cap(all.notification));
	assert_dead(&all);
	assert_ok(set_bell(all, 0, ADDRESS + 4, all.notification));
	assert_int_equal(all.object->bell_count, 1);
	assert_false(slot_empty(&all.object->bells[0].notification));
}

TEST(bell, loses_its_notification_when_that_is_deleted)
{
	struct bells all = make_bells();

	assert_ok(set_bell(all, 0, ADDRESS, all.notification));
	assert_ok(delete_cap(all.notification));
	assert_dead(&all);
	assert_ok(set_bell(all, 0, ADDRESS, 0));
	assert_int_equal(all.object->bell_count, 0);
	assert_true(all.object->bells[0].address == BELL_NONE);
}

TEST(bell, goes_with_its_vcpu)
{
	struct bells all = make_bells();

	for (unsigned i = 0; i < VCPU_BELLS; i += 3)
		assert_ok(set_bell(all, i, ADDRESS + 4 * i, all.notification));
	assert_true(cap_has_children(slot_at(all.notification)));
	assert_ok(delete_cap(all.vcpu));
	assert_false(cap_has_children(slot_at(all.notification)));
	assert_null(invariants_broken());
	/* The memory of the vCPU can become something else. */
	assert_ok(delete_cap(all.notification));
	assert_ok(revoke_cap(RAM));
	assert_null(invariants_broken());
}
