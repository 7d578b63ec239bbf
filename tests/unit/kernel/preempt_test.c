/* SPDX-License-Identifier: Apache-2.0 */
/* The hart goes to a woken thread at once, without a look at the queues: what the short path of signal does. */
#include "test.h"

#define SLICE ((uint64_t)SCHED_BUDGET_DEFAULT)

static struct hart *const hart = &harts[0];

struct pair {
	struct thread *low, *equal, *high;
	struct notification *notification;
};

/* `low` runs, `high` waits; if asked for, `equal` is ready with the priority of `low`. */
static struct pair make_pair(bool with_equal)
{
	cptr_t notification = make(OBJECT_NOTIFICATION, 0);
	struct pair pair = { .low = spawn(10), .notification = notification_at(notification) };

	pair.equal = with_equal ? spawn(10) : NULL;
	pair.high = spawn(20);
	thread_suspend(root_thread());
	do_wait(pair.high, notification, DEADLINE_NEVER);
	assert_ptr_equal(host_leave_kernel(), pair.low);
	return pair;
}

/* As the caller of sched_preempt goes on when it answers true. */
static void go_on_as_waiter(const struct pair *pair)
{
	pair->notification->waiters.head = pair->notification->waiters.tail = NULL;
	pair->high->waits_for = NULL;
	pair->high->state = THREAD_READY;
}

TEST(preempt, gives_the_hart_away_and_charges)
{
	struct pair pair = make_pair(false);

	host.time += 300;
	assert_true(sched_preempt(hart, pair.high));
	go_on_as_waiter(&pair);
	assert_ptr_equal(hart->current, pair.high);
	assert_true(pair.low->queued);
	assert_false(pair.high->queued);
	assert_int_equal(hart->top, 10);
	assert_false(hart->reschedule);
	assert_int_equal(pair.low->own_context->budget.consumed, 300);
	assert_int_equal(pair.low->own_context->budget.left, SLICE - 300);
	assert_null(invariants_broken());
	/* The new thread's time begins now, and it stays until it waits again. */
	host.time += 50;
	assert_ptr_equal(host_leave_kernel(), pair.high);
	thread_suspend(pair.high);
	assert_ptr_equal(host_leave_kernel(), pair.low);
	assert_int_equal(pair.high->own_context->budget.consumed, 50);
	assert_int_equal(pair.low->own_context->budget.consumed, 300);
}

TEST(preempt, sets_the_timer_for_who_has_the_hart_now)
{
	struct pair pair = make_pair(true);

	/* The one that runs shares its priority: its slice has an end. The next does not. */
	assert_ptr_equal(host_leave_kernel(), pair.low);
	assert_int_equal(host.timer, SLICE);
	assert_true(sched_preempt(hart, pair.high));
	go_on_as_waiter(&pair);
	assert_int_equal(host.timer, DEADLINE_NEVER);
	assert_null(invariants_broken());
	thread_suspend(pair.high);
	assert_ptr_equal(host_leave_kernel(), pair.low);
	assert_int_equal(host.timer, SLICE);
}

/* Else a thread that often wakes a server would have one piece of its turn in each turn of the others. */
TEST(preempt, leaves_the_turn_to_who_had_it)
{
	struct pair pair = make_pair(true);

	host.time += 300;
	assert_true(sched_preempt(hart, pair.high));
	go_on_as_waiter(&pair);
	host.time += 50;
	thread_suspend(pair.high);
	assert_ptr_equal(host_leave_kernel(), pair.low);
	assert_int_equal(host.timer, SLICE + 50);
	assert_ptr_equal(pass_time(SLICE - 300), pair.equal);
	assert_int_equal(pair.low->own_context->budget.consumed, SLICE);
	assert_null(invariants_broken());
}

TEST(preempt, is_left_to_the_long_way_when_the_slice_is_over)
{
	struct pair pair = make_pair(true);

	assert_ptr_equal(host_leave_kernel(), pair.low);
	host.time += SLICE;
	assert_false(sched_preempt(hart, pair.high));
	assert_ptr_equal(hart->current, pair.low);
	assert_false(pair.low->queued);
	assert_int_equal(pair.high->state, THREAD_WAITING);
	assert_null(invariants_broken());
	/* Its turn ends as it would by the timer. */
	assert_ptr_equal(host_leave_kernel(), pair.equal);
	notification_signal(pair.notification, 1);
	assert_ptr_equal(host_leave_kernel(), pair.high);
	assert_int_equal(pair.low->own_context->budget.consumed, SLICE);
}
