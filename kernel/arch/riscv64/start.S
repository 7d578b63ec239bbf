/* SPDX-License-Identifier: Apache-2.0 */
/* The first instructions of each hart. */

#include "entry.h"

	.section .text.entry, "ax"
	.globl kernel_entry
/* From the loader: a0 = handover (physical), a1 = hart id. The page fault that brought us here set sepc and scause. */
	.balign 4
kernel_entry:
	la	sp, hart_stacks + HART_STACK_SIZE
	csrw	CSR_SSCRATCH, zero
	call	arch_boot
1:	wfi
	j	1b

/*
 * Another hart, from the firmware: paging off, a0 = its number, a1 = struct hart_start (physical). Turning paging on faults at
 * the next instruction, and stvec says where to go on.
 */
	.globl hart_entry
	.balign 4
hart_entry:
	ld	t0, 0(a1)
	ld	t1, 8(a1)
	ld	a0, 16(a1)
	csrw	CSR_STVEC, t1
	sfence.vma
	csrw	CSR_SATP, t0
1:	wfi
	j	1b

	.globl hart_entry_paged
	.balign 4
hart_entry_paged:
	mv	tp, a0
	ld	sp, HART_STACK(tp)
	csrw	CSR_SSCRATCH, zero
	tail	arch_hart_main
