/* SPDX-License-Identifier: Apache-2.0 */
/* Messages and signals between two threads of one address space; the partner's priority is higher. */
#include <libsys/ipc.h>

#include "bench.h"

static cptr_t endpoint, reply, notification, bell; /* bell: the notification with a badge */
static volatile uint64_t arrived, left;

static _Noreturn void server(void)
{
	struct message message, first = { 0 };
	enum err err = sys_recv(endpoint, reply, &first, DEADLINE_NEVER);

	message = first; /* whose address is nowhere: it lives in registers */
	for (;;) {
		arrived = count();
		must(err, "receive");
		left = count();
		err = ipc_reply_recv(endpoint, reply, &message, DEADLINE_NEVER);
	}
}

static void measure_words(unsigned words, const char *const rows[3])
{
	uint64_t begin, end;

	for (unsigned part = 0; part < 3; part++) {
		for (unsigned i = 0; i < ROUNDS + WARM; i++) {
			struct message message = { .info = message_info(1, words) };

			begin = count();
			enum err err = ipc_call(endpoint, &message);

			end = count();
			must(err, "call");
			bench_note(i, part == 0 ? arrived - begin : part == 1 ? end - left : end - begin - (left - arrived));
		}
		if (rows[part])
			bench_report(rows[part]);
	}
}

void measure_calls(void)
{
	static const char *const short_rows[] = { "call", "reply_recv", "round-trip" };
	static const char *const long_rows[] = { "call-5-words", "reply_recv-5-words", "round-trip-5-words" };

	endpoint = bench_make(OBJECT_ENDPOINT, 0, 1);
	reply = bench_make(OBJECT_REPLY, 0, 1);
	cptr_t thread = bench_thread(server, PRIORITY_SERVER);

	measure_words(0, short_rows);
	measure_words(5, long_rows);
	/* Waiting by now, so it needs no time of its own: it runs on its callers'. */
	must(thread_bind_sched_context(thread, 0), "passive server");
	measure_words(0, (const char *const[]){ "call-passive", "reply_recv-passive", "round-trip-passive" });
	bench_thread_end(thread);
}

static _Noreturn void waiter(void)
{
	uint64_t bits;

	for (;;) {
		must(sys_wait(notification, DEADLINE_NEVER, &bits), "wait");
		arrived = count();
	}
}

static _Noreturn void yielder(void)
{
	for (;;) {
		arrived = count();
		sys_yield();
	}
}

void measure_signals(void)
{
	uint64_t begin, end, bits;

	notification = bench_make(OBJECT_NOTIFICATION, 0, 1);
	bell = bench.free_slot++;
	must(cnode_mint(ROOT_SLOT_CNODE, bell, ROOT_SLOT_CNODE, notification, RIGHT_WRITE, 1), "badge");
	for (unsigned i = 0; i < ROUNDS + WARM; i++) {
		begin = count();
		sys_signal(bell);
		end = count();
		bench_note(i, end - begin);
		must(sys_poll(notification, &bits), "poll");
	}
	bench_report("signal");
	for (unsigned i = 0; i < ROUNDS + WARM; i++) {
		begin = count();
		sys_yield();
		end = count();
		bench_note(i, end - begin);
	}
	bench_report("yield-alone");

	cptr_t thread = bench_thread(waiter, PRIORITY_SERVER);

	for (unsigned i = 0; i < ROUNDS + WARM; i++) {
		begin = count();
		sys_signal(bell);
		bench_note(i, arrived - begin);
	}
	bench_report("signal-switch");
	bench_thread_end(thread);

	thread = bench_thread(yielder, PRIORITY_SELF);
	for (unsigned i = 0; i < ROUNDS + WARM; i++) {
		begin = count();
		sys_yield();
		bench_note(i, arrived - begin);
	}
	bench_report("yield-switch");
	bench_thread_end(thread);
}
