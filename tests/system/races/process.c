/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "races.h"

#define CODE_ADDRESS 0x10000ull
#define DATA_ADDRESS 0x20000ull
#define CNODE_BITS 4u

extern const char process_code[], process_code_end[];

static void map_page(struct process *process, cptr_t frame, uint64_t address, unsigned rights)
{
	cptr_t there = copy(frame, 0);
	enum err err = frame_map(there, process->vspace, address, rights);

	for (unsigned i = 0; err == ERR_NO_TABLE && i < 2; i++) {
		process->tables[i] = make(OBJECT_PAGE_TABLE, 0);
		must(page_table_map(process->tables[i], process->vspace, address), "table of a process");
		err = frame_map(there, process->vspace, address, rights);
	}
	must(err, "memory of a process");
}

static void start(struct process *process, cptr_t fault_endpoint, uint32_t hart)
{
	process->thread = make(OBJECT_THREAD, 0);
	process->context = context_of(ticks_of(2), ticks_of(2));
	must(thread_configure(process->thread, process->cnode, process->vspace, fault_endpoint), "process");
	must(thread_set_priority(process->thread, ROOT_SLOT_SCHED_CONTROL, PRIORITY_WORKER), "priority");
	move_to(process->thread, hart);
	must(thread_bind_sched_context(process->thread, process->context), "time of a process");
	must(thread_write_registers(process->thread, CODE_ADDRESS, message_info(1, 1), DATA_ADDRESS), "registers of a process");
	must(thread_resume(process->thread), "start of a process");
}

struct process make_process(unsigned number, cptr_t cap, cptr_t fault_endpoint, uint32_t hart)
{
	struct process process = { .vspace = make(OBJECT_VSPACE, 0), .cnode = make(OBJECT_CNODE, CNODE_BITS) };
	cptr_t code = make(OBJECT_FRAME, 12), data = make(OBJECT_FRAME, 12);

	give(process.cnode, PROCESS_CAP, cap);
	memcpy(map_here(code), process_code, (size_t)(process_code_end - process_code));
	process.data = map_here(data);
	process.data[0] = process.data[5] = 0;
	process.data[4] = number;
	__asm__ volatile("fence.i" ::: "memory");
	map_page(&process, code, CODE_ADDRESS, RIGHT_READ | RIGHT_EXECUTE);
	map_page(&process, data, DATA_ADDRESS, RIGHT_READ | RIGHT_WRITE);
	start(&process, fault_endpoint, hart);
	return process;
}
