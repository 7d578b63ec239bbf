/* SPDX-License-Identifier: Apache-2.0 */
/* Several harts: wakes across them, moving threads, deleting what another hart works with. */
#include "harts.h"

TEST(smp, affinity_is_any_hart_that_runs)
{
	struct made_thread made = make_thread(100);

	assert_err(RANGE, invoke(made.cap, OP_THREAD_SET_AFFINITY, ROOT_SLOT_SCHED_CONTROL, 1, 0, 0, 0));
	host_add_harts(HARTS);
	assert_ok(invoke(made.cap, OP_THREAD_SET_AFFINITY, ROOT_SLOT_SCHED_CONTROL, HARTS - 1, 0, 0, 0));
	assert_err(RANGE, invoke(made.cap, OP_THREAD_SET_AFFINITY, ROOT_SLOT_SCHED_CONTROL, HARTS, 0, 0, 0));
	assert_err(RANGE, invoke(made.cap, OP_THREAD_SET_AFFINITY, ROOT_SLOT_SCHED_CONTROL, UINT64_C(1) << 32, 0, 0, 0));
	assert_err(WRONG_TYPE, invoke(made.cap, OP_THREAD_SET_AFFINITY, CNODE, 0, 0, 0, 0));
	assert_ptr_equal(made.thread->hart, &harts[HARTS - 1]);
}

TEST(smp, resumed_thread_goes_through_the_inbox_of_its_hart)
{
	host_add_harts(HARTS);
	struct made_thread made = make_on(1, 100);

	assert_ok(invoke(made.cap, OP_THREAD_RESUME, 0, 0, 0, 0, 0));
	assert_ptr_equal(harts[1].inbox, made.thread);
	assert_int_equal(made.thread->state, THREAD_WOKEN);
	assert_int_equal(harts[1].arch.interrupts, 1);
	assert_null(harts[1].current);
	assert_ptr_equal(step_on(1), made.thread);
	assert_null(harts[1].inbox);
	assert_ptr_equal(harts[1].arch.switched_to, made.thread);
	assert_ptr_equal(harts[0].current, root_thread());
}

TEST(smp, inbox_keeps_the_order_and_interrupts_once)
{
	host_add_harts(HARTS);
	struct made_thread made[4];

	for (unsigned i = 0; i < 4; i++)
		made[i] = make_on(2, 100);
	for (unsigned i = 0; i < 4; i++)
		assert_ok(invoke(made[i].cap, OP_THREAD_RESUME, 0, 0, 0, 0, 0));
	assert_int_equal(harts[2].arch.interrupts, 1);
	(void)step_on(2);
	assert_ptr_equal(harts[2].current, made[0].thread);
	for (unsigned i = 1; i < 4; i++) {
		sched_yield(&harts[2]);
		assert_ptr_equal(host_leave_kernel(), made[i].thread);
	}
}

TEST(smp, signal_wakes_a_waiter_of_another_hart)
{
	host_add_harts(HARTS);
	cptr_t notification = make(OBJECT_NOTIFICATION, 0), badged = derive(notification, RIGHT_ALL, 4);
	struct thread *waiter = run_on(1, 100);

	do_wait(waiter, notification, host.time + 1000);
	assert_int_equal(waiter->state, THREAD_WAITING);
	assert_ptr_equal(harts[1].deadlines, waiter);
	host_become(0);
	do_signal(root_thread(), badged);
	assert_int_equal(waiter->state, THREAD_WOKEN);
	assert_true(waiter->has_deadline); /* its own hart's business */
	assert_ptr_equal(step_on(1), waiter);
	assert_null(harts[1].deadlines);
	assert_int_equal(answer_of(waiter).badge, 4);
}

TEST(smp, deadline_that_passes_after_the_wake_changes_nothing)
{
	host_add_harts(HARTS);
	cptr_t notification = make(OBJECT_NOTIFICATION, 0), badged = derive(notification, RIGHT_ALL, 2);
	struct thread *waiter = run_on(1, 100);

	do_wait(waiter, notification, host.time + 10);
	host_become(0);
	do_signal(root_thread(), badged);
	host.time += 20;
	host_become(1);
	sched_timer(&harts[1]);
	assert_int_equal(waiter->state, THREAD_WOKEN);
	assert_ptr_equal(step_on(1), waiter);
	assert_ok(answer_of(waiter).err);
	assert_int_equal(answer_of(waiter).badge, 2);
}

TEST(smp, timeout_wakes_on_its_own_hart)
{
	host_add_harts(HARTS);
	cptr_t notification = make(OBJECT_NOTIFICATION, 0), endpoint = make(OBJECT_ENDPOINT, 0);
	struct thread *waiter = run_on(1, 100), *receiver = run_on(2, 100);

	host_become(1);
	do_wait(waiter, notification, host.time + 10);
	host_become(2);
	do_recv(receiver, endpoint, 0, 0, host.time + 10);
	host.time += 20;
	host_become(1);
	sched_timer(&harts[1]);
	assert_ptr_equal(host_leave_kernel(), waiter);
	assert_err(TIMED_OUT, answer_of(waiter).err);
	assert_int_equal(receiver->state, THREAD_RECEIVING);
	host_become(2);
	sched_timer(&harts[2]);
	assert_ptr_equal(host_leave_kernel(), receiver);
	assert_err(TIMED_OUT, answer_of(receiver).err);
}

TEST(smp, call_and_answer_between_harts)
{
	host_add_harts(HARTS);
	struct parties all = meet();

	/* The server has time of its own, on hart 1; the client stays on hart 0. */
	assert_ok(invoke(all.server_made.cap, OP_THREAD_SET_AFFINITY, ROOT_SLOT_SCHED_CONTROL, 1, 0, 0, 0));
	assert_ptr_equal(step_on(1), all.server);
	do_recv(all.server, all.endpoint, all.reply, 0, DEADLINE_NEVER);
	host_become(0);
	do_call(all.client, all.badged, message_info(5, 1), 70);
	assert_int_equal(all.client->state, THREAD_AWAITS_REPLY);
	assert_ptr_equal(step_on(1), all.server);
	assert_int_equal(answer_of(all.server).badge, 42);
	assert_int_equal(answer_of(all.server).word[0], 70);
	do_reply_recv(all.server, all.endpoint, all.reply, message_info(6, 1), 71, DEADLINE_NEVER);
	assert_int_equal(all.client->state, THREAD_WOKEN);
	assert_null(step_on(1));
	(void)step_on(0);
	assert_int_equal(all.client->state, THREAD_READY);
	assert_int_equal(answer_of(all.client).word[0], 71);
}

TEST(smp, passive_server_moves_to_the_hart_of_its_caller)
{
	host_add_harts(HARTS);
	cptr_t endpoint = make(OBJECT_ENDPOINT, 0), reply = make(OBJECT_REPLY, 0);
	struct made_thread server = make_thread(110);
	struct thread *first = run_on(1, 100), *second = run_on(2, 100);

	host_become(0);
	thread_resume(server.thread);
	do_recv(server.thread, endpoint, reply, 0, DEADLINE_NEVER);
	assert_ok(invoke(server.cap, OP_THREAD_BIND_SCHED_CONTEXT, 0, 0, 0, 0, 0));
	host_become(1);
	do_call(first, endpoint, 0, 1);
	assert_ptr_equal(server.thread->hart, &harts[1]);
	assert_ptr_equal(host_leave_kernel(), server.thread);
	assert_ptr_equal(server.thread->sched_context->owner, first);
	host_become(2);
	do_call(second, endpoint, 0, 2); /* queues: the server is busy */
	assert_int_equal(second->state, THREAD_SENDING);
	host_become(1);
	do_reply_recv(server.thread, endpoint, reply, 0, 0, DEADLINE_NEVER);
	/* It has taken the next message, and goes on with what that caller lends. */
	assert_ptr_equal(server.thread->hart, &harts[2]);
	assert_ptr_equal(host_leave_kernel(), first);
	assert_ptr_equal(step_on(2), server.thread);
	assert_int_equal(answer_of(server.thread).word[0], 2);
	assert_ptr_equal(server.thread->sched_context->owner, second);
	do_reply_recv(server.thread, endpoint, reply, 0, 3, DEADLINE_NEVER);
	assert_ptr_equal(host_leave_kernel(), second);
	assert_int_equal(answer_of(second).word[0], 3);
	assert_ptr_equal(second->sched_context->owner, second);
	assert_null(server.thread->sched_context);
}

TEST(smp, affinity_is_refused_while_time_is_lent)
{
	host_add_harts(HARTS);
	cptr_t endpoint = make(OBJECT_ENDPOINT, 0), reply = make(OBJECT_REPLY, 0);
	struct made_thread server = make_thread(110), client = make_on(1, 100);

	thread_resume(server.thread);
	do_recv(server.thread, endpoint, reply, 0, DEADLINE_NEVER);
	assert_ok(invoke(server.cap, OP_THREAD_BIND_SCHED_CONTEXT, 0, 0, 0, 0, 0));
	(void)resume_on(1, &client);
	do_call(client.thread, endpoint, 0, 1);
	host_become(0);
	assert_err(BUSY, invoke(client.cap, OP_THREAD_SET_AFFINITY, ROOT_SLOT_SCHED_CONTROL, 0, 0, 0, 0));
	assert_err(BUSY, invoke(server.cap, OP_THREAD_SET_AFFINITY, ROOT_SLOT_SCHED_CONTROL, 0, 0, 0, 0));
	assert_err(BUSY, invoke(client.cap, OP_THREAD_BIND_SCHED_CONTEXT, make(OBJECT_SCHED_CONTEXT, 0), 0, 0, 0, 0));
}

TEST(smp, running_thread_moves_with_its_deadline_or_its_turn)
{
	host_add_harts(HARTS);
	cptr_t notification = make(OBJECT_NOTIFICATION, 0);
	struct made_thread running = make_on(1, 100), waiting = make_on(1, 110);

	(void)resume_on(1, &waiting);
	do_wait(waiting.thread, notification, host.time + 50);
	(void)resume_on(1, &running);
	host_become(0);
	assert_ok(invoke(running.cap, OP_THREAD_SET_AFFINITY, ROOT_SLOT_SCHED_CONTROL, 2, 0, 0, 0));
	assert_ok(invoke(waiting.cap, OP_THREAD_SET_AFFINITY, ROOT_SLOT_SCHED_CONTROL, 2, 0, 0, 0));
	assert_null(step_on(1));
	assert_null(harts[1].deadlines);
	assert_ptr_equal(harts[2].deadlines, waiting.thread);
	assert_ptr_equal(step_on(2), running.thread);
	host.time += 60;
	sched_timer(&harts[2]);
	assert_ptr_equal(host_leave_kernel(), waiting.thread);
	assert_err(TIMED_OUT, answer_of(waiting.thread).err);
}

TEST(smp, thread_that_moves_itself_goes_on_there)
{
	host_add_harts(HARTS);
	struct made_thread made = make_thread(230);
	uint64_t *words = arch_thread_words(made.thread);

	thread_resume(made.thread);
	words[0] = made.cap;
	words[1] = OP_THREAD_SET_AFFINITY;
	words[2] = ROOT_SLOT_SCHED_CONTROL;
	words[3] = 2;
	enter_kernel(made.thread, SYS_INVOKE);
	assert_ok(words[0]);
	assert_ptr_equal(host_leave_kernel(), root_thread());
	assert_ptr_equal(step_on(2), made.thread);
}

TEST(smp, suspend_and_resume_reach_a_running_thread_elsewhere)
{
	host_add_harts(HARTS);
	struct made_thread made = make_on(1, 100);
	struct thread *thread = resume_on(1, &made);

	host_become(0);
	assert_ok(invoke(made.cap, OP_THREAD_SUSPEND, 0, 0, 0, 0, 0));
	assert_int_equal(thread->state, THREAD_STOPPED);
	assert_null(step_on(1));
	assert_ptr_equal(resume_on(1, &made), thread);
}

TEST(smp, suspend_reaches_a_thread_that_is_on_its_way)
{
	host_add_harts(HARTS);
	cptr_t notification = make(OBJECT_NOTIFICATION, 0), badged = derive(notification, RIGHT_ALL, 1);
	struct made_thread made = make_on(1, 100);
	struct thread *thread = resume_on(1, &made);

	do_wait(thread, notification, host.time + 100);
	host_become(0);
	do_signal(root_thread(), badged);
	assert_int_equal(thread->state, THREAD_WOKEN);
	assert_ok(invoke(made.cap, OP_THREAD_SUSPEND, 0, 0, 0, 0, 0));
	assert_int_equal(thread->state, THREAD_STOPPED);
	assert_null(harts[1].inbox);
	assert_null(step_on(1));
	assert_null(harts[1].deadlines);
}

TEST(smp, deletion_ends_threads_of_other_harts)
{
	host_add_harts(HARTS);
	cptr_t notification = make(OBJECT_NOTIFICATION, 0);
	struct made_thread running = make_on(1, 100), waiting = make_on(2, 100), ready = make_on(1, 90);

	(void)resume_on(1, &running);
	host_become(0);
	assert_ok(invoke(ready.cap, OP_THREAD_RESUME, 0, 0, 0, 0, 0));
	(void)resume_on(2, &waiting);
	do_wait(waiting.thread, notification, host.time + 500);
	host_become(0);
	assert_ok(delete_cap(ready.cap));
	assert_ok(delete_cap(waiting.cap));
	assert_ok(delete_cap(running.cap));
	assert_null(step_on(1));
	assert_null(step_on(2));
	assert_null(harts[2].deadlines);
	assert_true(running.thread->arch.forgotten);
	host_become(0);
	assert_null(invariants_broken());
}

TEST(smp, deletion_of_what_is_waited_for_wakes_on_every_hart)
{
	host_add_harts(HARTS);
	cptr_t notification = make(OBJECT_NOTIFICATION, 0), endpoint = make(OBJECT_ENDPOINT, 0);
	struct thread *waiter = run_on(1, 100), *receiver = run_on(2, 100);

	host_become(1);
	do_wait(waiter, notification, host.time + 500);
	host_become(2);
	do_recv(receiver, endpoint, 0, 0, host.time + 500);
	host_become(0);
	assert_ok(delete_cap(notification));
	assert_ok(delete_cap(endpoint));
	assert_ptr_equal(step_on(1), waiter);
	assert_err(DELETED, answer_of(waiter).err);
	assert_ptr_equal(step_on(2), receiver);
	assert_err(DELETED, answer_of(receiver).err);
	assert_null(harts[1].deadlines);
	assert_null(harts[2].deadlines);
}

TEST(smp, deletion_of_a_context_stops_who_runs_on_it_elsewhere)
{
	host_add_harts(HARTS);
	struct made_thread made = make_on(1, 100);

	(void)resume_on(1, &made);
	host_become(0);
	assert_ok(delete_cap(made.context));
	assert_null(step_on(1));
	assert_null(made.thread->sched_context);
}

TEST(smp, priority_and_time_change_on_the_hart_of_the_thread)
{
	host_add_harts(HARTS);
	struct made_thread low = make_on(1, 90), high = make_on(1, 100);

	(void)resume_on(1, &high);
	host_become(0);
	assert_ok(invoke(low.cap, OP_THREAD_RESUME, 0, 0, 0, 0, 0));
	assert_ok(invoke(low.cap, OP_THREAD_SET_PRIORITY, ROOT_SLOT_SCHED_CONTROL, 120, 0, 0, 0));
	assert_ptr_equal(step_on(1), low.thread);
	host_become(0);
	assert_ok(invoke(ROOT_SLOT_SCHED_CONTROL, OP_SCHED_CONTROL_CONFIGURE, low.context, 100, 1000, 0, 0));
	assert_ptr_equal(step_on(1), low.thread);
	host.time += 150;
	sched_timer(&harts[1]);
	assert_ptr_equal(host_leave_kernel(), high.thread);
}

/* A passive server on hart 2 that waits with a deadline there. */
static struct made_thread passive_server(cptr_t endpoint, cptr_t reply)
{
	struct made_thread server = make_on(2, 110);

	(void)resume_on(2, &server);
	do_recv(server.thread, endpoint, reply, 0, host.time + 100);
	host_become(0);
	assert_ok(invoke(server.cap, OP_THREAD_BIND_SCHED_CONTEXT, 0, 0, 0, 0, 0));
	assert_ptr_equal(harts[2].deadlines, server.thread);
	return server;
}

TEST(smp, server_with_a_deadline_elsewhere_comes_by_that_hart)
{
	host_add_harts(HARTS);
	cptr_t endpoint = make(OBJECT_ENDPOINT, 0), reply = make(OBJECT_REPLY, 0);
	struct made_thread server = passive_server(endpoint, reply);
	struct thread *client = run_on(1, 100);

	do_call(client, endpoint, 0, 5);
	assert_ptr_equal(server.thread->hart, &harts[1]);
	assert_ptr_equal(harts[2].inbox, server.thread);
	assert_null(step_on(1)); /* the server still has to pass hart 2 */
	assert_null(step_on(2));
	assert_null(harts[2].deadlines);
	assert_ptr_equal(harts[1].inbox, server.thread);
	assert_ptr_equal(step_on(1), server.thread);
	assert_int_equal(answer_of(server.thread).word[0], 5);
}

TEST(smp, deadline_that_passes_leaves_who_was_claimed_alone)
{
	host_add_harts(HARTS);
	cptr_t endpoint = make(OBJECT_ENDPOINT, 0), reply = make(OBJECT_REPLY, 0);
	struct made_thread server = passive_server(endpoint, reply);
	struct thread *client = run_on(1, 100);

	do_call(client, endpoint, 0, 5);
	host.time += 200;
	host_become(2);
	sched_timer(&harts[2]);
	assert_null(harts[2].deadlines);
	assert_null(host_leave_kernel());
	assert_ptr_equal(step_on(1), server.thread);
	assert_ok(answer_of(server.thread).err);
	assert_int_equal(client->state, THREAD_AWAITS_REPLY);
}

TEST(smp, nothing_is_on_its_way_while_all_stand_still)
{
	host_add_harts(HARTS);
	cptr_t endpoint = make(OBJECT_ENDPOINT, 0), reply = make(OBJECT_REPLY, 0);
	struct made_thread server = passive_server(endpoint, reply);
	struct thread *client = run_on(1, 100);

	/* Hart 1 stands still before hart 2 sends the server on to it. */
	do_call(client, endpoint, 0, 5);
	host_become(0);
	assert_ok(invoke(server.cap, OP_THREAD_SUSPEND, 0, 0, 0, 0, 0));
	assert_int_equal(server.thread->state, THREAD_STOPPED);
	assert_null(harts[1].inbox);
	assert_null(harts[2].inbox);
	assert_null(harts[2].deadlines);
	/* It holds the client's time and is no longer at rest, though stopped: a change goes to its hart. */
	assert_ok(invoke(server.cap, OP_THREAD_SET_PRIORITY, ROOT_SLOT_SCHED_CONTROL, 90, 0, 0, 0));
	assert_int_equal(server.thread->priority, 90);
	assert_ok(delete_cap(reply));
	assert_ptr_equal(step_on(1), client);
	assert_err(DELETED, answer_of(client).err);
}

TEST(smp, running_thread_stays_when_its_hart_does)
{
	host_add_harts(HARTS);
	struct made_thread made = make_on(1, 100);

	(void)resume_on(1, &made);
	host_become(0);
	assert_ok(invoke(made.cap, OP_THREAD_SET_AFFINITY, ROOT_SLOT_SCHED_CONTROL, 1, 0, 0, 0));
	assert_ptr_equal(harts[1].current, made.thread);
	assert_ptr_equal(step_on(1), made.thread);
}
