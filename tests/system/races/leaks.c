/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What registers hold after each way back to user mode: the thread's own values, answers, 0, or after vcpu_run those of its own guest;
 * never anything of the kernel, of other threads or of other guests.
 */
#include <libsys/log.h>

#include "races.h"

enum { ENDPOINT, REPLY, NOTIFICATION, VCPU, SLOW_ENDPOINT };
#define OWN UINT64_C(0x0a11000000000000)    /* what the measuring thread fills its registers with */
#define OWN_GUEST UINT64_C(0x96e5000000000000)
#define SECRET UINT64_C(0x5ec2000000000000) /* and others theirs */
#define TAG_MASK UINT64_C(0xffff000000000000)
#define IMAGE_BYTES UINT64_C(0x1000000)
#define DIRECT_MAP_BYTES UINT64_C(0x3000000000)
#define RAM UINT64_C(0x80200000) /* of the machine */
#define RAM_BYTES UINT64_C(0x20000000)
#define INNOCENT_LOW UINT64_C(0x1234567) /* innocent.c: the lower half of the registers of innocent guests */
#define UNMAPPED 0x3000000000ull

/* Bits of registers: that all calls keep and the assembly uses; that all calls but vcpu_run keep. */
#define FIXED 0x1du
#define KEPT 0x0ffc0300u

static void fill(uint64_t registers[32], uint64_t tag)
{
	for (unsigned i = 0; i < 32; i++)
		registers[i] = tag | i;
}

static bool within(uint64_t value, uint64_t base, uint64_t bytes)
{
	return value > base && value < base + bytes;
}

/* A value that the thread cannot have by itself. This code's own constants are none. */
static bool leaks(uint64_t value)
{
	if (((value & TAG_MASK) == SECRET && value != SECRET) || (value >> 32 != 0 && (uint32_t)value == INNOCENT_LOW))
		return true;
	return within(value, KERNEL_BASE, IMAGE_BYTES) || within(value, DIRECT_MAP_BASE, DIRECT_MAP_BYTES) || within(value, RAM, RAM_BYTES);
}

static enum err trap_and_check(struct worker *self, uint64_t in[32], const char *what)
{
	uint64_t out[32], number = in[17];

	registers_ecall(in, out);
	for (unsigned i = 0; i < 32; i++) {
		if (FIXED >> i & 1 || out[i] == in[i] || !(leaks(out[i]) || (KEPT >> i & 1 && number != SYS_VCPU_RUN)))
			continue;
		log_error("RACES %s: x%u is %lx", what, i, (unsigned long)out[i]);
		fail(what, i);
	}
	self->progress++;
	return (enum err)out[10];
}

static void one(struct worker *self, const char *what, uint64_t number, cptr_t cap, uint64_t a1, cptr_t reply, uint64_t deadline)
{
	uint64_t in[32];
	enum err err;

	fill(in, OWN);
	in[10] = cap;
	in[11] = a1;
	in[17] = number;
	in[5] = reply;
	in[6] = deadline;
	err = trap_and_check(self, in, what);
	expect(err == ERR_OK || err == ERR_TIMED_OUT || err == ERR_WOULD_BLOCK || err == ERR_INVALID_CAP, what, (uint64_t)err);
}

static void run_paths(struct worker *self)
{
	const cptr_t *cap = self->cap;
	volatile struct vcpu_page *page = self->memory[0];

	while (!self->quit) {
		one(self, "call", SYS_CALL, cap[ENDPOINT], message_info(1, 2), 0, 0);
		one(self, "call of an active server", SYS_CALL, cap[SLOW_ENDPOINT], message_info(1, 2), 0, 0);
		one(self, "signal", SYS_SIGNAL, cap[NOTIFICATION], 0, 0, 0);
		one(self, "wait with bits", SYS_WAIT, cap[NOTIFICATION], 0, 0, DEADLINE_NEVER);
		one(self, "wait until a deadline", SYS_WAIT, cap[NOTIFICATION], 0, 0, sys_time() + 300);
		one(self, "poll", SYS_POLL, cap[NOTIFICATION], 0, 0, 0);
		one(self, "yield", SYS_YIELD, 0, 0, 0, 0);
		one(self, "invoke", SYS_INVOKE, cap[VCPU], OP_VCPU_CONFIGURE, 0, 0);
		page->pc = GUEST_BASE;
		one(self, "vcpu_run", SYS_VCPU_RUN, cap[VCPU], 0, 0, 0);
		page->pc = GUEST_BASE;
		one(self, "vcpu_run at once", SYS_VCPU_RUN, cap[VCPU], 0, 0, 0);
		one(self, "kick", SYS_VCPU_KICK, cap[VCPU], 0, 0, 0);
		one(self, "vcpu_run after a kick", SYS_VCPU_RUN, cap[VCPU], 0, 0, 0);
	}
}

/* A server that looks at its own registers, too: the first is passive. */
static void serve(struct worker *self)
{
	struct message message;

	must(server_begin(self, self->cap[ENDPOINT], self->cap[REPLY], &message), "receive");
	for (;;)
		one(self, "reply_recv", SYS_REPLY_RECV, self->cap[ENDPOINT], message_info(0, 1), self->cap[REPLY], DEADLINE_NEVER);
}

/* Goes in and out of the kernel with secrets in all registers. */
static void keep_secrets(struct worker *self)
{
	uint64_t in[32], out[32];

	while (!self->quit) {
		fill(in, SECRET);
		in[17] = random_of(&self->random) % 2 ? SYS_YIELD : 99;
		registers_ecall(in, out);
		self->progress++;
	}
}

static struct worker *start_server(unsigned number, cptr_t endpoint, cptr_t reply, bool passive)
{
	struct worker *server = worker_new(number, serve, 0);

	server->cap[ENDPOINT] = endpoint;
	server->cap[REPLY] = reply;
	worker_start_passive(server);
	if (!passive)
		must(thread_bind_sched_context(server->thread, context_of(ticks_of(2), ticks_of(2))), "bind");
	return server;
}

static void test_registers(void)
{
	struct worker *measuring = worker_new(0, run_paths, 0);
	struct guest guest = make_guest(guest_count);

	for (unsigned i = 5; i < 32; i++)
		guest.page->gpr[i] = OWN_GUEST | i;
	measuring->memory[0] = (void *)(uintptr_t)guest.page;
	measuring->cap[VCPU] = guest.vcpu;
	measuring->cap[NOTIFICATION] = copy(make(OBJECT_NOTIFICATION, 0), 1);
	measuring->cap[ENDPOINT] = make(OBJECT_ENDPOINT, 0);
	measuring->cap[SLOW_ENDPOINT] = make(OBJECT_ENDPOINT, 0);
	start_server(1, measuring->cap[ENDPOINT], make(OBJECT_REPLY, 0), true);
	start_server(2, measuring->cap[SLOW_ENDPOINT], make(OBJECT_REPLY, 0), false);
	for (unsigned i = 3; i < 3 + root_info->harts; i++)
		worker_start(worker_new(i, keep_secrets, i - 3));
	worker_start(measuring);
	uint64_t end = sys_time() + ticks_of(parameters.ms);

	while (sys_time() < end) {
		sleep_ticks(3000);
		move_to(workers[3].thread, (uint32_t)pick(root_info->harts));
	}
	for (unsigned i = 0; i < 3; i++)
		WAIT_FOR(workers[i].progress > 20, "hardly any system call");
}

/* --- faults --- */

static void run_faults(struct worker *self)
{
	uint64_t in[32], out[32];

	for (;;) {
		fill(in, OWN);
		in[31] = UNMAPPED;
		registers_fault(in, out);
		for (unsigned i = 0; i < 32; i++)
			expect(FIXED >> i & 1 || out[i] == in[i], "a register after a fault", i);
		self->progress++;
		self->value[0] = 1;
		while (self->value[0])
			sys_yield();
	}
}

/* The root thread mends each fault of a load, and takes the page away again. */
static void test_faults(void)
{
	struct worker *worker = worker_new(0, run_faults, 1);
	cptr_t endpoint = make(OBJECT_ENDPOINT, 0), reply = make(OBJECT_REPLY, 0), frame = make(OBJECT_FRAME, 12);
	struct message message;

	worker->fault_endpoint = copy(endpoint, 77);
	worker_start(worker);
	must(sys_recv(endpoint, reply, &message, sys_time() + WAIT_TICKS), "fault");
	for (unsigned i = 0; i < 30; i++) {
		expect(message_label(message.info) == LABEL_FAULT && message.badge == 77, "fault", message.info);
		expect(message.word[FAULT_ADDRESS] == UNMAPPED, "address of a fault", message.word[FAULT_ADDRESS]);
		map_in(ROOT_SLOT_VSPACE, frame, UNMAPPED, RIGHT_READ);
		message = (struct message){ .info = message_info(0, 0) };
		enum err err = sys_reply_recv(endpoint, reply, &message, sys_time() + 10);

		expect(err == ERR_TIMED_OUT, "after a fault", (uint64_t)err);
		WAIT_FOR(worker->progress == i + 1ul && worker->value[0], "a mended fault");
		must(frame_unmap(frame), "unmap");
		move_to(worker->thread, i);
		worker->value[0] = 0;
		must(sys_recv(endpoint, reply, &message, sys_time() + WAIT_TICKS), "fault");
	}
}

const struct race_case leak_cases[] = {
	{ "registers", test_registers },
	{ "faults", test_faults },
	{ "FP of threads", float_threads },
	{ "FP of passive servers", float_servers },
	{ "FP of guests", float_guests },
	{ 0 },
};
