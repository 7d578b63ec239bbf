/* SPDX-License-Identifier: Apache-2.0 */
/* What a guest's share and cap of CPU time are in a scheduling context. */
#pragma once

#include "system.h"

struct cpu_time {
	uint64_t budget, period; /* ticks; equal: no limit */
	uint64_t slice;          /* ticks before others of the same priority get their turn */
};

/* Of a server: no limit, turns of 10 ms. */
struct cpu_time cpu_time_server(uint64_t timebase_hz);

/* Of each of a guest's vCPUs: `vcpus` of them divide cap and share evenly. */
struct cpu_time cpu_time_guest(const struct system_guest *guest, unsigned vcpus, uint64_t timebase_hz);
