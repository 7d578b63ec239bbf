/* SPDX-License-Identifier: Apache-2.0 */
/* Entry of every task: a0 is the address of its information area, sp is set, all memory not loaded is zero. */
	.section .text.start, "ax"
	.globl _start
_start:
	.option push
	.option norelax
	la gp, __global_pointer$
	.option pop
	la tp, __tls_base
	mv s0, zero
	mv ra, zero
	call task_entry
	unimp
