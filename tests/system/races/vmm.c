/* SPDX-License-Identifier: Apache-2.0 */
/* Hostile VMMs: garbage in the page, calls at the wrong time, several with one vCPU. */
#include "races.h"

#define PAGE_WORDS 41u /* of struct vcpu_page, before what is reserved */

enum { VCPU, OTHER_VCPU, GSPACE, FRAME };

static void garbage(volatile uint64_t *words, uint64_t *random, unsigned count)
{
	while (count--) {
		uint64_t value = random_of(random);

		words[random_of(random) % PAGE_WORDS] = value % 8 == 0 ? UINT64_MAX : value >> (value & 63);
	}
}

static void run_garbage(struct worker *self)
{
	volatile uint64_t *words = self->memory[0];
	struct vcpu_exit_info exit;

	while (!self->quit) {
		uint64_t kind = random_of(&self->random) % 4;

		for (unsigned i = 0; kind == 0 && i < PAGE_WORDS; i++)
			words[i] = UINT64_MAX;
		if (kind == 1)
			garbage(words, &self->random, PAGE_WORDS);
		/* Some that get on: real code, with bad requests. */
		if (kind >= 2) {
			((volatile struct vcpu_page *)self->memory[0])->pc = GUEST_BASE;
			((volatile struct vcpu_page *)self->memory[0])->requests = random_of(&self->random) >> (random_of(&self->random) & 63);
		}
		worker_note(self, sys_vcpu_run(self->cap[VCPU], &exit));
	}
}

/* On another hart if there is one, while the guest enters and leaves. */
static void scribble(struct worker *self)
{
	while (!self->quit) {
		garbage(self->memory[0], &self->random, 64);
		self->progress++;
		if (self->progress % 16 == 0)
			sys_yield();
	}
}

/* A guest may run for ever, or sleep. */
static void kick(struct worker *self)
{
	uint64_t bits;

	while (!self->quit) {
		worker_note(self, sys_vcpu_kick(self->cap[VCPU], 0));
		worker_note(self, sys_vcpu_kick(self->cap[VCPU], random_of(&self->random)));
		worker_note(self, sys_wait(self->cap[7], sys_time() + 1000, &bits));
	}
}

static void wait_done(unsigned first, unsigned count)
{
	for (unsigned i = first; i < first + count; i++)
		WAIT_FOR(workers[i].done, "a worker does not end");
}

static void test_garbage(void)
{
	struct guest guest = make_guest(guest_count);
	cptr_t never = make(OBJECT_NOTIFICATION, 0);
	void (*const runs[])(struct worker *) = { run_garbage, scribble, kick };

	for (unsigned i = 0; i < 3; i++) {
		struct worker *worker = worker_new(i, runs[i], i == 2 ? 0 : i + 1);

		worker->cap[VCPU] = guest.vcpu;
		worker->cap[7] = never;
		worker->memory[0] = (void *)(uintptr_t)guest.page;
		worker_start(worker);
	}
	must(thread_set_priority(workers[2].thread, ROOT_SLOT_SCHED_CONTROL, PRIORITY_WORKER + 1), "priority");
	sleep_ticks(ticks_of(parameters.ms));
	WAIT_FOR(workers[0].progress > 20, "hardly any run");
	workers[0].quit = 1;
	wait_done(0, 1);
	workers_quit(3);
	wait_done(1, 2);
	expect(workers[0].errors[ERR_OK] == workers[0].progress, "a run failed", workers[0].progress);
}

/* --- calls at the wrong time --- */

static void expect_run(cptr_t vcpu, enum err err)
{
	struct vcpu_exit_info exit;
	enum err answer = sys_vcpu_run(vcpu, &exit);

	expect(answer == err, "the answer of vcpu_run", (uint64_t)answer);
}

/* Bits kicked into a vCPU that nobody runs come in when somebody does, and nothing else happens. */
static void test_unbound(void)
{
	cptr_t vcpu = make(OBJECT_VCPU, 0);
	struct vcpu_exit_info exit;

	expect_run(vcpu, ERR_INVALID_CAP);
	must(sys_vcpu_kick(vcpu, VCPU_IRQ_ALL), "kick");
	must(sys_vcpu_kick(vcpu, 0), "kick");
	must(cnode_delete(ROOT_SLOT_CNODE, vcpu), "delete");
	expect(sys_vcpu_kick(vcpu, VCPU_IRQ_SOFTWARE) == ERR_INVALID_CAP, "kick of a deleted vCPU", 0);
	expect_run(vcpu, ERR_INVALID_CAP);
	expect_run(ROOT_SLOT_CNODE, ERR_WRONG_TYPE);

	struct guest guest = make_guest(guest_count);

	must(sys_vcpu_kick(guest.vcpu, UINT64_MAX - 1), "kick"); /* bits that are none are ignored */
	must(sys_vcpu_run(guest.vcpu, &exit), "run");
	expect(exit.cause == CAUSE_VS_ECALL, "exit", exit.cause);
	expect(guest.page->hvip == VCPU_IRQ_ALL, "interrupts of a vCPU that nobody ran", guest.page->hvip);
	must(sys_vcpu_kick(guest.vcpu, 0), "kick");
	must(sys_vcpu_run(guest.vcpu, &exit), "run");
	expect(exit.cause == VCPU_EXIT_KICKED, "exit", exit.cause);
	/* What is gone is gone, even after it ran. */
	must(cnode_delete(ROOT_SLOT_CNODE, guest.page_frame), "delete");
	expect_run(guest.vcpu, ERR_INVALID_CAP);
	must(sys_vcpu_kick(guest.vcpu, VCPU_IRQ_ALL), "kick");
	must(cnode_delete(ROOT_SLOT_CNODE, guest.gspace), "delete");
	expect_run(guest.vcpu, ERR_INVALID_CAP);
	arena_end();
}

/* --- one vCPU, several VMMs --- */

static void use_vcpu(struct worker *self, cptr_t vcpu)
{
	struct vcpu_exit_info exit;
	uint64_t value, number = random_of(&self->random) % (VCPU_REGISTERS + 1u);
	enum err err;

	switch (random_of(&self->random) % 8) {
	case 0:
		err = vcpu_read_register(vcpu, number, &value);
		break;
	case 1:
		err = vcpu_write_register(vcpu, number, random_of(&self->random) >> 4);
		break;
	case 2:
		err = vcpu_configure(vcpu, self->cap[GSPACE], self->cap[FRAME]);
		break;
	case 3:
		err = sys_vcpu_kick(vcpu, random_of(&self->random) & VCPU_IRQ_ALL);
		break;
	case 4:
		err = sys_vcpu_kick(vcpu, 0);
		break;
	default:
		((volatile struct vcpu_page *)self->memory[0])->pc = GUEST_BASE;
		err = sys_vcpu_run(vcpu, &exit);
		break;
	}
	worker_note(self, err == ERR_RANGE ? ERR_OK : err);
}

static void run_shared(struct worker *self)
{
	while (!self->quit)
		use_vcpu(self, self->cap[random_of(&self->random) % 2 ? VCPU : OTHER_VCPU]);
}

static uint64_t busy_answers(unsigned count)
{
	uint64_t busy = 0;

	for (unsigned i = 0; i < count; i++)
		busy += workers[i].errors[ERR_BUSY];
	return busy;
}

/* All harts, two threads each, two vCPUs of two guests; threads end and start anew, so does one of the vCPUs. */
static void test_shared(void)
{
	struct guest guest[2] = { make_guest(guest_count), make_guest(guest_count) };
	unsigned count = 2 * root_info->harts;
	cptr_t never = make(OBJECT_NOTIFICATION, 0);
	uint64_t end = sys_time() + ticks_of(parameters.ms);

	for (unsigned i = 0; i <= count; i++) {
		struct worker *worker = worker_new(i, i == count ? kick : run_shared, i / 2);

		worker->cap[VCPU] = guest[0].vcpu;
		worker->cap[OTHER_VCPU] = guest[1].vcpu;
		worker->cap[GSPACE] = guest[0].gspace;
		worker->cap[FRAME] = guest[0].page_frame;
		worker->cap[7] = never;
		worker->memory[0] = (void *)(uintptr_t)guest[0].page;
		worker_start(worker);
	}
	while (sys_time() < end) {
		struct worker *victim = &workers[pick(count)];

		sleep_ticks(5000);
		must(cnode_delete(ROOT_SLOT_CNODE, victim->thread), "delete");
		must(cnode_delete(ROOT_SLOT_CNODE, victim->context), "delete");
		worker_start(victim);
		if (pick(4) == 0)
			remake(guest[1].vcpu, OBJECT_VCPU, 0);
	}
	for (unsigned i = 0; i < count; i++) {
		uint64_t seen = workers[i].progress;

		WAIT_FOR(workers[i].progress != seen, "a VMM does not get on");
	}
	WAIT_FOR(busy_answers(count) > 0, "they never meet");
}

const struct race_case vmm_cases[] = {
	{ "garbage", test_garbage },
	{ "unbound", test_unbound },
	{ "shared", test_shared },
	{ 0 },
};
