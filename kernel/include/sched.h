/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Scheduling: 256 fixed priorities, per-hart ready queues touched only by their hart, one-shot timer without a tick.
 * The current thread stands in no queue. Time is charged when threads switch and when the timer fires; budget.h has the refills.
 */
#pragma once

#include "objects.h"
#include "queue.h"

#define PRIORITIES 256u

/* What the holder of the capability lock wants of a hart: smp.h. */
enum hart_asked {
	HART_NOT_ASKED,
	HART_TO_STOP,
	HART_STOPPED,
	HART_TO_RUN,
	HART_TO_ANSWER,
};

/* The vCPU that a hart ran last under a VMID; those whose numbers meet share an entry. */
#define TAG_GUESTS 16u

struct tag_guest {
	uint64_t tag;
	const struct vcpu *vcpu;
};

struct hart {
	struct arch_hart arch; /* first: known to the trap entry */
	struct thread *current;
	struct thread *deadlines; /* sorted, earliest first */
	uint64_t charged_at;      /* ticks: up to here the current thread's time is charged */
	uint64_t timer;           /* what the timer is set to */
	uint32_t top;             /* no ready thread has a higher priority; below `attention`, for a look at both at once */
	union {
		struct {
			bool reschedule;  /* look at the queues before leaving the kernel */
			bool timer_stale; /* the timer may have to be set anew */
			bool task_fp;     /* a thread's FP state is in the registers */
		};
		uint32_t attention; /* any of them: no short path */
	};
	uint32_t index;           /* 0 to HANDOVER_HARTS - 1 */

	/* What other harts write. */
	struct thread *inbox;     /* woken threads of this hart, last first */
	uint32_t asked;           /* enum hart_asked */
	bool idle;                /* sleeps: outside the kernel, as good as */
	uint32_t held;            /* enum lock_order of the locks it holds; debug builds */
	void (*function)(void *argument); /* what it is asked to run */
	void *argument;

	uint64_t tags[2];         /* by kind of space: tag.h */
	struct tag_guest guests[TAG_GUESTS];

	uint64_t ready_bits[PRIORITIES / 64];
	struct thread_queue ready[PRIORITIES];
};

extern struct hart harts[];

void sched_hart_init(struct hart *hart, uint32_t index);

/* The thread of this hart can run: puts it into its ready queue if it has CPU time. */
void sched_ready(struct thread *thread);

/* Who claimed a blocked thread sends it on its way: to its ready queue, or to the inbox of its hart. */
void sched_wake(struct thread *thread);

/* Takes in the threads that other harts woke. */
void sched_collect(struct hart *hart);

/* Moves a thread that neither lends nor borrows to another hart. All harts stand still. */
void sched_move(struct thread *thread, struct hart *to);

/* The thread can no longer run: takes it out of the queue or off the hart. Its state is the caller's business. */
void sched_unready(struct thread *thread);

/* A deadline for a thread that waits. DEADLINE_NEVER: none. */
void sched_set_deadline(struct thread *thread, uint64_t deadline);
void sched_clear_deadline(struct thread *thread);

/* Charges the current thread, if there is one, for the time since the last charge. now: arch_time. */
void sched_charge(struct hart *hart, uint64_t now);

/* The current thread goes behind its equals. */
void sched_yield(struct hart *hart);

/*
 * A thread in no queue, more urgent than the current one and with unlimited time, takes the hart from it, which was in user
 * mode: the way out of the kernel is included. False: the long way is needed.
 */
bool sched_preempt(struct hart *hart, struct thread *thread) must_check;

/* The timer fired: charges time, wakes whose deadline passed. The timer is set again by sched_leave. */
void sched_timer(struct hart *hart);

/*
 * The same while a thread was in user mode, with the way out of the kernel if that is short: returns that thread, or a more urgent
 * one to which the hart was switched. NULL: sched_leave has to follow.
 */
struct thread *sched_timer_in_thread(struct hart *hart) must_check;

/* Leaving the kernel: the thread to run, or NULL to idle. Sets the timer. */
struct thread *sched_leave(struct hart *hart);

void sched_set_priority(struct thread *thread, uint8_t priority);

/* Scheduling contexts. */
void sched_context_init(struct sched_context *context);
/* Ticks, as budget_configure wants them, else ERR_RANGE; on the hart of the thread that runs on it. */
enum err sched_context_configure(struct sched_context *context, uint64_t amount, uint64_t period, uint64_t slice) must_check;
enum err sched_context_bind(struct thread *thread, struct sched_context *context) must_check; /* NULL: unbind */
void sched_context_destroy(struct sched_context *context);
/* The current thread passes on up to so many ticks that it used on its own context. Returns how many it still could; 0 without such a context. */
uint64_t sched_context_charge(const struct thread *thread, struct sched_context *to, uint64_t ticks) must_check;
/* Ticks used so far. What was passed on counts for whom it was passed to. */
uint64_t sched_context_consumed(const struct sched_context *context);

/* The blocked caller lends its context to who received its message and has none; that one moves to the caller's hart. */
void sched_lend(struct thread *caller, struct thread *to);

/* The context comes back from whoever runs on it. On the lender's hart. */
void sched_reclaim(struct thread *lender);

#define SCHED_BUDGET_DEFAULT 100000u /* ticks: 10 ms at the 10 MHz of QEMU virt; replaced by SchedControl */
