/* SPDX-License-Identifier: Apache-2.0 */
/* Entry of the second hart, and a loop of guest exits with nothing around them. */

	.text
	.balign	4
	.globl	harts_entry
/* a1: the end of its stack (RISC-V SBI specification, HSM, hart start) */
harts_entry:
	csrw	sie, zero
	csrw	satp, zero
	la	t0, trap_entry
	csrw	stvec, t0
	mv	sp, a1
	call	harts_second
1:	wfi
	j	1b

/*
 * a0: a time. Until then: into VS-mode, which executes one ecall, and out again by its trap. Returns how often, in a0. Needs the
 * hypervisor extension, and that the firmware delegates ecalls of VS-mode.
 */
	.globl	harts_exits
	.balign	4
harts_exits:
	csrr	a2, stvec
	la	t0, 1f
	csrw	stvec, t0
	la	t0, 2f
	csrw	sepc, t0
	li	t0, 1 << 8              /* sstatus.SPP */
	csrs	sstatus, t0
	li	t0, 1 << 7              /* hstatus.SPV */
	csrs	0x600, t0
	li	a1, -1
	/* A trap from VS-mode leaves sepc, SPP and SPV as they must be to go back. */
	.balign	4
1:	addi	a1, a1, 1
	rdtime	t0
	bgeu	t0, a0, 3f
	sret
	.balign	4
2:	ecall
3:	csrw	stvec, a2
	mv	a0, a1
	ret
