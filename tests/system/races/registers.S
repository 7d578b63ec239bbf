/* SPDX-License-Identifier: Apache-2.0 */
/* Traps with all registers set before and noted after; and the code of a process (process.c). */
	.section .text.registers, "ax"
	.option norvc

	/* a0: in, a1: out. Only sp, gp and tp are kept by all system calls. */
#define ALL_OTHERS 1,5,6,7,8,9,11,12,13,14,15,16,17,18,19,20,21,22,23,24,25,26,27,28,29,30,31
#define FRAME 512
	.macro	with_registers instruction:vararg
	addi	sp, sp, -FRAME
	sd	ra, 256(sp)
	sd	a1, 264(sp)
	.irp	n, 8,9,18,19,20,21,22,23,24,25,26,27
	sd	x\n, 256+\n*8(sp)
	.endr
	.irp	n, ALL_OTHERS
	ld	x\n, \n*8(a0)
	.endr
	ld	a0, 80(a0)
	\instruction
	.irp	n, ALL_OTHERS
	sd	x\n, \n*8(sp)
	.endr
	sd	a0, 80(sp)
	ld	a1, 264(sp)
	.irp	n, 10,ALL_OTHERS
	ld	t0, \n*8(sp)
	sd	t0, \n*8(a1)
	.endr
	ld	ra, 256(sp)
	.irp	n, 8,9,18,19,20,21,22,23,24,25,26,27
	ld	x\n, 256+\n*8(sp)
	.endr
	addi	sp, sp, FRAME
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
	mv	tp, a0
	mv	gp, sp
1:	li	a0, 5 /* PROCESS_CAP */
	mv	a1, gp
	ld	a2, 0(tp)
	ld	a7, 32(tp)
	ecall
	sd	a0, 16(tp)
	sd	a1, 24(tp)
	ld	t0, 8(tp)
	addi	t0, t0, 1
	sd	t0, 8(tp)
	j	1b
process_code_end:
