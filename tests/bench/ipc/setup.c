/* SPDX-License-Identifier: Apache-2.0 */
/* Objects, mappings, the second thread, and reports. */
#include "bench.h"

#define STACK_BYTES 16384u
#define TABLES_MOST 3u

extern const char thread_entry[];

static uint8_t stack[STACK_BYTES] __attribute__((aligned(16)));

cptr_t bench_make(enum object_type type, unsigned bits, unsigned objects)
{
	cptr_t slot = bench.free_slot;

	must(untyped_retype(bench.memory, type, bits, ROOT_SLOT_CNODE, slot, objects), "retype");
	bench.free_slot += objects;
	return slot;
}

void bench_map(cptr_t frame, cptr_t space, uint64_t address, unsigned rights)
{
	enum err err = frame_map(frame, space, address, rights);

	for (unsigned i = 0; err && i < TABLES_MOST; i++) {
		must(page_table_map(bench_make(OBJECT_PAGE_TABLE, 0, 1), space, address), "page table");
		err = frame_map(frame, space, address, rights);
	}
	must(err, "frame");
}

cptr_t bench_thread_with(void (*main_function)(void *), void *argument, void *stack_end, unsigned priority)
{
	cptr_t thread = bench_make(OBJECT_THREAD, 0, 1), context = bench_make(OBJECT_SCHED_CONTEXT, 0, 1);
	const uint64_t slice = bench.info->timebase_hz / 100;
	void **start = (void **)stack_end - 2;

	start[0] = (void *)main_function;
	start[1] = argument;
	must(sched_control_configure(ROOT_SLOT_SCHED_CONTROL, context, slice, slice, 0), "scheduling context");
	must(thread_configure(thread, ROOT_SLOT_CNODE, ROOT_SLOT_VSPACE, 0), "thread");
	must(thread_set_priority(thread, ROOT_SLOT_SCHED_CONTROL, priority), "priority");
	must(thread_bind_sched_context(thread, context), "time for the thread");
	must(thread_write_registers(thread, (uintptr_t)thread_entry, (uintptr_t)start, (uintptr_t)argument), "registers");
	must(thread_resume(thread), "resume");
	return thread;
}

static void without_argument(void *main_function)
{
	((void (*)(void))main_function)();
}

cptr_t bench_thread(void (*main_function)(void), unsigned priority)
{
	return bench_thread_with(without_argument, (void *)main_function, stack + STACK_BYTES, priority);
}

void bench_thread_end(cptr_t thread)
{
	must(cnode_delete(ROOT_SLOT_CNODE, thread), "end of the thread");
}

void bench_note(unsigned i, uint64_t instructions)
{
	if (i >= WARM)
		bench.sample[i - WARM] = instructions > bench.empty ? instructions - bench.empty : 0;
}

static void sort(void)
{
	for (unsigned i = 1; i < ROUNDS; i++) {
		uint64_t inserted = bench.sample[i];
		unsigned at = i;

		for (; at > 0 && bench.sample[at - 1] > inserted; at--)
			bench.sample[at] = bench.sample[at - 1];
		bench.sample[at] = inserted;
	}
}

static void report(const char *row, unsigned i)
{
	uart_print("IPC %s %lu %lu\r\n", row, (unsigned long)bench.sample[i], (unsigned long)bench.sample[0]);
}

void bench_report(const char *row)
{
	sort();
	report(row, ROUNDS / 2);
}

void bench_report_least(const char *row)
{
	sort();
	report(row, 0);
}
