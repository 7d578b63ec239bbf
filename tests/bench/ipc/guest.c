/* SPDX-License-Identifier: Apache-2.0 */
/* The kernel's part of a VM exit: from the guest to its VMM, and back by vcpu_run. */
#include <libsys/vcpu_run.h>

#include "bench.h"

#define PAGE_ADDRESS 0x2000100000ull
#define CODE_ADDRESS 0x2000200000ull
#define GUEST_PART 1u /* its ecall */
#define GUEST_WORDS 5u
#define BELL_CODE (GUEST_BASE + 4) /* behind the first call */
#define BELL_ADDRESS 0x10001000ull /* nothing is there */

extern const uint32_t guest_code[];

static void load_guest(cptr_t gspace)
{
	cptr_t frame = bench_make(OBJECT_FRAME, 12, 1), copy = bench.free_slot++;
	volatile uint32_t *code = (volatile uint32_t *)CODE_ADDRESS;

	must(cnode_mint(ROOT_SLOT_CNODE, copy, ROOT_SLOT_CNODE, frame, RIGHT_ALL, 0), "copy of a frame");
	bench_map(frame, ROOT_SLOT_VSPACE, CODE_ADDRESS, RIGHT_READ | RIGHT_WRITE);
	for (unsigned i = 0; i < GUEST_WORDS; i++)
		code[i] = guest_code[i];
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

/* From the guest to a notification and back, with nobody to wake. */
static void measure_bell(cptr_t vcpu, struct vcpu_page *page)
{
	cptr_t notification = bench_make(OBJECT_NOTIFICATION, 0, 1), bell = bench.free_slot++;
	struct vcpu_exit_info exit;
	uint64_t bits;

	must(cnode_mint(ROOT_SLOT_CNODE, bell, ROOT_SLOT_CNODE, notification, RIGHT_WRITE, 1), "badge");
	must(vcpu_set_bell(vcpu, 0, BELL_ADDRESS, bell), "bell");
	for (unsigned i = 0; i < ROUNDS + WARM; i++) {
		page->pc = BELL_CODE;
		page->gpr[11] = BELL_ADDRESS;
		must(run_vcpu(vcpu, &exit), "vcpu_run");
		must(sys_poll(notification, &bits), "poll");
		if (exit.cause != CAUSE_VS_ECALL || bits != 1)
			bench_fail("the guest's bell", (enum err)exit.cause);
		bench_note(i, page->gpr[12] - page->gpr[10]);
	}
	bench_report("bell");
}

void measure_guest(void)
{
	cptr_t vcpu = bench_guest(PAGE_ADDRESS);
	struct vcpu_page *page = (struct vcpu_page *)PAGE_ADDRESS;
	struct vcpu_exit_info exit;
	uint64_t begin, end;

	for (unsigned i = 0; i < ROUNDS + WARM; i++) {
		begin = count();
		enum err err = run_vcpu(vcpu, &exit);

		end = count();
		must(err, "vcpu_run");
		if (exit.cause != CAUSE_VS_ECALL)
			bench_fail("the guest's exit", (enum err)exit.cause);
		page->pc = GUEST_BASE;
		bench_note(i, end - begin - GUEST_PART);
	}
	bench_report("vm-exit-kernel");
	measure_bell(vcpu, page);
}
