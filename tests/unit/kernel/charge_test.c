/* SPDX-License-Identifier: Apache-2.0 */
/* CPU time that is put onto the account of another scheduling context. */
#include "test.h"

static uint64_t consumed(cptr_t context)
{
	assert_ok(invoke(context, OP_SCHED_CONTEXT_CONSUMED, 0, 0, 0, 0, 0));
	return invoke_result;
}

static uint64_t charge(cptr_t context, uint64_t ticks)
{
	assert_ok(invoke(context, OP_SCHED_CONTEXT_CHARGE, ticks, 0, 0, 0, 0));
	return invoke_result;
}

TEST(charge, who_charges_passes_on_what_it_used_and_no_more)
{
	struct made_thread made = make_thread(50), other = make_thread(50);
	uint64_t before = root_thread()->own_context->budget.consumed - root_thread()->own_context->passed;

	pass_time(1000);
	assert_int_equal(charge(made.context, 400), before + 600);
	assert_int_equal(consumed(made.context), 400);
	assert_int_equal(charge(other.context, UINT64_MAX), 0);
	assert_int_equal(charge(made.context, 1), 0);
	assert_int_equal(consumed(other.context), before + 600);
	assert_int_equal(sched_context_consumed(root_thread()->own_context), 0);
	pass_time(10);
	assert_int_equal(charge(made.context, 9), 1);
	assert_int_equal(charge(made.context, 100), 0);
	assert_int_equal(consumed(made.context), 410);
}

TEST(charge, charged_thread_has_a_shorter_turn)
{
	struct made_thread made = make_thread(50);

	thread_resume(made.thread);
	pass_time(SCHED_BUDGET_DEFAULT);
	charge(made.context, SCHED_BUDGET_DEFAULT / 2);
	thread_suspend(root_thread());
	assert_ptr_equal(host_leave_kernel(), made.thread);
	pass_time(SCHED_BUDGET_DEFAULT);
	sched_charge(&harts[0], arch_time());
	assert_int_equal(budget_left(&made.thread->sched_context->budget), SCHED_BUDGET_DEFAULT / 2);
	thread_resume(root_thread());
	host_leave_kernel();
	assert_int_equal(consumed(made.context), SCHED_BUDGET_DEFAULT / 2 * 3);
}

TEST(charge, charging_needs_the_right_and_a_context_of_ones_own)
{
	struct made_thread made = make_thread(50);
	cptr_t weak = derive(made.context, RIGHT_READ | RIGHT_WRITE | RIGHT_EXECUTE, 0), grant = derive(made.context, RIGHT_GRANT, 0);

	pass_time(1000);
	assert_err(NO_RIGHT, invoke(weak, OP_SCHED_CONTEXT_CHARGE, 1, 0, 0, 0, 0));
	charge(grant, 1);
	assert_err(NO_RIGHT, invoke(ROOT_SLOT_SCHED_CONTROL, OP_SCHED_CONTROL_CONFIGURE, grant, 1, 1, 0, 0));
	assert_err(NO_RIGHT, invoke(make_passive(10).cap, OP_THREAD_BIND_SCHED_CONTEXT, grant, 0, 0, 0, 0));
	assert_int_equal(sched_context_charge(make_passive(10).thread, made.thread->sched_context, 1), 0);
	assert_int_equal(consumed(made.context), 1);
}
