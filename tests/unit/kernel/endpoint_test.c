/* SPDX-License-Identifier: Apache-2.0 */
/* Messages: every state of sender, receiver and reply object, and what happens when one of them goes. */
#include "parties.h"

TEST(endpoint, message_is_valid_when_words_label_and_gap_are)
{
	assert_true(message_valid(0));
	assert_true(message_valid(message_info(0xfeff, 5)));
	assert_true(message_valid(UINT64_C(0xffffffff) << 32));
	assert_false(message_valid(6));
	assert_false(message_valid(message_info(0xff00, 0)));
	assert_false(message_valid(message_info(LABEL_FAULT, 0)));
	assert_false(message_valid(8));
	assert_false(message_valid(0x8000));
}

TEST(endpoint, send_delivers_when_receiver_waits)
{
	struct parties all = meet();

	do_recv(all.server, all.endpoint, 0, 0, DEADLINE_NEVER);
	assert_int_equal(all.server->state, THREAD_RECEIVING);
	struct answer sent = do_send(all.client, all.badged, message_info(7, 5), 1000);
	struct answer got = answer_of(all.server);

	assert_ok(sent.err);
	assert_ok(got.err);
	assert_int_equal(got.info, message_info(7, 5));
	assert_int_equal(got.badge, 42);
	for (unsigned i = 0; i < 5; i++)
		assert_int_equal(got.word[i], 1000 + i);
	assert_int_equal(all.server->state, THREAD_READY);
	assert_int_equal(all.client->state, THREAD_READY);
}

TEST(endpoint, send_waits_until_received)
{
	struct parties all = meet();

	do_send(all.client, all.endpoint, message_info(1, 1), 5);
	assert_int_equal(all.client->state, THREAD_SENDING);
	struct answer got = do_recv(all.server, all.endpoint, 0, 0, DEADLINE_NEVER);

	assert_ok(got.err);
	assert_int_equal(got.word[0], 5);
	assert_int_equal(got.badge, 0);
	assert_int_equal(all.client->state, THREAD_READY);
	assert_ok(answer_of(all.client).err);
}

TEST(endpoint, senders_are_served_in_order)
{
	struct parties all = meet();
	struct thread *second = spawn(100), *third = spawn(200);

	do_send(all.client, all.endpoint, 0, 1);
	do_send(second, all.endpoint, 0, 2);
	do_send(third, all.endpoint, 0, 3);
	for (unsigned i = 1; i <= 3; i++)
		assert_int_equal(do_recv(all.server, all.endpoint, 0, 0, DEADLINE_NEVER).word[0], i);
	assert_null(endpoint_at(all.endpoint)->queue.head);
}

TEST(endpoint, receivers_are_served_in_order)
{
	struct parties all = meet();
	struct thread *second = spawn(120);

	do_recv(all.server, all.endpoint, 0, 0, DEADLINE_NEVER);
	do_recv(second, all.endpoint, 0, 0, DEADLINE_NEVER);
	assert_ok(do_send(all.client, all.endpoint, 0, 1).err);
	assert_int_equal(all.server->state, THREAD_READY);
	assert_int_equal(second->state, THREAD_RECEIVING);
	assert_ok(do_send(all.client, all.endpoint, 0, 2).err);
	assert_int_equal(answer_of(second).word[0], 2);
}

TEST(endpoint, call_is_answered_by_reply_recv)
{
	struct parties all = meet();

	do_recv(all.server, all.endpoint, all.reply, 0, DEADLINE_NEVER);
	do_call(all.client, all.badged, message_info(3, 2), 10);
	assert_int_equal(all.client->state, THREAD_AWAITS_REPLY);
	assert_ptr_equal(reply_at(all.reply)->caller, all.client);
	assert_int_equal(answer_of(all.server).badge, 42);
	do_reply_recv(all.server, all.endpoint, all.reply, message_info(9, 3), 20, DEADLINE_NEVER);
	struct answer back = answer_of(all.client);

	assert_ok(back.err);
	assert_int_equal(back.info, message_info(9, 3));
	assert_int_equal(back.word[2], 22);
	assert_int_equal(back.badge, 0);
	assert_int_equal(all.client->state, THREAD_READY);
	assert_int_equal(all.server->state, THREAD_RECEIVING);
	assert_null(reply_at(all.reply)->caller);
	assert_ptr_equal(reply_at(all.reply)->receiver, all.server);
}

TEST(endpoint, reply_object_serves_again_and_again)
{
	struct parties all = meet();

	do_recv(all.server, all.endpoint, all.reply, 0, DEADLINE_NEVER);
	for (unsigned i = 0; i < 10; i++) {
		do_call(all.client, all.endpoint, 0, i);
		assert_int_equal(answer_of(all.server).word[0], i);
		do_reply_recv(all.server, all.endpoint, all.reply, 0, 100 + i, DEADLINE_NEVER);
		assert_int_equal(answer_of(all.client).word[0], 100 + i);
		assert_null(invariants_broken());
	}
}

TEST(endpoint, reply_recv_takes_the_next_caller_at_once)
{
	struct parties all = meet();
	struct thread *second = spawn(100);

	do_recv(all.server, all.endpoint, all.reply, 0, DEADLINE_NEVER);
	do_call(all.client, all.endpoint, 0, 1);
	do_call(second, all.endpoint, 0, 2);
	assert_int_equal(second->state, THREAD_SENDING);
	struct answer next = do_reply_recv(all.server, all.endpoint, all.reply, 0, 77, DEADLINE_NEVER);

	assert_ok(next.err);
	assert_int_equal(next.word[0], 2);
	assert_int_equal(answer_of(all.client).word[0], 77);
	assert_ptr_equal(reply_at(all.reply)->caller, second);
}

TEST(endpoint, reply_recv_with_nobody_to_answer_just_receives)
{
	struct parties all = meet();

	assert_int_equal(all.server->state, THREAD_READY);
	do_reply_recv(all.server, all.endpoint, all.reply, 0, 0, DEADLINE_NEVER);
	assert_int_equal(all.server->state, THREAD_RECEIVING);
}

TEST(endpoint, recv_refuses_a_reply_object_in_use)
{
	struct parties all = meet();
	struct thread *other = spawn(110);

	do_recv(all.server, all.endpoint, all.reply, 0, DEADLINE_NEVER);
	assert_err(BUSY, do_recv(other, all.endpoint, all.reply, 0, DEADLINE_NEVER).err);
	assert_err(BUSY, do_reply_recv(other, all.endpoint, all.reply, 0, 0, DEADLINE_NEVER).err);
	do_call(all.client, all.endpoint, 0, 0);
	assert_err(BUSY, do_recv(other, all.endpoint, all.reply, 0, DEADLINE_NEVER).err);
	assert_err(BUSY, do_recv(all.server, all.endpoint, all.reply, 0, DEADLINE_NEVER).err);
	do_reply_recv(other, all.endpoint, all.reply, 0, 5, DEADLINE_NEVER);
	assert_int_equal(answer_of(all.client).word[0], 5);
}

TEST(endpoint, call_fails_when_receiver_waits_without_reply_object)
{
	struct parties all = meet();

	do_recv(all.server, all.endpoint, 0, 0, DEADLINE_NEVER);
	struct answer answer = do_call(all.client, all.endpoint, 0, 9);

	assert_err(DELETED, answer.err);
	assert_int_equal(all.client->state, THREAD_READY);
	assert_int_equal(answer_of(all.server).word[0], 9);
}

TEST(endpoint, queued_call_fails_when_received_without_reply_object)
{
	struct parties all = meet();

	do_call(all.client, all.endpoint, 0, 9);
	assert_int_equal(all.client->state, THREAD_SENDING);
	assert_ok(do_recv(all.server, all.endpoint, 0, 0, DEADLINE_NEVER).err);
	assert_int_equal(all.client->state, THREAD_READY);
	assert_err(DELETED, answer_of(all.client).err);
	assert_true(all.client->queued);
}

TEST(endpoint, recv_times_out)
{
	struct parties all = meet();

	assert_err(TIMED_OUT, do_recv(all.server, all.endpoint, 0, 0, 0).err);
	host.time = 1000;
	assert_err(TIMED_OUT, do_recv(all.server, all.endpoint, 0, 0, 1000).err);
	do_recv(all.server, all.endpoint, all.reply, 0, 1500);
	pass_time(499);
	assert_int_equal(all.server->state, THREAD_RECEIVING);
	pass_time(1);
	assert_int_equal(all.server->state, THREAD_READY);
	assert_err(TIMED_OUT, answer_of(all.server).err);
	assert_null(reply_at(all.reply)->receiver);
	assert_null(endpoint_at(all.endpoint)->queue.head);
}

TEST(endpoint, recv_with_past_deadline_still_takes_a_waiting_sender)
{
	struct parties all = meet();

	do_send(all.client, all.endpoint, 0, 4);
	struct answer got = do_recv(all.server, all.endpoint, 0, 0, 0);

	assert_ok(got.err);
	assert_int_equal(got.word[0], 4);
}

TEST(endpoint, timeout_is_off_when_message_came_first)
{
	struct parties all = meet();

	do_recv(all.server, all.endpoint, 0, 0, 500);
	do_send(all.client, all.endpoint, 0, 1);
	assert_null(harts[0].deadlines);
	pass_time(1000);
	assert_ok(answer_of(all.server).err);
}

TEST(endpoint, deletion_wakes_all_senders)
{
	struct parties all = meet();
	struct thread *second = spawn(100);

	do_send(all.client, all.endpoint, 0, 1);
	do_call(second, all.badged, 0, 1);
	assert_ok(delete_cap(all.endpoint));
	assert_err(DELETED, answer_of(all.client).err);
	assert_err(DELETED, answer_of(second).err);
	assert_int_equal(second->state, THREAD_READY);
	assert_true(slot_empty(slot_at(all.badged)));
}

TEST(endpoint, deletion_wakes_all_receivers)
{
	struct parties all = meet();

	do_recv(all.server, all.endpoint, all.reply, 0, 700);
	do_recv(all.client, all.endpoint, 0, 0, DEADLINE_NEVER);
	assert_ok(delete_cap(all.endpoint));
	assert_err(DELETED, answer_of(all.server).err);
	assert_err(DELETED, answer_of(all.client).err);
	assert_null(reply_at(all.reply)->receiver);
	assert_null(harts[0].deadlines);
}

TEST(endpoint, caller_is_still_answered_when_endpoint_is_gone)
{
	struct parties all = meet();

	do_recv(all.server, all.endpoint, all.reply, 0, DEADLINE_NEVER);
	do_call(all.client, all.endpoint, 0, 0);
	assert_ok(delete_cap(all.endpoint));
	cptr_t other = make(OBJECT_ENDPOINT, 0);

	do_reply_recv(all.server, other, all.reply, 0, 66, DEADLINE_NEVER);
	assert_int_equal(answer_of(all.client).word[0], 66);
}

TEST(endpoint, reply_deletion_wakes_the_caller)
{
	struct parties all = meet();

	do_recv(all.server, all.endpoint, all.reply, 0, DEADLINE_NEVER);
	do_call(all.client, all.endpoint, 0, 0);
	assert_ok(delete_cap(all.reply));
	assert_err(DELETED, answer_of(all.client).err);
	assert_int_equal(all.client->state, THREAD_READY);
	assert_null(all.client->reply);
	assert_err(INVALID_CAP, do_reply_recv(all.server, all.endpoint, all.reply, 0, 0, DEADLINE_NEVER).err);
}

TEST(endpoint, reply_deletion_wakes_the_receiver)
{
	struct parties all = meet();

	do_recv(all.server, all.endpoint, all.reply, 0, 900);
	assert_ok(delete_cap(all.reply));
	assert_err(DELETED, answer_of(all.server).err);
	assert_null(all.server->reply);
	assert_null(endpoint_at(all.endpoint)->queue.head);
}

TEST(endpoint, caller_deletion_frees_the_reply_object)
{
	struct parties all = meet();

	do_recv(all.server, all.endpoint, all.reply, 0, DEADLINE_NEVER);
	do_call(all.client, all.endpoint, 0, 0);
	assert_ok(delete_cap(all.client_made.cap));
	assert_null(reply_at(all.reply)->caller);
	do_reply_recv(all.server, all.endpoint, all.reply, 0, 0, DEADLINE_NEVER);
	assert_int_equal(all.server->state, THREAD_RECEIVING);
}

TEST(endpoint, receiver_deletion_frees_queue_and_reply_object)
{
	struct parties all = meet();

	do_recv(all.server, all.endpoint, all.reply, 0, 500);
	assert_ok(delete_cap(all.server_made.cap));
	assert_null(reply_at(all.reply)->receiver);
	assert_null(endpoint_at(all.endpoint)->queue.head);
	assert_null(harts[0].deadlines);
	do_send(all.client, all.endpoint, 0, 0);
	assert_int_equal(all.client->state, THREAD_SENDING);
}

TEST(endpoint, sender_deletion_in_the_middle_of_the_queue)
{
	struct parties all = meet();
	struct made_thread middle = make_thread(100);
	struct thread *last = spawn(100);

	thread_resume(middle.thread);
	do_send(all.client, all.endpoint, 0, 1);
	do_send(middle.thread, all.endpoint, 0, 2);
	do_send(last, all.endpoint, 0, 3);
	assert_ok(delete_cap(middle.cap));
	assert_null(invariants_broken());
	assert_int_equal(do_recv(all.server, all.endpoint, 0, 0, 0).word[0], 1);
	assert_int_equal(do_recv(all.server, all.endpoint, 0, 0, 0).word[0], 3);
	assert_err(TIMED_OUT, do_recv(all.server, all.endpoint, 0, 0, 0).err);
}

TEST(endpoint, server_deletion_leaves_the_caller_to_the_reply_object)
{
	struct parties all = meet();

	do_recv(all.server, all.endpoint, all.reply, 0, DEADLINE_NEVER);
	do_call(all.client, all.endpoint, 0, 0);
	assert_ok(delete_cap(all.server_made.cap));
	assert_int_equal(all.client->state, THREAD_AWAITS_REPLY);
	assert_ok(delete_cap(all.reply));
	assert_err(DELETED, answer_of(all.client).err);
}

TEST(endpoint, bound_notification_ends_recv)
{
	struct parties all = meet();
	cptr_t notification = make(OBJECT_NOTIFICATION, 0), badged = derive(notification, RIGHT_ALL, 0x30);

	assert_ok(invoke(all.server_made.cap, OP_THREAD_BIND_NOTIFICATION, notification, 0, 0, 0, 0));
	do_recv(all.server, all.endpoint, all.reply, 0, 500);
	assert_ok(do_signal(all.client, badged).err);
	struct answer got = answer_of(all.server);

	assert_ok(got.err);
	assert_int_equal(got.info, message_info(LABEL_NOTIFICATION, 0));
	assert_int_equal(got.badge, 0x30);
	assert_int_equal(all.server->state, THREAD_READY);
	assert_null(reply_at(all.reply)->receiver);
	assert_null(harts[0].deadlines);
	do_signal(all.client, badged);
	got = do_recv(all.server, all.endpoint, all.reply, 0, DEADLINE_NEVER);
	assert_int_equal(got.badge, 0x30);
	do_recv(all.server, all.endpoint, all.reply, 0, DEADLINE_NEVER);
	assert_int_equal(all.server->state, THREAD_RECEIVING);
}

TEST(endpoint, reply_recv_answers_before_it_returns_signals)
{
	struct parties all = meet();
	cptr_t notification = make(OBJECT_NOTIFICATION, 0), badged = derive(notification, RIGHT_ALL, 2);
	struct thread *other = spawn(90);

	assert_ok(invoke(all.server_made.cap, OP_THREAD_BIND_NOTIFICATION, notification, 0, 0, 0, 0));
	do_recv(all.server, all.endpoint, all.reply, 0, DEADLINE_NEVER);
	do_call(all.client, all.endpoint, 0, 0);
	do_signal(other, badged);
	struct answer got = do_reply_recv(all.server, all.endpoint, all.reply, 0, 31, DEADLINE_NEVER);

	assert_int_equal(got.info, message_info(LABEL_NOTIFICATION, 0));
	assert_int_equal(answer_of(all.client).word[0], 31);
}

TEST(endpoint, receiver_that_a_short_path_left_outside_the_queue_is_found)
{
	struct parties all = meet();
	struct endpoint *endpoint = endpoint_at(all.endpoint);

	do_recv(all.server, all.endpoint, all.reply, 0, DEADLINE_NEVER);
	queue_remove(&endpoint->queue, all.server);
	endpoint->parked = all.server;
	do_call(all.client, all.badged, message_info(5, 1), 70);
	assert_null(endpoint->parked);
	assert_int_equal(answer_of(all.server).word[0], 70);
	assert_int_equal(all.client->state, THREAD_AWAITS_REPLY);
}
