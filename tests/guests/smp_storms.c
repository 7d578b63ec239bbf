/* SPDX-License-Identifier: Apache-2.0 */
/* All harts at once: IPIs from each to each, and starts of harts that stop all the time, by two that do not agree. */
#include "smp.h"

#define TURNS 300u
#define LEAST_TURNS 20u
#define STORM_TICKS 10000000u /* 1 s on QEMU's timebase */

/* What one hart told another by an IPI, and what that one has seen of it. A line of its own for each receiver. */
static volatile uint64_t told[SMP_HARTS][SMP_HARTS], seen[SMP_HARTS][SMP_HARTS];
static volatile uint64_t ready, quit, turns[SMP_HARTS];

static void take(uint64_t hart)
{
	csr_clear(sip, SIE_SOFTWARE);
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	for (uint64_t from = 0; from < smp_harts; from++)
		smp_store(&seen[hart][from], smp_load(&told[hart][from]));
}

/* All have seen what this hart told them last? */
static bool all_seen(uint64_t hart, uint64_t turn)
{
	for (uint64_t other = 0; other < smp_harts; other++)
		if (other != hart && smp_load(&seen[other][hart]) != turn)
			return false;
	return true;
}

/* Sleeps until its own IPI, like any other, comes; a lost one would leave all asleep. */
static void tell_all(uint64_t hart, uint64_t argument)
{
	uint64_t begin, turn = 0;

	(void)argument;
	csr_write(sie, SIE_SOFTWARE);
	__atomic_fetch_add(&ready, 1, __ATOMIC_SEQ_CST);
	WAIT(smp_load(&ready) == smp_harts);
	begin = csr_read(time);
	while (turn < LEAST_TURNS || (turn < TURNS && csr_read(time) - begin < STORM_TICKS)) {
		turn++;
		for (uint64_t other = 0; other < smp_harts; other++)
			smp_store(&told[other][hart], turn);
		CHECK(sbi(SBI_IPI, 0, (1ull << smp_harts) - 1, 0, 0, 0).error == 0);
		__asm__ volatile("wfi");
		WAIT((take(hart), all_seen(hart, turn)));
	}
	turns[hart] = turn;
	/* The others may still have something to tell. */
	__atomic_fetch_add(&quit, 1, __ATOMIC_SEQ_CST);
	WAIT((take(hart), smp_load(&quit) == smp_harts));
}

void smp_test_storm_of_ipis(void)
{
	smp_store(&ready, 0);
	smp_store(&quit, 0);
	smp_start_others(tell_all, 0);
	tell_all(payload_hart, 0);
	smp_wait_stopped();
	csr_clear(sip, SIE_SOFTWARE);
	for (uint64_t hart = 0; hart < smp_harts; hart++)
		CHECK(turns[hart] >= LEAST_TURNS);
}

/* --- starts --- */

static uint64_t started[SMP_HARTS], ran[SMP_HARTS];

static void run_once(uint64_t hart, uint64_t argument)
{
	CHECK(argument == 77);
	__atomic_fetch_add(&ran[hart], 1, __ATOMIC_SEQ_CST);
}

/* Starts what has stopped: who gets an answer without error did it, and nobody else. */
static void start_all_the_time(uint64_t hart, uint64_t first)
{
	uint64_t begin = csr_read(time);

	for (uint64_t i = 0; csr_read(time) - begin < STORM_TICKS; i++) {
		uint64_t target = first + i % (smp_harts - first);
		int64_t error;

		if (target == hart || target == payload_hart)
			continue;
		error = smp_start(target, run_once, 77);
		CHECK(error == 0 || error == SBI_ALREADY_AVAILABLE);
		if (error == 0)
			__atomic_fetch_add(&started[target], 1, __ATOMIC_SEQ_CST);
	}
}

void smp_test_storm_of_starts(void)
{
	/* The first that is not this one helps, if others are left. */
	uint64_t helper = payload_hart == 0 ? 1 : 0, first = smp_harts > 2 ? 2 : 1;

	if (smp_harts < 2 || payload_hart > 1)
		return;
	if (smp_harts > 2)
		CHECK(smp_start(helper, start_all_the_time, first) == 0);
	start_all_the_time(payload_hart, first);
	smp_wait_stopped();
	for (uint64_t hart = first; hart < smp_harts; hart++)
		if (hart != payload_hart) {
			CHECK(started[hart] > 0);
			CHECK(started[hart] == ran[hart]);
		}
}
