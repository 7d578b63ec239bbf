/* SPDX-License-Identifier: Apache-2.0 */
/* Timer interrupts: this thread counts without pause, another waits for deadlines. */
#include "bench.h"

#define PERIOD_TICKS 1000u /* 100 us on QEMU */
#define GAP 40u            /* instructions: longer than a turn of the counting loop, shorter than a trap */

static cptr_t notification;
static volatile uint64_t arrived;

static _Noreturn void sleeper(void)
{
	uint64_t bits;

	for (;;) {
		enum err err = sys_wait(notification, sys_time() + PERIOD_TICKS, &bits);

		arrived = count();
		if (err != ERR_TIMED_OUT)
			bench_fail("wait", err);
	}
}

/* Where the next interruption began, and where this thread went on. `turn` is what a turn without one takes. */
static __attribute__((noinline)) uint64_t find_gap(uint64_t *begin, uint64_t *turn)
{
	uint64_t last = count(), now;

	for (;;) {
		now = count();
		if (now - last > GAP) {
			*begin = last;
			return now;
		}
		*turn = now - last;
		last = now;
	}
}

/* Another time for each round, so that the interrupt comes at each point of a turn in some rounds: in the best, at its begin. */
static void shift(unsigned i)
{
	for (volatile unsigned left = i * 7 % 31; left; left--)
		;
}

void measure_timer(void)
{
	uint64_t begin, end, turn;

	notification = bench_make(OBJECT_NOTIFICATION, 0, 1);
	cptr_t thread = bench_thread(sleeper, PRIORITY_SERVER);

	for (unsigned i = 0; i < ROUNDS + WARM; i++) {
		shift(i);
		(void)find_gap(&begin, &turn);
		bench_note(i, arrived - begin);
	}
	bench_report_least("timer-switch");
	bench_thread_end(thread);

	/* One that must not run yet: it gets ready, and no more. Its wait has to begin first. */
	thread = bench_thread(sleeper, PRIORITY_SERVER);
	for (unsigned i = 0; i < ROUNDS + WARM; i++) {
		must(thread_set_priority(thread, ROOT_SLOT_SCHED_CONTROL, PRIORITY_SELF - 1), "priority");
		end = find_gap(&begin, &turn);
		bench_note(i, end - begin - turn + bench.empty);
		must(thread_set_priority(thread, ROOT_SLOT_SCHED_CONTROL, PRIORITY_SERVER), "priority");
	}
	bench_report("timer");
	bench_thread_end(thread);
}
