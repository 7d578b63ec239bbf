/* SPDX-License-Identifier: Apache-2.0 */
#include "smp.h"

#include <abi/handover.h>
#include <arch/arch.h>

#include "kernel.h"
#include "bits.h"
#include "lock.h"

uint32_t smp_online;
uint64_t smp_epoch;

/* The capability lock. `state` guards the other two. */
static struct {
	struct lock state;
	uint32_t owner;   /* index + 1; 0: free */
	uint32_t waiting; /* harts */
} capability;

static bool stopped;

static uint32_t bit_of(const struct hart *hart)
{
	return UINT32_C(1) << hart->index;
}

static void state_lock(void)
{
	while (!lock_try(&capability.state))
		;
}

static void state_unlock(void)
{
	__atomic_store_n(&capability.state.held, 0, __ATOMIC_RELEASE);
}

#ifdef SERAI_DEBUG
void lock_note(enum lock_order order)
{
	struct hart *hart = arch_this_hart();

	assert(hart->held < (uint32_t)order);
	hart->held |= (uint32_t)order;
}

void lock_forget(enum lock_order order)
{
	struct hart *hart = arch_this_hart();

	assert(hart->held & (uint32_t)order);
	hart->held &= ~(uint32_t)order;
}
#endif

void smp_reset(void)
{
	smp_online = 0;
	smp_epoch = 1;
	stopped = false;
	capability.owner = capability.waiting = 0;
}

void smp_join(struct hart *hart)
{
	__atomic_fetch_or(&smp_online, bit_of(hart), __ATOMIC_SEQ_CST);
}

/* Waits in line. False: given up, because the owner asks. */
static bool wait_for_turn(struct hart *hart)
{
	for (;;) {
		if (__atomic_load_n(&capability.owner, __ATOMIC_ACQUIRE) == hart->index + 1)
			return true;
		if (__atomic_load_n(&hart->asked, __ATOMIC_RELAXED) == HART_NOT_ASKED)
			continue;
		state_lock();
		bool mine = capability.owner == hart->index + 1;

		if (!mine)
			capability.waiting &= ~bit_of(hart);
		state_unlock();
		return mine;
	}
}

bool smp_lock(void)
{
	struct hart *hart = arch_this_hart();
	bool mine = true;

	state_lock();
	if (capability.owner == 0) {
		capability.owner = hart->index + 1;
		state_unlock();
	} else {
		capability.waiting |= bit_of(hart);
		state_unlock();
		mine = wait_for_turn(hart);
	}
	if (mine)
		lock_note(LOCK_CAPABILITY);
	return mine;
}

void smp_unlock(void)
{
	uint32_t next = 0;

	lock_forget(LOCK_CAPABILITY);
	state_lock();
	/* The next in line behind this hart, then from the front. */
	if (capability.waiting) {
		uint32_t behind = capability.waiting & ~((UINT32_C(1) << capability.owner) - 1);

		next = lowest_bit(behind ? behind : capability.waiting);
		capability.waiting &= ~(UINT32_C(1) << next++);
	}
	__atomic_store_n(&capability.owner, next, __ATOMIC_RELEASE);
	state_unlock();
}

static void ask(struct hart *hart, enum hart_asked what)
{
	__atomic_store_n(&hart->asked, what, __ATOMIC_RELEASE);
	arch_interrupt(hart);
}

static void await(const struct hart *hart, enum hart_asked what)
{
	while (__atomic_load_n(&hart->asked, __ATOMIC_ACQUIRE) != what)
		arch_relax();
}

/* Calls ask or await for all other harts. */
#define FOR_OTHERS(hart)                                          \
	for (struct hart *hart = harts; hart < harts + HANDOVER_HARTS; hart++) \
		if (hart != arch_this_hart() && smp_online >> (hart - harts) & 1)

static void nothing(void *argument)
{
	(void)argument;
}

/* Who came too late for a hart's last look at its inbox, or was passed on, arrives as well: at most twice round. */
static void settle_inboxes(void)
{
	bool more = true;

	while (more) {
		more = word_read(&arch_this_hart()->inbox);
		sched_collect(arch_this_hart());
		FOR_OTHERS(hart)
			if (word_read(&hart->inbox)) {
				more = true;
				smp_on(hart, nothing, NULL);
			}
	}
}

void smp_stop(void)
{
	assert(!stopped && arch_this_hart()->held == LOCK_CAPABILITY);
	stopped = true;
	FOR_OTHERS(hart)
		ask(hart, HART_TO_STOP);
	FOR_OTHERS(hart)
		await(hart, HART_STOPPED);
	smp_epoch++;
	settle_inboxes();
}

void smp_go(void)
{
	stopped = false;
	FOR_OTHERS(hart)
		__atomic_store_n(&hart->asked, HART_NOT_ASKED, __ATOMIC_RELEASE);
}

void smp_on(struct hart *hart, void (*function)(void *argument), void *argument)
{
	if (hart == arch_this_hart()) {
		function(argument);
		return;
	}
	hart->function = function;
	hart->argument = argument;
	__atomic_store_n(&hart->asked, HART_TO_RUN, __ATOMIC_RELEASE);
	await(hart, HART_STOPPED);
}

void smp_ask(struct hart *hart, void (*function)(void *argument), void *argument)
{
	if (hart == arch_this_hart()) {
		function(argument);
		return;
	}
	hart->function = function;
	hart->argument = argument;
	ask(hart, HART_TO_ANSWER);
	await(hart, HART_NOT_ASKED);
}

void smp_grace(void)
{
	/* What was emptied, then who sleeps: a hart that wakes up notes that before it looks at anything. */
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	FOR_OTHERS(hart)
		if (!word_read(&hart->idle))
			smp_ask(hart, nothing, NULL);
	smp_epoch++;
}

bool smp_interrupted(struct hart *hart)
{
	uint32_t asked = __atomic_load_n(&hart->asked, __ATOMIC_ACQUIRE);

	if (asked != HART_STOPPED)
		sched_collect(hart);
	if (asked == HART_TO_RUN || asked == HART_TO_ANSWER)
		hart->function(hart->argument);
	if (asked == HART_TO_STOP || asked == HART_TO_RUN)
		__atomic_store_n(&hart->asked, HART_STOPPED, __ATOMIC_RELEASE);
	else if (asked == HART_TO_ANSWER)
		__atomic_store_n(&hart->asked, HART_NOT_ASKED, __ATOMIC_RELEASE);
	return asked != HART_NOT_ASKED && asked != HART_TO_ANSWER;
}

void smp_interrupt(const struct hart *hart)
{
	if (hart != arch_this_hart())
		arch_interrupt(hart);
}
