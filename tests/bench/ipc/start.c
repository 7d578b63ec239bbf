/* SPDX-License-Identifier: Apache-2.0 */
/* Entry of a measuring root task: takes the largest block of memory, measures, powers off. */
#include <libsys/entry.h>

#include "bench.h"

struct bench bench;

static void power_off(unsigned reason)
{
	if (platform_control_shutdown(ROOT_SLOT_PLATFORM_CONTROL, reason))
		__builtin_trap();
}

_Noreturn void bench_fail(const char *what, enum err err)
{
	uart_print("IPC failed: %s: error %d\r\n", what, (int)err);
	power_off(1);
	for (;;)
		;
}

static void take_memory(void)
{
	unsigned best = 0;

	for (uint32_t i = 0; i < bench.info->untypeds; i++) {
		const struct untyped_info *untyped = &bench.info->untyped[i];

		if (untyped->kind == REGION_RAM && untyped->size_bits > best) {
			best = untyped->size_bits;
			bench.memory = untyped->slot;
		}
	}
}

_Noreturn void task_entry(const void *information)
{
	bench.info = information;
	bench.free_slot = bench.info->first_free_slot;
	take_memory();
	uart_open();
	must(thread_set_priority(ROOT_SLOT_THREAD, ROOT_SLOT_SCHED_CONTROL, PRIORITY_SELF), "own priority");
	bench_main();
	uart_print("IPC done\r\n");
	power_off(0);
	__builtin_trap();
}
