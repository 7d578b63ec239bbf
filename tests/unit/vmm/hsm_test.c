/* SPDX-License-Identifier: Apache-2.0 */
#include <hsm.h>
#include "fakes.h"
#include "test.h"

enum { HSM = 0x48534d, START = 0, STOP = 1, STATUS = 2, SUSPEND = 3 };
enum { RETENTIVE = 0, LOSING = 0x80000000u };

static struct guest_memory memory;
static struct vcpu *first, *second;

static int prepare(void **state)
{
	(void)state;
	fake_reset(NULL);
	memory = fake_memory();
	fake_make_harts(4, &memory, NULL, NULL);
	first = &fake_harts.vcpu[0];
	second = &fake_harts.vcpu[1];
	return 0;
}

static long call(struct vcpu *vcpu, uint64_t function, uint64_t a0, uint64_t a1, uint64_t a2)
{
	uint64_t *gpr = vcpu->page->gpr;

	gpr[10] = a0;
	gpr[11] = a1;
	gpr[12] = a2;
	gpr[16] = function;
	gpr[17] = HSM;
	sbi_handle(vcpu);
	return (long)gpr[10];
}

static uint64_t status(unsigned hart)
{
	assert_int_equal(call(first, STATUS, hart, 0, 0), SBI_SUCCESS);
	return first->page->gpr[11];
}

TEST(hsm, starts_a_stopped_hart)
{
	(void)state;
	assert_int_equal(status(0), 0);
	assert_int_equal(status(1), 1);
	assert_int_equal(call(first, START, 1, FAKE_RAM_BASE + 2, 77), SBI_SUCCESS);
	assert_int_equal(fake.woken[1], 1);
	assert_int_equal(status(1), 2);
	second->page->hvip = VCPU_IRQ_SOFTWARE | VCPU_IRQ_EXTERNAL;
	second->page->requests = VCPU_REQUEST_TRAP;
	hsm_wait_for_start(second);
	assert_int_equal(fake.waits, 0);
	assert_int_equal(status(1), 0);
	assert_int_equal(second->page->pc, FAKE_RAM_BASE + 2);
	assert_int_equal(second->page->gpr[10], 1);
	assert_int_equal(second->page->gpr[11], 77);
	assert_int_equal(second->page->hvip, 0);
	assert_int_equal(second->page->requests, 0);
	assert_int_equal(fake_harts.running, 2);
}

TEST(hsm, refuses_wrong_starts)
{
	(void)state;
	assert_int_equal(call(first, START, 4, FAKE_RAM_BASE, 0), SBI_INVALID_PARAM);
	assert_int_equal(call(first, START, UINT64_MAX, FAKE_RAM_BASE, 0), SBI_INVALID_PARAM);
	assert_int_equal(call(first, START, 1, FAKE_RAM_BASE + 1, 0), SBI_INVALID_ADDRESS);
	assert_int_equal(call(first, START, 1, FAKE_RAM_BASE - 2, 0), SBI_INVALID_ADDRESS);
	assert_int_equal(call(first, START, 1, FAKE_RAM_BASE + FAKE_RAM_SIZE, 0), SBI_INVALID_ADDRESS);
	assert_int_equal(call(first, START, 0, FAKE_RAM_BASE, 0), SBI_ALREADY_AVAILABLE);
	assert_int_equal(call(first, START, 1, FAKE_RAM_BASE, 0), SBI_SUCCESS);
	assert_int_equal(call(first, START, 1, FAKE_RAM_BASE, 0), SBI_ALREADY_AVAILABLE);
	second->state = HART_SUSPENDED;
	assert_int_equal(call(first, START, 1, FAKE_RAM_BASE, 0), SBI_ALREADY_AVAILABLE);
	second->state = HART_TAKEN;
	assert_int_equal(call(first, START, 1, FAKE_RAM_BASE, 0), SBI_ALREADY_AVAILABLE);
	assert_int_equal(status(1), 2);
	assert_int_equal(call(first, STATUS, 4, 0, 0), SBI_INVALID_PARAM);
	assert_int_equal(call(first, 4, 0, 0, 0), SBI_NOT_SUPPORTED);
}

static void start_again(cptr_t notification)
{
	struct vcpu *sleeper = &fake_harts.vcpu[notification - FAKE_WAKE];
	struct vcpu *other = sleeper == first ? second : first;

	assert_int_equal(sleeper->state, HART_STOPPED);
	fake.wait_answer = ERR_OK;
	fake.wait_bits = CONSOLE_SIGNAL_OWN;
	/* A signal for nothing comes first. */
	if (fake.waits > 1)
		assert_int_equal(call(other, START, sleeper->hart, FAKE_RAM_BASE + 0x100, 5), SBI_SUCCESS);
}

TEST(hsm, stops_until_it_is_started_again)
{
	(void)state;
	second->state = HART_STARTED;
	fake_harts.running = 2;
	fake.on_wait = start_again;
	second->page->pc = FAKE_RAM_BASE;
	assert_int_equal(call(second, STOP, 0, 0, 0), 1); /* a0 is the hart's number, not an answer */
	assert_int_equal(fake.waits, 2);
	assert_int_equal(second->page->pc, FAKE_RAM_BASE + 0x100);
	assert_int_equal(second->page->gpr[11], 5);
	assert_int_equal(fake_harts.running, 2);
	assert_int_equal(fake.poweroffs, 0);
}

static void type_then_start(cptr_t notification)
{
	if (fake.waits == 1) {
		fake.wait_answer = ERR_OK;
		fake.wait_bits = CONSOLE_SIGNAL_INPUT;
	} else {
		assert_int_equal(fake.delivered, 1);
		start_again(notification);
	}
}

TEST(hsm, serves_the_console_while_the_first_hart_is_stopped)
{
	(void)state;
	second->state = HART_STARTED;
	fake_harts.running = 2;
	fake.on_wait = type_then_start;
	assert_int_equal(call(first, STOP, 0, 0, 0), 0);
	assert_int_equal(fake.waits, 2);
	assert_int_equal(first->page->pc, FAKE_RAM_BASE + 0x100);
}

TEST(hsm, ends_the_machine_with_its_last_hart)
{
	(void)state;
	assert_int_equal(call(first, STOP, 0, 0, 0), SBI_FAILED);
	assert_int_equal(fake.poweroffs, 1);
}

static void interrupt(cptr_t notification)
{
	assert_int_equal(notification, FAKE_WAKE + 1);
	assert_int_equal(status(1), 4);
	fake.wait_answer = ERR_OK;
	fake.wait_bits = CONSOLE_SIGNAL_OWN;
	if (fake.waits > 1)
		harts_send(first, second, VCPU_IRQ_SOFTWARE);
}

TEST(hsm, suspends_until_an_interrupt_is_sent)
{
	(void)state;
	second->state = HART_STARTED;
	fake.csr[VCPU_VSIE] = 2;
	fake.on_wait = interrupt;
	assert_int_equal(call(second, SUSPEND, RETENTIVE, 0, 0), SBI_SUCCESS);
	assert_int_equal(fake.waits, 2);
	assert_int_equal(fake.woken[1], 1);
	assert_int_equal(fake.kicked[1], VCPU_IRQ_SOFTWARE);
	assert_int_equal(status(1), 0);
	assert_int_equal(second->page->pc, 4);
}

TEST(hsm, does_not_suspend_when_an_interrupt_was_sent_before)
{
	(void)state;
	second->state = HART_STARTED;
	harts_send(first, second, VCPU_IRQ_SOFTWARE);
	assert_int_equal(fake.woken[1], 0);
	assert_int_equal(call(second, SUSPEND, RETENTIVE, 0, 0), SBI_SUCCESS);
	assert_int_equal(fake.waits, 0);
	second->page->hvip = VCPU_IRQ_EXTERNAL;
	fake.csr[VCPU_VSIE] = 1 << 9;
	assert_int_equal(call(second, SUSPEND, RETENTIVE, 0, 0), SBI_SUCCESS);
	assert_int_equal(fake.waits, 0);
}

TEST(hsm, wakes_by_the_guests_own_timer)
{
	(void)state;
	second->page->hvip = VCPU_IRQ_SOFTWARE; /* pending, but the guest has not enabled it */
	fake.csr[VCPU_VSIE] = 1 << 5;
	fake.csr[VCPU_VSTIMECMP] = 5000;
	assert_int_equal(call(second, SUSPEND, RETENTIVE, 0, 0), SBI_SUCCESS);
	assert_int_equal(fake.time, 5000);
	assert_int_equal(fake.waits, 1);
	assert_int_equal(call(second, SUSPEND, RETENTIVE, 0, 0), SBI_SUCCESS);
	assert_int_equal(fake.waits, 1);
}

TEST(hsm, begins_anew_after_a_suspend_that_loses_state)
{
	(void)state;
	second->state = HART_STARTED;
	fake.csr[VCPU_VSIE] = 2;
	fake.on_wait = interrupt;
	assert_int_equal(call(second, SUSPEND, LOSING, FAKE_RAM_BASE + 0x40, 99), 1);
	assert_int_equal(second->page->pc, FAKE_RAM_BASE + 0x40);
	assert_int_equal(second->page->gpr[11], 99);
	assert_int_equal(fake.resets, 1);
	assert_int_equal(status(1), 0);
}

TEST(hsm, refuses_wrong_suspends)
{
	static const uint32_t reserved[] = { 1, 0x0fffffff, 0x80000001, 0x8fffffff };
	static const uint32_t platform[] = { 0x10000000, 0x7fffffff, 0x90000000, 0xffffffff };

	(void)state;
	for (unsigned i = 0; i < 4; i++) {
		assert_int_equal(call(first, SUSPEND, reserved[i], FAKE_RAM_BASE, 0), SBI_INVALID_PARAM);
		assert_int_equal(call(first, SUSPEND, platform[i], FAKE_RAM_BASE, 0), SBI_NOT_SUPPORTED);
	}
	assert_int_equal(call(first, SUSPEND, LOSING, 0x1000, 0), SBI_INVALID_ADDRESS);
	assert_int_equal(call(first, SUSPEND, LOSING, FAKE_RAM_BASE + 1, 0), SBI_INVALID_ADDRESS);
	assert_int_equal(fake.waits, 0);
	assert_int_equal(status(0), 0);
}

int main(void)
{
#define RUN_PREPARED(name) cmocka_unit_test_setup(hsm_##name, prepare)
	const struct CMUnitTest tests[] = {
		RUN_PREPARED(starts_a_stopped_hart), RUN_PREPARED(refuses_wrong_starts),
		RUN_PREPARED(stops_until_it_is_started_again),
		RUN_PREPARED(serves_the_console_while_the_first_hart_is_stopped),
		RUN_PREPARED(ends_the_machine_with_its_last_hart), RUN_PREPARED(suspends_until_an_interrupt_is_sent),
		RUN_PREPARED(does_not_suspend_when_an_interrupt_was_sent_before),
		RUN_PREPARED(wakes_by_the_guests_own_timer), RUN_PREPARED(begins_anew_after_a_suspend_that_loses_state),
		RUN_PREPARED(refuses_wrong_suspends),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
