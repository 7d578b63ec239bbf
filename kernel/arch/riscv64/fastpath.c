/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The short paths of call, reply_recv and signal: the message stays in the registers, and the thread that gets it runs at
 * once. They do exactly what endpoint.c and notification.c do in the common case; at the first thing that is not common
 * the arguments go to memory, nothing has changed yet, and the general path takes over.
 */

#include <endpoint.h>
#include <notification.h>
#include <thread.h>

#include "riscv.h"

/* Words and label of a plain message without a capability: what message_valid accepts and the upper half is empty. */
static inline bool plain(uint64_t info)
{
	return info < 0xff000000 && (info & 0xfff8) == 0 && (info & 7) <= MESSAGE_WORDS;
}

/* Nothing else wants the hart, and its timer is right. */
static inline bool quiet(const struct hart *hart)
{
	return !hart->reschedule && !hart->timer_stale;
}

/* Can the hart go over to this thread by changing satp only? */
static inline bool light(const struct hart *hart, const struct thread *thread)
{
	return thread->arch.space != 0 && thread->arch.space == thread->vspace.cap.word && thread->arch.hart == hart &&
	       hart->arch.fp_owner != &thread->arch.fp;
}

/* The hart goes over to another thread. HLV is off: a VMM that needs it traps once (give_guest). */
static inline void switch_to(struct hart *hart, struct thread *thread)
{
	uint64_t satp = thread->arch.satp;

	hart->current = thread;
	if (satp != hart->arch.satp) {
		hart->arch.satp = satp;
		csr_write(CSR_SATP, satp);
	}
	csr_clear(CSR_SSTATUS, SSTATUS_FS);
	csr_clear(CSR_HSTATUS, HSTATUS_HU);
}

/* The scheduling context goes along. The time used is charged to it, whoever runs on it. */
static inline void pass_context(struct thread *from, struct thread *to)
{
	struct sched_context *context = from->sched_context;

	from->sched_context = NULL;
	to->sched_context = context;
	context->thread = to;
}

static __attribute__((noinline)) _Noreturn void slow(uint64_t cptr, uint64_t info, uint64_t w0, uint64_t w1, uint64_t w2,
						     uint64_t w3, uint64_t w4, struct thread *thread, uint64_t number)
{
	uint64_t *words = &thread->arch.registers[10];

	words[0] = cptr;
	words[1] = info;
	words[2] = w0;
	words[3] = w1;
	words[4] = w2;
	words[5] = w3;
	words[6] = w4;
	trap_syscall(thread, number);
}

_Noreturn void fast_call(uint64_t cptr, uint64_t info, uint64_t w0, uint64_t w1, uint64_t w2, uint64_t w3, uint64_t w4,
			 struct thread *thread)
{
	struct hart *hart = thread->arch.hart;
	const struct slot *slot = thread_slot(thread, cptr);

	if (slot && slot->cap.type == OBJECT_ENDPOINT && slot->cap.rights & RIGHT_WRITE && plain(info)) {
		struct thread *receiver = cap_endpoint(&slot->cap)->queue.head;

		/* A passive server: it runs on the caller's context, so no time has to be charged and no timer set. */
		if (receiver && receiver->state == THREAD_RECEIVING && receiver->reply && !receiver->sched_context &&
		    !receiver->next && !receiver->has_deadline && receiver->priority >= thread->priority && quiet(hart) &&
		    light(hart, receiver)) {
			struct reply *reply = receiver->reply;
			struct endpoint *endpoint = cap_endpoint(&slot->cap);

			endpoint->queue.head = endpoint->queue.tail = NULL;
			receiver->endpoint = NULL;
			receiver->reply = NULL;
			receiver->state = THREAD_READY;
			receiver->lent_by = reply;
			reply->receiver = NULL;
			reply->borrower = receiver;
			reply->caller = thread;
			thread->reply = reply;
			thread->state = THREAD_AWAITS_REPLY;
			pass_context(thread, receiver);
			switch_to(hart, receiver);
			return_with_message(receiver, info, w0, w1, w2, w3, w4, slot->cap.word);
		}
	}
	slow(cptr, info, w0, w1, w2, w3, w4, thread, SYS_CALL);
}

/* No thread of this priority or a higher one is ready: nobody to share time with, so no timer to set. */
static inline bool none_ready(const struct hart *hart, unsigned priority)
{
	for (unsigned i = priority / 64 + 1; i < PRIORITIES / 64; i++)
		if (hart->ready_bits[i])
			return false;
	return hart->ready_bits[priority / 64] >> priority % 64 == 0;
}

_Noreturn void fast_reply_recv(uint64_t cptr, uint64_t info, uint64_t w0, uint64_t w1, uint64_t w2, uint64_t w3, uint64_t w4,
			       struct thread *thread)
{
	struct hart *hart = thread->arch.hart;
	const struct slot *slot = thread_slot(thread, cptr);
	uint64_t extra = thread->arch.registers[5];
	const struct slot *reply_slot = thread_slot(thread, (uint32_t)extra);

	if (slot && slot->cap.type == OBJECT_ENDPOINT && slot->cap.rights & RIGHT_READ && reply_slot &&
	    reply_slot->cap.type == OBJECT_REPLY && plain(info)) {
		struct endpoint *endpoint = cap_endpoint(&slot->cap);
		struct reply *reply = cap_reply(&reply_slot->cap);
		struct thread *caller = reply->caller;

		if (caller && reply->borrower == thread && caller->fault == THREAD_NO_FAULT && !caller->sched_context &&
		    !endpoint->queue.head && !(thread->bound && thread->bound->bits) &&
		    thread->arch.registers[6] == DEADLINE_NEVER && none_ready(hart, caller->priority) && quiet(hart) &&
		    light(hart, caller)) {
			reply->caller = NULL;
			reply->borrower = NULL;
			reply->receiver = thread;
			caller->reply = NULL;
			caller->state = THREAD_READY;
			thread->lent_by = NULL;
			thread->reply = reply;
			thread->endpoint = endpoint;
			thread->receive_slot = (uint32_t)(extra >> 32);
			thread->state = THREAD_RECEIVING;
			endpoint->queue.head = endpoint->queue.tail = thread;
			pass_context(thread, caller);
			switch_to(hart, caller);
			return_with_message(caller, info, w0, w1, w2, w3, w4, 0);
		}
	}
	slow(cptr, info, w0, w1, w2, w3, w4, thread, SYS_REPLY_RECV);
}

static __attribute__((noinline)) _Noreturn void signal_slow(struct thread *thread, uint64_t cptr)
{
	thread->arch.registers[10] = cptr;
	trap_syscall(thread, SYS_SIGNAL);
}

_Noreturn void fast_signal(struct thread *thread, uint64_t cptr)
{
	const struct slot *slot = thread_slot(thread, cptr);

	if (slot && slot->cap.type == OBJECT_NOTIFICATION && slot->cap.rights & RIGHT_WRITE) {
		struct notification *notification = cap_notification(&slot->cap);
		const struct thread *bound = notification->bound;

		/* Nobody to wake: a bound thread that runs, or waits for something else, finds the bits later. */
		if (!notification->waiters.head && (!bound || (bound->state != THREAD_RECEIVING && !bound->vcpu)) &&
		    quiet(thread->arch.hart)) {
			notification->bits |= slot->cap.word;
			return_with_message(thread, 0, 0, 0, 0, 0, 0, 0);
		}
	}
	signal_slow(thread, cptr);
}
