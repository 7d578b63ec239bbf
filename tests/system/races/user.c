/* SPDX-License-Identifier: Apache-2.0 */
/* Guests: traps of their user mode are theirs, and timers come once and in time on whatever hart. */
#include <libsys/log.h>

#include "races.h"

enum { BREAKPOINT = 3, ILLEGAL = 2, MISALIGNED_LOAD = 4, USER_ECALL = 8, VS_MODE = 1 };
#define WFI 0x10500073u
#define TIMERS 30u
#define MOVES 100u
#define LATE_MS 2000u /* by a busy build machine, not by the kernel */

/* ebreak, ecall, an illegal instruction and a misaligned access of VU go to VS; of WFI the VMM makes an illegal instruction. */
static void run_traps(struct worker *self)
{
	static const uint64_t causes[] = { BREAKPOINT, USER_ECALL, ILLEGAL, MISALIGNED_LOAD, ILLEGAL };
	volatile struct vcpu_page *page = self->memory[0];
	volatile uint64_t *words = self->memory[1];
	struct vcpu_exit_info exit;

	must(sys_vcpu_run(self->cap[0], &exit), "run");
	expect(exit.cause == CAUSE_VIRTUAL_INSTRUCTION && exit.value == WFI, "WFI of user mode", exit.cause);
	expect(page->mode == 0, "mode of WFI of user mode", page->mode);
	expect(words[GUEST_WORD] == 4, "traps before WFI", words[GUEST_WORD]);
	page->trap_cause = ILLEGAL;
	page->trap_value = exit.value;
	page->requests = VCPU_REQUEST_TRAP;
	must(sys_vcpu_run(self->cap[0], &exit), "run");
	expect(exit.cause == CAUSE_VS_ECALL && page->mode == VS_MODE, "the end of the traps", exit.cause);
	expect(page->gpr[10] == sizeof(causes) / sizeof(causes[0]), "traps of user mode", page->gpr[10]);
	for (unsigned i = 0; i < sizeof(causes) / sizeof(causes[0]); i++)
		expect(words[GUEST_WORD + 1 + i] == causes[i], "cause of a trap of user mode", words[GUEST_WORD + 1 + i]);
}

static struct worker *start(unsigned number, void (*run)(struct worker *), const struct guest *guest)
{
	struct worker *worker = worker_new(number, run, number);

	worker->cap[0] = guest->vcpu;
	worker->memory[0] = (void *)(uintptr_t)guest->page;
	worker->memory[1] = (void *)(uintptr_t)guest->words;
	worker_start(worker);
	return worker;
}

static void test_traps(void)
{
	for (unsigned i = 0; i < 2 * root_info->harts; i++) {
		struct guest guest = make_guest(guest_traps);
		struct worker *worker = start(i, run_traps, &guest);

		WAIT_FOR(worker->done, "traps of user mode");
	}
}

static void run_for_ever(struct worker *self)
{
	struct vcpu_exit_info exit;

	must(sys_vcpu_run(self->cap[0], &exit), "run");
	fail("a guest came back", exit.cause);
}

/* Guests that are moved while they run find their registers on each hart; two, so that they also take harts from each other. */
static void test_moved(void)
{
	uint64_t end = sys_time() + WAIT_TICKS;
	struct guest guest[2];

	for (unsigned i = 0; i < 2; i++) {
		guest[i] = make_guest(guest_scratch);
		start(i, run_for_ever, &guest[i]);
	}
	for (unsigned moves = 0; moves < MOVES && sys_time() < end; moves++) {
		unsigned victim = (unsigned)pick(2);
		uint64_t seen, until;

		sleep_ticks(pick(3000));
		seen = guest[victim].words[GUEST_WORD];
		until = sys_time() + ticks_of(10);
		move_to(workers[victim].thread, moves);
		/* Nobody else takes this hart, where the guest's registers may still be, before it runs on another. */
		while (moves % root_info->harts != 0 && sys_time() < until && guest[victim].words[GUEST_WORD] == seen)
			;
	}
	for (unsigned i = 0; i < 2; i++) {
		uint64_t seen = guest[i].words[GUEST_WORD];

		WAIT_FOR(guest[i].words[GUEST_WORD] > seen + 10, "a guest that was moved");
		expect(guest[i].words[GUEST_WORD + 1] == 0, "registers of a guest that was moved", guest[i].words[GUEST_WORD + 1]);
	}
}

static void run_timer(struct worker *self)
{
	volatile struct vcpu_page *page = self->memory[0];
	struct vcpu_exit_info exit;

	do {
		must(sys_vcpu_run(self->cap[0], &exit), "run");
	} while (exit.cause == VCPU_EXIT_KICKED);
	expect(exit.cause == CAUSE_VS_ECALL, "exit", exit.cause);
	self->value[0] = page->gpr[10];
}

static _Noreturn void late(const struct guest *guest, unsigned count)
{
	for (unsigned i = 0; i < count; i++) {
		uint64_t compare = 0, enabled = 0;

		(void)sys_vcpu_kick(guest[i].vcpu, 0);
		sleep_ticks(ticks_of(10));
		if (vcpu_read_register(guest[i].vcpu, VCPU_VSTIMECMP, &compare) || vcpu_read_register(guest[i].vcpu, VCPU_VSIE, &enabled))
			compare = 1;
		log_info("RACES guest %u: %lu timers, vstimecmp %lu, vsie %lx, hvip %lx, pc %lx", i, (unsigned long)guest[i].words[GUEST_WORD],
			 (unsigned long)compare, (unsigned long)enabled, (unsigned long)guest[i].page->hvip, (unsigned long)guest[i].page->pc);
	}
	log_info("RACES time %lu", (unsigned long)sys_time());
	fail("timers do not come", 0);
}

/* The guests wait for timers, half the time asleep; their threads move, and are kicked. */
static void test_timers(void)
{
	unsigned count = root_info->harts + 1;
	struct guest guest[HARTS_MOST + 1];
	uint64_t end = sys_time() + WAIT_TICKS;
	bool running = true;

	for (unsigned i = 0; i < count; i++) {
		guest[i] = make_guest(guest_timer);
		must(vcpu_write_register(guest[i].vcpu, VCPU_HTIMEDELTA, i * 1000003ul - 5000), "time of a guest");
		guest[i].page->gpr[11] = ticks_of(1) * (i + 1);
		guest[i].page->gpr[12] = TIMERS;
		start(i, run_timer, &guest[i]);
	}
	while (running) {
		unsigned victim = (unsigned)pick(count);
		uint64_t begin = sys_time();

		move_to(workers[victim].thread, (uint32_t)pick(root_info->harts));
		if (pick(4) == 0)
			must(sys_vcpu_kick(guest[victim].vcpu, 0), "kick");
		/* Most of the time is the guests', however long a busy build machine takes to move one. */
		sleep_ticks(pick(ticks_of(2)) + 4 * (sys_time() - begin));
		running = false;
		for (unsigned i = 0; i < count; i++)
			running |= !workers[i].done;
		if (sys_time() >= end)
			late(guest, count);
	}
	for (unsigned i = 0; i < count; i++) {
		const volatile uint64_t *words = guest[i].words + GUEST_WORD;

		expect(words[0] == TIMERS, "timers", words[0]);
		expect(words[1] < ticks_of(LATE_MS), "a timer came late", words[1]);
		expect(words[2] == 0, "timers came early", words[2]);
		expect(words[3] == 0, "timers came twice", words[3]);
	}
}

const struct race_case guest_cases[] = {
	{ "traps of user mode", test_traps },
	{ "moved", test_moved },
	{ "timers", test_timers },
	{ 0 },
};
