/* SPDX-License-Identifier: Apache-2.0 */
/* Kernel entry from the loader, from tasks and from guests, and the ways back. */

#include <arch/objects.h>

#include "csr.h"

	.section .text.entry, "ax"
	.globl kernel_entry
/* From the loader: a0 = handover (physical), a1 = hart id. The page fault that brought us here set sepc and scause. */
	.balign 4
kernel_entry:
	la	sp, boot_stack_top
	csrw	CSR_SSCRATCH, zero
	call	arch_boot
1:	wfi
	j	1b

	.macro	save_most base, skip1, skip2
	.irp	n, 1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20,21,22,23,24,25,26,27,28,29,30,31
	.if	(\n != \skip1) && (\n != \skip2)
	sd	x\n, \n*8(\base)
	.endif
	.endr
	.endm

	.macro	load_most base, skip
	.irp	n, 1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20,21,22,23,24,25,26,27,28,29,30,31
	.if	\n != \skip
	ld	x\n, \n*8(\base)
	.endif
	.endr
	.endm

/*
 * A trap of a task, or of the kernel itself (a bug): sscratch = the thread, which stays there. vcpu_run has a way of its
 * own: the caller expects only what the C calling convention keeps.
 */
	.section .text.hot, "ax"
	.globl trap_entry_task
	.balign 64
trap_entry_task:
	csrrw	a0, CSR_SSCRATCH, a0
	sd	t0, 5*8(a0)
	addi	t0, a7, -SYSCALL_VCPU_RUN
	bnez	t0, 1f
	csrr	t0, CSR_SCAUSE
	addi	t0, t0, -CAUSE_TASK_ECALL
	bnez	t0, 1f
	csrr	t0, CSR_SEPC
	csrrw	a1, CSR_SSCRATCH, a0
	addi	t0, t0, 4
	.irp	n, 2,3,4,8,9,18,19,20,21,22,23,24,25,26,27
	sd	x\n, \n*8(a0)
	.endr
	sd	t0, THREAD_PC(a0)
	ld	tp, THREAD_HART(a0)
	ld	sp, HART_STACK(tp)
	tail	vcpu_run_fast
1:	save_most a0, 10, 5
	csrrw	t0, CSR_SSCRATCH, a0
	csrr	t1, CSR_SEPC
	sd	t0, 10*8(a0)
	sd	t1, THREAD_PC(a0)
	ld	tp, THREAD_HART(a0)
	csrr	a1, CSR_SCAUSE
	ld	sp, HART_STACK(tp)
	tail	trap_task

/* To the task in a0, with all its registers. */
	.globl return_to_task
	.balign 64
return_to_task:
	ld	t0, THREAD_PC(a0)
	csrw	CSR_SSCRATCH, a0
	csrw	CSR_SEPC, t0
	load_most a0, 10
	ld	a0, 10*8(a0)
	sret

/*
 * The same after vcpu_run: a0 thread, a1 err, a2-a5 answer, a6 bits. What the C calling convention does not keep is 0, so
 * nothing of kernel or guest shows.
 */
	.globl return_from_guest
	.balign 64
return_from_guest:
	ld	t0, THREAD_PC(a0)
	csrw	CSR_SSCRATCH, a0
	csrw	CSR_SEPC, t0
	.irp	n, 2,3,4,8,9,18,19,20,21,22,23,24,25,26,27
	ld	x\n, \n*8(a0)
	.endr
	li	ra, 0
	mv	a0, a1
	mv	a1, a2
	mv	a2, a3
	mv	a3, a4
	mv	a4, a5
	mv	a7, a6
	li	a5, 0
	li	a6, 0
	li	t0, 0
	li	t1, 0
	li	t2, 0
	li	t3, 0
	li	t4, 0
	li	t5, 0
	li	t6, 0
	sret

/* A trap of a guest: sscratch = the vCPU. Its registers go into the page shared with the VMM. */
	.globl trap_entry_guest
	.balign 64
trap_entry_guest:
	csrrw	a0, CSR_SSCRATCH, a0
	sd	a1, VCPU_SCRATCH(a0)
	ld	a1, VCPU_PAGE_POINTER(a0)
	save_most a1, 10, 11
	csrr	t0, CSR_SSCRATCH
	ld	t1, VCPU_SCRATCH(a0)
	csrr	t2, CSR_SEPC
	sd	t0, 10*8(a1)
	sd	t1, 11*8(a1)
	sd	t2, PAGE_PC(a1)
	ld	tp, VCPU_HART(a0)
	csrr	a2, CSR_SCAUSE
	ld	sp, HART_STACK(tp)
	tail	trap_guest

/* Into the guest: a0 = the vCPU, a1 = its page. All CSRs are set. */
	.globl enter_guest
	.balign 64
enter_guest:
	csrw	CSR_SSCRATCH, a0
	load_most a1, 11
	ld	a1, 11*8(a1)
	sret

	.section .text, "ax"
	.option arch, +f, +d
/* a0 = struct fp_state */
	.globl fp_save
fp_save:
	.irp	n, 0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20,21,22,23,24,25,26,27,28,29,30,31
	fsd	f\n, \n*8(a0)
	.endr
	frcsr	t0
	sd	t0, 256(a0)
	ret

	.globl fp_load
fp_load:
	.irp	n, 0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20,21,22,23,24,25,26,27,28,29,30,31
	fld	f\n, \n*8(a0)
	.endr
	ld	t0, 256(a0)
	fscsr	t0
	ret

/* Guest instruction at virtual address a0, 16 bits, as the guest would fetch it; -1 if it cannot. hlvx.hu a0, (a0). */
	.globl guest_fetch16
	.balign 4
guest_fetch16:
	mv	t2, a0
	li	a0, -1
	la	t0, 1f
	csrrw	t1, CSR_STVEC, t0
	.insn	r 0x73, 0x4, 0x32, a0, t2, x3
	.balign 4
1:	csrw	CSR_STVEC, t1
	li	t0, SSTATUS_SPP /* a fault left it set */
	csrc	CSR_SSTATUS, t0
	ret

	.bss
	.balign 16
	.globl boot_stack_top
boot_stack:
	.space 8192
boot_stack_top:
