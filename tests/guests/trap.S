/* SPDX-License-Identifier: Apache-2.0 */
/* Traps, calls that may never come back by themselves, and user mode. */

#define FRAME 272
#define CALLEE 112

	.text
	.balign	4
	.globl	trap_entry
trap_entry:
	addi	sp, sp, -FRAME
	sd	ra, 8(sp)
	sd	t0, 40(sp)
	addi	t0, sp, FRAME
	sd	t0, 16(sp)
	.irp	n, 3, 4, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31
	sd	x\n, 8*\n(sp)
	.endr
	csrr	t0, sepc
	sd	t0, 256(sp)
	csrr	t0, sstatus
	sd	t0, 264(sp)
	mv	a0, sp
	csrr	a1, scause
	csrr	a2, stval
	call	trap_handle
	ld	t0, 256(sp)
	csrw	sepc, t0
	ld	t0, 264(sp)
	csrw	sstatus, t0
	ld	ra, 8(sp)
	.irp	n, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31
	ld	x\n, 8*\n(sp)
	.endr
	ld	sp, 16(sp)
	sret

/* Interrupts only, and cheap: for measuring. Disables the timer's, clears the software's, notes that it ran. */
	.balign	4
	.globl	trap_fast_entry
trap_fast_entry:
	csrw	sscratch, t0
	csrr	t0, scause
	bgez	t0, 1f
	li	t0, 0x20
	csrc	sie, t0
	csrci	sip, 2
	sd	sp, trap_fast_taken, t0
	csrr	t0, sscratch
	sret
1:	csrr	t0, sscratch
	j	trap_entry

	.macro	save_callee
	addi	sp, sp, -CALLEE
	sd	ra, 0(sp)
	.irp	n, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11
	sd	s\n, 8+8*\n(sp)
	.endr
	sd	sp, trap_recover_sp, t0
	la	t0, recover
	sd	t0, trap_recover_pc, t1
	.endm

/* trap_try(function, argument): 0 if it returned, 1 if it was given up by trap_handle. */
	.globl	trap_try
trap_try:
	save_callee
	mv	t2, a0
	mv	a0, a1
	jalr	t2
	li	a0, 0
	j	leave
recover:
	li	a0, 1
leave:
	sd	zero, trap_recover_pc, t0
	ld	ra, 0(sp)
	.irp	n, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11
	ld	s\n, 8+8*\n(sp)
	.endr
	addi	sp, sp, CALLEE
	ret

/* trap_user(function, argument): runs it in user mode until it makes the call TRAP_USER_EXIT. */
	.globl	trap_user
trap_user:
	save_callee
	li	t0, 0x100
	csrc	sstatus, t0
	csrw	sepc, a0
	mv	a0, a1
	la	ra, user_exit
	sret
	.globl	user_exit
user_exit:
	li	a7, 0x5e7a1
	ecall
	j	user_exit
