/* SPDX-License-Identifier: Apache-2.0 */
/* Faults: the message to the supervisor, its answer, and supervisors that go away. */
#include "parties.h"

static void give_fault_endpoint(const struct made_thread *made, cptr_t endpoint)
{
	thread_suspend(made->thread);
	assert_ok(invoke(made->cap, OP_THREAD_CONFIGURE, CNODE, VSPACE, endpoint, 0, 0));
	thread_resume(made->thread);
}

TEST(fault, fault_message_reaches_the_supervisor_and_label_zero_resumes)
{
	struct parties all = meet();

	give_fault_endpoint(&all.client_made, all.badged);
	do_recv(all.server, all.endpoint, all.reply, 0, DEADLINE_NEVER);
	become(all.client);
	all.client->arch.cause = 15;
	all.client->arch.pc = 0x1111;
	all.client->arch.value = 0x2222;
	thread_raise_fault(all.client);
	struct answer got = answer_of(all.server);

	assert_int_equal(got.info, message_info(LABEL_FAULT, FAULT_WORDS));
	assert_int_equal(got.badge, 42);
	assert_int_equal(got.word[FAULT_CAUSE], 15);
	assert_int_equal(got.word[FAULT_PC], 0x1111);
	assert_int_equal(got.word[FAULT_ADDRESS], 0x2222);
	assert_int_equal(all.client->state, THREAD_AWAITS_REPLY);
	arch_thread_words(all.client)[0] = 0x77;
	do_reply_recv(all.server, all.endpoint, all.reply, 0, 5, DEADLINE_NEVER);
	assert_int_equal(all.client->state, THREAD_READY);
	assert_int_equal(all.client->fault, THREAD_NO_FAULT);
	assert_int_equal(arch_thread_words(all.client)[0], 0x77);
}

TEST(fault, faulted_thread_stays_stopped_when_answer_has_a_label)
{
	struct parties all = meet();

	give_fault_endpoint(&all.client_made, all.endpoint);
	become(all.client);
	thread_raise_fault(all.client);
	assert_int_equal(all.client->state, THREAD_SENDING);
	assert_int_equal(do_recv(all.server, all.endpoint, all.reply, 0, DEADLINE_NEVER).info, message_info(LABEL_FAULT, FAULT_WORDS));
	do_reply_recv(all.server, all.endpoint, all.reply, message_info(1, 0), 0, DEADLINE_NEVER);
	assert_int_equal(all.client->state, THREAD_STOPPED);
	assert_ok(invoke(all.client_made.cap, OP_THREAD_RESUME, 0, 0, 0, 0, 0));
	assert_int_equal(all.client->state, THREAD_READY);
}

TEST(fault, faulted_thread_stops_when_endpoint_or_reply_goes)
{
	struct parties all = meet();
	cptr_t other = make(OBJECT_ENDPOINT, 0);

	give_fault_endpoint(&all.client_made, all.endpoint);
	become(all.client);
	thread_raise_fault(all.client);
	assert_ok(delete_cap(all.endpoint));
	assert_int_equal(all.client->state, THREAD_STOPPED);
	assert_true(slot_empty(&all.client->fault_endpoint));
	give_fault_endpoint(&all.client_made, other);
	do_recv(all.server, other, all.reply, 0, DEADLINE_NEVER);
	become(all.client);
	thread_raise_fault(all.client);
	assert_int_equal(all.client->state, THREAD_AWAITS_REPLY);
	assert_ok(delete_cap(all.reply));
	assert_int_equal(all.client->state, THREAD_STOPPED);
}

TEST(fault, faulted_thread_stops_when_supervisor_cannot_answer)
{
	struct parties all = meet();

	give_fault_endpoint(&all.client_made, all.endpoint);
	do_recv(all.server, all.endpoint, 0, 0, DEADLINE_NEVER);
	become(all.client);
	thread_raise_fault(all.client);
	assert_int_equal(all.client->state, THREAD_STOPPED);
	thread_resume(all.client);
	become(all.client);
	thread_raise_fault(all.client);
	assert_ok(do_recv(all.server, all.endpoint, 0, 0, DEADLINE_NEVER).err);
	assert_int_equal(all.client->state, THREAD_STOPPED);
}

TEST(fault, fault_does_not_pass_a_capability_of_an_earlier_send)
{
	struct parties all = meet();
	cptr_t gift = make(OBJECT_ENDPOINT, 0), to = free_slot();

	give_fault_endpoint(&all.client_made, all.endpoint);
	do_send(all.client, all.endpoint, (uint64_t)gift << 32, 0);
	assert_ok(do_recv(all.server, all.endpoint, 0, 0, 0).err);
	become(all.client);
	thread_raise_fault(all.client);
	do_recv(all.server, all.endpoint, all.reply, to, DEADLINE_NEVER);
	assert_true(slot_empty(slot_at(to)));
}
