/* SPDX-License-Identifier: Apache-2.0 */
/* Traps with all registers set before and noted after; and the code of a process (process.c). */
	.section .text.registers, "ax"
	.option norvc

	/* s0: in, s1: out */
	.macro	with_registers instruction:vararg
	addi	sp, sp, -32
	sd	ra, 0(sp)
	sd	s0, 8(sp)
	sd	s1, 16(sp)
	mv	s0, a0
	mv	s1, a1
	.irp	n, 1,5,6,7,10,11,12,13,14,15,16,17,28,29,30,31
	ld	x\n, \n*8(s0)
	.endr
	\instruction
	.irp	n, 1,5,6,7,10,11,12,13,14,15,16,17,28,29,30,31
	sd	x\n, \n*8(s1)
	.endr
	ld	ra, 0(sp)
	ld	s0, 8(sp)
	ld	s1, 16(sp)
	addi	sp, sp, 32
	ret
	.endm

	.globl registers_ecall
registers_ecall:
	with_registers ecall

	/* Whoever answers the fault cannot change its pc: the word is made good before the answer. */
	.globl registers_fault
registers_fault:
	with_registers ld zero, 0(t6)

/*
 * The loop of a process: a0: its data, sp: message info, or 0. Makes the call of number data[4] with its capability, word 0
 * is data[0].
 */
	.globl process_code, process_code_end
process_code:
	mv	s0, a0
	mv	s1, sp
1:	li	a0, 5 /* PROCESS_CAP */
	mv	a1, s1
	ld	a2, 0(s0)
	ld	a7, 32(s0)
	ecall
	sd	a0, 16(s0)
	sd	a1, 24(s0)
	ld	t0, 8(s0)
	addi	t0, t0, 1
	sd	t0, 8(s0)
	j	1b
process_code_end:
