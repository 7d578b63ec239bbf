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

	.macro	each_saved operation
	\operation	ra, 0(sp)
	.irp	n, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11
	\operation	s\n, 8+8*\n(sp)
	.endr
	.endm

/* uint64_t syscalls_trap(struct call *): of all registers vcpu_run keeps sp, gp and tp only. */
	.globl syscalls_trap
syscalls_trap:
	addi sp, sp, -112
	each_saved sd
	sd a0, 104(sp)
	ld a1, 8(a0)
	ld a2, 16(a0)
	ld a3, 24(a0)
	ld a4, 32(a0)
	ld a5, 40(a0)
	ld a6, 48(a0)
	ld a7, 56(a0)
	ld t0, 64(a0)
	ld t1, 72(a0)
	ld a0, 0(a0)
	ecall
	ld t0, 104(sp)
	sd a1, 8(t0)
	sd a2, 16(t0)
	sd a7, 56(t0)
	each_saved ld
	addi sp, sp, 112
	ret
