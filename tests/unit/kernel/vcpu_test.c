/* SPDX-License-Identifier: Apache-2.0 */
/* Guest CPUs: running, leaving, idling, kicks, and losing what they are made of. */
#include "test.h"

struct guest {
	cptr_t vcpu, gspace, frame;
	struct made_thread made;
	struct thread *vmm;
	struct vcpu *object;
};

static struct guest make_guest(void)
{
	struct guest guest = { .vcpu = make(OBJECT_VCPU, 0), .gspace = make(OBJECT_GSPACE, 0), .frame = make(OBJECT_FRAME, 12),
			       .made = make_thread(230) };

	guest.vmm = guest.made.thread;
	guest.object = vcpu_at(guest.vcpu);
	assert_ok(invoke(guest.vcpu, OP_VCPU_CONFIGURE, guest.gspace, guest.frame, 0, 0, 0));
	thread_resume(guest.vmm);
	return guest;
}

static struct guest running(void)
{
	struct guest guest = make_guest();

	do_vcpu_run(guest.vmm, guest.vcpu);
	assert_ptr_equal(host_leave_kernel(), guest.vmm);
	assert_int_equal(guest.object->arch.entries, 1);
	return guest;
}

/* Running, and the guest has executed WFI. */
static struct guest idling(uint64_t deadline)
{
	struct guest guest = running();

	guest.object->arch.deadline = deadline;
	vcpu_idle(guest.vmm);
	return guest;
}

TEST(vcpu, run_enters_and_exits_with_a_cause)
{
	struct guest guest = running();

	assert_ptr_equal(guest.object->thread, guest.vmm);
	host_guest_exit(guest.vmm, 21);
	assert_ptr_equal(host_leave_kernel(), guest.vmm);
	assert_null(guest.vmm->vcpu);
	assert_ok(answer_of(guest.vmm).err);
	assert_int_equal(answer_of(guest.vmm).info, 21);
	assert_null(guest.object->thread);
}

TEST(vcpu, run_refuses_what_is_not_ready)
{
	struct thread *thread = spawn(100);
	cptr_t bare = make(OBJECT_VCPU, 0);

	assert_err(INVALID_CAP, do_vcpu_run(thread, bare).err);
	assert_err(WRONG_TYPE, do_vcpu_run(thread, CNODE).err);
	assert_err(INVALID_CAP, do_vcpu_run(thread, 0).err);
	assert_err(NO_RIGHT, do_vcpu_run(thread, derive(bare, RIGHT_READ, 0)).err);
}

TEST(vcpu, run_refuses_a_second_thread)
{
	struct guest guest = running();

	assert_err(BUSY, do_vcpu_run(spawn(100), guest.vcpu).err);
}

TEST(vcpu, configure_refuses_bad_arguments)
{
	cptr_t vcpu = make(OBJECT_VCPU, 0), gspace = make(OBJECT_GSPACE, 0), frame = make(OBJECT_FRAME, 12), large = make(OBJECT_FRAME, 21);

	assert_err(WRONG_TYPE, invoke(vcpu, OP_VCPU_CONFIGURE, VSPACE, frame, 0, 0, 0));
	assert_err(WRONG_TYPE, invoke(vcpu, OP_VCPU_CONFIGURE, gspace, gspace, 0, 0, 0));
	assert_err(INVALID_ARGUMENT, invoke(vcpu, OP_VCPU_CONFIGURE, gspace, large, 0, 0, 0));
	assert_err(NO_RIGHT, invoke(vcpu, OP_VCPU_CONFIGURE, gspace, derive(frame, RIGHT_READ, 0), 0, 0, 0));
	assert_err(NO_RIGHT, invoke(vcpu, OP_VCPU_CONFIGURE, derive(gspace, RIGHT_READ, 0), frame, 0, 0, 0));
	assert_err(NO_RIGHT, invoke(derive(vcpu, RIGHT_READ, 0), OP_VCPU_CONFIGURE, gspace, frame, 0, 0, 0));
	assert_err(UNKNOWN_OPERATION, invoke(vcpu, 99, 0, 0, 0, 0, 0));
	cptr_t device = make_from(DEVICE, OBJECT_FRAME, 12), archive = make_from(ARCHIVE, OBJECT_FRAME, 12);

	assert_err(INVALID_ARGUMENT, invoke(vcpu, OP_VCPU_CONFIGURE, gspace, device, 0, 0, 0));
	assert_err(INVALID_ARGUMENT, invoke(vcpu, OP_VCPU_CONFIGURE, gspace, derive(device, RIGHT_ALL, 0), 0, 0, 0));
	assert_err(INVALID_ARGUMENT, invoke(vcpu, OP_VCPU_CONFIGURE, gspace, derive(archive, 0xff, 0), 0, 0, 0));
	assert_true(slot_empty(&vcpu_at(vcpu)->gspace) && slot_empty(&vcpu_at(vcpu)->frame));
	assert_err(WRONG_TYPE, vcpu_configure(vcpu_at(vcpu), slot_at(frame), slot_at(frame)));
	assert_err(WRONG_TYPE, vcpu_configure(vcpu_at(vcpu), slot_at(gspace), slot_at(gspace)));
	assert_err(NO_RIGHT, vcpu_configure(vcpu_at(vcpu), slot_at(gspace), slot_at(derive(frame, RIGHT_READ, 0))));
}

TEST(vcpu, configure_stops_at_the_derivation_limit)
{
	cptr_t vcpu = make(OBJECT_VCPU, 0), gspace = make(OBJECT_GSPACE, 0), frame = make(OBJECT_FRAME, 12), deep = frame;

	while (slot_at(deep)->cap.level < CAP_LEVEL_MAX)
		deep = derive(deep, RIGHT_ALL, 0);
	assert_err(LIMIT, invoke(vcpu, OP_VCPU_CONFIGURE, gspace, deep, 0, 0, 0));
	for (deep = gspace; slot_at(deep)->cap.level < CAP_LEVEL_MAX;)
		deep = derive(deep, RIGHT_ALL, 0);
	assert_err(LIMIT, invoke(vcpu, OP_VCPU_CONFIGURE, deep, frame, 0, 0, 0));
}

TEST(vcpu, configure_again_replaces_memory_and_page)
{
	struct guest guest = make_guest();
	cptr_t gspace = make(OBJECT_GSPACE, 0), frame = make(OBJECT_FRAME, 12);

	assert_ok(invoke(guest.vcpu, OP_VCPU_CONFIGURE, gspace, frame, 0, 0, 0));
	assert_false(cap_has_children(slot_at(guest.gspace)));
	assert_false(cap_has_children(slot_at(guest.frame)));
	assert_int_equal(arch_address(guest.object->page).value, cap_range(&slot_at(frame)->cap).base);
	assert_ok(invoke(guest.vcpu, OP_VCPU_CONFIGURE, gspace, frame, 0, 0, 0));
	assert_ok(delete_cap(guest.frame));
	do_vcpu_run(guest.vmm, guest.vcpu);
	assert_ptr_equal(guest.object->thread, guest.vmm);
}

TEST(vcpu, operations_are_refused_while_in_guest)
{
	struct guest guest = running();

	assert_err(BUSY, invoke(guest.vcpu, OP_VCPU_CONFIGURE, guest.gspace, guest.frame, 0, 0, 0));
	assert_err(BUSY, invoke(guest.vcpu, OP_VCPU_READ_REGISTER, VCPU_VSATP, 0, 0, 0, 0));
	assert_err(BUSY, invoke(guest.vcpu, OP_VCPU_WRITE_REGISTER, VCPU_VSATP, 0, 0, 0, 0));
}

TEST(vcpu, registers_are_read_and_written)
{
	struct guest guest = make_guest();

	assert_ok(invoke(guest.vcpu, OP_VCPU_WRITE_REGISTER, VCPU_VSEPC, 0x1234, 0, 0, 0));
	assert_ok(invoke(guest.vcpu, OP_VCPU_READ_REGISTER, VCPU_VSEPC, 0, 0, 0, 0));
	assert_int_equal(invoke_result, 0x1234);
	assert_err(RANGE, invoke(guest.vcpu, OP_VCPU_READ_REGISTER, VCPU_REGISTERS, 0, 0, 0, 0));
	assert_err(RANGE, invoke(guest.vcpu, OP_VCPU_WRITE_REGISTER, UINT64_MAX, 0, 0, 0, 0));
}

TEST(vcpu, bound_bits_end_run)
{
	struct guest guest = make_guest();
	cptr_t notification = make(OBJECT_NOTIFICATION, 0), badged = derive(notification, RIGHT_ALL, 6);

	assert_ok(invoke(guest.made.cap, OP_THREAD_BIND_NOTIFICATION, notification, 0, 0, 0, 0));
	do_vcpu_run(guest.vmm, guest.vcpu);
	assert_ptr_equal(host_leave_kernel(), guest.vmm);
	notification_signal(notification_at(notification), 6);
	assert_ptr_equal(host_leave_kernel(), guest.vmm);
	assert_int_equal(answer_of(guest.vmm).info, VCPU_EXIT_NOTIFIED);
	assert_int_equal(answer_of(guest.vmm).badge, 6);
	assert_null(guest.vmm->vcpu);
	assert_int_equal(guest.object->arch.entries, 1);
	do_signal(guest.vmm, badged);
	do_vcpu_run(guest.vmm, guest.vcpu);
	host_leave_kernel();
	assert_int_equal(answer_of(guest.vmm).info, VCPU_EXIT_NOTIFIED);
	assert_int_equal(guest.object->arch.entries, 1);
}

TEST(vcpu, kick_ends_run_once)
{
	struct guest guest = running();

	vcpu_kick(guest.object, 0);
	host_leave_kernel();
	assert_int_equal(answer_of(guest.vmm).info, VCPU_EXIT_KICKED);
	do_vcpu_run(guest.vmm, guest.vcpu);
	host_leave_kernel();
	assert_int_equal(guest.object->arch.entries, 2);
}

TEST(vcpu, kicked_interrupts_are_pending_at_the_next_entry)
{
	struct guest guest = make_guest();
	struct vcpu_page *page = arch_pointer(paddr((uint64_t)slot_at(guest.frame)->cap.frame_number << 12));

	page->hvip = VCPU_IRQ_TIMER;
	vcpu_kick(guest.object, VCPU_IRQ_EXTERNAL);
	vcpu_kick(guest.object, VCPU_IRQ_SOFTWARE | ~(uint64_t)VCPU_IRQ_ALL);
	do_vcpu_run(guest.vmm, guest.vcpu);
	assert_int_equal(page->hvip, VCPU_IRQ_TIMER);
	assert_ptr_equal(host_leave_kernel(), guest.vmm);
	assert_int_equal(guest.object->arch.entries, 1);
	assert_int_equal(page->hvip, VCPU_IRQ_ALL);
	page->hvip = 0;
	assert_ptr_equal(host_leave_kernel(), guest.vmm);
	assert_int_equal(page->hvip, 0);
}

TEST(vcpu, kick_before_run_counts)
{
	struct guest guest = make_guest();
	uint64_t *words = arch_thread_words(guest.vmm);

	words[0] = guest.vcpu;
	enter_kernel(guest.vmm, SYS_VCPU_KICK);
	assert_ok(words[0]);
	words[0] = CNODE;
	enter_kernel(guest.vmm, SYS_VCPU_KICK);
	assert_err(WRONG_TYPE, words[0]);
	do_vcpu_run(guest.vmm, guest.vcpu);
	host_leave_kernel();
	assert_int_equal(answer_of(guest.vmm).info, VCPU_EXIT_KICKED);
	assert_int_equal(guest.object->arch.entries, 0);
}

TEST(vcpu, idle_guest_sleeps_until_its_timer)
{
	struct guest guest = idling(700);

	assert_int_equal(guest.vmm->state, THREAD_GUEST_IDLE);
	thread_suspend(root_thread());
	assert_null(host_leave_kernel());
	assert_int_equal(host.timer, 700);
	assert_ptr_equal(pass_time(700), guest.vmm);
	assert_int_equal(guest.object->arch.entries, 2);
	assert_ptr_equal(guest.object->thread, guest.vmm);
}

TEST(vcpu, idle_guest_without_timer_sleeps_for_ever)
{
	struct guest guest = idling(DEADLINE_NEVER);

	thread_suspend(root_thread());
	assert_null(host_leave_kernel());
	assert_int_equal(host.timer, DEADLINE_NEVER);
	assert_null(pass_time(1000000));
	vcpu_kick(guest.object, 0);
	assert_ptr_equal(host_leave_kernel(), guest.vmm);
	assert_int_equal(answer_of(guest.vmm).info, VCPU_EXIT_KICKED);
}

TEST(vcpu, idle_guest_wakes_when_notified)
{
	struct guest guest = make_guest();
	cptr_t notification = make(OBJECT_NOTIFICATION, 0), badged = derive(notification, RIGHT_ALL, 1);

	assert_ok(invoke(guest.made.cap, OP_THREAD_BIND_NOTIFICATION, notification, 0, 0, 0, 0));
	do_vcpu_run(guest.vmm, guest.vcpu);
	host_leave_kernel();
	guest.object->arch.deadline = 900;
	vcpu_idle(guest.vmm);
	assert_int_equal(guest.vmm->state, THREAD_GUEST_IDLE);
	do_signal(spawn(100), badged);
	assert_null(harts[0].deadlines);
	assert_ptr_equal(host_leave_kernel(), guest.vmm);
	assert_int_equal(answer_of(guest.vmm).info, VCPU_EXIT_NOTIFIED);
}

TEST(vcpu, guest_does_not_idle_when_something_waits)
{
	struct guest guest = running();
	cptr_t bell = make(OBJECT_NOTIFICATION, 0);

	assert_ok(invoke(guest.made.cap, OP_THREAD_BIND_NOTIFICATION, bell, 0, 0, 0, 0));
	notification_at(bell)->bits = 1;
	vcpu_idle(guest.vmm);
	assert_int_equal(guest.vmm->state, THREAD_READY);
	notification_at(bell)->bits = 0;
	guest.object->arch.interrupt_pending = true;
	vcpu_idle(guest.vmm);
	assert_int_equal(guest.vmm->state, THREAD_READY);
	guest.object->arch.interrupt_pending = false;
	guest.object->events = VCPU_EVENT_KICK;
	vcpu_idle(guest.vmm);
	assert_int_equal(guest.vmm->state, THREAD_READY);
	guest.object->events = 0;
	host.time = 50;
	guest.object->arch.deadline = 50;
	vcpu_idle(guest.vmm);
	assert_int_equal(guest.vmm->state, THREAD_READY);
}

TEST(vcpu, run_ends_when_page_or_memory_is_revoked)
{
	for (unsigned which = 0; which < 2; which++) {
		struct guest guest = running();

		assert_ok(revoke_cap(which ? guest.gspace : guest.frame));
		become(guest.vmm);
		assert_ptr_equal(host_leave_kernel(), guest.vmm);
		assert_err(INVALID_CAP, answer_of(guest.vmm).err);
		assert_null(guest.vmm->vcpu);
		assert_int_equal(guest.object->arch.entries, 1);
		assert_err(INVALID_CAP, do_vcpu_run(guest.vmm, guest.vcpu).err);
		thread_suspend(guest.vmm);
	}
}

TEST(vcpu, idle_guest_ends_run_when_its_page_is_gone)
{
	struct guest guest = idling(300);

	assert_ok(delete_cap(guest.frame));
	assert_ptr_equal(pass_time(300), guest.vmm);
	assert_err(INVALID_CAP, answer_of(guest.vmm).err);
	assert_int_equal(guest.object->arch.entries, 1);
}

TEST(vcpu, deletion_ends_run)
{
	struct guest guest = running();
	unsigned forgotten = guest.object->arch.forgotten;

	assert_ok(delete_cap(guest.vcpu));
	assert_null(guest.vmm->vcpu);
	assert_int_equal(guest.vmm->state, THREAD_READY);
	assert_err(INVALID_CAP, answer_of(guest.vmm).err);
	assert_int_equal(guest.object->arch.forgotten, forgotten + 1);
	assert_false(cap_has_children(slot_at(guest.gspace)));
	assert_false(cap_has_children(slot_at(guest.frame)));
}

TEST(vcpu, deletion_wakes_an_idle_vmm)
{
	struct guest guest = idling(300);

	assert_ok(delete_cap(guest.vcpu));
	assert_err(INVALID_CAP, answer_of(guest.vmm).err);
	assert_null(harts[0].deadlines);
	assert_ptr_equal(host_leave_kernel(), guest.vmm);
}

TEST(vcpu, vmm_deletion_frees_the_vcpu)
{
	struct guest guest = idling(300);

	assert_ok(delete_cap(guest.made.cap));
	assert_null(guest.object->thread);
	assert_null(harts[0].deadlines);
	struct thread *other = spawn(100);

	do_vcpu_run(other, guest.vcpu);
	assert_ptr_equal(guest.object->thread, other);
	thread_suspend(root_thread());
	host_leave_kernel();
	assert_int_equal(guest.object->arch.entries, 2);
}

TEST(vcpu, preempted_guest_goes_on)
{
	struct guest guest = running();
	struct thread *higher = spawn(250);

	assert_ptr_equal(host_leave_kernel(), higher);
	thread_suspend(higher);
	assert_ptr_equal(host_leave_kernel(), guest.vmm);
	assert_int_equal(guest.object->arch.entries, 2);
	assert_ptr_equal(guest.object->thread, guest.vmm);
}
