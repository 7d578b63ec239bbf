/* SPDX-License-Identifier: Apache-2.0 */
/* Out of guests and into them; FP registers; a look at a guest's instruction. */

#include "entry.h"

	.section .text.hot, "ax"
	/* All of the guest's registers, after sscratch and a1. Leaves a1 = the page, a2 = the cause, tp = the hart. */
	.macro	save_guest
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
	.endm

/* A trap of a guest: sscratch = the vCPU. Its registers go into the page shared with the VMM. */
	.globl trap_entry_guest
	.balign 64
trap_entry_guest:
	csrrw	a0, CSR_SSCRATCH, a0
	sd	a1, VCPU_SCRATCH(a0)
	csrr	a1, CSR_SCAUSE
	addi	a1, a1, -CAUSE_STORE_FAULT
	beqz	a1, store_fault
guest_trap:
	save_guest
	/* An exit to the VMM, unless it is an interrupt or WFI. */
	addi	t0, a2, -CAUSE_WFI
	bltz	a2, guest_slow
	bnez	t0, guest_exit
guest_slow:
	ld	sp, HART_STACK(tp)
	tail	trap_guest

/* A doorbell? It needs six registers only, and the guest goes on behind the store. */
	.macro	some_registers operation
	.irp	n, 5,6,7,28,29,30
	\operation	x\n, \n*8(a1)
	.endr
	.endm

store_fault:
	lw	a1, VCPU_BELL_COUNT(a0)
	beqz	a1, guest_trap
	ld	a1, VCPU_PAGE_POINTER(a0)
	some_registers sd
	csrr	t0, CSR_HTVAL
	csrr	t1, CSR_STVAL
	slli	t0, t0, 2
	andi	t1, t1, 3
	or	t0, t0, t1
	addi	t2, a0, VCPU_BELLS_AT
	addi	t1, t2, VCPU_BELLS_SIZE
1:	ld	t3, 0(t2)
	beq	t3, t0, 2f
	addi	t2, t2, BELL_SIZE
	bne	t2, t1, 1b
no_bell:
	some_registers ld
	j	guest_trap
2:	ld	t3, BELL_CAP(t2)
	fence	r, r
	ld	t4, BELL_CAP + 8(t2)	/* the notification, if it is still one */
	andi	t1, t3, 0xff
	addi	t1, t1, -CAP_NOTIFICATION
	bnez	t1, no_bell
	/* The length of the store: hlvx.hu, which may fault if another CPU of the guest takes the page away meanwhile. */
	csrr	t0, CSR_SEPC
	la	t1, 3f
	csrr	t5, CSR_SSTATUS
	csrrw	t1, CSR_STVEC, t1
	li	t2, -1
	.insn	r 0x73, 0x4, 0x32, t2, t0, x3
	.balign 4
3:	csrw	CSR_STVEC, t1
	csrw	CSR_SSTATUS, t5
	bltz	t2, 5f
	/* 4 bytes if both low bits are set, else 2 (unprivileged spec, "Expanded Instruction-Length Encoding"). */
	addi	t0, t0, 2
	andi	t2, t2, 3
	addi	t2, t2, -3
	bnez	t2, 4f
	addi	t0, t0, 2
4:	srli	t3, t3, 32		/* the badge */
	csrw	CSR_SEPC, t0
	amoor.d.aqrl zero, t3, (t4)
	ld	t1, NOTIFICATION_WAITERS(t4)
	ld	t2, NOTIFICATION_BOUND(t4)
	bnez	t1, bell_wakes
	bnez	t2, bell_bound
bell_done:
	some_registers ld
	ld	a1, VCPU_SCRATCH(a0)
	csrrw	a0, CSR_SSCRATCH, a0
	sret

	/* The fault took the place of the guest's own trap: the guest comes back to its store, and finds out by itself. */
5:	li	t1, HSTATUS_SPV
	csrw	CSR_SEPC, t0
	csrs	CSR_HSTATUS, t1
	j	bell_done

/* A bound thread that runs, or waits for something else, finds the bits later. */
bell_bound:
	ld	t1, THREAD_ENDPOINT(t2)
	ld	t2, THREAD_VCPU(t2)
	or	t1, t1, t2
	beqz	t1, bell_done
bell_wakes:
	sd	t4, VCPU_RUNG(a0)
	some_registers ld
	save_guest
	ld	sp, HART_STACK(tp)
	tail	trap_bell

/* As end_guest_mode in vcpu.c, and back to the VMM's thread. All of the guest's registers may be seen by its VMM. */
guest_exit:
	csrr	t0, CSR_SSTATUS
	csrr	t1, CSR_HVIP
	ld	t2, HART_GUEST_SSTATUS_BITS(tp)
	srli	t0, t0, 8		/* SPP */
	andi	t0, t0, 1
	sd	t0, PAGE_MODE(a1)
	sd	t1, PAGE_HVIP(a1)
	csrc	CSR_SSTATUS, t2
	ld	t2, HART_TASK_HSTATUS(tp)
	slli	t0, t0, 8		/* SPVP */
	ld	t3, HART_TASK_STVEC(tp)
	or	t0, t0, t2
	csrw	CSR_HSTATUS, t0
	csrw	CSR_STVEC, t3
	li	t0, 7
	csrrw	t0, CSR_SCOUNTEREN, t0
	csrr	a3, CSR_HTVAL
	csrr	t1, CSR_STVAL
	sd	t0, VCPU_SCOUNTEREN_AT(a0)
	slli	a3, a3, 2
	andi	t0, t1, 3
	ld	t2, VCPU_THREAD(a0)
	or	a3, a3, t0
	csrr	a4, CSR_HTINST
	sd	zero, THREAD_VCPU(t2)
	fence	rw, w
	sd	zero, VCPU_THREAD(a0)
	mv	a1, a2
	mv	a2, t1
	ld	t0, THREAD_PC(t2)
	csrw	CSR_SSCRATCH, t2
	csrw	CSR_SEPC, t0
	ld	sp, 2*8(t2)
	ld	gp, 3*8(t2)
	ld	tp, 4*8(t2)
	li	a0, 0
	li	a7, 0
	li	t2, 0
	li	t3, 0
	sret

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
	csrr	t3, CSR_SSTATUS
	csrrw	t1, CSR_STVEC, t0
	.insn	r 0x73, 0x4, 0x32, a0, t2, x3
	.balign 4
1:	csrw	CSR_STVEC, t1
	csrw	CSR_SSTATUS, t3 /* a fault changed it */
	ret
