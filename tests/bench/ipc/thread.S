/* SPDX-License-Identifier: Apache-2.0 */
/* Entry of a thread: its main function is on its stack, with the argument that is in a0. */
	.section .text.thread, "ax"
	.globl thread_entry
thread_entry:
	.option push
	.option norelax
	la gp, __global_pointer$
	.option pop
	la tp, __tls_base
	ld t0, 0(sp)
	jalr t0
	unimp

/* The guest of measure_guest: one firmware call; its VMM sets it back each time. */
	.balign 4
	.globl guest_code
guest_code:
	ecall
	/* Then one that rings a doorbell, whose address is in a1, and says in a0 and a2 when. */
	rdinstret a0
	sw zero, 0(a1)
	rdinstret a2
	ecall
