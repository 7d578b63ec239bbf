/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How many messages and VM exits the kernel does in a time, on one hart and on all at once. Each hart has threads and objects of
 * its own. Prints "RATE <kind> <harts> <operations per second>" for each round.
 */
#include <stdbool.h>

#include "bench.h"

#define HARTS_MOST 8u
#define STACK_BYTES 8192u
#define PAGE_ADDRESS 0x2000400000ull
#define PRIORITY_CLIENT 105u
#define PRIORITY_STARTER 120u /* of this thread: above those that it starts, which would keep it from starting the next */
#define ROUNDS_OF_RATE 7u
#define BATCH 32u /* operations between looks at the clock */

struct worker {
	bool (*operation)(struct worker *worker);
	cptr_t endpoint, reply, vcpu, go, done; /* go: to wait for; done: badged with this hart's bit */
	struct vcpu_page *page;
	uint64_t begin, end; /* of the time to count in, by the machine's clock */
	uint64_t operations;
};

static struct worker worker[HARTS_MOST];
static uint8_t stack[2 * HARTS_MOST][STACK_BYTES] __attribute__((aligned(16)));
static cptr_t all_done;

static void server_main(void *argument)
{
	const struct worker *self = argument;
	struct message message = { 0 };

	must(sys_recv(self->endpoint, self->reply, &message, DEADLINE_NEVER), "receive");
	for (;;)
		must(sys_reply_recv(self->endpoint, self->reply, &message, DEADLINE_NEVER), "reply");
}

static bool call(struct worker *self)
{
	struct message message = { .info = message_info(1, 0) };

	return sys_call(self->endpoint, &message) == ERR_OK;
}

static bool run_guest(struct worker *self)
{
	struct vcpu_exit_info exit;

	self->page->pc = GUEST_BASE;
	return sys_vcpu_run(self->vcpu, &exit) == ERR_OK && exit.cause == CAUSE_VS_ECALL;
}

static void worker_main(void *argument)
{
	struct worker *self = argument;
	uint64_t bits;

	for (;;) {
		must(sys_wait(self->go, DEADLINE_NEVER, &bits), "wait");
		while (sys_time() < self->begin)
			;
		uint64_t operations = 0;

		while (sys_time() < self->end) {
			for (unsigned i = 0; i < BATCH; i++)
				if (!self->operation(self))
					bench_fail("the operation", ERR_OK);
			operations += BATCH;
		}
		self->operations = operations;
		sys_signal(self->done);
	}
}

static cptr_t badged(cptr_t notification, uint64_t badge)
{
	cptr_t slot = bench.free_slot++;

	must(cnode_mint(ROOT_SLOT_CNODE, slot, ROOT_SLOT_CNODE, notification, RIGHT_ALL, badge), "badge");
	return slot;
}

static void make_worker(unsigned hart)
{
	struct worker *self = &worker[hart];

	self->endpoint = bench_make(OBJECT_ENDPOINT, 0, 1);
	self->reply = bench_make(OBJECT_REPLY, 0, 1);
	self->go = badged(bench_make(OBJECT_NOTIFICATION, 0, 1), 1);
	self->done = badged(all_done, 1ul << hart);
	self->page = (struct vcpu_page *)(PAGE_ADDRESS + hart * 4096ul);
	self->vcpu = bench_guest((uintptr_t)self->page);

	cptr_t server = bench_thread_with(server_main, self, stack[2 * hart] + STACK_BYTES, PRIORITY_SERVER);
	cptr_t client = bench_thread_with(worker_main, self, stack[2 * hart + 1] + STACK_BYTES, PRIORITY_CLIENT);

	/* Both have run by now: their priority is higher. The server needs no time of its own, it runs on its caller's. */
	must(thread_bind_sched_context(server, 0), "passive server");
	must(thread_set_affinity(client, ROOT_SLOT_SCHED_CONTROL, hart), "affinity");
	must(thread_set_affinity(server, ROOT_SLOT_SCHED_CONTROL, hart), "affinity");
}

/* Lets a set of harts (bits) work at the same time; returns operations per second of all of them. */
static uint64_t rate(uint64_t harts, bool (*operation)(struct worker *worker))
{
	const uint64_t hertz = bench.info->timebase_hz, begin = sys_time() + hertz / 100, duration = hertz / 4;
	uint64_t operations = 0, bits;

	for (unsigned i = 0; i < HARTS_MOST; i++) {
		if (!(harts >> i & 1))
			continue;
		worker[i].operation = operation;
		worker[i].begin = begin;
		worker[i].end = begin + duration;
		sys_signal(worker[i].go);
	}
	for (uint64_t left = harts; left; left &= ~bits)
		must(sys_wait(all_done, DEADLINE_NEVER, &bits), "wait for all");
	for (unsigned i = 0; i < HARTS_MOST; i++)
		operations += harts >> i & 1 ? worker[i].operations : 0;
	return operations * hertz / duration;
}

static void measure(const char *kind, unsigned harts, bool (*operation)(struct worker *worker))
{
	for (unsigned round = 0; round < ROUNDS_OF_RATE; round++) {
		/* Not always the same hart alone. */
		uint64_t one = rate(1ul << round % harts, operation), all = rate((1ul << harts) - 1, operation);

		uart_print("RATE %s 1 %lu\r\n", kind, (unsigned long)one);
		uart_print("RATE %s %u %lu\r\n", kind, harts, (unsigned long)all);
	}
}

void bench_main(void)
{
	const unsigned harts = bench.info->harts < HARTS_MOST ? bench.info->harts : HARTS_MOST;

	all_done = bench_make(OBJECT_NOTIFICATION, 0, 1);
	for (unsigned i = 0; i < harts; i++)
		make_worker(i);
	must(thread_set_priority(ROOT_SLOT_THREAD, ROOT_SLOT_SCHED_CONTROL, PRIORITY_STARTER), "own priority");
	measure("ipc", harts, call);
	measure("exit", harts, run_guest);
}
