/* SPDX-License-Identifier: Apache-2.0 */
/* The kernel objects. Each lies in memory that an untyped gave out; sizes are part of the interface (abi/types.h). */
#pragma once

#include <arch/objects.h>

#include "budget.h"
#include "cap.h"
#include "lock.h"

struct hart;
struct thread;
struct vcpu;

/* A first-in, first-out queue of threads, linked through struct thread. */
struct thread_queue {
	struct thread *head, *tail;
};

enum thread_state {
	THREAD_STOPPED,       /* never started, suspended, or faulted with nobody to tell */
	THREAD_READY,         /* in a ready queue, or running */
	THREAD_SENDING,       /* in an endpoint's queue */
	THREAD_RECEIVING,     /* in an endpoint's queue */
	THREAD_AWAITS_REPLY,  /* held by a reply object */
	THREAD_WAITING,       /* in a notification's queue */
	THREAD_GUEST_IDLE,    /* in vcpu_run, its guest waits for an interrupt */
	THREAD_WOKEN,         /* claimed by who ended its wait, on the way to its hart */
};

enum thread_fault {
	THREAD_NO_FAULT,
	THREAD_FAULTED, /* its next message is a fault message */
	THREAD_TIMED_OUT, /* its next message is a timeout message */
};

struct thread {
	struct arch_thread arch; /* first: the trap entry finds the registers at the thread's address */

	uint32_t state;     /* enum thread_state; a word, because harts compare and swap it */
	uint8_t fault;      /* enum thread_fault */
	uint8_t priority;
	bool is_call;       /* sending: wants an answer */
	bool queued;        /* in a ready queue */
	bool has_deadline;  /* in the deadline list of its hart */
	uint32_t badge;     /* sending: of the capability used */
	uint32_t cap_to_send; /* sending: slot index or 0 */
	uint32_t receive_slot; /* receiving: slot index or 0 */
	uint32_t can_grant; /* sending: the capability used had RIGHT_GRANT */

	struct thread *next, *prev;   /* the queue this thread stands in; next: the inbox */
	struct thread *later, *earlier; /* the deadline list */
	uint64_t deadline;            /* timebase ticks */
	struct hart *deadline_hart;   /* whose list it is in */
	struct hart *hart;            /* affinity */
	struct sched_context *sched_context; /* what it runs on now; may be lent by a caller */
	struct sched_context *own_context;   /* what it is bound to */
	struct thread *lent_by;       /* it runs, or ran, on the context of this caller */
	struct thread *lent_to;       /* awaiting an answer: who runs on its context */
	struct endpoint *endpoint;    /* sending, receiving: whose queue */
	struct notification *waits_for; /* waiting: whose queue */
	struct reply *reply;          /* receiving: takes the caller; awaiting: holds this thread */
	struct notification *bound;   /* bound notification */
	struct vcpu *vcpu;            /* inside vcpu_run: resumes in this guest, unless something ends that */

	struct slot cspace, vspace, fault_endpoint, timeout_endpoint;
};
_Static_assert(sizeof(struct thread) <= 1u << THREAD_BITS, "thread size");

struct sched_context {
	struct budget budget;
	struct thread *thread;    /* which runs on it now */
	struct thread *owner;     /* which it is bound to */
	uint64_t passed;          /* ticks of what it consumed that count for others: of its owner's hart */
};
_Static_assert(sizeof(struct sched_context) <= 1u << SCHED_CONTEXT_BITS, "scheduling context size");

struct endpoint {
	struct lock lock;
	struct thread_queue queue; /* all senders or all receivers */
	struct thread *parked;     /* a passive receiver without deadline that stands in no queue: the short paths' */
};
_Static_assert(sizeof(struct endpoint) <= 1u << ENDPOINT_BITS, "endpoint size");

struct reply {
	struct thread *receiver; /* receiving with this reply object; set by compare and swap */
	struct thread *caller;   /* awaits the answer; who takes it by swap answers it */
};
_Static_assert(sizeof(struct reply) <= 1u << REPLY_BITS, "reply size");

struct notification {
	uint64_t bits; /* atomic */
	struct thread_queue waiters;
	struct lock lock; /* of the queue */
	struct thread *bound;
};
_Static_assert(sizeof(struct notification) <= 1u << NOTIFICATION_BITS, "notification size");

/* In `events`, beside interrupts: vcpu_run is to end. */
#define VCPU_EVENT_KICK 1u

struct bell {
	uint64_t address; /* guest physical; BELL_NONE: not in use */
	struct slot notification;
};
#define BELL_NONE UINT64_MAX

struct vcpu {
	struct arch_vcpu arch;
	struct thread *thread; /* inside vcpu_run with this vCPU, or NULL */
	struct vcpu_page *page; /* shared with the VMM; NULL if not configured */
	const struct hart *last_hart; /* where it ran last, since it was configured */
	uint64_t events;        /* atomic: VCPU_IRQ_* to set in the guest, VCPU_EVENT_KICK */
	struct slot gspace, frame; /* what keeps guest memory and page alive */
	uint32_t bell_count;
	struct bell bells[VCPU_BELLS];
};
_Static_assert(sizeof(struct vcpu) <= 1u << VCPU_BITS, "vCPU size");

/* Compare and swap: true if the word was as expected. */
#define word_swap(word, expected, desired)                                                                  \
	({                                                                                                \
		__typeof__(*(word)) expected_ = (expected);                                               \
		__atomic_compare_exchange_n(word, &expected_, desired, false, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST); \
	})
#define word_take(word) __atomic_exchange_n(word, 0, __ATOMIC_SEQ_CST)
#define word_read(word) __atomic_load_n(word, __ATOMIC_RELAXED)

/* Objects of a capability of the right type. */
static inline struct slot *cap_cnode(const struct cap *cap)
{
	return (struct slot *)cap->object;
}
#define CAP_OBJECT(name)                                           \
	static inline struct name *cap_##name(const struct cap *cap) \
	{                                                          \
		return (struct name *)cap->object;                 \
	}
CAP_OBJECT(thread)
CAP_OBJECT(sched_context)
CAP_OBJECT(endpoint)
CAP_OBJECT(reply)
CAP_OBJECT(notification)
CAP_OBJECT(vcpu)
#undef CAP_OBJECT
