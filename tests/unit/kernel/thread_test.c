/* SPDX-License-Identifier: Apache-2.0 */
/* Threads: configuration, resume and suspend in every state, faults, destruction. */
#include "test.h"

TEST(thread, starts_when_resumed)
{
	struct made_thread made = make_thread(230);

	assert_int_equal(made.thread->state, THREAD_STOPPED);
	assert_ok(invoke(made.cap, OP_THREAD_RESUME, 0, 0, 0, 0, 0));
	assert_int_equal(made.thread->state, THREAD_READY);
	assert_ptr_equal(host_leave_kernel(), made.thread);
	assert_ptr_equal(harts[0].arch.switched_to, made.thread);
}

TEST(thread, resume_needs_a_vspace)
{
	cptr_t thread = make(OBJECT_THREAD, 0);

	assert_err(INVALID_CAP, invoke(thread, OP_THREAD_RESUME, 0, 0, 0, 0, 0));
	assert_int_equal(thread_at(thread)->state, THREAD_STOPPED);
	thread_resume(thread_at(thread));
	assert_int_equal(thread_at(thread)->state, THREAD_STOPPED);
}

TEST(thread, resume_of_one_that_waits_changes_nothing)
{
	struct made_thread made = make_thread(100);
	cptr_t notification = make(OBJECT_NOTIFICATION, 0);

	thread_resume(made.thread);
	do_wait(made.thread, notification, DEADLINE_NEVER);
	assert_ok(invoke(made.cap, OP_THREAD_RESUME, 0, 0, 0, 0, 0));
	assert_int_equal(made.thread->state, THREAD_WAITING);
}

TEST(thread, registers_are_written_only_when_stopped)
{
	struct made_thread made = make_thread(100);

	assert_ok(invoke(made.cap, OP_THREAD_WRITE_REGISTERS, 0x4000, 0x5000, 7, 0, 0));
	assert_ok(invoke(made.cap, OP_THREAD_READ_REGISTER, 0, 0, 0, 0, 0));
	assert_int_equal(invoke_result, 0x4000);
	assert_ok(invoke(made.cap, OP_THREAD_READ_REGISTER, 2, 0, 0, 0, 0));
	assert_int_equal(invoke_result, 0x5000);
	assert_ok(invoke(made.cap, OP_THREAD_READ_REGISTER, 10, 0, 0, 0, 0));
	assert_int_equal(invoke_result, 7);
	assert_err(RANGE, invoke(made.cap, OP_THREAD_READ_REGISTER, 32, 0, 0, 0, 0));
	assert_err(RANGE, invoke(made.cap, OP_THREAD_READ_REGISTER, UINT64_MAX, 0, 0, 0, 0));
	assert_ok(invoke(made.cap, OP_THREAD_RESUME, 0, 0, 0, 0, 0));
	assert_err(BUSY, invoke(made.cap, OP_THREAD_WRITE_REGISTERS, 0, 0, 0, 0, 0));
	assert_err(BUSY, invoke(made.cap, OP_THREAD_CONFIGURE, CNODE, VSPACE, 0, 0, 0));
}

TEST(thread, configure_refuses_wrong_capabilities)
{
	cptr_t thread = make(OBJECT_THREAD, 0), endpoint = make(OBJECT_ENDPOINT, 0), mute = derive(endpoint, RIGHT_READ, 0);

	assert_err(INVALID_CAP, invoke(thread, OP_THREAD_CONFIGURE, 0, VSPACE, 0, 0, 0));
	assert_err(WRONG_TYPE, invoke(thread, OP_THREAD_CONFIGURE, VSPACE, VSPACE, 0, 0, 0));
	assert_err(WRONG_TYPE, invoke(thread, OP_THREAD_CONFIGURE, CNODE, CNODE, 0, 0, 0));
	assert_err(INVALID_CAP, invoke(thread, OP_THREAD_CONFIGURE, CNODE, free_slot(), 0, 0, 0));
	assert_err(WRONG_TYPE, invoke(thread, OP_THREAD_CONFIGURE, CNODE, VSPACE, CNODE, 0, 0));
	assert_err(NO_RIGHT, invoke(thread, OP_THREAD_CONFIGURE, CNODE, VSPACE, mute, 0, 0));
	assert_true(slot_empty(&thread_at(thread)->cspace));
	assert_ok(invoke(thread, OP_THREAD_CONFIGURE, CNODE, VSPACE, endpoint, 0, 0));
	assert_ok(invoke(thread, OP_THREAD_CONFIGURE, CNODE, VSPACE, 0, 0, 0));
	assert_true(slot_empty(&thread_at(thread)->fault_endpoint));
}

TEST(thread, operations_need_the_write_right)
{
	struct made_thread made = make_thread(100);
	cptr_t readable = derive(made.cap, (unsigned)~RIGHT_WRITE & RIGHT_ALL, 0);

	for (uint64_t operation = 0; operation < 10; operation++)
		assert_err(NO_RIGHT, invoke(readable, operation, 0, 0, 0, 0, 0));
	assert_err(UNKNOWN_OPERATION, invoke(made.cap, 99, 0, 0, 0, 0, 0));
}

TEST(thread, suspend_ends_every_wait)
{
	cptr_t endpoint = make(OBJECT_ENDPOINT, 0), other = make(OBJECT_ENDPOINT, 0), reply = make(OBJECT_REPLY, 0);
	cptr_t notification = make(OBJECT_NOTIFICATION, 0);
	struct thread *server = spawn(100), *threads[5];

	for (unsigned i = 0; i < 5; i++)
		threads[i] = spawn(100);
	do_recv(server, endpoint, reply, 0, DEADLINE_NEVER);
	do_call(threads[0], endpoint, 0, 0);
	do_send(threads[1], endpoint, 0, 0);
	do_recv(threads[2], other, 0, 0, host.time + 100);
	do_wait(threads[3], notification, host.time + 50);
	assert_int_equal(threads[0]->state, THREAD_AWAITS_REPLY);
	for (unsigned i = 0; i < 5; i++) {
		thread_suspend(threads[i]);
		assert_int_equal(threads[i]->state, THREAD_STOPPED);
		assert_null(invariants_broken());
		if (i < 4)
			assert_err(DELETED, answer_of(threads[i]).err);
	}
	assert_null(harts[0].deadlines);
	assert_null(endpoint_at(endpoint)->queue.head);
	for (unsigned i = 0; i < 5; i++) {
		thread_resume(threads[i]);
		assert_int_equal(threads[i]->state, THREAD_READY);
	}
	pass_time(200);
}

TEST(thread, suspend_of_the_caller_itself_takes_it_off_the_hart)
{
	struct made_thread made = make_thread(100);

	thread_resume(made.thread);
	uint64_t *words = arch_thread_words(made.thread);

	words[0] = made.cap;
	words[1] = OP_THREAD_SUSPEND;
	enter_kernel(made.thread, SYS_INVOKE);
	assert_int_equal(made.thread->state, THREAD_STOPPED);
	assert_ok(words[0]);
	assert_ptr_equal(host_leave_kernel(), root_thread());
	assert_false(made.thread->queued);
}

TEST(thread, suspend_in_guest_answers_when_resumed)
{
	struct made_thread made = make_thread(240);
	cptr_t vcpu = make(OBJECT_VCPU, 0), gspace = make(OBJECT_GSPACE, 0), frame = make(OBJECT_FRAME, 12);

	assert_ok(invoke(vcpu, OP_VCPU_CONFIGURE, gspace, frame, 0, 0, 0));
	thread_resume(made.thread);
	do_vcpu_run(made.thread, vcpu);
	assert_ptr_equal(host_leave_kernel(), made.thread);
	thread_suspend(made.thread);
	assert_null(vcpu_at(vcpu)->thread);
	assert_err(DELETED, answer_of(made.thread).err);
	thread_resume(made.thread);
	assert_ptr_equal(host_leave_kernel(), made.thread);
	assert_int_equal(vcpu_at(vcpu)->arch.entries, 1);
}

TEST(thread, deletes_itself)
{
	struct made_thread made = make_thread(240);

	thread_resume(made.thread);
	uint64_t *words = arch_thread_words(made.thread);

	words[0] = CNODE;
	words[1] = OP_CNODE_DELETE;
	words[2] = made.cap;
	enter_kernel(made.thread, SYS_INVOKE);
	assert_true(slot_empty(slot_at(made.cap)));
	assert_null(harts[0].current);
	assert_true(made.thread->arch.forgotten);
	assert_null(invariants_broken());
	assert_ptr_equal(host_leave_kernel(), root_thread());
	assert_null(sched_context_at(made.context)->thread);
	assert_null(sched_context_at(made.context)->owner);
}

TEST(thread, deletes_the_untyped_it_is_made_of_with_restarts)
{
	cptr_t untyped = make(OBJECT_UNTYPED, 16), cap = make_from(untyped, OBJECT_THREAD, 0);
	cptr_t context = make_from(untyped, OBJECT_SCHED_CONTEXT, 0), endpoint = make_from(untyped, OBJECT_ENDPOINT, 0);
	struct thread *thread = thread_at(cap);

	for (unsigned i = 0; i < 100; i++)
		(void)derive(endpoint, RIGHT_ALL, 0);
	assert_ok(invoke(cap, OP_THREAD_CONFIGURE, CNODE, VSPACE, endpoint, 0, 0));
	assert_ok(invoke(cap, OP_THREAD_BIND_SCHED_CONTEXT, context, 0, 0, 0, 0));
	assert_ok(invoke(cap, OP_THREAD_RESUME, 0, 0, 0, 0, 0));
	uint64_t *words = arch_thread_words(thread);

	words[0] = CNODE;
	words[1] = OP_CNODE_REVOKE;
	words[2] = untyped;
	host.interrupt_every = 1;
	for (unsigned i = 0; i < 20 && thread->state == THREAD_READY && thread->sched_context; i++) {
		enter_kernel(thread, SYS_INVOKE);
		assert_null(invariants_broken());
	}
	assert_ok(revoke_cap(untyped));
	assert_false(cap_has_children(slot_at(untyped)));
	assert_ptr_equal(host_leave_kernel(), root_thread());
}

TEST(thread, root_can_delete_everything_and_the_hart_sleeps)
{
	(void)spawn(100);
	host.interrupt_every = 3;
	for (unsigned i = 0; i < 50 && harts[0].current == root_thread(); i++) {
		uint64_t *words = arch_thread_words(root_thread());

		words[0] = CNODE;
		words[1] = OP_CNODE_DELETE;
		words[2] = CNODE;
		root_thread()->arch.restarted = false;
		syscall_handle(harts[0].current, SYS_INVOKE);
		if (slot_empty(slot_at(ROOT_SLOT_THREAD)))
			break;
	}
	host.interrupt_every = 0;
	while (!cap_reap_step())
		;
	assert_true(slot_empty(slot_at(RAM)));
	assert_true(slot_empty(slot_at(CNODE)));
	assert_null(host_leave_kernel());
}

TEST(thread, fault_stops_it_when_nobody_supervises)
{
	struct thread *thread = spawn(240);

	become(thread);
	thread->arch.cause = 13;
	thread->arch.pc = 0xabcd;
	thread_raise_fault(thread);
	assert_int_equal(thread->state, THREAD_STOPPED);
	host.console[host.console_length] = 0;
	assert_non_null(strstr(host.console, "cause 13, pc abcd"));
	assert_ptr_equal(host_leave_kernel(), root_thread());
	thread_resume(thread);
	assert_int_equal(thread->fault, THREAD_NO_FAULT);
	assert_ptr_equal(host_leave_kernel(), thread);
}

TEST(thread, suspend_in_fault_keeps_registers)
{
	struct made_thread made = make_thread(100);
	cptr_t endpoint = make(OBJECT_ENDPOINT, 0);

	assert_ok(invoke(made.cap, OP_THREAD_CONFIGURE, CNODE, VSPACE, endpoint, 0, 0));
	thread_resume(made.thread);
	become(made.thread);
	arch_thread_words(made.thread)[0] = 0x1234;
	thread_raise_fault(made.thread);
	assert_int_equal(made.thread->state, THREAD_SENDING);
	thread_suspend(made.thread);
	assert_int_equal(arch_thread_words(made.thread)[0], 0x1234);
	thread_resume(made.thread);
	assert_int_equal(made.thread->fault, THREAD_NO_FAULT);
}

TEST(thread, loses_its_cspace_when_the_cnode_is_deleted)
{
	struct made_thread made = make_thread(100);
	cptr_t cnode = make(OBJECT_CNODE, 3), endpoint = make(OBJECT_ENDPOINT, 0);

	assert_ok(invoke(cnode, OP_CNODE_MINT, 1, CNODE, endpoint, RIGHT_ALL, 0));
	assert_ok(invoke(made.cap, OP_THREAD_CONFIGURE, cnode, VSPACE, 0, 0, 0));
	thread_resume(made.thread);
	assert_non_null(thread_slot(made.thread, 1));
	assert_true(slot_empty(thread_slot(made.thread, 2)));
	assert_null(thread_slot(made.thread, 8));
	assert_null(thread_slot(made.thread, UINT64_MAX));
	assert_ok(delete_cap(cnode));
	assert_null(thread_slot(made.thread, 1));
	assert_err(INVALID_CAP, do_send(made.thread, 1, 0, 0).err);
}

TEST(thread, destruction_frees_what_was_bound)
{
	struct made_thread made = make_thread(100);
	cptr_t notification = make(OBJECT_NOTIFICATION, 0);

	assert_ok(invoke(made.cap, OP_THREAD_BIND_NOTIFICATION, notification, 0, 0, 0, 0));
	assert_err(BUSY, invoke(made.cap, OP_THREAD_BIND_SCHED_CONTEXT, make(OBJECT_SCHED_CONTEXT, 0), 0, 0, 0, 0));
	assert_ok(delete_cap(made.cap));
	assert_null(notification_at(notification)->bound);
	struct made_thread other = make_passive(100);

	assert_ok(invoke(other.cap, OP_THREAD_BIND_NOTIFICATION, notification, 0, 0, 0, 0));
	assert_ok(invoke(other.cap, OP_THREAD_BIND_SCHED_CONTEXT, made.context, 0, 0, 0, 0));
}

TEST(thread, affinity_needs_control_and_a_hart_that_runs)
{
	struct made_thread made = make_thread(100);

	assert_err(INVALID_CAP, invoke(made.cap, OP_THREAD_SET_AFFINITY, free_slot(), 0, 0, 0, 0));
	assert_err(WRONG_TYPE, invoke(made.cap, OP_THREAD_SET_AFFINITY, CNODE, 0, 0, 0, 0));
	assert_err(RANGE, invoke(made.cap, OP_THREAD_SET_AFFINITY, ROOT_SLOT_SCHED_CONTROL, root_info()->harts, 0, 0, 0));
	assert_err(RANGE, invoke(made.cap, OP_THREAD_SET_AFFINITY, ROOT_SLOT_SCHED_CONTROL, UINT64_MAX, 0, 0, 0));
	assert_ptr_equal(made.thread->hart, &harts[0]);
	assert_ok(invoke(made.cap, OP_THREAD_SET_AFFINITY, ROOT_SLOT_SCHED_CONTROL, 0, 0, 0, 0));
	assert_ptr_equal(made.thread->hart, &harts[0]);
}

TEST(thread, timeout_of_a_thread_whose_time_is_not_limited_is_none)
{
	struct made_thread made = make_thread(100);

	assert_ok(invoke(made.cap, OP_THREAD_SET_TIMEOUT_ENDPOINT, make(OBJECT_ENDPOINT, 0), 0, 0, 0, 0));
	thread_resume(made.thread);
	become(made.thread);
	assert_false(thread_raise_timeout(made.thread));
	assert_int_equal(made.thread->state, THREAD_READY);
}
