/* SPDX-License-Identifier: Apache-2.0 */
/* FP registers stay with their thread or guest, on whatever hart it goes on; and who is new finds zeroes. */
#include "races.h"

#define THREADS_OF_HART 3u

enum { ENDPOINT, REPLY };

/* What this thread works with: no two have the same. */
static void run_thread(struct worker *self)
{
	uint64_t fresh[33], any = 0;

	float_read(fresh);
	for (unsigned i = 0; i < 33; i++)
		any |= fresh[i];
	expect(any == 0, "a new thread finds another's FP registers", any);
	while (!self->quit) {
		float_set(self->number + 1u);
		for (uint64_t i = random_of(&self->random) % 4000; i > 0; i--)
			__asm__ volatile("");
		if (random_of(&self->random) % 2)
			sys_yield();
		expect(float_differs(self->number + 1u) == 0, "FP registers of a thread", self->number);
		self->progress++;
	}
}

/* Moves workers about, and makes some anew, for a time. */
static void move_about(unsigned count, bool anew)
{
	uint64_t end = sys_time() + ticks_of(parameters.ms);

	while (sys_time() < end) {
		struct worker *victim = &workers[pick(count)];

		sleep_ticks(pick(2000));
		enum err err = thread_set_affinity(victim->thread, ROOT_SLOT_SCHED_CONTROL, pick(root_info->harts));

		expect(err == ERR_OK || err == ERR_BUSY, "affinity", (uint64_t)err);
		if (anew && pick(4) == 0) {
			must(cnode_delete(ROOT_SLOT_CNODE, victim->thread), "delete");
			worker_start(victim);
		}
	}
	for (unsigned i = 0; i < count; i++) {
		uint64_t seen = workers[i].progress;

		WAIT_FOR(workers[i].progress != seen, "a thread with FP does not get on");
	}
}

void float_threads(void)
{
	unsigned count = THREADS_OF_HART * root_info->harts;

	for (unsigned i = 0; i < count; i++)
		worker_start(worker_new(i, run_thread, i));
	move_about(count, true);
}

/* --- a passive server --- */

static void serve(struct worker *self)
{
	struct message message;
	uint64_t pattern = 1000;

	float_set(pattern);
	enum err err = server_begin(self, self->cap[ENDPOINT], self->cap[REPLY], &message);

	for (;;) {
		must(err, "receive");
		expect(float_differs(pattern) == 0, "FP registers of a passive server", pattern);
		/* Not all calls use them. */
		if (random_of(&self->random) % 2)
			float_set(++pattern);
		self->progress++;
		err = sys_reply_recv(self->cap[ENDPOINT], self->cap[REPLY], &message, DEADLINE_NEVER);
	}
}

static void call(struct worker *self)
{
	while (!self->quit) {
		struct message message = { .info = message_info(1, 0) };
		bool used = random_of(&self->random) % 2;

		if (used)
			float_set(self->number + 1u);
		must(sys_call(self->cap[ENDPOINT], &message), "call");
		expect(!used || float_differs(self->number + 1u) == 0, "FP registers of a client", self->number);
		self->progress++;
	}
}

void float_servers(void)
{
	unsigned count = 2 * root_info->harts;
	cptr_t endpoint = make(OBJECT_ENDPOINT, 0);

	for (unsigned i = 0; i < count + 2; i++) {
		struct worker *worker = worker_new(i < 2 ? count + i : i - 2, i < 2 ? serve : call, i);

		worker->cap[ENDPOINT] = endpoint;
		worker->cap[REPLY] = make(OBJECT_REPLY, 0);
		if (i < 2)
			worker_start_passive(worker);
		else
			worker_start(worker);
	}
	move_about(count, false);
}

/* --- guests, whose VMMs use them as well --- */

static void run_guest(struct worker *self)
{
	volatile struct vcpu_page *page = self->memory[0];
	volatile uint64_t *words = self->memory[1];
	struct vcpu_exit_info exit;

	while (!self->quit) {
		bool used = random_of(&self->random) % 2;

		if (used)
			float_set(self->number + 100u);
		must(sys_vcpu_run(self->cap[0], &exit), "run");
		expect(exit.cause == CAUSE_VS_ECALL, "exit", exit.cause);
		expect(words[GUEST_WORD + 1] == 0, "FP registers of a guest", self->number);
		expect(!used || float_differs(self->number + 100u) == 0, "FP registers of a VMM", self->number);
		page->pc += 4;
		page->gpr[12] = 1 + random_of(&self->random) % 5000;
		self->progress++;
	}
}

void float_guests(void)
{
	unsigned count = 2 * root_info->harts;

	for (unsigned i = 0; i < count; i++) {
		struct worker *worker = worker_new(i, run_guest, i);
		struct guest guest = make_guest(guest_float);

		guest.page->gpr[11] = (uint64_t)(i + 200) << 32 | i;
		guest.page->gpr[12] = 1;
		worker->cap[0] = guest.vcpu;
		worker->memory[0] = (void *)(uintptr_t)guest.page;
		worker->memory[1] = (void *)(uintptr_t)guest.words;
		worker_start(worker);
	}
	move_about(count, false);
}
