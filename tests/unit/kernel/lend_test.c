/* SPDX-License-Identifier: Apache-2.0 */
/* Scheduling contexts that a call lends to a passive server, nested, and what happens when one in the chain goes. */
#include "test.h"

/* A client, and two passive servers of which the first calls the second. */
struct chain {
	cptr_t endpoint[2], reply[2];
	struct made_thread client, server[2];
	struct sched_context *context;
};

/* Brings a passive server to its first recv, as its start code would on a context of its own. */
static void park(struct thread *thread, cptr_t endpoint, cptr_t reply)
{
	cptr_t context = make(OBJECT_SCHED_CONTEXT, 0);

	assert_ok(sched_context_bind(thread, sched_context_at(context)));
	thread_resume(thread);
	do_recv(thread, endpoint, reply, 0, DEADLINE_NEVER);
	assert_ok(sched_context_bind(thread, NULL));
	assert_null(thread->sched_context);
}

static struct chain make_chain(void)
{
	struct chain chain = { .client = make_thread(100) };

	for (unsigned i = 0; i < 2; i++) {
		chain.endpoint[i] = make(OBJECT_ENDPOINT, 0);
		chain.reply[i] = make(OBJECT_REPLY, 0);
		chain.server[i] = make_passive(120);
		park(chain.server[i].thread, chain.endpoint[i], chain.reply[i]);
	}
	chain.context = sched_context_at(chain.client.context);
	thread_resume(chain.client.thread);
	return chain;
}

static struct chain make_nested(void)
{
	struct chain chain = make_chain();

	do_call(chain.client.thread, chain.endpoint[0], 0, 1);
	assert_ptr_equal(chain.context->thread, chain.server[0].thread);
	do_call(chain.server[0].thread, chain.endpoint[1], 0, 2);
	assert_ptr_equal(chain.context->thread, chain.server[1].thread);
	assert_null(invariants_broken());
	return chain;
}

TEST(lend, call_lends_to_a_passive_server_and_reply_returns)
{
	struct chain chain = make_chain();
	struct thread *server = chain.server[0].thread;

	do_call(chain.client.thread, chain.endpoint[0], 0, 1);
	assert_ptr_equal(server->sched_context, chain.context);
	assert_null(chain.client.thread->sched_context);
	assert_true(server->queued);
	do_reply_recv(server, chain.endpoint[0], chain.reply[0], 0, 9, DEADLINE_NEVER);
	assert_null(server->sched_context);
	assert_null(server->lent_by);
	assert_ptr_equal(chain.client.thread->sched_context, chain.context);
	assert_int_equal(chain.client.thread->state, THREAD_READY);
	assert_int_equal(server->state, THREAD_RECEIVING);
}

TEST(lend, queued_call_lends_when_received)
{
	struct chain chain = make_chain();
	struct made_thread other = make_thread(100);
	struct thread *server = chain.server[0].thread;

	thread_resume(other.thread);
	do_call(chain.client.thread, chain.endpoint[0], 0, 1);
	do_call(other.thread, chain.endpoint[0], 0, 2);
	do_reply_recv(server, chain.endpoint[0], chain.reply[0], 0, 9, DEADLINE_NEVER);
	assert_ptr_equal(server->sched_context, sched_context_at(other.context));
	assert_true(server->queued);
	assert_int_equal(answer_of(server).word[0], 2);
}

TEST(lend, call_lends_nothing_to_a_server_with_its_own_context)
{
	struct chain chain = make_chain();
	struct made_thread active = make_thread(120);

	thread_resume(active.thread);
	cptr_t endpoint = make(OBJECT_ENDPOINT, 0), reply = make(OBJECT_REPLY, 0);

	do_recv(active.thread, endpoint, reply, 0, DEADLINE_NEVER);
	do_call(chain.client.thread, endpoint, 0, 1);
	assert_ptr_equal(chain.context->thread, chain.client.thread);
	assert_null(active.thread->lent_by);
}

TEST(lend, chain_returns_step_by_step)
{
	struct chain chain = make_nested();

	do_reply_recv(chain.server[1].thread, chain.endpoint[1], chain.reply[1], 0, 3, DEADLINE_NEVER);
	assert_ptr_equal(chain.context->thread, chain.server[0].thread);
	do_reply_recv(chain.server[0].thread, chain.endpoint[0], chain.reply[0], 0, 4, DEADLINE_NEVER);
	assert_ptr_equal(chain.context->thread, chain.client.thread);
	assert_int_equal(answer_of(chain.client.thread).word[0], 4);
}

TEST(lend, context_comes_back_when_outer_reply_is_deleted)
{
	struct chain chain = make_nested();

	assert_ok(delete_cap(chain.reply[0]));
	assert_err(DELETED, answer_of(chain.client.thread).err);
	assert_ptr_equal(chain.client.thread->sched_context, chain.context);
	assert_true(chain.client.thread->queued);
	assert_null(chain.server[1].thread->sched_context);
	assert_null(chain.server[1].thread->lent_by);
	assert_null(chain.server[0].thread->lent_by);
	assert_int_equal(chain.server[0].thread->state, THREAD_AWAITS_REPLY);
}

TEST(lend, context_goes_to_the_middle_when_inner_reply_is_deleted)
{
	struct chain chain = make_nested();

	assert_ok(delete_cap(chain.reply[1]));
	assert_ptr_equal(chain.context->thread, chain.server[0].thread);
	assert_err(DELETED, answer_of(chain.server[0].thread).err);
	assert_null(chain.server[1].thread->lent_by);
	do_reply_recv(chain.server[0].thread, chain.endpoint[0], chain.reply[0], 0, 4, DEADLINE_NEVER);
	assert_ptr_equal(chain.context->thread, chain.client.thread);
}

TEST(lend, context_comes_back_when_client_is_suspended)
{
	struct chain chain = make_nested();

	thread_suspend(chain.client.thread);
	assert_ptr_equal(chain.context->thread, chain.client.thread);
	assert_null(chain.client.thread->lent_to);
	assert_null(chain.server[0].thread->lent_to);
	assert_false(chain.server[1].thread->queued);
}

TEST(lend, servers_lose_the_context_when_client_is_deleted)
{
	struct chain chain = make_nested();

	assert_ok(delete_cap(chain.client.cap));
	assert_null(chain.context->thread);
	assert_null(chain.context->owner);
	assert_null(chain.server[0].thread->lent_by);
	assert_null(chain.server[1].thread->lent_by);
	assert_null(reply_at(chain.reply[0])->caller);
}

TEST(lend, all_stop_when_the_context_is_deleted)
{
	struct chain chain = make_nested();

	assert_ok(delete_cap(chain.client.context));
	for (unsigned i = 0; i < 2; i++) {
		assert_null(chain.server[i].thread->lent_by);
		assert_null(chain.server[i].thread->sched_context);
		assert_null(chain.server[i].thread->lent_to);
	}
	assert_null(chain.client.thread->lent_to);
	assert_null(chain.client.thread->own_context);
	assert_int_equal(chain.client.thread->state, THREAD_AWAITS_REPLY);
}

TEST(lend, own_context_of_a_server_is_not_returned_for_a_deleted_one)
{
	struct chain chain = make_nested();
	cptr_t own = make(OBJECT_SCHED_CONTEXT, 0), inner = make(OBJECT_SCHED_CONTEXT, 0);

	assert_ok(delete_cap(chain.client.context));
	assert_ok(invoke(chain.server[0].cap, OP_THREAD_BIND_SCHED_CONTEXT, own, 0, 0, 0, 0));
	assert_ok(invoke(chain.server[1].cap, OP_THREAD_BIND_SCHED_CONTEXT, inner, 0, 0, 0, 0));
	do_reply_recv(chain.server[1].thread, chain.endpoint[1], chain.reply[1], 0, 3, DEADLINE_NEVER);
	do_reply_recv(chain.server[0].thread, chain.endpoint[0], chain.reply[0], 0, 3, DEADLINE_NEVER);
	assert_ptr_equal(sched_context_at(own)->thread, chain.server[0].thread);
	assert_null(chain.client.thread->sched_context);
	assert_int_equal(chain.client.thread->state, THREAD_READY);
	assert_ok(delete_cap(chain.client.cap));
}

TEST(lend, context_comes_back_when_borrower_is_deleted)
{
	struct chain chain = make_nested();

	assert_ok(delete_cap(chain.server[1].cap));
	assert_ptr_equal(chain.context->thread, chain.server[0].thread);
	assert_ok(delete_cap(chain.server[0].cap));
	assert_ptr_equal(chain.context->thread, chain.client.thread);
	assert_int_equal(chain.client.thread->state, THREAD_AWAITS_REPLY);
	assert_ok(delete_cap(chain.reply[0]));
	assert_int_equal(chain.client.thread->state, THREAD_READY);
	assert_true(chain.client.thread->queued);
}

TEST(lend, context_comes_back_when_the_middle_is_deleted_first)
{
	struct chain chain = make_nested();

	assert_ok(delete_cap(chain.server[0].cap));
	assert_ptr_equal(chain.context->thread, chain.client.thread);
	assert_null(chain.server[1].thread->lent_by);
	assert_null(reply_at(chain.reply[1])->caller);
}

TEST(lend, bind_is_refused_while_a_context_is_lent_to_or_by_the_thread)
{
	struct chain chain = make_nested();
	cptr_t other = make(OBJECT_SCHED_CONTEXT, 0);

	assert_err(BUSY, invoke(chain.client.cap, OP_THREAD_BIND_SCHED_CONTEXT, other, 0, 0, 0, 0));
	assert_err(BUSY, invoke(chain.server[0].cap, OP_THREAD_BIND_SCHED_CONTEXT, other, 0, 0, 0, 0));
	assert_err(BUSY, invoke(chain.server[1].cap, OP_THREAD_BIND_SCHED_CONTEXT, other, 0, 0, 0, 0));
	assert_err(BUSY, invoke(make_passive(3).cap, OP_THREAD_BIND_SCHED_CONTEXT, chain.client.context, 0, 0, 0, 0));
}

TEST(lend, unbinding_takes_the_context_from_who_borrows_it)
{
	struct chain chain = make_nested();

	assert_ok(invoke(chain.client.cap, OP_THREAD_BIND_SCHED_CONTEXT, 0, 0, 0, 0, 0));
	assert_null(chain.context->thread);
	assert_null(chain.server[1].thread->sched_context);
	assert_ok(invoke(chain.server[1].cap, OP_THREAD_BIND_SCHED_CONTEXT, chain.client.context, 0, 0, 0, 0));
	assert_true(chain.server[1].thread->queued);
}

TEST(lend, server_keeps_the_loan_when_it_receives_before_it_answers)
{
	struct chain chain = make_chain();
	struct thread *server = chain.server[0].thread;
	cptr_t second = make(OBJECT_REPLY, 0);
	struct made_thread other = make_thread(100);

	thread_resume(other.thread);
	do_call(chain.client.thread, chain.endpoint[0], 0, 1);
	do_recv(server, chain.endpoint[0], second, 0, DEADLINE_NEVER);
	assert_int_equal(server->state, THREAD_RECEIVING);
	do_call(other.thread, chain.endpoint[0], 0, 2);
	assert_ptr_equal(server->sched_context, chain.context);
	assert_ptr_equal(other.thread->sched_context, sched_context_at(other.context));
	do_reply_recv(server, chain.endpoint[0], second, 0, 0, DEADLINE_NEVER);
	assert_int_equal(other.thread->state, THREAD_READY);
	assert_int_equal(server->state, THREAD_RECEIVING);
	assert_ptr_equal(server->sched_context, chain.context);
}

TEST(lend, used_up_loan_sleeps_until_refill_and_can_be_taken_back)
{
	struct chain chain = make_chain();
	struct thread *server = chain.server[0].thread;

	assert_ok(invoke(ROOT_SLOT_SCHED_CONTROL, OP_SCHED_CONTROL_CONFIGURE, chain.client.context, 100, 1000, 0, 0));
	thread_suspend(root_thread());
	do_call(chain.client.thread, chain.endpoint[0], 0, 1);
	assert_ptr_equal(host_leave_kernel(), server);
	pass_time(200);
	assert_true(server->has_deadline);
	assert_null(harts[0].current);
	thread_suspend(chain.client.thread);
	assert_false(server->has_deadline);
	assert_null(invariants_broken());
	thread_resume(chain.client.thread);
	pass_time(500);
	assert_null(harts[0].current);
	pass_time(350);
	assert_ptr_equal(harts[0].current, chain.client.thread);
}

TEST(lend, passive_fault_handler_runs_on_the_context_of_the_faulted)
{
	struct chain chain = make_chain();

	thread_suspend(chain.client.thread);
	assert_ok(invoke(chain.client.cap, OP_THREAD_CONFIGURE, CNODE, VSPACE, chain.endpoint[0], 0, 0));
	thread_resume(chain.client.thread);
	become(chain.client.thread);
	thread_raise_fault(chain.client.thread);
	assert_ptr_equal(chain.context->thread, chain.server[0].thread);
	do_reply_recv(chain.server[0].thread, chain.endpoint[0], chain.reply[0], 0, 0, DEADLINE_NEVER);
	assert_ptr_equal(chain.context->thread, chain.client.thread);
	assert_true(chain.client.thread->queued);
}

TEST(lend, woken_thread_without_context_waits_for_one)
{
	struct chain chain = make_chain();
	struct made_thread sender = make_thread(100);

	thread_resume(sender.thread);
	do_send(sender.thread, chain.endpoint[0], 0, 5);
	assert_int_equal(chain.server[0].thread->state, THREAD_READY);
	assert_false(chain.server[0].thread->queued);
	assert_ok(invoke(chain.server[0].cap, OP_THREAD_BIND_SCHED_CONTEXT, make(OBJECT_SCHED_CONTEXT, 0), 0, 0, 0, 0));
	assert_true(chain.server[0].thread->queued);
	assert_int_equal(answer_of(chain.server[0].thread).word[0], 5);
}

TEST(lend, revoking_everything_leaves_no_trace)
{
	struct chain chain = make_nested();

	(void)chain;
	host.interrupt_every = 1;
	assert_ok(revoke_cap(RAM));
	assert_ptr_equal(host_leave_kernel(), root_thread());
}
