/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How many firmware calls and device reads a guest does in a time. Prints "EXITS <kind> <per second>" again and again, for windows
 * of time that begin at the same moments in all guests.
 */
#include "payload.h"

#define HERTZ 10000000ull /* of QEMU's time counter */
#define WINDOW (HERTZ / 4)
#define WINDOWS 16u
#define BATCH 32u

static void count(const char *kind, bool device)
{
	uint64_t begin = csr_read(time), end, operations = 0;

	begin += WINDOW - begin % WINDOW;
	/* The first tenth is for those that still print. */
	end = begin + WINDOW;
	begin += WINDOW / 10;
	while (csr_read(time) < begin)
		;
	while (csr_read(time) < end) {
		for (unsigned i = 0; i < BATCH; i++) {
			if (device)
				(void)mmio_read8(UART_BASE + 5);
			else
				(void)sbi(SBI_BASE, 0, 0, 0, 0, 0);
		}
		operations += BATCH;
	}
	print("EXITS %s %u\n", kind, operations * HERTZ / (end - begin));
}

void payload_main(void)
{
	for (unsigned i = 0; i < WINDOWS; i++) {
		count("call", false);
		count("read", true);
	}
	print("rate: done\n");
}
