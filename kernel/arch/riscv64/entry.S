/* SPDX-License-Identifier: Apache-2.0 */
/* Kernel entry from the loader, from tasks and from guests, and the ways back. */

#include <arch/objects.h>

#include "csr.h"

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
 * A trap of a task, or of the kernel itself (a bug): sscratch = the thread, which stays there. A system call saves what the
 * C calling convention keeps, and its arguments stay in their registers for those that have a short path.
 */
	.macro	task_registers operation
	.irp	n, 2,3,4,8,9,18,19,20,21,22,23,24,25,26,27
	\operation	x\n, \n*8(a0)
	.endr
	.endm

	.section .text.hot, "ax"
	.globl trap_entry_task
	.balign 64
trap_entry_task:
	csrrw	a0, CSR_SSCRATCH, a0
	sd	t0, 5*8(a0)
	csrr	t0, CSR_SCAUSE
	addi	t0, t0, -CAUSE_TASK_ECALL
	bnez	t0, other_trap
	csrr	t0, CSR_SEPC
	sd	t1, 6*8(a0)
	addi	t0, t0, 4
	task_registers sd
	sd	t0, THREAD_PC(a0)
	csrrw	t1, CSR_SSCRATCH, a0
	ld	tp, THREAD_HART(a0)
	addi	t0, a7, -SYSCALL_VCPU_RUN
	ld	sp, HART_STACK(tp)
	beqz	t0, 1f
	bltu	a7, t0, 2f	/* calls 0 to 7: t0 wrapped around */
	j	3f
1:	mv	a1, t1
	tail	vcpu_run_fast
2:	li	t2, SYSCALL_SIGNAL
	beqz	a7, 4f
	beq	a7, t2, 5f
	bgtu	a7, t2, 3f
	addi	t2, a7, -SYSCALL_REPLY_RECV
	bnez	t2, 3f
	mv	a7, a0
	mv	a0, t1
	tail	fast_reply_recv
4:	mv	a7, a0
	mv	a0, t1
	tail	fast_call
5:	mv	a1, t1
	tail	fast_signal
	/* Any other: the arguments go to memory. */
3:	sd	t1, 10*8(a0)
	.irp	n, 11,12,13,14,15,16,17
	sd	x\n, \n*8(a0)
	.endr
	mv	a1, a7
	tail	trap_syscall

other_trap:
	save_most a0, 10, 5
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

	.macro	clear_temporaries
	.irp	n, 1,5,6,7,28,29,30,31
	li	x\n, 0
	.endr
	.endm

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
	task_registers ld
	mv	a0, a1
	mv	a1, a2
	mv	a2, a3
	mv	a3, a4
	mv	a4, a5
	mv	a7, a6
	li	a5, 0
	li	a6, 0
	clear_temporaries
	sret

/* The same after a message or a signal: a0 thread, a1 info, a2-a6 words, a7 badge. The answer is ERR_OK. */
	.globl return_with_message
	.balign 64
return_with_message:
	ld	t0, THREAD_PC(a0)
	csrw	CSR_SSCRATCH, a0
	csrw	CSR_SEPC, t0
	task_registers ld
	li	a0, 0
	clear_temporaries
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
