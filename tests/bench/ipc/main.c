/* SPDX-License-Identifier: Apache-2.0 */
/* Counts the kernel's paths. */
#include "bench.h"

static void measure_empty(void)
{
	uint64_t least = UINT64_MAX;

	for (unsigned i = 0; i < ROUNDS; i++) {
		uint64_t begin = count(), end = count();

		if (end - begin < least)
			least = end - begin;
	}
	bench.empty = least;
}

void bench_main(void)
{
	measure_empty();
	measure_calls();
	measure_signals();
	measure_timer();
	measure_guest();
}
