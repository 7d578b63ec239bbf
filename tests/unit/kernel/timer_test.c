/* SPDX-License-Identifier: Apache-2.0 */
/* Timer interrupts of a thread in user mode, and the short ways out of them. */
#include "test.h"

#define SLICE ((uint64_t)SCHED_BUDGET_DEFAULT)

static struct hart *const hart = &harts[0];

/* A thread that waits for a notification until a time, and one of priority 50 that runs meanwhile. */
static struct thread *waiting, *running;

static struct thread *wait_until(uint8_t priority, uint64_t deadline)
{
	struct thread *thread = spawn(priority);

	become(thread);
	do_wait(thread, make(OBJECT_NOTIFICATION, 0), deadline);
	return thread;
}

static void prepare(uint8_t priority)
{
	waiting = wait_until(priority, host.time + 100);
	(void)spawn(50);
	thread_suspend(root_thread());
	running = host_leave_kernel();
	assert_int_equal(host.timer, host.time + 100);
	host.time += 100;
}

TEST(timer, thread_goes_on_when_who_wakes_is_less_urgent)
{
	prepare(40);
	unsigned switches = hart->arch.switches;

	assert_ptr_equal(sched_timer_in_thread(hart), running);
	assert_ptr_equal(hart->current, running);
	assert_int_equal(hart->arch.switches, switches);
	assert_true(waiting->queued);
	assert_int_equal(waiting->state, THREAD_READY);
	assert_int_equal(answer_of(waiting).err, ERR_TIMED_OUT);
	assert_int_equal(host.timer, DEADLINE_NEVER);
	thread_suspend(running);
	assert_ptr_equal(host_leave_kernel(), waiting);
}

TEST(timer, equals_share_from_then_on)
{
	prepare(50);
	/* It had less so far, so it begins. */
	assert_null(sched_timer_in_thread(hart));
	assert_ptr_equal(host_leave_kernel(), waiting);
	assert_int_equal(host.timer, host.time + SLICE);
	assert_ptr_equal(pass_time(SLICE), running);
	assert_ptr_equal(pass_time(SLICE - 100), waiting);
}

TEST(timer, more_urgent_thread_has_the_hart_at_once)
{
	prepare(60);
	waiting->own_context->budget.ended = true; /* as if its slice had ended when it began to wait */
	assert_ptr_equal(sched_timer_in_thread(hart), waiting);
	assert_ptr_equal(hart->current, waiting);
	assert_ptr_equal(hart->arch.switched_to, waiting);
	assert_false(waiting->own_context->budget.ended);
	assert_true(running->queued);
	assert_false(hart->reschedule);
	assert_int_equal(running->own_context->budget.consumed, 100);
	assert_int_equal(answer_of(waiting).err, ERR_TIMED_OUT);
	assert_ptr_equal(host_leave_kernel(), waiting);
	thread_suspend(waiting);
	assert_ptr_equal(host_leave_kernel(), running);
}

TEST(timer, switch_goes_the_long_way_when_the_port_needs_it)
{
	prepare(60);
	waiting->arch.slowed = true;
	assert_null(sched_timer_in_thread(hart));
	assert_ptr_equal(host_leave_kernel(), waiting);
	assert_int_equal(answer_of(waiting).err, ERR_TIMED_OUT);
	assert_int_equal(running->own_context->budget.consumed, 100);
}

TEST(timer, all_wake_whose_time_came)
{
	struct thread *other = wait_until(45, host.time + 100);

	prepare(40);
	assert_null(sched_timer_in_thread(hart));
	assert_ptr_equal(host_leave_kernel(), running);
	assert_true(waiting->queued && other->queued);
	assert_null(hart->deadlines);
}

TEST(timer, deadline_to_come_stays)
{
	struct thread *other = wait_until(60, host.time + 101);

	prepare(40);
	assert_ptr_equal(sched_timer_in_thread(hart), running);
	assert_ptr_equal(hart->deadlines, other);
	assert_null(other->earlier);
	assert_int_equal(host.timer, ++host.time);
	assert_ptr_equal(sched_timer_in_thread(hart), other);
	assert_null(hart->deadlines);
}

TEST(timer, slice_ends_and_wait_ends_at_once)
{
	struct thread *first = spawn(50);

	prepare(40);
	assert_ptr_equal(running, first);
	host.time += SLICE;
	assert_null(sched_timer_in_thread(hart));
	struct thread *next = host_leave_kernel();

	assert_ptr_not_equal(next, running);
	assert_int_equal(next->priority, 50);
	assert_true(waiting->queued && running->queued);
}

TEST(timer, early_interrupt_changes_nothing)
{
	prepare(40);
	host.time--;
	assert_ptr_equal(sched_timer_in_thread(hart), running);
	assert_int_equal(host.timer, host.time + 1);
	assert_int_equal(waiting->state, THREAD_WAITING);
}

TEST(timer, limited_thread_wakes_by_its_budget)
{
	prepare(60);
	waiting->own_context->budget.limited = true;
	assert_null(sched_timer_in_thread(hart));
	assert_ptr_equal(host_leave_kernel(), waiting);
}

TEST(timer, preempting_thread_has_no_turn_to_end)
{
	prepare(60);
	struct notification *notification = waiting->waits_for;

	host.time -= 50;
	sched_clear_deadline(waiting);
	queue_remove(&notification->waiters, waiting);
	waiting->waits_for = NULL;
	waiting->state = THREAD_READY;
	waiting->own_context->budget.ended = true;
	assert_true(sched_preempt(hart, waiting));
	assert_false(waiting->own_context->budget.ended);
	assert_ptr_equal(host_leave_kernel(), waiting);
}

TEST(timer, preempting_needs_a_short_switch)
{
	prepare(60);
	waiting->arch.slowed = true;
	assert_false(sched_preempt(hart, waiting));
	assert_ptr_equal(hart->current, running);
	assert_int_equal(waiting->state, THREAD_WAITING);
	assert_ptr_equal(pass_time(0), waiting);
}
