/* SPDX-License-Identifier: Apache-2.0 */
#include "cpu_time.h"

#define SLICES_PER_SECOND 100u

struct cpu_time cpu_time_server(uint64_t timebase_hz)
{
	uint64_t slice = timebase_hz / SLICES_PER_SECOND;

	return (struct cpu_time){ .budget = slice, .period = slice, .slice = slice };
}

struct cpu_time cpu_time_guest(const struct system_guest *guest, unsigned vcpus, uint64_t timebase_hz)
{
	uint64_t slice = timebase_hz * guest->cpu_share / ((uint64_t)SLICES_PER_SECOND * SYSTEM_SHARE_DEFAULT * vcpus);
	uint64_t period = timebase_hz * guest->cpu_period / 1000, budget = period * guest->cpu_cap / (100u * vcpus);

	if (slice == 0)
		slice = 1;
	if (guest->cpu_cap == 0 || budget >= period)
		return (struct cpu_time){ .budget = slice, .period = slice, .slice = slice };
	return (struct cpu_time){ .budget = budget ? budget : 1, .period = period, .slice = slice };
}
