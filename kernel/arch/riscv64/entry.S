/* SPDX-License-Identifier: Apache-2.0 */
/* Kernel entry from tasks, the short paths of system calls, and the ways back. */

#include "entry.h"

	/* Leaves tp = the hart, t0 = the first argument; then all but a0 to a7 and t1 are free. */
	.macro	save_task
	csrr	t0, CSR_SEPC
	addi	t0, t0, 4
	task_registers sd
	sd	t0, THREAD_PC(a0)
	csrrw	t0, CSR_SSCRATCH, a0
	ld	tp, THREAD_HART(a0)
	.endm

	/* \at = the slot that \index names, by the thread's CNode: limit in t2, base in t3. */
	.macro	find_slot at, index
	bgeu	\index, t2, slow
	slli	\at, \index, CNODE_SLOT_SHIFT
	add	\at, \at, t3
	.endm

	.section .text.hot, "ax"
	.globl trap_entry_task
	.balign 64
trap_entry_task:
	csrrw	a0, CSR_SSCRATCH, a0
	sd	t0, 5*8(a0)
	csrr	t0, CSR_SCAUSE
	addi	t0, t0, -CAUSE_TASK_ECALL
	bnez	t0, other_trap
	beqz	a7, fast_call
	sd	t1, 6*8(a0)
	addi	t0, a7, -SYSCALL_REPLY_RECV
	beqz	t0, fast_reply_recv
	addi	t0, a7, -SYSCALL_SIGNAL
	beqz	t0, fast_signal
	addi	t0, a7, -SYSCALL_VCPU_RUN
	beqz	t0, fast_vcpu_run
system_call:
	save_task
	/* The arguments go to memory; t0 = the first. Nothing has changed yet. */
slow:	sd	t0, 10*8(a0)
	.irp	n, 11,12,13,14,15,16,17
	sd	x\n, \n*8(a0)
	.endr
	ld	sp, HART_STACK(tp)
	mv	a1, a7
	tail	trap_syscall

other_trap:
	sd	t1, 6*8(a0)
	li	t1, CAUSE_TIMER - CAUSE_TASK_ECALL
	beq	t0, t1, timer_trap
	save_three a0, 10, 5, 6
	csrrw	t0, CSR_SSCRATCH, a0
	csrr	t1, CSR_SEPC
	sd	t0, 10*8(a0)
	sd	t1, THREAD_PC(a0)
	ld	tp, THREAD_HART(a0)
	csrr	a1, CSR_SCAUSE
	ld	sp, HART_STACK(tp)
	tail	trap_task

/* What C does not keep is enough, if the thread goes on. */
	.macro	lost_registers operation
	.irp	n, 1,7,11,12,13,14,15,16,17,28,29,30,31,2,4
	\operation	x\n, \n*8(a0)
	.endr
	.endm

timer_trap:
	lost_registers sd
	csrrw	t0, CSR_SSCRATCH, a0
	ld	tp, THREAD_HART(a0)
	sd	t0, 10*8(a0)
	ld	sp, HART_STACK(tp)
	mv	a0, tp
	call	sched_timer_in_thread
	csrr	t0, CSR_SSCRATCH
	bne	a0, t0, timer_switch
	lost_registers ld
	ld	t0, 5*8(a0)
	ld	t1, 6*8(a0)
	ld	a0, 10*8(a0)
	sret

timer_switch:
	csrr	t1, CSR_SEPC
	.irp	n, 3,8,9,18,19,20,21,22,23,24,25,26,27
	sd	x\n, \n*8(t0)
	.endr
	sd	t1, THREAD_PC(t0)
	bnez	a0, return_to_task
	mv	a0, tp
	tail	leave_kernel

/*
 * The short paths of call, reply_recv and signal: the message stays in the registers, and who gets it runs at once. They do
 * exactly what endpoint.c and notification.c do in the common case: a passive server, which runs on its caller's context, so
 * that no time has to be charged and no timer set. At the first thing that is not common, nothing has changed yet, and the
 * general path takes over.
 */

/* a1 = message info: no capability, at most five words, no label of the kernel's. Uses t4, t5. */
	.macro	check_message
	ld	t4, HART_LABEL_LIMIT(tp)
	ld	t6, HART_WORDS_LIMIT(tp)
	slli	t5, a1, 48
	bgeu	a1, t4, slow
	bgeu	t5, t6, slow
	.endm

/* The hart goes over to the thread in \to and its address space. HLV is off: a VMM that needs it traps once (give_guest). */
	.macro	switch_space to
	ld	t4, THREAD_SATP(\to)
	li	t5, HSTATUS_HU
	csrw	CSR_SATP, t4
	csrc	CSR_HSTATUS, t5
	.endm

	/* May the hart go over to \to by that alone? Else to \no. */
	.macro	check_space to, no
	ld	t5, THREAD_KEY(\to)
	ld	t6, HART_KEY(tp)
	bne	t5, t6, \no
	.endm

	/* To the thread in the register x\to, one that C keeps: a1 info, a2-a6 words, a7 badge. The answer is ERR_OK. */
	.macro	return_with_message to
	ld	t0, THREAD_PC(x\to)
	csrw	CSR_SSCRATCH, x\to
	csrw	CSR_SEPC, t0
	.irp	n, 2,3,4,8,9,18,19,20,21,22,23,24,25,26,27
	.if	\n != \to
	ld	x\n, \n*8(x\to)
	.endif
	.endr
	ld	x\to, \to*8(x\to)
	li	a0, 0
	clear_temporaries
	sret
	.endm

	.balign 64
fast_call:
	save_task
	lwu	t2, THREAD_CSPACE_LIMIT(a0)
	ld	t3, THREAD_CSPACE_BASE(a0)
	find_slot t4, t0
	ld	s0, 0(t4)
	fence	r, r
	ld	s1, 8(t4)		/* the endpoint, if it is one */
	andi	t4, s0, CAP_MASK_WRITE
	addi	t4, t4, -CAP_ENDPOINT_WRITE
	bnez	t4, slow
	check_message
	li	t4, 1
	amoswap.w.aq t4, t4, (s1)
	bnez	t4, slow
	ld	s2, ENDPOINT_PARKED(s1)	/* the server */
	lbu	t5, THREAD_PRIORITY(a0)
	beqz	s2, slow_locked
	lbu	t4, THREAD_PRIORITY(s2)
	bltu	t4, t5, slow_locked
	lw	t4, HART_ATTENTION(tp)
	bnez	t4, slow_locked
	check_space s2, slow_locked

	ld	s3, THREAD_REPLY(s2)
	ld	s4, THREAD_CONTEXT(a0)
	li	t4, STATE_READY
	li	t5, STATE_AWAITS_REPLY
	sd	zero, ENDPOINT_PARKED(s1)
	sd	zero, THREAD_ENDPOINT(s2)
	sw	t4, THREAD_STATE(s2)
	sd	a0, THREAD_LENT_BY(s2)
	sd	s2, THREAD_LENT_TO(a0)
	sd	s3, THREAD_REPLY(a0)
	sw	t5, THREAD_STATE(a0)
	sd	zero, THREAD_CONTEXT(a0)
	sd	s4, THREAD_CONTEXT(s2)
	sd	s2, CONTEXT_THREAD(s4)
	sd	s2, HART_CURRENT(tp)
	/* In this order: answerable, then the endpoint, then the reply object for others. */
	fence	rw, w
	sd	a0, REPLY_CALLER(s3)
	fence	rw, w
	sw	zero, 0(s1)
	sd	zero, 0(s3)
	switch_space s2
	srli	a7, s0, 32		/* the badge */
	return_with_message 18

slow_locked:
	fence	rw, w
	sw	zero, 0(s1)
	j	slow

	.balign 64
fast_reply_recv:
	save_task
	ld	s5, 5*8(a0)		/* t0: the reply object, and no slot for a capability */
	lwu	t2, THREAD_CSPACE_LIMIT(a0)
	ld	t3, THREAD_CSPACE_BASE(a0)
	find_slot t4, t0
	find_slot t5, s5
	ld	s0, 0(t4)
	ld	s2, 0(t5)
	fence	r, r
	ld	s1, 8(t4)		/* the endpoint, if it is one */
	ld	s3, 8(t5)		/* the reply object, if it is one */
	andi	t4, s0, CAP_MASK_READ
	addi	t4, t4, -CAP_ENDPOINT_READ
	bnez	t4, slow
	andi	t4, s2, CAP_MASK_REPLY
	addi	t4, t4, -CAP_REPLY
	bnez	t4, slow
	addi	t4, t1, 1		/* a deadline other than DEADLINE_NEVER */
	bnez	t4, slow
	check_message
	li	t4, 1
	amoswap.w.aq t4, t4, (s1)
	bnez	t4, slow
	ld	t4, ENDPOINT_QUEUE(s1)
	ld	t5, ENDPOINT_PARKED(s1)
	ld	s4, REPLY_CALLER(s3)
	or	t4, t4, t5
	bnez	t4, slow_locked
	beqz	s4, slow_locked
	ld	t4, THREAD_LENT_TO(s4)
	bne	t4, a0, slow_locked	/* this thread runs on the caller's context */
	lbu	t4, THREAD_PRIORITY(s4)
	ld	t5, HART_TOP(tp)	/* and attention above it */
	ld	s6, THREAD_BOUND(a0)
	bltu	t4, t5, slow_locked	/* nobody ready is more urgent than the caller */
	check_space s4, slow_locked
	bnez	s6, check_bound
claim:	/* The reply object for this thread, then the caller. */
	lr.d.aqrl t4, (s3)
	addi	t5, s3, REPLY_CALLER
	bnez	t4, slow_locked
	sc.d.aqrl t4, a0, (s3)
	bnez	t4, slow_locked
	lr.d.aqrl t4, (t5)
	bne	t4, s4, lost_caller
	sc.d.aqrl t4, zero, (t5)
	bnez	t4, lost_caller

	ld	s5, THREAD_CONTEXT(a0)
	li	t4, STATE_READY
	li	t5, STATE_RECEIVING
	sd	zero, THREAD_LENT_TO(s4)
	sw	t4, THREAD_STATE(s4)
	sd	zero, THREAD_LENT_BY(a0)
	sd	s3, THREAD_REPLY(a0)
	sd	s1, THREAD_ENDPOINT(a0)
	sw	t5, THREAD_STATE(a0)
	sd	zero, THREAD_CONTEXT(a0)
	sd	s5, THREAD_CONTEXT(s4)
	sd	s4, CONTEXT_THREAD(s5)
	sd	s4, HART_CURRENT(tp)
	sd	a0, ENDPOINT_PARKED(s1)
	fence	rw, w
	sw	zero, 0(s1)
	switch_space s4
	bnez	s6, signals_late
answered:
	return_with_message 20		/* s4; a7, which has no meaning in an answer, stays */

/* Another thread answers, on another hart. */
lost_caller:
	sd	zero, 0(s3)
	j	slow_locked

check_bound:
	ld	t4, NOTIFICATION_BITS_AT(s6)
	beqz	t4, claim
	j	slow_locked

/* A signal that came meanwhile: who sent it may not have seen the server waiting. */
signals_late:
	fence	rw, rw
	ld	t4, NOTIFICATION_BITS_AT(s6)
	beqz	t4, answered
	sd	zero, 10*8(s4)
	.irp	n, 11,12,13,14,15,16,17
	sd	x\n, \n*8(s4)
	.endr
	ld	sp, HART_STACK(tp)
	mv	a0, s6
	mv	a1, tp
	tail	wake_and_leave

/* Nothing but t0 and t1 is saved, and nothing else changes but t2 to t6, which a system call may lose. */
	.balign 64
fast_signal:
	csrr	t0, CSR_SSCRATCH
	lwu	t2, THREAD_CSPACE_LIMIT(a0)
	ld	t3, THREAD_CSPACE_BASE(a0)
	bgeu	t0, t2, system_call
	slli	t4, t0, CNODE_SLOT_SHIFT
	add	t4, t4, t3
	ld	t2, 0(t4)
	fence	r, r
	ld	t3, 8(t4)		/* the notification, if it is one */
	andi	t4, t2, CAP_MASK_WRITE
	addi	t4, t4, -CAP_NOTIFICATION_WRITE
	bnez	t4, system_call
	ld	t5, THREAD_HART(a0)
	srli	t2, t2, 32		/* the badge */
	lw	t5, HART_ATTENTION(t5)
	bnez	t5, system_call
	amoor.d.aqrl zero, t2, (t3)
	ld	t4, NOTIFICATION_WAITERS(t3)
	ld	t5, NOTIFICATION_BOUND(t3)
	bnez	t4, signal_wake
	bnez	t5, signal_bound
signal_done:
	csrr	t0, CSR_SEPC
	addi	t0, t0, 4
	csrw	CSR_SSCRATCH, a0
	csrw	CSR_SEPC, t0
	li	a0, 0
	.irp	n, 5,7,28,29,30
	li	x\n, 0
	.endr
	sret

/* A bound thread that runs, or waits for something else, finds the bits later. */
signal_bound:
	ld	t4, THREAD_ENDPOINT(t5)
	ld	t5, THREAD_VCPU(t5)
	or	t4, t4, t5
	beqz	t4, signal_done

signal_wake:
	mv	t1, t3
	save_task
	ld	sp, HART_STACK(tp)
	mv	a1, t1
	tail	signal_and_switch

/* To the task in a0, with all its registers. */
	.globl return_to_task
	.balign 64
return_to_task:
	ld	t0, THREAD_PC(a0)
	csrw	CSR_SSCRATCH, a0
	csrw	CSR_SEPC, t0
	load_most a0, 10
	ld	a0, 10*8(a0)
	sret

/*
 * The same after vcpu_run: a0 thread, a1 err, a2-a5 answer, a6 bits. What the C calling convention does not keep is 0, so
 * nothing of kernel or guest shows.
 */
	.globl return_from_guest
	.balign 64
return_from_guest:
	ld	t0, THREAD_PC(a0)
	csrw	CSR_SSCRATCH, a0
	csrw	CSR_SEPC, t0
	task_registers ld
	mv	a0, a1
	mv	a1, a2
	mv	a2, a3
	mv	a3, a4
	mv	a4, a5
	mv	a7, a6
	li	a5, 0
	li	a6, 0
	clear_temporaries
	sret

/*
 * vcpu_run when nothing is in its way: the guest is still in the hart, and nobody waits for anything. All else goes the long
 * way. The caller keeps nothing but sp, gp and tp.
 */
	.balign 64
fast_vcpu_run:
	csrr	t0, CSR_SEPC
	sd	sp, 2*8(a0)
	sd	gp, 3*8(a0)
	addi	t0, t0, 4
	sd	tp, 4*8(a0)
	sd	t0, THREAD_PC(a0)
	csrrw	t0, CSR_SSCRATCH, a0
	ld	tp, THREAD_HART(a0)
	lwu	t2, THREAD_CSPACE_LIMIT(a0)
	ld	t3, THREAD_CSPACE_BASE(a0)
	find_slot t4, t0
	ld	t5, 0(t4)
	fence	r, r
	ld	s0, 8(t4)		/* the vCPU, if it is one */
	andi	t5, t5, CAP_MASK_WRITE
	addi	t5, t5, -CAP_VCPU_WRITE
	bnez	t5, slow
	ld	t2, HART_LIVE(tp)
	ld	t3, HART_FP_OWNER(tp)
	addi	t4, s0, VCPU_FP
	bne	t2, s0, slow
	bne	t3, t4, slow
	ld	t2, VCPU_THREAD(s0)
	ld	t3, VCPU_VMM(s0)
	lbu	t4, VCPU_FRAME_TYPE(s0)
	lbu	t5, VCPU_GSPACE_TYPE(s0)
	lw	t6, HART_ATTENTION(tp)
	bnez	t2, slow
	bne	t3, a0, slow
	beqz	t4, slow
	beqz	t5, slow
	bnez	t6, slow
	sd	a0, VCPU_THREAD(s0)
	sd	s0, THREAD_VCPU(a0)
	/* Who signals or kicks sets the bits first and looks at the vCPU then. */
	fence	rw, rw
	ld	t2, VCPU_EVENTS(s0)
	ld	t3, THREAD_BOUND(a0)
	ld	a1, VCPU_PAGE_POINTER(s0)
	bnez	t2, something_came
	beqz	t3, 1f
	ld	t2, NOTIFICATION_BITS_AT(t3)
	bnez	t2, something_came
1:	ld	t2, PAGE_REQUESTS(a1)
	mv	a0, s0
	bnez	t2, requests_first
	/* As enter in vcpu.c. */
	ld	t2, PAGE_HVIP(a1)
	lwu	t3, VCPU_SCOUNTEREN_AT(a0)
	ld	t4, PAGE_MODE(a1)
	ld	t5, HART_GUEST_SSTATUS(tp)
	andi	t2, t2, VCPU_IRQ_MASK
	andi	t4, t4, 1
	slli	t4, t4, 8
	or	t4, t4, t5
	csrw	CSR_HVIP, t2
	csrw	CSR_SCOUNTEREN, t3
	csrw	CSR_SSTATUS, t4
	ld	t2, HART_GUEST_HSTATUS(tp)
	ld	t3, HART_GUEST_STVEC(tp)
	ld	t4, PAGE_PC(a1)
	csrw	CSR_HSTATUS, t2
	csrw	CSR_STVEC, t3
	csrw	CSR_SEPC, t4
	j	enter_guest

something_came:
	mv	a0, tp
	ld	sp, HART_STACK(tp)
	tail	leave_kernel

requests_first:
	mv	a2, a1
	mv	a1, a0
	mv	a0, tp
	ld	sp, HART_STACK(tp)
	tail	enter_after_requests
