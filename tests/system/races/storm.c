/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Guests whose timer has expired cost nothing while they do not run, and no exit while they do: no interrupts storm. Instructions
 * of the whole machine are counted, for `-icount` and one hart; that an idle machine sleeps is seen from outside.
 */
#include <libsys/log.h>

#include "races.h"

#define IDLE_MS 2000u
#define LOOP 100000u     /* turns of two instructions */
#define LOOP_MOST 4000u  /* more than those */

static uint64_t count(void)
{
	uint64_t value;

	__asm__ volatile("rdinstret %0" : "=r"(value) : : "memory");
	return value;
}

static void expect_loop(const char *what)
{
	uint64_t begin = count(), left = LOOP, spent;

	__asm__ volatile("1:	addi %0, %0, -1\n	bnez %0, 1b" : "+r"(left));
	spent = count() - begin - 2 * LOOP;
	log_info("RACES storm: %s: %lu instructions more", what, (unsigned long)spent);
	expect(spent < LOOP_MOST, what, spent);
}

static void run_idle(struct worker *self)
{
	struct vcpu_exit_info exit;

	must(sys_vcpu_run(self->cap[0], &exit), "run");
	fail("an idle guest came back", exit.cause);
}

static struct guest make_masked(void)
{
	struct guest guest = make_guest(guest_masked);
	struct vcpu_exit_info exit;

	must(sys_vcpu_run(guest.vcpu, &exit), "run");
	expect(exit.cause == CAUSE_VS_ECALL, "exit", exit.cause);
	return guest;
}

/* A guest that waits, with its timer expired but not enabled: nothing can wake it. */
static struct guest start_idle(void)
{
	struct guest guest = make_guest(guest_idle);
	struct worker *worker = worker_new(0, run_idle, 0);

	must(vcpu_write_register(guest.vcpu, VCPU_VSTIMECMP, 0), "timer");
	must(vcpu_write_register(guest.vcpu, VCPU_VSIE, 0x202), "interrupts");
	guest.page->pc = GUEST_BASE + 12; /* behind what enables interrupts */
	worker->cap[0] = guest.vcpu;
	worker_start(worker);
	return guest;
}

static void test_storm(void)
{
	struct guest guest = make_masked(), idle;
	struct vcpu_exit_info exit;
	uint64_t begin, spent;

	expect_loop("nothing");
	/* In its guest, which takes no interrupts. */
	guest.page->pc += 4;
	begin = count();
	must(sys_vcpu_run(guest.vcpu, &exit), "run");
	spent = count() - begin - 2 * LOOP;
	expect(exit.cause == CAUSE_VS_ECALL, "exit", exit.cause);
	log_info("RACES storm: running with an expired timer: %lu instructions more", (unsigned long)spent);
	expect(spent < LOOP_MOST, "running with an expired timer", spent);
	/* Not in its guest, whose state is in the hart; then after some sleep. */
	expect_loop("beside an expired timer");
	sleep_ticks(ticks_of(50));
	expect_loop("after sleep with an expired timer");
	idle = start_idle();
	sleep_ticks(ticks_of(1));
	expect_loop("beside a guest that waits");
	expect(idle.words[GUEST_WORD] <= 1, "the guest did not wait", idle.words[GUEST_WORD]);
}

/* Who looks on from outside measures the processor time between the two lines. */
static void test_idle(void)
{
	struct guest guest = make_masked(), idle = start_idle();

	sleep_ticks(ticks_of(5));
	log_info("RACES idle begins");
	sleep_ticks(ticks_of(IDLE_MS));
	log_info("RACES idle ends");
	expect(idle.words[GUEST_WORD] <= 1, "the guest did not wait", idle.words[GUEST_WORD]);
	expect(guest.page->gpr[6] == 0, "the guest did not run", guest.page->gpr[6]);
}

const struct race_case storm_cases[] = {
	{ "storm", test_storm },
	{ 0 },
};

const struct race_case idle_cases[] = {
	{ "idle", test_idle },
	{ 0 },
};
