/* SPDX-License-Identifier: Apache-2.0 */
	.section .text.trap, "ax"

/* a0: struct child. */
	.globl child_entry
child_entry:
	.option push
	.option norelax
	la gp, __global_pointer$
	.option pop
	la tp, __tls_base
	call child_main
	unimp

/* uint64_t syscalls_trap(struct call *): vcpu_run clears the caller-saved registers, ra as well. */
	.globl syscalls_trap
syscalls_trap:
	addi sp, sp, -32
	sd ra, 0(sp)
	sd s0, 8(sp)
	mv s0, a0
	ld a1, 8(s0)
	ld a2, 16(s0)
	ld a3, 24(s0)
	ld a4, 32(s0)
	ld a5, 40(s0)
	ld a6, 48(s0)
	ld a7, 56(s0)
	ld t0, 64(s0)
	ld t1, 72(s0)
	ld a0, 0(s0)
	ecall
	sd a1, 8(s0)
	sd a2, 16(s0)
	sd a7, 56(s0)
	ld ra, 0(sp)
	ld s0, 8(sp)
	addi sp, sp, 32
	ret
