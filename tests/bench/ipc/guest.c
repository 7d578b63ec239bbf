/* SPDX-License-Identifier: Apache-2.0 */
/* The kernel's part of a VM exit: from the guest to its VMM, and back by vcpu_run. */
#include "bench.h"

#define PAGE_ADDRESS 0x2000100000ull
#define CODE_ADDRESS 0x2000200000ull
#define GUEST_PART 1u /* its ecall */

extern const uint32_t guest_code[];

static void load_guest(cptr_t gspace)
{
	cptr_t frame = bench_make(OBJECT_FRAME, 12, 1), copy = bench.free_slot++;
	volatile uint32_t *code = (volatile uint32_t *)CODE_ADDRESS;

	must(cnode_mint(ROOT_SLOT_CNODE, copy, ROOT_SLOT_CNODE, frame, RIGHT_ALL, 0), "copy of a frame");
	bench_map(frame, ROOT_SLOT_VSPACE, CODE_ADDRESS, RIGHT_READ | RIGHT_WRITE);
	*code = guest_code[0];
	must(frame_unmap(frame), "end of a mapping");
	bench_map(copy, gspace, GUEST_BASE, RIGHT_READ | RIGHT_WRITE | RIGHT_EXECUTE);
}

cptr_t bench_guest(uint64_t page_address)
{
	cptr_t gspace = bench_make(OBJECT_GSPACE, 0, 1), vcpu = bench_make(OBJECT_VCPU, 0, 1);
	cptr_t page_frame = bench_make(OBJECT_FRAME, 12, 1);
	struct vcpu_page *page = (struct vcpu_page *)page_address;

	must(vcpu_configure(vcpu, gspace, page_frame), "vCPU");
	bench_map(page_frame, ROOT_SLOT_VSPACE, page_address, RIGHT_READ | RIGHT_WRITE);
	load_guest(gspace);
	page->mode = 1;
	page->pc = GUEST_BASE;
	return vcpu;
}

void measure_guest(void)
{
	cptr_t vcpu = bench_guest(PAGE_ADDRESS);
	struct vcpu_page *page = (struct vcpu_page *)PAGE_ADDRESS;
	struct vcpu_exit_info exit;
	uint64_t begin, end;

	for (unsigned i = 0; i < ROUNDS + WARM; i++) {
		begin = count();
		enum err err = sys_vcpu_run(vcpu, &exit);

		end = count();
		must(err, "vcpu_run");
		if (exit.cause != CAUSE_VS_ECALL)
			bench_fail("the guest's exit", (enum err)exit.cause);
		page->pc = GUEST_BASE;
		bench_note(i, end - begin - GUEST_PART);
	}
	bench_report("vm-exit-kernel");
}
