/* SPDX-License-Identifier: Apache-2.0 */
/* The loader's first and last instructions. */

/* As in abi/handover.h, which no assembler reads. */
#define LOBBY_EMPTY -1
#define LOBBY_CLOSED -2

/* The first page stays what it is as long as the machine runs: see struct lobby in abi/handover.h. */
	.section .text.entry, "awx"
	.globl	_start
/* From the firmware: a0 = hart, a1 = device tree. */
_start:
	csrw	sie, zero
	la	t0, taken
	li	t1, 1
	amoswap.w.aqrl t1, t1, (t0)
	bnez	t1, wait
	csrw	satp, zero
	la	t0, trap
	csrw	stvec, t0
	la	sp, stack_top
	la	t0, bss_start
	la	t1, bss_end
1:	bgeu	t0, t1, 2f
	sd	zero, 0(t0)
	addi	t0, t0, 8
	j	1b
2:	mv	s0, zero
	call	loader_main

/* Not the boot hart: goes on where the kernel wants it, or nowhere. */
wait:	la	t0, lobby
	li	t2, LOBBY_CLOSED
1:	ld	t1, 0(t0)
	beq	t1, a0, 2f
	bne	t1, t2, 1b
3:	wfi
	j	3b
2:	fence	r, rw
	fence.i
	ld	t1, 8(t0)
	ld	a1, 16(t0)
	jr	t1

	.balign	8
	.globl	lobby
lobby:	.dword	LOBBY_EMPTY, 0, 0
taken:	.word	0

	.balign	4
trap:
	la	sp, stack_top
	csrr	a0, scause
	csrr	a1, sepc
	csrr	a2, stval
	call	loader_trap

/*
 * enter_kernel(handover, hart, satp, entry). The kernel's table does not map this code: the fetch after satp is written
 * faults, and the trap vector is the kernel's entry. So nothing of the loader has to stay mapped.
 */
	.text
	.globl	enter_kernel
enter_kernel:
	csrw	sscratch, zero
	csrw	stvec, a3
	fence.i
	sfence.vma
	csrw	satp, a2
	nop
	/* Only a hart that refuses Sv39 comes here. */
	la	t0, trap
	csrw	stvec, t0
	la	sp, stack_top
	call	loader_no_paging

	.section .bss.stack, "aw", @nobits
	.balign	16
	.space	16384
stack_top:
