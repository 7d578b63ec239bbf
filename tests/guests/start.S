/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Start of every payload: the header of a flat RISC-V Linux image, then a stack, and main.
 * Source: Linux, Documentation/arch/riscv/boot-image-header.rst. Entered with a0 = hart, a1 = device tree.
 */

	.section .text.entry, "ax"
	.globl	_start
	.option push
	.option norvc
_start:
	j	begin
	.word	0
	.option pop
	.dword	0x200000                /* text_offset: from the start of RAM */
	.dword	image_size
	.dword	0                       /* flags: little-endian */
	.word	2                       /* version 0.2 */
	.word	0
	.dword	0
	.ascii	"RISCV\0\0\0"
	.ascii	"RSC\x05"
	.word	0

begin:
	csrw	sie, zero
	csrw	satp, zero
	csrci	sstatus, 2
	la	t0, trap_entry
	csrw	stvec, t0
	la	sp, stack_top
	la	t0, bss_start
	la	t1, bss_end
1:	bgeu	t0, t1, 2f
	sd	zero, 0(t0)
	addi	t0, t0, 8
	j	1b
2:	call	payload_start
3:	wfi
	j	3b

	.section .bss.stack, "aw", @nobits
	.balign	16
	.space	32768
stack_top:
