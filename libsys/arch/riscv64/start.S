/* SPDX-License-Identifier: Apache-2.0 */
/* Entry of every task: a0 is the address of its information area, sp is set, all memory not loaded is zero. */
	.section .start, "ax"
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

/* Entry of a further thread: a0 is the address of a struct thread_begin (thread_private.h) at the top of its stack. */
	.text
	.globl thread_enter
thread_enter:
	.option push
	.option norelax
	la gp, __global_pointer$
	.option pop
	ld tp, 0(a0)
	ld t0, 8(a0)
	ld a0, 16(a0)
	mv s0, zero
	jalr t0
	unimp
