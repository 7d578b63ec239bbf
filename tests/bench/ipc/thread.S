/* SPDX-License-Identifier: Apache-2.0 */
/* Entry of the second thread: a0 is its main function. */
	.section .text.thread, "ax"
	.globl thread_entry
thread_entry:
	.option push
	.option norelax
	la gp, __global_pointer$
	.option pop
	la tp, __tls_base
	jalr a0
	unimp

/* The guest of measure_guest: one firmware call; its VMM sets it back each time. */
	.balign 4
	.globl guest_code
guest_code:
	ecall
