/* SPDX-License-Identifier: Apache-2.0 */
/* Notifications: bits, waiters, binding, deadlines, deletion. */
#include "test.h"

struct badged {
	cptr_t cap, one, two;
	struct notification *object;
};

static struct badged make_bell(void)
{
	struct badged bell = { .cap = make(OBJECT_NOTIFICATION, 0) };

	bell.one = derive(bell.cap, RIGHT_ALL, 1);
	bell.two = derive(bell.cap, RIGHT_ALL, 0x80000000);
	bell.object = notification_at(bell.cap);
	return bell;
}

TEST(notification, signals_add_up_until_taken)
{
	struct badged bell = make_bell();
	struct thread *thread = spawn(100);

	assert_err(WOULD_BLOCK, do_poll(thread, bell.cap).err);
	assert_ok(do_signal(thread, bell.one).err);
	assert_ok(do_signal(thread, bell.one).err);
	assert_ok(do_signal(thread, bell.two).err);
	struct answer got = do_poll(thread, bell.cap);

	assert_ok(got.err);
	assert_int_equal(got.badge, 0x80000001);
	assert_err(WOULD_BLOCK, do_poll(thread, bell.cap).err);
}

TEST(notification, wait_returns_at_once_when_bits_are_set)
{
	struct badged bell = make_bell();
	struct thread *thread = spawn(100);

	do_signal(thread, bell.two);
	struct answer got = do_wait(thread, bell.cap, 0);

	assert_ok(got.err);
	assert_int_equal(got.badge, 0x80000000);
	assert_int_equal(bell.object->bits, 0);
}

TEST(notification, wait_blocks_until_signalled)
{
	struct badged bell = make_bell();
	struct thread *waiter = spawn(100), *other = spawn(100);

	do_wait(waiter, bell.cap, DEADLINE_NEVER);
	assert_int_equal(waiter->state, THREAD_WAITING);
	assert_false(waiter->has_deadline);
	do_signal(other, bell.one);
	assert_int_equal(waiter->state, THREAD_READY);
	assert_int_equal(answer_of(waiter).badge, 1);
	assert_ok(answer_of(waiter).err);
	assert_int_equal(bell.object->bits, 0);
}

TEST(notification, one_waiter_takes_each_signal_in_order)
{
	struct badged bell = make_bell();
	struct thread *waiters[3], *other = spawn(100);

	for (unsigned i = 0; i < 3; i++) {
		waiters[i] = spawn(100);
		do_wait(waiters[i], bell.cap, DEADLINE_NEVER);
	}
	for (unsigned i = 0; i < 3; i++) {
		do_signal(other, bell.one);
		for (unsigned j = 0; j < 3; j++)
			assert_int_equal(waiters[j]->state == THREAD_READY, j <= i);
	}
	do_signal(other, bell.one);
	assert_int_equal(bell.object->bits, 1);
}

TEST(notification, wait_times_out)
{
	struct badged bell = make_bell();
	struct thread *waiter = spawn(100);

	host.time = 500;
	assert_err(TIMED_OUT, do_wait(waiter, bell.cap, 500).err);
	do_wait(waiter, bell.cap, 600);
	pass_time(100);
	assert_err(TIMED_OUT, answer_of(waiter).err);
	assert_int_equal(waiter->state, THREAD_READY);
	assert_null(bell.object->waiters.head);
}

TEST(notification, signal_before_deadline_clears_it)
{
	struct badged bell = make_bell();
	struct thread *waiter = spawn(100);

	do_wait(waiter, bell.cap, 600);
	do_signal(spawn(100), bell.one);
	assert_null(harts[0].deadlines);
	pass_time(1000);
	assert_ok(answer_of(waiter).err);
}

TEST(notification, deletion_wakes_waiters_and_unbinds)
{
	struct badged bell = make_bell();
	struct made_thread made = make_thread(100);
	struct thread *first = spawn(100), *second = spawn(100);

	assert_ok(invoke(made.cap, OP_THREAD_BIND_NOTIFICATION, bell.cap, 0, 0, 0, 0));
	do_wait(first, bell.cap, 700);
	do_wait(second, bell.cap, DEADLINE_NEVER);
	assert_ok(delete_cap(bell.cap));
	assert_err(DELETED, answer_of(first).err);
	assert_err(DELETED, answer_of(second).err);
	assert_null(made.thread->bound);
	assert_null(harts[0].deadlines);
}

TEST(notification, rights_are_checked)
{
	struct badged bell = make_bell();
	struct thread *thread = spawn(100);
	cptr_t reader = derive(bell.cap, RIGHT_READ, 0), writer = derive(bell.cap, RIGHT_WRITE, 0);

	assert_err(NO_RIGHT, do_signal(thread, reader).err);
	assert_err(NO_RIGHT, do_wait(thread, writer, 0).err);
	assert_err(NO_RIGHT, do_poll(thread, writer).err);
	assert_err(WRONG_TYPE, do_signal(thread, CNODE).err);
	assert_err(WRONG_TYPE, do_wait(thread, CNODE, 0).err);
	assert_err(WRONG_TYPE, do_poll(thread, CNODE).err);
	assert_err(INVALID_CAP, do_signal(thread, 0).err);
}

TEST(notification, binds_one_thread)
{
	struct badged bell = make_bell(), other = make_bell();
	struct made_thread a = make_thread(100), b = make_thread(100);

	assert_ok(invoke(a.cap, OP_THREAD_BIND_NOTIFICATION, bell.cap, 0, 0, 0, 0));
	assert_err(BUSY, invoke(b.cap, OP_THREAD_BIND_NOTIFICATION, bell.cap, 0, 0, 0, 0));
	assert_err(BUSY, invoke(a.cap, OP_THREAD_BIND_NOTIFICATION, other.cap, 0, 0, 0, 0));
	assert_err(WRONG_TYPE, invoke(b.cap, OP_THREAD_BIND_NOTIFICATION, CNODE, 0, 0, 0, 0));
	assert_err(NO_RIGHT, invoke(b.cap, OP_THREAD_BIND_NOTIFICATION, derive(other.cap, RIGHT_WRITE, 0), 0, 0, 0, 0));
	assert_ok(invoke(a.cap, OP_THREAD_BIND_NOTIFICATION, 0, 0, 0, 0, 0));
	assert_ok(invoke(a.cap, OP_THREAD_BIND_NOTIFICATION, 0, 0, 0, 0, 0));
	assert_ok(invoke(b.cap, OP_THREAD_BIND_NOTIFICATION, bell.cap, 0, 0, 0, 0));
}

TEST(notification, binding_wakes_a_receiver_when_bits_wait)
{
	struct badged bell = make_bell();
	struct made_thread made = make_thread(100);
	cptr_t endpoint = make(OBJECT_ENDPOINT, 0);

	thread_resume(made.thread);
	do_recv(made.thread, endpoint, 0, 0, DEADLINE_NEVER);
	do_signal(spawn(100), bell.one);
	assert_ok(invoke(made.cap, OP_THREAD_BIND_NOTIFICATION, bell.cap, 0, 0, 0, 0));
	assert_int_equal(made.thread->state, THREAD_READY);
	assert_int_equal(answer_of(made.thread).badge, 1);
}

TEST(notification, waiter_comes_before_the_bound_thread)
{
	struct badged bell = make_bell();
	struct made_thread made = make_thread(100);
	struct thread *waiter = spawn(100);
	cptr_t endpoint = make(OBJECT_ENDPOINT, 0);

	thread_resume(made.thread);
	assert_ok(invoke(made.cap, OP_THREAD_BIND_NOTIFICATION, bell.cap, 0, 0, 0, 0));
	do_recv(made.thread, endpoint, 0, 0, DEADLINE_NEVER);
	do_wait(waiter, bell.cap, DEADLINE_NEVER);
	do_signal(spawn(100), bell.one);
	assert_int_equal(waiter->state, THREAD_READY);
	assert_int_equal(made.thread->state, THREAD_RECEIVING);
}

TEST(notification, bits_stay_when_bound_thread_does_something_else)
{
	struct badged bell = make_bell();
	struct made_thread made = make_thread(100);

	thread_resume(made.thread);
	assert_ok(invoke(made.cap, OP_THREAD_BIND_NOTIFICATION, bell.cap, 0, 0, 0, 0));
	do_signal(spawn(100), bell.one);
	assert_int_equal(bell.object->bits, 1);
	do_send(made.thread, make(OBJECT_ENDPOINT, 0), 0, 0);
	do_signal(spawn(100), bell.two);
	assert_int_equal(made.thread->state, THREAD_SENDING);
	assert_int_equal(bell.object->bits, 0x80000001);
}
