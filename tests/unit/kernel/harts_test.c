/* SPDX-License-Identifier: Apache-2.0 */
/* What harts want of each other: the capability lock, questions, grace periods, vCPUs. */
#include <pthread.h>
#include <unistd.h>

#include "harts.h"

TEST(harts, lock_goes_round_and_is_given_up_when_the_owner_asks)
{
	host_add_harts(HARTS);
	assert_true(smp_lock());
	assert_int_equal(harts[0].held, LOCK_CAPABILITY);
	/* Hart 1 is asked for something while it waits: it must go. */
	harts[1].asked = HART_TO_ANSWER;
	harts[1].function = NULL;
	host_become(1);
	assert_false(smp_lock());
	assert_int_equal(harts[1].held, 0);
	harts[1].asked = HART_NOT_ASKED;
	host_become(0);
	smp_unlock();
	host_become(1);
	assert_true(smp_lock());
	smp_unlock();
}

TEST(harts, locks_have_an_order_in_debug_builds)
{
	struct lock object = { 0 }, other = { 0 };
	jmp_buf stop;

	assert_true(smp_lock());
	lock_acquire(&object, LOCK_OBJECT);
	host.stop = &stop;
	if (setjmp(stop) == 0) {
		lock_acquire(&other, LOCK_IRQ);
		fail();
	}
	if (setjmp(stop) == 0) {
		lock_acquire(&other, LOCK_OBJECT);
		fail();
	}
	lock_release(&object, LOCK_OBJECT);
	if (setjmp(stop) == 0) {
		lock_release(&object, LOCK_OBJECT);
		fail();
	}
	smp_unlock();
	assert_int_equal(harts[0].held, 0);
}

static void note(void *argument)
{
	*(struct hart **)argument = arch_this_hart();
}

TEST(harts, questions_are_answered_by_the_hart_that_is_asked)
{
	host_add_harts(HARTS);
	struct hart *who = NULL;

	assert_true(smp_lock());
	smp_ask(&harts[2], note, &who);
	assert_ptr_equal(who, &harts[2]);
	smp_ask(&harts[0], note, &who);
	assert_ptr_equal(who, &harts[0]);
	smp_stop();
	assert_int_equal(harts[1].asked, HART_STOPPED);
	assert_int_equal(harts[2].asked, HART_STOPPED);
	smp_on(&harts[1], note, &who);
	assert_ptr_equal(who, &harts[1]);
	assert_int_equal(harts[1].asked, HART_STOPPED);
	smp_on(&harts[0], note, &who);
	assert_ptr_equal(who, &harts[0]);
	smp_go();
	assert_int_equal(harts[1].asked, HART_NOT_ASKED);
	smp_unlock();
}

TEST(harts, slot_is_filled_again_only_after_a_grace_period)
{
	host_add_harts(HARTS);
	cptr_t index = free_slot();
	uint64_t epoch;

	assert_ok(invoke(CNODE, OP_CNODE_MINT, index, CNODE, VSPACE, RIGHT_ALL, 0));
	assert_ok(delete_cap(index));
	epoch = smp_epoch;
	assert_ok(invoke(CNODE, OP_CNODE_MINT, index, CNODE, VSPACE, RIGHT_ALL, 0));
	assert_true(smp_epoch > epoch);
	epoch = smp_epoch;
	assert_ok(invoke(CNODE, OP_CNODE_MINT, free_slot(), CNODE, VSPACE, RIGHT_ALL, 0));
	assert_int_equal(smp_epoch, epoch); /* a slot that never held anything */
}

struct guest {
	cptr_t vcpu;
	struct made_thread made;
	struct vcpu *object;
	struct vcpu_page *page;
};

static struct guest guest_on(unsigned hart)
{
	cptr_t gspace = make(OBJECT_GSPACE, 0), frame = make(OBJECT_FRAME, 12);
	struct guest guest = { .vcpu = make(OBJECT_VCPU, 0), .made = make_on(hart, 100) };

	guest.object = vcpu_at(guest.vcpu);
	guest.page = arch_pointer(paddr((uint64_t)slot_at(frame)->cap.frame_number << 12));
	assert_ok(invoke(guest.vcpu, OP_VCPU_CONFIGURE, gspace, frame, 0, 0, 0));
	(void)resume_on(hart, &guest.made);
	return guest;
}

TEST(harts, kick_reaches_a_guest_that_runs_or_idles_elsewhere)
{
	host_add_harts(HARTS);
	struct guest guest = guest_on(1);

	do_vcpu_run(guest.made.thread, guest.vcpu);
	assert_ptr_equal(host_leave_kernel(), guest.made.thread);
	host_become(0);
	harts[1].arch.interrupts = 0;
	vcpu_kick(guest.object, VCPU_IRQ_SOFTWARE);
	assert_true(harts[1].arch.interrupts > 0);
	assert_ptr_equal(step_on(1), guest.made.thread);
	assert_int_equal(guest.page->hvip, VCPU_IRQ_SOFTWARE);
	vcpu_idle(guest.made.thread);
	assert_null(host_leave_kernel());
	assert_int_equal(guest.made.thread->state, THREAD_GUEST_IDLE);
	host_become(0);
	vcpu_kick(guest.object, 0);
	assert_ptr_equal(step_on(1), guest.made.thread);
	assert_int_equal(answer_of(guest.made.thread).info, VCPU_EXIT_KICKED);
}

TEST(harts, vcpu_is_fetched_from_the_hart_that_holds_it)
{
	host_add_harts(HARTS);
	struct guest guest = guest_on(1);
	struct thread *other = run_on(2, 100);

	host_become(1);
	do_vcpu_run(guest.made.thread, guest.vcpu);
	assert_ptr_equal(host_leave_kernel(), guest.made.thread);
	host_become(2);
	assert_err(BUSY, do_vcpu_run(other, guest.vcpu).err);
	host_become(1);
	host_guest_exit(guest.made.thread, 10);
	assert_ptr_equal(host_leave_kernel(), guest.made.thread);
	assert_ptr_equal(guest.object->arch.hart, &harts[1]);
	host_become(2);
	do_vcpu_run(other, guest.vcpu);
	assert_int_equal(guest.object->arch.put_away, 1);
	assert_ptr_equal(host_leave_kernel(), other);
	assert_ptr_equal(guest.object->arch.hart, &harts[2]);
}

TEST(harts, vcpu_deletion_ends_the_guest_on_its_hart)
{
	host_add_harts(HARTS);
	struct guest guest = guest_on(1);

	do_vcpu_run(guest.made.thread, guest.vcpu);
	assert_ptr_equal(host_leave_kernel(), guest.made.thread);
	host_become(0);
	assert_ok(delete_cap(guest.vcpu));
	assert_int_equal(guest.object->arch.forgotten, 2); /* configured, deleted */
	assert_ptr_equal(step_on(1), guest.made.thread);
	assert_err(INVALID_CAP, answer_of(guest.made.thread).err);
	assert_null(guest.made.thread->vcpu);
}

TEST(harts, signal_to_the_bound_thread_of_another_hart)
{
	host_add_harts(HARTS);
	cptr_t notification = make(OBJECT_NOTIFICATION, 0), badged = derive(notification, RIGHT_ALL, 8), endpoint = make(OBJECT_ENDPOINT, 0);
	struct guest guest = guest_on(1);
	struct thread *vmm = guest.made.thread;

	host_become(0);
	assert_ok(invoke(guest.made.cap, OP_THREAD_BIND_NOTIFICATION, notification, 0, 0, 0, 0));
	assert_ptr_equal(step_on(1), vmm);
	do_recv(vmm, endpoint, 0, 0, DEADLINE_NEVER);
	host_become(0);
	do_signal(root_thread(), badged);
	assert_ptr_equal(step_on(1), vmm);
	assert_int_equal(answer_of(vmm).badge, 8);
	do_vcpu_run(vmm, guest.vcpu);
	assert_ptr_equal(host_leave_kernel(), vmm);
	host_become(0);
	do_signal(root_thread(), badged);
	assert_ptr_equal(step_on(1), vmm);
	assert_int_equal(answer_of(vmm).info, VCPU_EXIT_NOTIFIED);
}

TEST(harts, space_ends_on_every_hart)
{
	host_add_harts(HARTS);
	cptr_t space = make(OBJECT_VSPACE, 0);
	unsigned left[HARTS];

	for (unsigned i = 0; i < HARTS; i++)
		left[i] = harts[i].arch.left;
	space_find(slot_at(space)->cap.word)->harts = 6; /* as harts 1 and 2 would when they switch to it */
	assert_ok(delete_cap(space));
	assert_int_equal(harts[1].arch.left, left[1] + 1);
	assert_int_equal(harts[2].arch.left, left[2] + 1);
}

/* The owner of the lock wants something of hart 1, which therefore must not wait for it. */
static void ask_hart_1(void)
{
	host_become(0);
	assert_true(smp_lock());
	harts[1].asked = HART_TO_ANSWER;
	harts[1].function = note;
	harts[1].argument = &harts[1].argument;
	host_become(1);
}

static void answer_hart_1(void)
{
	harts[1].asked = HART_NOT_ASKED;
	host_become(0);
	smp_unlock();
}

TEST(harts, calls_start_again_when_the_owner_of_the_lock_asks)
{
	host_add_harts(HARTS);
	cptr_t endpoint = make(OBJECT_ENDPOINT, 0), gift = make(OBJECT_ENDPOINT, 0), to = free_slot();
	struct guest guest = guest_on(2);
	struct thread *sender = run_on(2, 110), *thread;

	do_send(sender, endpoint, (uint64_t)gift << 32, 9);
	assert_int_equal(sender->state, THREAD_SENDING);
	assert_ptr_equal(step_on(2), guest.made.thread);
	do_vcpu_run(guest.made.thread, guest.vcpu);
	assert_ptr_equal(host_leave_kernel(), guest.made.thread);
	host_guest_exit(guest.made.thread, 1);
	host_become(0);
	thread = run_on(1, 100);
	ask_hart_1();
	arch_thread_words(thread)[0] = CNODE;
	arch_thread_words(thread)[1] = OP_CNODE_DELETE;
	enter_kernel(thread, SYS_INVOKE);
	assert_true(thread->arch.restarted);
	do_send(thread, gift, (uint64_t)endpoint << 32, 0);
	assert_true(thread->arch.restarted);
	do_recv(thread, endpoint, 0, to, 0);
	assert_true(thread->arch.restarted);
	do_vcpu_run(thread, guest.vcpu);
	assert_true(thread->arch.restarted);
	assert_null(thread->vcpu);
	arch_thread_words(thread)[0] = DEBUG_CHECK;
	enter_kernel(thread, SYS_DEBUG);
	assert_true(thread->arch.restarted);
	arch_thread_words(thread)[0] = DEBUG_WATCH;
	arch_thread_words(thread)[1] = 1;
	enter_kernel(thread, SYS_DEBUG); /* and no check after it */
	assert_false(thread->arch.restarted);
	answer_hart_1();
	host_become(1);
	assert_int_equal(do_recv(thread, endpoint, 0, to, 0).word[0], 9);
	assert_int_equal(slot_at(to)->cap.type, OBJECT_ENDPOINT);
	arch_thread_words(thread)[0] = DEBUG_WATCH;
	arch_thread_words(thread)[1] = 0;
	enter_kernel(thread, SYS_DEBUG);
	host_become(0);
}

static void *lock_and_unlock(void *argument)
{
	host_become((unsigned)(uintptr_t)argument);
	bool mine = smp_lock();

	if (mine)
		smp_unlock();
	return mine ? argument : NULL;
}

TEST(harts, lock_is_handed_to_who_waits)
{
	pthread_t threads[HARTS];
	void *result;

	host_add_harts(HARTS);
	host_become(1);
	assert_true(smp_lock());
	for (unsigned i = 0; i < HARTS; i += 2)
		assert_int_equal(pthread_create(&threads[i], NULL, lock_and_unlock, (void *)(uintptr_t)i), 0);
	(void)usleep(20000); /* so that they do wait: with less, less is shown, and nothing fails */
	smp_unlock();
	assert_int_equal(pthread_join(threads[0], &result), 0);
	assert_int_equal(pthread_join(threads[2], &result), 0);
	assert_ptr_equal(result, (void *)(uintptr_t)2);
	host_become(0);
	assert_true(smp_lock());
	smp_unlock();
}

TEST(harts, sleeping_hart_is_not_asked_for_a_grace_period)
{
	host_add_harts(HARTS);
	cptr_t index = free_slot();

	assert_ok(invoke(CNODE, OP_CNODE_MINT, index, CNODE, VSPACE, RIGHT_ALL, 0));
	assert_ok(delete_cap(index));
	harts[1].idle = true;
	harts[1].arch.interrupts = harts[2].arch.interrupts = 0;
	uint64_t epoch = smp_epoch;

	assert_true(smp_lock());
	cap_prepare(slot_at(index));
	smp_unlock();
	assert_int_equal(smp_epoch, epoch + 1);
	assert_int_equal(harts[1].arch.interrupts, 0);
	harts[1].idle = false;
}

TEST(harts, registers_of_a_vcpu_are_fetched_from_another_hart)
{
	host_add_harts(HARTS);
	struct guest guest = guest_on(1);

	do_vcpu_run(guest.made.thread, guest.vcpu);
	assert_ptr_equal(host_leave_kernel(), guest.made.thread);
	host_become(0);
	assert_err(BUSY, invoke(guest.vcpu, OP_VCPU_READ_REGISTER, 0, 0, 0, 0, 0));
	host_become(1);
	host_guest_exit(guest.made.thread, 1);
	host_become(0);
	assert_ok(invoke(guest.vcpu, OP_VCPU_READ_REGISTER, 0, 0, 0, 0, 0));
	assert_int_equal(guest.object->arch.put_away, 1);
	assert_null(guest.object->thread);
}

TEST(harts, space_notes_each_hart_once)
{
	struct space *space = space_find(slot_at(make(OBJECT_GSPACE, 0))->cap.word);

	assert_int_equal(space->harts, 0);
	space_use(space, 2);
	space_use(space, 2);
	assert_int_equal(space->harts, 4);
	space_use(space, 0);
	assert_int_equal(space->harts, 5);
}
