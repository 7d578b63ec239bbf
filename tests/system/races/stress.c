/* SPDX-License-Identifier: Apache-2.0 */
/*
 * All kinds of messages between all harts, as fast as they go. Each message is numbered: it must come exactly once. Each thread
 * must get on: no wake-up may be lost.
 */
#include <libsys/log.h>

#include "races.h"

enum { ENDPOINT, REPLY, MINE, OTHERS, BOUND };
enum role { CALLER, SERVER, FIRST, SECOND, ROLES }; /* of the four threads of a hart; pairs FIRST, SECOND span two harts */
#define KEY 0x77770000u
#define LOST_MS 5000u /* nobody stands still for so long */

/* Number of the last message of each thread that arrived. */
static uint64_t arrived[WORKERS_MOST];

static void arrive(uint64_t sender, uint64_t number)
{
	expect(sender < WORKERS_MOST, "a message of nobody", sender);
	uint64_t before = __atomic_exchange_n(&arrived[sender], number, __ATOMIC_SEQ_CST);

	expect(before + 1 == number, "a message was lost or came twice", number);
}

/* Until a time that may be close, far, or never. */
static uint64_t some_time(struct worker *self)
{
	uint64_t value = random_of(&self->random);

	return value % 4 == 0 ? DEADLINE_NEVER : sys_time() + (value >> 8) % (value % 4 == 1 ? 100 : 20000);
}

static void maybe_spin(struct worker *self)
{
	uint64_t value = random_of(&self->random);

	if (value % 16 == 0)
		for (uint64_t i = (value >> 8) % 2000; i > 0; i--)
			__asm__ volatile("");
	else if (value % 16 == 1)
		sys_yield();
}

/* Calls, sends, and signals of the servers' notifications; their badge goes out again. */
static void run_caller(struct worker *self)
{
	uint64_t number = 0;

	while (!self->quit) {
		bool calls = random_of(&self->random) % 4;
		struct message message = { .info = message_info(calls, 2), .word = { self->number, ++number } };

		if (calls) {
			must(sys_call(self->cap[ENDPOINT], &message), "call");
			expect(message.word[0] == (self->number ^ KEY) && message.word[1] == number, "an answer is not for this call", number);
		} else {
			must(sys_send(self->cap[ENDPOINT], &message), "send");
			/* Else the next one may overtake it, with another server. */
			while (__atomic_load_n(&arrived[self->number], __ATOMIC_SEQ_CST) != number)
				sys_yield();
		}
		if (random_of(&self->random) % 8 == 0) {
			/* The bound notification of one server: it has to say so before this thread goes on. */
			uint64_t seen = __atomic_load_n(&self->value[0], __ATOMIC_SEQ_CST);

			must(sys_signal(self->cap[BOUND]), "signal");
			while (__atomic_load_n(&self->value[0], __ATOMIC_SEQ_CST) == seen && !self->quit)
				sys_yield();
		}
		maybe_spin(self);
		self->progress++;
	}
}

static void take_signals(uint64_t bits)
{
	for (unsigned i = 0; i < WORKERS_MOST; i++)
		if (bits >> i & 1)
			__atomic_fetch_add(&workers[i].value[0], 1, __ATOMIC_SEQ_CST);
}

static void run_server(struct worker *self)
{
	bool answer = false;

	for (;;) {
		struct message message;
		enum err err;

		if (answer) {
			message.info = message_info(0, 2);
			message.word[0] = self->value[1] ^ KEY;
			message.word[1] = self->value[2];
			err = sys_reply_recv(self->cap[ENDPOINT], self->cap[REPLY], &message, some_time(self));
		} else {
			err = sys_recv(self->cap[ENDPOINT], self->cap[REPLY], &message, some_time(self));
		}
		answer = false;
		expect(err == ERR_OK || err == ERR_TIMED_OUT, "receive", (uint64_t)err);
		self->progress++;
		if (err)
			continue;
		if (message_label(message.info) == LABEL_NOTIFICATION) {
			take_signals(message.badge);
			continue;
		}
		arrive(message.word[0], message.word[1]);
		answer = message_label(message.info) == 1;
		self->value[1] = message.word[0];
		self->value[2] = message.word[1];
		maybe_spin(self);
	}
}

static void wait_for_other(struct worker *self)
{
	uint64_t bits;

	for (;;) {
		enum err err = random_of(&self->random) % 16 == 0 ? sys_poll(self->cap[MINE], &bits) :
								      sys_wait(self->cap[MINE], some_time(self), &bits);

		if (err == ERR_OK)
			break;
		expect(err == ERR_TIMED_OUT || err == ERR_WOULD_BLOCK, "wait", (uint64_t)err);
	}
	expect(bits == 1, "bits that nobody set", bits);
}

/* Ping and pong: one of the two has the turn. */
static void run_pair(struct worker *self)
{
	struct worker *other = &workers[self->value[3]];

	for (uint64_t number = 1;; number++) {
		if (self->number % ROLES == SECOND || number > 1) {
			wait_for_other(self);
			arrive(other->number, number - (self->number % ROLES == FIRST));
		}
		maybe_spin(self);
		self->progress++;
		must(sys_signal(self->cap[OTHERS]), "signal");
	}
}

static void start_all(unsigned harts)
{
	void (*const runs[ROLES])(struct worker *) = { run_caller, run_server, run_pair, run_pair };
	cptr_t endpoint = make(OBJECT_ENDPOINT, 0), bound[HARTS_MOST], notification[ROLES * HARTS_MOST];

	for (unsigned i = 0; i < ROLES * harts; i++)
		notification[i] = copy(make(OBJECT_NOTIFICATION, 0), 1);
	for (unsigned i = 0; i < harts; i++)
		bound[i] = make(OBJECT_NOTIFICATION, 0);
	for (unsigned i = 0; i < ROLES * harts; i++) {
		struct worker *worker = worker_new(i, runs[i % ROLES], i / ROLES);
		unsigned next = (i / ROLES + 1) % harts * ROLES, before = (i / ROLES + harts - 1) % harts * ROLES;
		unsigned other = i % ROLES == FIRST ? next + SECOND : before + FIRST;

		arrived[i] = 0;
		worker->cap[ENDPOINT] = endpoint;
		worker->cap[REPLY] = make(OBJECT_REPLY, 0);
		worker->cap[MINE] = notification[i];
		worker->cap[OTHERS] = notification[other];
		worker->value[3] = other;
		worker->cap[BOUND] = i % ROLES == CALLER ? copy(bound[next / ROLES], 1ul << i) : 0;
	}
	for (unsigned i = 0; i < ROLES * harts; i++) {
		worker_start(&workers[i]);
		if (i % ROLES == SERVER)
			must(thread_bind_notification(workers[i].thread, bound[i / ROLES]), "bind");
	}
}

static void test_stress(void)
{
	unsigned harts = root_info->harts, count = ROLES * harts;
	uint64_t end = sys_time() + ticks_of(parameters.stress), sum[ROLES] = { 0 };
	uint64_t seen[ROLES * HARTS_MOST], since[ROLES * HARTS_MOST];

	start_all(harts);
	for (unsigned i = 0; i < count; i++) {
		seen[i] = 0;
		since[i] = sys_time();
	}
	while (sys_time() < end) {
		sleep_ticks(ticks_of(10));
		for (unsigned i = 0; i < count; i++) {
			uint64_t now = sys_time();

			if (workers[i].progress != seen[i])
				since[i] = now;
			seen[i] = workers[i].progress;
			/* A server may wait for ever while its fellows are quicker. */
			expect(i % ROLES == SERVER || now - since[i] < ticks_of(LOST_MS), "a wake-up was lost", i);
		}
	}
	for (unsigned i = 0; i < count; i++) {
		expect(workers[i].progress > 10, "a thread did hardly anything", i);
		sum[i % ROLES] += workers[i].progress;
	}
	log_info("RACES stress: %lu calls and sends, %lu receptions, %lu signals of pairs", (unsigned long)sum[CALLER],
		 (unsigned long)sum[SERVER], (unsigned long)(sum[FIRST] + sum[SECOND]));
}

const struct race_case stress_cases[] = {
	{ "stress", test_stress },
	{ 0 },
};
