/* SPDX-License-Identifier: Apache-2.0 */
/* Numbers that entry.S needs of C's structures: compiled to assembly, of which the build takes the marked lines. */

#include <abi/syscall.h>
#include <abi/vcpu.h>

#include <sched.h>

#define NUMBER(name, value) __asm__ volatile("\n.ascii \"@ " #name " %0\"" ::"i"(value))
#define FIELD(name, type, field) NUMBER(name, offsetof(struct type, field))

void offsets_of_tasks(void);
void offsets_of_harts(void);
void numbers(void);

void offsets_of_tasks(void)
{
	FIELD(THREAD_PC, thread, arch.pc);
	FIELD(THREAD_HART, thread, arch.hart);
	FIELD(THREAD_SATP, thread, arch.satp);
	FIELD(THREAD_KEY, thread, arch.key);
	FIELD(THREAD_STATE, thread, state);
	FIELD(THREAD_PRIORITY, thread, priority);
	FIELD(THREAD_CONTEXT, thread, sched_context);
	FIELD(THREAD_LENT_BY, thread, lent_by);
	FIELD(THREAD_LENT_TO, thread, lent_to);
	FIELD(THREAD_ENDPOINT, thread, endpoint);
	FIELD(THREAD_REPLY, thread, reply);
	FIELD(THREAD_BOUND, thread, bound);
	FIELD(THREAD_VCPU, thread, vcpu);
	FIELD(THREAD_CSPACE_LIMIT, thread, cspace.cap.word);
	FIELD(THREAD_CSPACE_BASE, thread, cspace.cap.object);
	NUMBER(STATE_READY, THREAD_READY);
	NUMBER(STATE_RECEIVING, THREAD_RECEIVING);
	NUMBER(STATE_AWAITS_REPLY, THREAD_AWAITS_REPLY);

	FIELD(CONTEXT_THREAD, sched_context, thread);
	FIELD(ENDPOINT_QUEUE, endpoint, queue.head);
	FIELD(ENDPOINT_PARKED, endpoint, parked);
	FIELD(REPLY_CALLER, reply, caller);
	FIELD(NOTIFICATION_WAITERS, notification, waiters.head);
	FIELD(NOTIFICATION_BOUND, notification, bound);
	FIELD(NOTIFICATION_BITS_AT, notification, bits);
}

void offsets_of_harts(void)
{
	FIELD(HART_STACK, hart, arch.stack_top);
	FIELD(HART_KEY, hart, arch.key);
	FIELD(HART_LABEL_LIMIT, hart, arch.label_limit);
	FIELD(HART_WORDS_LIMIT, hart, arch.words_limit);
	FIELD(HART_CURRENT, hart, current);
	FIELD(HART_ATTENTION, hart, attention);
	FIELD(HART_TOP, hart, top);

	FIELD(VCPU_PAGE_POINTER, vcpu, arch.page);
	FIELD(VCPU_HART, vcpu, arch.hart);
	FIELD(VCPU_SCRATCH, vcpu, arch.scratch);
	FIELD(VCPU_FP, vcpu, arch.fp);
	FIELD(VCPU_VMM, vcpu, arch.vmm);
	NUMBER(VCPU_SCOUNTEREN_AT, offsetof(struct vcpu, arch.csr) + 8 * VCPU_SCOUNTEREN);
	FIELD(VCPU_THREAD, vcpu, thread);
	FIELD(VCPU_EVENTS, vcpu, events);
	FIELD(VCPU_BELL_COUNT, vcpu, bell_count);
	FIELD(VCPU_BELLS_AT, vcpu, bells);
	NUMBER(VCPU_BELLS_SIZE, sizeof(struct bell) * VCPU_BELLS);
	NUMBER(BELL_SIZE, sizeof(struct bell));
	FIELD(BELL_CAP, bell, notification.cap);
	FIELD(VCPU_RUNG, vcpu, arch.rung);
	NUMBER(CAP_NOTIFICATION, OBJECT_NOTIFICATION);
	FIELD(VCPU_FRAME_TYPE, vcpu, frame.cap.type);
	FIELD(VCPU_GSPACE_TYPE, vcpu, gspace.cap.type);
	NUMBER(VCPU_IRQ_MASK, VCPU_IRQ_ALL);
	FIELD(PAGE_PC, vcpu_page, pc);
	FIELD(PAGE_MODE, vcpu_page, mode);
	FIELD(PAGE_HVIP, vcpu_page, hvip);
	FIELD(PAGE_REQUESTS, vcpu_page, requests);
	FIELD(HART_LIVE, hart, arch.live);
	FIELD(HART_FP_OWNER, hart, arch.fp_owner);
	FIELD(HART_GUEST_SSTATUS, hart, arch.guest_sstatus);
	FIELD(HART_GUEST_SSTATUS_BITS, hart, arch.guest_sstatus_bits);
	FIELD(HART_GUEST_HSTATUS, hart, arch.guest_hstatus);
	FIELD(HART_GUEST_STVEC, hart, arch.guest_stvec);
	FIELD(HART_TASK_HSTATUS, hart, arch.task_hstatus);
	FIELD(HART_TASK_STVEC, hart, arch.task_stvec);
}

void numbers(void)
{
	NUMBER(SYSCALL_CALL, SYS_CALL);
	NUMBER(SYSCALL_REPLY_RECV, SYS_REPLY_RECV);
	NUMBER(SYSCALL_SIGNAL, SYS_SIGNAL);
	NUMBER(SYSCALL_VCPU_RUN, SYS_VCPU_RUN);
	NUMBER(CAP_MASK_REPLY, 0xff);
	NUMBER(CAP_REPLY, OBJECT_REPLY);
	NUMBER(CAP_MASK_WRITE, RIGHT_WRITE << 8 | 0xff);
	NUMBER(CAP_MASK_READ, RIGHT_READ << 8 | 0xff);
	NUMBER(CAP_ENDPOINT_WRITE, RIGHT_WRITE << 8 | OBJECT_ENDPOINT);
	NUMBER(CAP_ENDPOINT_READ, RIGHT_READ << 8 | OBJECT_ENDPOINT);
	NUMBER(CAP_VCPU_WRITE, RIGHT_WRITE << 8 | OBJECT_VCPU);
	NUMBER(CAP_NOTIFICATION_WRITE, RIGHT_WRITE << 8 | OBJECT_NOTIFICATION);
}

/* The assembly relies on these as well. */
_Static_assert(offsetof(struct endpoint, lock) == 0 && offsetof(struct reply, receiver) == 0 &&
		       offsetof(struct notification, bits) == 0 && offsetof(struct thread, arch.registers) == 0 &&
		       sizeof(struct slot) == 32 && SYS_CALL == 0 && SYS_REPLY_RECV == 1,
	       "entry.S");
_Static_assert(offsetof(struct hart, top) % 8 == 0 && offsetof(struct hart, attention) == offsetof(struct hart, top) + 4, "entry.S");
