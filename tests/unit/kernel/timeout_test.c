/* SPDX-License-Identifier: Apache-2.0 */
/* Running out of budget: sporadic refills in the scheduler, who goes first when one comes, and timeout messages. */
#include "parties.h"

#define BUDGET 1000u
#define PERIOD 10000u

static void budget(cptr_t context, uint64_t ticks, uint64_t period, uint64_t slice)
{
	assert_ok(invoke(ROOT_SLOT_SCHED_CONTROL, OP_SCHED_CONTROL_CONFIGURE, context, ticks, period, slice, 0));
}

/* A thread that has a budget and a timeout endpoint, and a server that waits there. The root task sleeps. */
static struct parties limited(void)
{
	struct parties all = meet();

	thread_suspend(all.client);
	assert_ok(invoke(all.client_made.cap, OP_THREAD_SET_TIMEOUT_ENDPOINT, all.badged, 0, 0, 0, 0));
	budget(all.client_made.context, BUDGET, PERIOD, 0);
	do_recv(all.server, all.endpoint, all.reply, 0, DEADLINE_NEVER);
	thread_resume(all.client);
	thread_suspend(root_thread());
	return all;
}

/* A server without time of its own that waits for messages. The root task sleeps afterwards. */
static struct made_thread park(cptr_t endpoint, cptr_t timeout_endpoint)
{
	thread_resume(root_thread());
	struct made_thread made = make_passive(200);
	cptr_t context = make(OBJECT_SCHED_CONTEXT, 0), reply = make(OBJECT_REPLY, 0);

	assert_ok(invoke(made.cap, OP_THREAD_SET_TIMEOUT_ENDPOINT, timeout_endpoint, 0, 0, 0, 0));
	assert_ok(sched_context_bind(made.thread, sched_context_at(context)));
	thread_resume(made.thread);
	do_recv(made.thread, endpoint, reply, 0, DEADLINE_NEVER);
	assert_ok(sched_context_bind(made.thread, NULL));
	thread_suspend(root_thread());
	return made;
}

TEST(timeout, message_says_what_was_used_and_when_there_is_more)
{
	struct parties all = limited();

	assert_ptr_equal(host_leave_kernel(), all.client);
	uint64_t start = host.time;

	assert_ptr_equal(pass_time(BUDGET), all.server);
	struct answer got = answer_of(all.server);

	assert_int_equal(got.info, message_info(LABEL_TIMEOUT, TIMEOUT_WORDS));
	assert_int_equal(got.badge, 42);
	assert_int_equal(got.word[TIMEOUT_CONSUMED], BUDGET);
	assert_int_equal(got.word[TIMEOUT_REFILL], start + PERIOD);
	assert_int_equal(got.word[TIMEOUT_BUDGET], BUDGET);
	assert_int_equal(got.word[TIMEOUT_PERIOD], PERIOD);
	assert_int_equal(all.client->state, THREAD_AWAITS_REPLY);
}

TEST(timeout, answer_lets_the_thread_wait_for_its_refill)
{
	struct parties all = limited();

	pass_time(BUDGET);
	arch_thread_words(all.client)[0] = 0x77;
	do_reply_recv(all.server, all.endpoint, all.reply, 0, 5, DEADLINE_NEVER);
	assert_int_equal(all.client->fault, THREAD_NO_FAULT);
	assert_int_equal(arch_thread_words(all.client)[0], 0x77);
	assert_null(pass_time(PERIOD - BUDGET - 1));
	assert_ptr_equal(pass_time(1), all.client);
}

TEST(timeout, new_budget_lets_the_thread_go_on_at_once)
{
	struct parties all = limited();

	pass_time(BUDGET);
	assert_ok(sched_context_configure(all.client->own_context, BUDGET, PERIOD, 0));
	do_reply_recv(all.server, all.endpoint, all.reply, 0, 0, DEADLINE_NEVER);
	assert_ptr_equal(host_leave_kernel(), all.client);
}

TEST(timeout, answer_with_a_label_stops_the_thread)
{
	struct parties all = limited();

	pass_time(BUDGET);
	do_reply_recv(all.server, all.endpoint, all.reply, message_info(1, 0), 0, DEADLINE_NEVER);
	assert_int_equal(all.client->state, THREAD_STOPPED);
	thread_resume(all.client);
	assert_true(all.client->has_deadline);
}

TEST(timeout, thread_goes_on_when_nobody_is_left_to_tell)
{
	struct parties all = limited();

	pass_time(BUDGET);
	thread_resume(root_thread());
	assert_ok(delete_cap(all.reply));
	assert_int_equal(all.client->state, THREAD_READY);
	assert_true(all.client->has_deadline);
	assert_ok(delete_cap(all.endpoint));
	assert_true(slot_empty(&all.client->timeout_endpoint));
	thread_suspend(root_thread());
	pass_time(2 * PERIOD);
	assert_int_equal(all.client->state, THREAD_READY);
}

TEST(timeout, waiting_message_ends_with_its_endpoint)
{
	struct parties all = limited();

	thread_suspend(all.server);
	pass_time(BUDGET);
	assert_int_equal(all.client->state, THREAD_SENDING);
	thread_resume(root_thread());
	assert_ok(delete_cap(all.endpoint));
	assert_int_equal(all.client->state, THREAD_READY);
	assert_int_equal(all.client->fault, THREAD_NO_FAULT);
}

TEST(timeout, nothing_is_lent_to_who_takes_the_message)
{
	struct parties all = limited();

	thread_suspend(all.server);
	struct made_thread passive = park(all.endpoint, 0);

	pass_time(BUDGET);
	assert_int_equal(all.client->state, THREAD_AWAITS_REPLY);
	assert_null(passive.thread->sched_context);
	assert_non_null(all.client->sched_context);
}

TEST(timeout, words_are_zero_when_the_context_was_taken_away)
{
	struct parties all = limited();

	thread_suspend(all.server);
	pass_time(BUDGET);
	thread_resume(root_thread());
	assert_ok(invoke(all.client_made.cap, OP_THREAD_BIND_SCHED_CONTEXT, 0, 0, 0, 0, 0));
	thread_resume(all.server);
	struct answer got = do_recv(all.server, all.endpoint, all.reply, 0, DEADLINE_NEVER);

	assert_int_equal(got.info, message_info(LABEL_TIMEOUT, TIMEOUT_WORDS));
	assert_int_equal(got.word[TIMEOUT_PERIOD], 0);
}

TEST(timeout, passive_server_faults_when_the_caller_runs_out)
{
	struct parties all = limited();

	thread_resume(root_thread());
	cptr_t service = make(OBJECT_ENDPOINT, 0);
	struct made_thread passive = park(service, derive(all.endpoint, RIGHT_WRITE, 7));

	do_call(all.client, service, 0, 1);
	assert_ptr_equal(host_leave_kernel(), passive.thread);
	assert_ptr_equal(pass_time(BUDGET), all.server);
	assert_int_equal(answer_of(all.server).badge, 7);
	assert_ptr_equal(passive.thread->sched_context, sched_context_at(all.client_made.context));
	do_reply_recv(all.server, all.endpoint, all.reply, 0, 0, DEADLINE_NEVER);
	assert_ptr_equal(pass_time(PERIOD - BUDGET), passive.thread);
}

/* The thread enters a guest. The root task sleeps afterwards. */
static cptr_t run_guest(struct thread *thread)
{
	thread_resume(root_thread());
	cptr_t vcpu = make(OBJECT_VCPU, 0);

	assert_ok(invoke(vcpu, OP_VCPU_CONFIGURE, make(OBJECT_GSPACE, 0), make(OBJECT_FRAME, 12), 0, 0, 0));
	thread_suspend(root_thread());
	do_vcpu_run(thread, vcpu);
	return vcpu;
}

TEST(timeout, guest_goes_on_after_the_answer)
{
	struct parties all = limited();
	cptr_t vcpu = run_guest(all.client);

	pass_time(BUDGET);
	assert_int_equal(all.client->fault, THREAD_TIMED_OUT);
	assert_null(invariants_broken());
	vcpu_kick(vcpu_at(vcpu), 0);
	assert_int_equal(all.client->state, THREAD_AWAITS_REPLY);
	do_reply_recv(all.server, all.endpoint, all.reply, 0, 0, DEADLINE_NEVER);
	pass_time(PERIOD);
	assert_ok(answer_of(all.client).err);
	assert_int_equal(answer_of(all.client).info, VCPU_EXIT_KICKED);
}

TEST(timeout, guest_that_is_deleted_meanwhile_ends_vcpu_run)
{
	struct parties all = limited();
	cptr_t vcpu = run_guest(all.client);

	pass_time(BUDGET);
	thread_resume(root_thread());
	assert_ok(delete_cap(vcpu));
	assert_err(INVALID_CAP, answer_of(all.client).err);
	assert_int_equal(all.client->state, THREAD_READY);
}

TEST(timeout, endpoint_is_set_while_stopped)
{
	struct made_thread made = make_thread(10);
	cptr_t endpoint = make(OBJECT_ENDPOINT, 0);

	assert_err(WRONG_TYPE, invoke(made.cap, OP_THREAD_SET_TIMEOUT_ENDPOINT, CNODE, 0, 0, 0, 0));
	assert_err(NO_RIGHT, invoke(made.cap, OP_THREAD_SET_TIMEOUT_ENDPOINT, derive(endpoint, RIGHT_READ, 0), 0, 0, 0, 0));
	assert_ok(invoke(made.cap, OP_THREAD_SET_TIMEOUT_ENDPOINT, endpoint, 0, 0, 0, 0));
	assert_false(slot_empty(&made.thread->timeout_endpoint));
	assert_ok(invoke(made.cap, OP_THREAD_SET_TIMEOUT_ENDPOINT, 0, 0, 0, 0, 0));
	assert_true(slot_empty(&made.thread->timeout_endpoint));
	thread_resume(made.thread);
	assert_err(BUSY, invoke(made.cap, OP_THREAD_SET_TIMEOUT_ENDPOINT, endpoint, 0, 0, 0, 0));
}

TEST(timeout, without_an_endpoint_each_use_comes_back_a_period_later)
{
	struct made_thread made = make_thread(50);
	struct thread *low = spawn(10);
	cptr_t notification = make(OBJECT_NOTIFICATION, 0);

	budget(made.context, BUDGET, PERIOD, 0);
	thread_resume(made.thread);
	thread_suspend(root_thread());
	uint64_t start = host.time;

	assert_ptr_equal(pass_time(400), made.thread);
	do_wait(made.thread, notification, start + 3000);
	assert_ptr_equal(pass_time(0), low);
	assert_ptr_equal(pass_time(2600), made.thread);
	assert_ptr_equal(pass_time(599), made.thread);
	assert_ptr_equal(pass_time(1), low);
	assert_ptr_equal(pass_time(start + PERIOD - 1 - host.time), low);
	assert_ptr_equal(pass_time(1), made.thread);
	assert_ptr_equal(pass_time(400), low);
	assert_ptr_equal(pass_time(start + 3000 + PERIOD - host.time), made.thread);
}

TEST(timeout, refill_overtakes_an_equal_that_had_more)
{
	struct made_thread made = make_thread(50);
	struct thread *equal = spawn(50);

	budget(made.context, BUDGET, PERIOD, 10 * BUDGET);
	thread_resume(made.thread);
	thread_suspend(root_thread());
	pass_time(SCHED_BUDGET_DEFAULT + BUDGET);
	uint64_t used = made.thread->own_context->budget.consumed;

	for (unsigned i = 0; i < 20; i++)
		pass_time(PERIOD);
	used = made.thread->own_context->budget.consumed - used;
	assert_in_range(used, 19 * BUDGET, 21 * BUDGET);
	assert_true(equal->queued || harts[0].current == equal);
}

TEST(timeout, refill_waits_for_an_equal_that_had_less)
{
	struct made_thread greedy = make_thread(50), made = make_thread(50);

	budget(greedy.context, 7500, PERIOD, 10000);
	budget(made.context, 7500, PERIOD, 30000);
	thread_resume(greedy.thread);
	thread_resume(made.thread);
	thread_suspend(root_thread());
	pass_time(100 * PERIOD);
	assert_in_range(greedy.thread->own_context->budget.consumed, 24 * PERIOD, 27 * PERIOD);
	assert_in_range(made.thread->own_context->budget.consumed, 73 * PERIOD, 76 * PERIOD);
}

TEST(timeout, configure_refuses_slices_out_of_range)
{
	cptr_t context = make(OBJECT_SCHED_CONTEXT, 0);

	assert_err(RANGE, invoke(ROOT_SLOT_SCHED_CONTROL, OP_SCHED_CONTROL_CONFIGURE, context, 1, 1, (UINT64_C(1) << 40) + 1, 0));
	assert_ok(invoke(ROOT_SLOT_SCHED_CONTROL, OP_SCHED_CONTROL_CONFIGURE, context, 10, 100, UINT64_C(1) << 40, 0));
	assert_int_equal(sched_context_at(context)->budget.slice, UINT64_C(1) << 40);
}
