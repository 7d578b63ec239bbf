/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A guest that computes without end and never waits. It watches the clock all the time: whenever it jumps, somebody else
 * ran. Arguments in ms: busy.from (since the machine's start) and busy.for: in that time it counts what it got itself, and
 * prints it. With busy.end=1 it powers off then, else it goes on for ever; with busy.calls=1 by calling its firmware all the time.
 * Without busy.for it prints nothing.
 */
#include "payload.h"

#include <stdlib.h>

#define TICKS_PER_MS 10000u /* QEMU's timebase */
#define GAP 200u            /* ticks: nothing that is done on this guest's own account takes so long */

static uint64_t argument(const char *key)
{
	return strtoull(payload_argument(key, "0"), NULL, 10);
}

static void measure(uint64_t from, uint64_t length)
{
	uint64_t before = csr_read(time), now, lost = 0, longest = 0;

	while (before < from)
		before = csr_read(time);
	from = before;
	while ((now = csr_read(time)) - from < length) {
		if (now - before > GAP) {
			lost += now - before;
			longest = now - before > longest ? now - before : longest;
		}
		before = now;
	}
	/* The last gap reached beyond the end. */
	if (now - before > GAP)
		lost += from + length - before;
	print("busy: %u of %u us, longest gap %u us\n", (length - lost) / 10, length / 10, longest / 10);
}

void payload_main(void)
{
	uint64_t length = argument("busy.for"), from = argument("busy.from");

	if (length)
		measure(from * TICKS_PER_MS, length * TICKS_PER_MS);
	if (argument("busy.end"))
		payload_exit(0);
	bool calls = argument("busy.calls") != 0;

	while (calls)
		sbi(SBI_BASE, 0, 0, 0, 0, 0);
	for (;;)
		(void)csr_read(time);
}
