/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Code of guests. Each is copied to the begin of a page, which it finds by its pc; it counts in the word GUEST_WORD of that
 * page and the ones behind, and makes a firmware call when it has something to say.
 */
	.option arch, +f, +d
#define WORD (200 * 8)
#define CSR_STIMECMP 0x14d

	.macro	guest name
	.balign	4096
	.globl	\name
\name:
	auipc	s0, 0
	.endm

	.macro	count register, word=0
	ld	\register, WORD + \word * 8(s0)
	addi	\register, \register, 1
	sd	\register, WORD + \word * 8(s0)
	.endm

	.section .rodata.guests, "a"
	.option norvc

/* a0 and the word count calls; all other registers but ra, sp, gp and tp stay as they are. */
	.balign 4096
	.globl guest_count
guest_count:
	auipc	ra, 0
1:	ld	sp, WORD(ra)
	addi	sp, sp, 1
	sd	sp, WORD(ra)
	mv	a0, sp
	li	gp, 200
2:	addi	gp, gp, -1
	bnez	gp, 2b
	ecall
	j	1b

/* Counts and never calls. */
guest guest_spin
1:	count	t0
	j	1b

/* Waits for interrupts, counts each return. */
guest guest_idle
	li	t0, 0x222
	csrw	sie, t0
1:	wfi
	count	t0
	csrr	t1, sip
	csrc	sip, t1
	j	1b

/* With a timer that has expired and is not taken: calls after 100000 turns. */
guest guest_masked
	li	t0, 0x20
	csrw	sie, t0
	csrw	CSR_STIMECMP, zero
1:	li	t1, 100000
2:	addi	t1, t1, -1
	bnez	t1, 2b
	ecall
	j	1b

/*
 * Traps of user mode, taken here: their causes go to the words from 1 on, their number to the word. Calls at the end, with a0 =
 * their number.
 */
guest guest_traps
	la	t0, traps_entry
	la	t1, guest_traps
	sub	t0, t0, t1
	add	t0, t0, s0
	csrw	stvec, t0
	la	t0, traps_user
	sub	t0, t0, t1
	add	t0, t0, s0
	csrw	sepc, t0
	li	t0, 0x100
	csrc	sstatus, t0
	sret
	.balign	4
traps_entry:
	csrr	t0, scause
	ld	t1, WORD(s0)
	addi	t1, t1, 1
	sd	t1, WORD(s0)
	slli	t2, t1, 3
	add	t2, t2, s0
	li	t3, WORD
	add	t2, t2, t3
	sd	t0, 0(t2)
	csrr	t0, sepc
	addi	t0, t0, 4
	csrw	sepc, t0
	li	t0, 0x100
	csrr	t2, sstatus
	and	t2, t2, t0
	bnez	t2, traps_fail
	li	t0, 5
	beq	t1, t0, traps_done
	sret
traps_fail:
	li	t1, -1
traps_done:
	mv	a0, t1
	ecall
	j	traps_done
traps_user:
	ebreak
	ecall
	.word	0xffffffff
	addi	t4, s0, 1
	lr.w	t5, (t4)
	wfi
	nop
	j	traps_user

/*
 * A timer again and again, after a1 ticks: word: how many came, word 1: the worst delay, word 2: how many came too early, word 3:
 * interrupts that were no timer's, or came twice. Calls after a2 of them.
 */
guest guest_timer
	la	t0, timer_entry
	la	t1, guest_timer
	sub	t0, t0, t1
	add	t0, t0, s0
	csrw	stvec, t0
	li	t0, 0x20
	csrw	sie, t0
	csrsi	sstatus, 2
1:	rdtime	s1
	add	s1, s1, a1
	li	s2, 0
	csrw	CSR_STIMECMP, s1
2:	csrci	sstatus, 2
	bnez	s2, 5f
	andi	t0, a3, 1
	bnez	t0, 3f
	wfi
3:	csrsi	sstatus, 2
	j	2b
5:	csrsi	sstatus, 2
	addi	a3, a3, 1
	ld	t0, WORD(s0)
	bltu	t0, a2, 1b
	mv	a0, t0
	ecall
	j	1b
	.balign	4
timer_entry:
	rdtime	s3
	csrr	s4, scause
	li	s5, -1
	slli	s5, s5, 63
	ori	s5, s5, 5
	bne	s4, s5, timer_wrong
	bnez	s2, timer_wrong
	li	s2, 1
	csrw	CSR_STIMECMP, s5
	count	s4
	bltu	s3, s1, timer_early
	sub	s3, s3, s1
	ld	s4, WORD + 8(s0)
	bgeu	s4, s3, 4f
	sd	s3, WORD + 8(s0)
4:	sret
timer_early:
	count	s4, 2
	sret
timer_wrong:
	count	s4, 3
	csrw	CSR_STIMECMP, s5
	sret

/* Keeps a number in sscratch and looks at it again and again: word: turns, word 1: how often it was another's. Never calls. */
guest guest_scratch
	li	s1, 0
1:	addi	s1, s1, 1
	csrw	sscratch, s1
	li	t2, 500
2:	csrr	t0, sscratch
	bne	t0, s1, 3f
	addi	t2, t2, -1
	bnez	t2, 2b
	count	t0
	j	1b
3:	count	t0, 1
	j	1b

/* Sets all FP registers and fcsr from a1, spins a2 turns, compares: word: turns, word 1: differences. Calls each time. */
guest guest_float
	li	t0, 0x2000
	csrs	sstatus, t0
	.irp	n, 0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20,21,22,23,24,25,26,27,28,29,30,31
	addi	t0, a1, \n
	fmv.d.x	f\n, t0
	.endr
	andi	t1, a1, 31
	csrw	fcsr, t1
1:	mv	t0, a2
2:	addi	t0, t0, -1
	bnez	t0, 2b
	li	t3, 0
	.irp	n, 0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20,21,22,23,24,25,26,27,28,29,30,31
	addi	t0, a1, \n
	fmv.x.d	t1, f\n
	xor	t0, t0, t1
	or	t3, t3, t0
	.endr
	csrr	t0, fcsr
	andi	t1, a1, 31
	xor	t0, t0, t1
	or	t3, t3, t0
	beqz	t3, 3f
	count	t0, 1
3:	count	t0
	ecall
	j	1b

	.macro	store_short address
	.option push
	.option rvc
	c.sw	a0, 0(\address)
	.option pop
	.endm

/*
 * Doorbells: stores to a1 and a2, then a0 to the word, by way of a4 = the page, then a store to a3, of which it does not come back.
 * No register changes. One address: 32 bits, then 16 bits; then both to both.
 */
	.balign 4096
	.globl guest_bells, guest_bells_short, guest_bells_both
guest_bells:
	sw	a0, 0(a1)
	sd	a0, WORD(a4)
	sw	a0, 0(a3)
guest_bells_short:
	store_short a1
	sd	a0, WORD(a4)
	store_short a3
guest_bells_both:
	store_short a2
	sw	a0, 0(a1)
	sw	a0, 0(a2)
	store_short a1
	sd	a0, WORD(a4)
	sw	a0, 0(a3)

/* Rings the bell at a1 for ever: the word counts how often it came back. */
guest guest_ring
1:	sw	t0, 0(a1)
	count	t0
	j	1b

/*
 * Takes its own code from its page table (satp in a3, its root at a4), and rings the bell at a1 before it notices. Its trap entry is
 * mapped 1 GiB above as well: calls with a0 = scause, a2 = sepc.
 */
guest guest_unmapped
	jal	t1, 1f
	csrr	a0, scause
	csrr	a2, sepc
	ecall
1:	li	t0, 0x40000000
	add	t1, t1, t0
	csrw	stvec, t1
	csrw	satp, a3
	sfence.vma
	sd	zero, 16(a4)
	.globl guest_unmapped_bell
guest_unmapped_bell:
	sw	zero, 0(a1)
	ecall

	.balign 4096
	.globl guests_end
guests_end:
