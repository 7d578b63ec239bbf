/* SPDX-License-Identifier: Apache-2.0 */
/* On each hart a thread and a guest that have nothing to do with any case, and must not notice any. */
#include "races.h"

#define REST_TICKS 10000u /* between two turns */
#define TURNS 64u
#define FIRST_PATTERN 5u  /* registers that neither the guest nor its calls use */
#define LAST_PATTERN 31u

static struct guest guests[HARTS_MOST];
static cptr_t rest; /* nobody signals it */

static uint64_t pattern(const struct worker *self, unsigned number)
{
	return (uint64_t)self->number << 56 | (uint64_t)number << 48 | 0x1234567;
}

static void rest_now(void)
{
	uint64_t bits;

	expect(sys_wait(rest, sys_time() + REST_TICKS, &bits) == ERR_TIMED_OUT, "an innocent was woken", 0);
}

/* Works with all that C keeps in its registers, and FP. */
static void run_thread(struct worker *self)
{
	for (;;) {
		uint64_t sum = 0;

		float_set(self->number);
		for (uint64_t i = 0; i < 1000; i++)
			sum += i * self->number;
		rest_now();
		expect(sum == 499500 * (uint64_t)self->number, "an innocent thread lost a register", sum);
		expect(float_differs(self->number) == 0, "an innocent thread lost its FP registers", self->number);
		self->progress++;
	}
}

static void run_guest(struct worker *self)
{
	const struct guest *guest = &guests[self->hart];
	struct vcpu_exit_info exit;

	for (unsigned i = FIRST_PATTERN; i <= LAST_PATTERN; i++)
		guest->page->gpr[i] = pattern(self, i);
	for (uint64_t turn = 1;; turn++) {
		must(sys_vcpu_run(guest->vcpu, &exit), "run of an innocent guest");
		expect(exit.cause == CAUSE_VS_ECALL, "an innocent guest's exit", exit.cause);
		expect(guest->page->gpr[10] == turn && guest->words[GUEST_WORD] == turn, "an innocent guest lost a turn", turn);
		for (unsigned i = FIRST_PATTERN; i <= LAST_PATTERN; i++)
			expect(i == 10 || guest->page->gpr[i] == pattern(self, i), "an innocent guest lost a register", i);
		guest->page->pc += 4;
		self->progress++;
		if (turn % TURNS == 0)
			rest_now();
	}
}

static void start(unsigned number, void (*run)(struct worker *self), uint32_t hart)
{
	struct worker *worker = worker_new(INNOCENT_FIRST + number, run, hart);

	worker_start(worker);
	must(thread_set_priority(worker->thread, ROOT_SLOT_SCHED_CONTROL, PRIORITY_INNOCENT), "priority");
}

void innocents_start(void)
{
	objects_keep(true);
	rest = make(OBJECT_NOTIFICATION, 0);
	for (uint32_t hart = 0; hart < root_info->harts; hart++) {
		guests[hart] = make_guest(guest_count);
		start(2 * hart, run_thread, hart);
		start(2 * hart + 1, run_guest, hart);
	}
	objects_keep(false);
}

void innocents_check(void)
{
	uint64_t seen[2 * HARTS_MOST];

	if (!rest)
		return;
	for (unsigned i = 0; i < 2 * root_info->harts; i++)
		seen[i] = workers[INNOCENT_FIRST + i].progress;
	for (unsigned i = 0; i < 2 * root_info->harts; i++)
		WAIT_FOR(workers[INNOCENT_FIRST + i].progress != seen[i], "an innocent does not get on");
}
