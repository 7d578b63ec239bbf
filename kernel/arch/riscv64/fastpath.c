/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The short paths of call, reply_recv and signal: the message stays in the registers, and the thread that gets it runs at
 * once. They do exactly what endpoint.c and notification.c do in the common case; at the first thing that is not common
 * the arguments go to memory, nothing has changed yet, and the general path takes over.
 */

#include <endpoint.h>
#include <lock.h>
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

/* What thread_capability finds, without an error of its own. */
static inline __attribute__((always_inline)) struct cap capability(const struct thread *thread, uint64_t cptr)
{
	const struct slot *slot = thread_slot(thread, cptr);

	return slot ? cap_read(slot) : (struct cap){ 0 };
}

/* A passive server, alone in the queue: it runs on the caller's context, so no time has to be charged and no timer set. */
static inline bool passive_receiver(const struct hart *hart, const struct thread *thread, const struct thread *receiver)
{
	return receiver && receiver->state == THREAD_RECEIVING && receiver->reply && !receiver->sched_context &&
	       !receiver->next && !receiver->has_deadline && receiver->priority >= thread->priority && quiet(hart) &&
	       light(hart, receiver);
}

_Noreturn void fast_call(uint64_t cptr, uint64_t info, uint64_t w0, uint64_t w1, uint64_t w2, uint64_t w3, uint64_t w4,
			 struct thread *thread)
{
	struct hart *hart = thread->arch.hart;
	struct cap cap = capability(thread, cptr);
	struct endpoint *endpoint = cap_endpoint(&cap);

	if (cap.type == OBJECT_ENDPOINT && cap.rights & RIGHT_WRITE && plain(info) && lock_try(&endpoint->lock)) {
		struct thread *receiver = endpoint->queue.head;

		if (passive_receiver(hart, thread, receiver)) {
			struct reply *reply = receiver->reply;

			endpoint->queue.head = endpoint->queue.tail = NULL;
			receiver->endpoint = NULL;
			receiver->reply = NULL;
			receiver->state = THREAD_READY;
			receiver->lent_by = thread;
			receiver->hart = hart;
			thread->lent_to = receiver;
			thread->reply = reply;
			thread->state = THREAD_AWAITS_REPLY;
			pass_context(thread, receiver);
			/* In this order: answerable, then the endpoint, then the reply object for others. */
			__atomic_store_n(&reply->caller, thread, __ATOMIC_RELEASE);
			__atomic_store_n(&endpoint->lock.held, 0, __ATOMIC_RELEASE);
			__atomic_store_n(&reply->receiver, NULL, __ATOMIC_RELAXED);
			switch_to(hart, receiver);
			return_with_message(receiver, info, w0, w1, w2, w3, w4, cap.word);
		}
		__atomic_store_n(&endpoint->lock.held, 0, __ATOMIC_RELEASE);
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

/* The caller lent its context to this thread, and nothing is in the way of going back to it. */
static inline bool can_return(const struct hart *hart, const struct thread *thread, const struct thread *caller)
{
	return caller->lent_to == thread && thread->sched_context && caller->fault == THREAD_NO_FAULT &&
	       hart->arch.fp_owner != &thread->arch.fp && !(thread->bound && word_read(&thread->bound->bits)) &&
	       thread->arch.registers[6] == DEADLINE_NEVER && none_ready(hart, caller->priority) && quiet(hart) &&
	       light(hart, caller);
}

/* Takes the caller out of the reply object and holds that ready for the next. False: nothing happened. */
static inline bool take_caller(struct reply *reply, struct thread *caller, struct thread *thread)
{
	if (!word_swap(&reply->receiver, NULL, thread))
		return false;
	if (word_take(&reply->caller) == caller)
		return true;
	reply->receiver = NULL; /* another thread answered, on another hart */
	return false;
}

_Noreturn void fast_reply_recv(uint64_t cptr, uint64_t info, uint64_t w0, uint64_t w1, uint64_t w2, uint64_t w3, uint64_t w4,
			       struct thread *thread)
{
	struct hart *hart = thread->arch.hart;
	uint64_t extra = thread->arch.registers[5];
	struct cap cap = capability(thread, cptr), reply_cap = capability(thread, (uint32_t)extra);
	struct endpoint *endpoint = cap_endpoint(&cap);
	struct reply *reply = cap_reply(&reply_cap);

	if (cap.type == OBJECT_ENDPOINT && cap.rights & RIGHT_READ && reply_cap.type == OBJECT_REPLY && plain(info) &&
	    lock_try(&endpoint->lock)) {
		struct thread *caller = word_read(&reply->caller);

		/* A bound notification has the long way: its signals may come while this thread goes to sleep. */
		if (caller && !endpoint->queue.head && !thread->bound && can_return(hart, thread, caller) &&
		    take_caller(reply, caller, thread)) {
			caller->reply = NULL;
			caller->lent_to = NULL;
			caller->state = THREAD_READY;
			thread->lent_by = NULL;
			thread->reply = reply;
			thread->endpoint = endpoint;
			thread->receive_slot = (uint32_t)(extra >> 32);
			thread->state = THREAD_RECEIVING;
			endpoint->queue.head = endpoint->queue.tail = thread;
			pass_context(thread, caller);
			__atomic_store_n(&endpoint->lock.held, 0, __ATOMIC_RELEASE);
			switch_to(hart, caller);
			return_with_message(caller, info, w0, w1, w2, w3, w4, 0);
		}
		__atomic_store_n(&endpoint->lock.held, 0, __ATOMIC_RELEASE);
	}
	slow(cptr, info, w0, w1, w2, w3, w4, thread, SYS_REPLY_RECV);
}

static __attribute__((noinline)) _Noreturn void signal_slow(struct thread *thread, uint64_t cptr)
{
	thread->arch.registers[10] = cptr;
	trap_syscall(thread, SYS_SIGNAL);
}

static __attribute__((noinline)) _Noreturn void wake(struct thread *thread, struct notification *notification)
{
	struct hart *hart = thread->arch.hart;

	thread->arch.registers[10] = ERR_OK;
	notification_wake(notification);
	leave_kernel(hart);
}

_Noreturn void fast_signal(struct thread *thread, uint64_t cptr)
{
	struct cap cap = capability(thread, cptr);

	if (cap.type == OBJECT_NOTIFICATION && cap.rights & RIGHT_WRITE) {
		struct notification *notification = cap_notification(&cap);

		__atomic_fetch_or(&notification->bits, cap.word, __ATOMIC_SEQ_CST);
		const struct thread *bound = word_read(&notification->bound);

		/* Nobody to wake: a bound thread that runs, or waits for something else, finds the bits later. */
		if (!word_read(&notification->waiters.head) && (!bound || (!word_read(&bound->endpoint) && !word_read(&bound->vcpu))) &&
		    quiet(thread->arch.hart))
			return_with_message(thread, 0, 0, 0, 0, 0, 0, 0);
		wake(thread, notification);
	}
	signal_slow(thread, cptr);
}
