/* SPDX-License-Identifier: Apache-2.0 */
/* The scheduler: queues, priorities, slices, budgets, deadlines, timer. */
#include "test.h"

#define SLICE ((uint64_t)SCHED_BUDGET_DEFAULT)

static struct hart *const hart = &harts[0];

/* The root task sleeps, so that it takes no part. */
static void only_others(void)
{
	thread_suspend(root_thread());
}

static void budget(cptr_t context, uint64_t ticks, uint64_t period)
{
	assert_ok(invoke(ROOT_SLOT_SCHED_CONTROL, OP_SCHED_CONTROL_CONFIGURE, context, ticks, period, 0, 0));
}

TEST(sched, queue_keeps_order_when_any_is_removed)
{
	static struct thread threads[4];
	struct thread_queue queue = { 0 };

	for (unsigned i = 0; i < 4; i++)
		queue_append(&queue, &threads[i]);
	queue_remove(&queue, &threads[2]);
	queue_remove(&queue, &threads[0]);
	assert_ptr_equal(queue.head, &threads[1]);
	assert_ptr_equal(queue.tail, &threads[3]);
	assert_ptr_equal(threads[1].next, &threads[3]);
	assert_ptr_equal(threads[3].prev, &threads[1]);
	queue_remove(&queue, &threads[3]);
	queue_remove(&queue, &threads[1]);
	assert_null(queue.head);
	assert_null(queue.tail);
}

TEST(sched, highest_priority_runs)
{
	struct thread *low = spawn(10), *high = spawn(200), *middle = spawn(64), *top = spawn(255);

	only_others();
	assert_ptr_equal(host_leave_kernel(), top);
	thread_suspend(top);
	assert_ptr_equal(host_leave_kernel(), high);
	thread_suspend(high);
	assert_ptr_equal(host_leave_kernel(), middle);
	thread_suspend(middle);
	assert_ptr_equal(host_leave_kernel(), low);
	thread_suspend(low);
	assert_null(host_leave_kernel());
	assert_int_equal(host.idles, 1);
}

TEST(sched, priority_zero_runs_when_alone)
{
	struct thread *lowest = spawn(0);

	only_others();
	assert_ptr_equal(host_leave_kernel(), lowest);
}

TEST(sched, woken_thread_preempts_when_higher)
{
	struct thread *low = spawn(10), *high = spawn(20);
	cptr_t notification = make(OBJECT_NOTIFICATION, 0), badged = derive(notification, RIGHT_ALL, 1);

	only_others();
	do_wait(high, notification, DEADLINE_NEVER);
	assert_ptr_equal(host_leave_kernel(), low);
	do_signal(low, badged);
	assert_ptr_equal(host_leave_kernel(), high);
	assert_true(low->queued);
}

TEST(sched, woken_thread_waits_when_lower)
{
	struct thread *low = spawn(10), *high = spawn(20);
	cptr_t notification = make(OBJECT_NOTIFICATION, 0), badged = derive(notification, RIGHT_ALL, 1);

	only_others();
	do_wait(low, notification, DEADLINE_NEVER);
	do_signal(high, badged);
	assert_ptr_equal(host_leave_kernel(), high);
}

TEST(sched, equals_take_turns_when_slices_end)
{
	struct thread *a = spawn(50), *b = spawn(50), *c = spawn(50);

	only_others();
	for (unsigned round = 0; round < 3; round++) {
		assert_ptr_equal(pass_time(0), a);
		assert_ptr_equal(pass_time(SLICE), b);
		assert_ptr_equal(pass_time(SLICE), c);
		(void)pass_time(SLICE);
	}
	assert_int_equal(a->own_context->budget.consumed, b->own_context->budget.consumed);
}

TEST(sched, timer_is_off_when_thread_is_alone)
{
	struct thread *alone = spawn(50);

	only_others();
	assert_ptr_equal(host_leave_kernel(), alone);
	assert_int_equal(host.timer, DEADLINE_NEVER);
}

TEST(sched, timer_is_set_when_an_equal_comes)
{
	struct thread *a = spawn(50), *b = spawn(50);

	only_others();
	assert_ptr_equal(host_leave_kernel(), a);
	assert_int_equal(host.timer, SLICE);
	thread_suspend(b);
	sched_timer(hart); /* it fires */
	host_leave_kernel();
	assert_int_equal(host.timer, DEADLINE_NEVER);
	thread_resume(b);
	host_leave_kernel();
	assert_true(host.timer <= host.time + SLICE);
}

TEST(sched, timer_is_not_touched_when_nothing_changes)
{
	struct thread *thread = spawn(50);

	only_others();
	host_leave_kernel();
	unsigned sets = host.timer_sets;

	for (unsigned i = 0; i < 10; i++) {
		do_poll(thread, 0);
		host_leave_kernel();
	}
	assert_int_equal(host.timer_sets, sets);
}

TEST(sched, yield_goes_behind_equals_with_a_new_slice)
{
	struct thread *a = spawn(50), *b = spawn(50);

	only_others();
	assert_ptr_equal(pass_time(0), a);
	host.time += SLICE / 2;
	enter_kernel(a, SYS_YIELD);
	assert_ptr_equal(host_leave_kernel(), b);
	assert_int_equal(a->own_context->budget.left, SLICE);
	assert_int_equal(a->own_context->budget.consumed, SLICE / 2);
	enter_kernel(b, SYS_YIELD);
	assert_ptr_equal(host_leave_kernel(), a);
}

TEST(sched, yield_stays_when_alone)
{
	struct thread *a = spawn(50);

	(void)spawn(40);
	only_others();
	host_leave_kernel();
	enter_kernel(a, SYS_YIELD);
	assert_ptr_equal(host_leave_kernel(), a);
	assert_ok(answer_of(a).err);
}

TEST(sched, yield_does_not_renew_a_limited_budget)
{
	struct made_thread made = make_thread(50);

	budget(made.context, 100, 1000);
	thread_resume(made.thread);
	only_others();
	host_leave_kernel();
	host.time += 60;
	enter_kernel(made.thread, SYS_YIELD);
	assert_int_equal(made.thread->own_context->budget.left, 40);
}

TEST(sched, budget_limits_a_thread_in_its_period)
{
	struct made_thread made = make_thread(50);
	struct thread *low = spawn(10);

	budget(made.context, 100, 1000);
	thread_resume(made.thread);
	only_others();
	assert_ptr_equal(host_leave_kernel(), made.thread);
	assert_ptr_equal(pass_time(99), made.thread);
	assert_ptr_equal(pass_time(1), low);
	assert_ptr_equal(pass_time(899), low);
	assert_ptr_equal(pass_time(1), made.thread);
	uint64_t before = made.thread->own_context->budget.consumed;

	pass_time(10000);
	assert_true(made.thread->own_context->budget.consumed - before <= 1000);
	assert_true(made.thread->own_context->budget.consumed - before >= 900);
}

TEST(sched, budget_sleeper_wakes_at_once_when_given_more)
{
	struct made_thread made = make_thread(50);

	budget(made.context, 10, UINT64_C(1) << 40);
	thread_resume(made.thread);
	thread_suspend(root_thread());
	host_leave_kernel();
	pass_time(20);
	assert_null(hart->current);
	thread_resume(root_thread());
	budget(made.context, 1000, 1000);
	assert_true(made.thread->queued);
	assert_null(hart->deadlines);
}

TEST(sched, configure_charges_the_running_thread_first)
{
	struct made_thread made = make_thread(50);

	thread_resume(made.thread);
	only_others();
	host_leave_kernel();
	host.time += 5000;
	assert_ok(sched_context_configure(made.thread->own_context, 10000, 10000, 0));
	assert_int_equal(made.thread->own_context->budget.consumed, 5000);
	assert_int_equal(made.thread->own_context->budget.left, 10000);
}

TEST(sched, preempted_thread_keeps_the_rest_of_its_slice)
{
	struct thread *low = spawn(10), *high = spawn(20);

	do_wait(high, make(OBJECT_NOTIFICATION, 0), 1000);
	only_others();
	assert_ptr_equal(host_leave_kernel(), low);
	assert_ptr_equal(pass_time(1000), high);
	assert_int_equal(low->own_context->budget.consumed, 1000);
	assert_int_equal(low->own_context->budget.left, SLICE - 1000);
}

TEST(sched, preempted_thread_goes_on_before_its_equals)
{
	struct thread *low = spawn(10), *equal = spawn(10), *high = spawn(20);
	cptr_t notification = make(OBJECT_NOTIFICATION, 0);

	do_wait(high, notification, 1000);
	only_others();
	assert_ptr_equal(host_leave_kernel(), low);
	assert_ptr_equal(pass_time(1000), high);
	do_wait(high, notification, 1000 + SLICE);
	assert_ptr_equal(host_leave_kernel(), low);
	/* So it is with the other: each has its whole turn. */
	assert_ptr_equal(pass_time(SLICE - 1000), equal);
	assert_ptr_equal(pass_time(1000), high);
	thread_suspend(high);
	assert_ptr_equal(host_leave_kernel(), equal);
	assert_ptr_equal(pass_time(SLICE - 1000), low);
	assert_null(invariants_broken());
}

TEST(sched, woken_thread_that_had_less_goes_before_its_equal)
{
	struct thread *much = spawn(10), *little = spawn(10);
	cptr_t notification = make(OBJECT_NOTIFICATION, 0), badged = derive(notification, RIGHT_ALL, 1);

	only_others();
	/* Each time it is there at once, however short the other's turn was. */
	do_wait(little, notification, 1000);
	assert_ptr_equal(host_leave_kernel(), much);
	for (unsigned i = 0; i < 20; i++) {
		assert_ptr_equal(pass_time(1000), little);
		assert_true(much->queued);
		pass_time(10);
		do_wait(little, notification, host.time + 1000);
		assert_ptr_equal(host_leave_kernel(), much);
	}
	/* Also by a signal of its equal. */
	pass_time(500);
	do_signal(much, badged);
	assert_ptr_equal(host_leave_kernel(), little);
	assert_null(invariants_broken());
	/* Not when it had as much. */
	pass_time(SLICE / 2);
	assert_ptr_equal(host_leave_kernel(), little);
	do_wait(little, notification, host.time + 10);
	assert_ptr_equal(host_leave_kernel(), much);
	assert_true(little->own_context->budget.consumed > much->own_context->budget.consumed);
	assert_ptr_equal(pass_time(10), much);
	assert_true(little->queued);
	assert_ptr_equal(pass_time(SLICE), little);
	assert_null(invariants_broken());
}

TEST(sched, woken_thread_that_had_more_waits_for_its_equal)
{
	struct thread *much = spawn(10), *little = spawn(10);
	cptr_t notification = make(OBJECT_NOTIFICATION, 0);

	only_others();
	assert_ptr_equal(host_leave_kernel(), much);
	pass_time(SLICE - 10);
	assert_ptr_equal(host_leave_kernel(), much);
	do_wait(much, notification, host.time + 100);
	assert_ptr_equal(host_leave_kernel(), little);
	assert_ptr_equal(pass_time(100), little);
	assert_ptr_equal(pass_time(SLICE - 100), much);
}

TEST(sched, woken_thread_goes_first_where_a_more_urgent_one_runs)
{
	struct thread *much = spawn(10), *little = spawn(10), *high = spawn(20);
	cptr_t notification = make(OBJECT_NOTIFICATION, 0), badged = derive(notification, RIGHT_ALL, 1);
	cptr_t other = make(OBJECT_NOTIFICATION, 0);

	only_others();
	do_wait(high, other, 1000);
	do_wait(little, notification, DEADLINE_NEVER);
	assert_ptr_equal(host_leave_kernel(), much);
	assert_ptr_equal(pass_time(1000), high);
	do_signal(high, badged);
	assert_ptr_equal(host_leave_kernel(), high);
	do_wait(high, other, DEADLINE_NEVER);
	assert_ptr_equal(host_leave_kernel(), little);
	do_wait(little, notification, DEADLINE_NEVER);
	/* What was cut short goes on. */
	assert_ptr_equal(host_leave_kernel(), much);
	assert_int_equal(much->own_context->budget.left, SLICE - 1000);
	assert_null(invariants_broken());
}

TEST(sched, deadlines_fire_in_order_of_time)
{
	cptr_t notification = make(OBJECT_NOTIFICATION, 0);
	struct thread *threads[6];
	static const uint64_t at[] = { 500, 100, 300, 300, 900, 50 };

	for (unsigned i = 0; i < 6; i++)
		threads[i] = spawn(30);
	for (unsigned i = 0; i < 6; i++)
		do_wait(threads[i], notification, at[i]);
	assert_null(invariants_broken());
	assert_int_equal(hart->deadlines->deadline, 50);
	only_others();
	for (uint64_t now = 0; now <= 1000; now += 50) {
		pass_time(now - host.time);
		for (unsigned i = 0; i < 6; i++)
			assert_int_equal(threads[i]->state == THREAD_WAITING, at[i] > now);
	}
	assert_null(hart->deadlines);
	assert_int_equal(host.timer <= host.time + SLICE, 1);
}

TEST(sched, deadline_in_the_middle_can_be_cleared)
{
	cptr_t notification = make(OBJECT_NOTIFICATION, 0);
	struct thread *threads[3];

	for (unsigned i = 0; i < 3; i++) {
		threads[i] = spawn(30);
		do_wait(threads[i], notification, 100 + i);
	}
	thread_suspend(threads[1]);
	assert_null(invariants_broken());
	thread_suspend(threads[0]);
	assert_ptr_equal(hart->deadlines, threads[2]);
	thread_suspend(threads[2]);
	assert_null(hart->deadlines);
	sched_clear_deadline(threads[2]);
	sched_set_deadline(threads[2], DEADLINE_NEVER);
	assert_null(hart->deadlines);
}

TEST(sched, new_priority_moves_a_queued_thread)
{
	struct made_thread made = make_thread(10);
	struct thread *other = spawn(20);

	thread_resume(made.thread);
	assert_ok(invoke(made.cap, OP_THREAD_SET_PRIORITY, ROOT_SLOT_SCHED_CONTROL, 30, 0, 0, 0));
	assert_null(invariants_broken());
	only_others();
	assert_ptr_equal(host_leave_kernel(), made.thread);
	sched_set_priority(made.thread, 5);
	assert_ptr_equal(host_leave_kernel(), other);
	assert_int_equal(made.thread->priority, 5);
}

TEST(sched, new_priority_needs_control_and_range)
{
	struct made_thread made = make_thread(10);

	assert_err(INVALID_CAP, invoke(made.cap, OP_THREAD_SET_PRIORITY, 0, 30, 0, 0, 0));
	assert_err(WRONG_TYPE, invoke(made.cap, OP_THREAD_SET_PRIORITY, CNODE, 30, 0, 0, 0));
	assert_err(RANGE, invoke(made.cap, OP_THREAD_SET_PRIORITY, ROOT_SLOT_SCHED_CONTROL, 256, 0, 0, 0));
	assert_err(RANGE, invoke(made.cap, OP_THREAD_SET_PRIORITY, ROOT_SLOT_SCHED_CONTROL, UINT64_MAX, 0, 0, 0));
	assert_int_equal(made.thread->priority, 10);
}

TEST(sched, unbinding_takes_a_running_thread_off_the_hart)
{
	struct made_thread made = make_thread(240);

	thread_resume(made.thread);
	assert_ptr_equal(host_leave_kernel(), made.thread);
	uint64_t *words = arch_thread_words(made.thread);

	words[0] = made.cap;
	words[1] = OP_THREAD_BIND_SCHED_CONTEXT;
	words[2] = 0;
	enter_kernel(made.thread, SYS_INVOKE);
	assert_int_equal(made.thread->state, THREAD_READY);
	assert_ptr_equal(host_leave_kernel(), root_thread());
	assert_null(made.thread->sched_context);
}

TEST(sched, context_is_bound_once)
{
	struct made_thread made = make_thread(10), other = make_passive(10);

	assert_err(BUSY, invoke(other.cap, OP_THREAD_BIND_SCHED_CONTEXT, made.context, 0, 0, 0, 0));
	assert_err(WRONG_TYPE, invoke(other.cap, OP_THREAD_BIND_SCHED_CONTEXT, CNODE, 0, 0, 0, 0));
	assert_err(NO_RIGHT, invoke(other.cap, OP_THREAD_BIND_SCHED_CONTEXT, derive(made.context, RIGHT_READ, 0), 0, 0, 0, 0));
	assert_ok(invoke(made.cap, OP_THREAD_BIND_SCHED_CONTEXT, 0, 0, 0, 0, 0));
	assert_ok(invoke(made.cap, OP_THREAD_BIND_SCHED_CONTEXT, 0, 0, 0, 0, 0));
	assert_ok(invoke(other.cap, OP_THREAD_BIND_SCHED_CONTEXT, made.context, 0, 0, 0, 0));
}

TEST(sched, consumed_counts_time_across_switches)
{
	struct made_thread made = make_thread(50);

	thread_resume(made.thread);
	thread_suspend(root_thread());
	host_leave_kernel();
	pass_time(1234);
	thread_suspend(made.thread);
	pass_time(1000);
	thread_resume(root_thread());
	host_leave_kernel();
	assert_ok(invoke(made.context, OP_SCHED_CONTEXT_CONSUMED, 0, 0, 0, 0, 0));
	assert_int_equal(invoke_result, 1234);
	assert_err(UNKNOWN_OPERATION, invoke(made.context, 2, 0, 0, 0, 0, 0));
}

TEST(sched, configure_refuses_budgets_out_of_range)
{
	cptr_t context = make(OBJECT_SCHED_CONTEXT, 0);
	static const uint64_t bad[][2] = { { 0, 10 }, { 11, 10 }, { 0, 0 }, { 1, UINT64_MAX }, { UINT64_MAX, UINT64_MAX },
					   { 5, (UINT64_C(1) << 40) + 1 } };

	for (unsigned i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_err(RANGE, invoke(ROOT_SLOT_SCHED_CONTROL, OP_SCHED_CONTROL_CONFIGURE, context, bad[i][0], bad[i][1], 0, 0));
	assert_err(WRONG_TYPE, invoke(ROOT_SLOT_SCHED_CONTROL, OP_SCHED_CONTROL_CONFIGURE, CNODE, 1, 1, 0, 0));
	assert_err(NO_RIGHT, invoke(ROOT_SLOT_SCHED_CONTROL, OP_SCHED_CONTROL_CONFIGURE, derive(context, RIGHT_READ, 0), 1, 1, 0, 0));
	assert_err(UNKNOWN_OPERATION, invoke(ROOT_SLOT_SCHED_CONTROL, 1, context, 1, 1, 0, 0));
	assert_ok(invoke(ROOT_SLOT_SCHED_CONTROL, OP_SCHED_CONTROL_CONFIGURE, context, UINT64_C(1) << 40, UINT64_C(1) << 40, 0, 0));
}

TEST(sched, switch_is_told_only_when_thread_changes_or_may_have)
{
	struct thread *thread = spawn(50);

	only_others();
	host_leave_kernel();
	unsigned switches = hart->arch.switches;

	do_poll(thread, 0);
	assert_ptr_equal(host_leave_kernel(), thread);
	assert_int_equal(hart->arch.switches, switches);
	thread_suspend(thread);
	assert_null(host_leave_kernel());
	assert_null(hart->arch.switched_to);
}
