/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Sequences of messages, signals, guest runs, faults, timeouts and scheduling operations among a few threads, with their
 * objects deleted and made anew in between. After each step every thread stands where its state says, each scheduling
 * context has one thread, and no pointer leads to what is gone.
 */
#include <irq.h>
#include <stdio.h>
#include <stdlib.h>

#include "fixture.h"

enum {
	THREADS = 7,
	CONTEXTS = 6,
	STEPS_MAX = 400,
	/* Slots of the root CNode, by kind. */
	FIRST_THREAD = 200,
	FIRST_CONTEXT = FIRST_THREAD + THREADS,
	FIRST_ENDPOINT = FIRST_CONTEXT + CONTEXTS,
	FIRST_REPLY = FIRST_ENDPOINT + 3,
	FIRST_NOTIFICATION = FIRST_REPLY + 4,
	FIRST_VCPU = FIRST_NOTIFICATION + 3,
	FIRST_GSPACE = FIRST_VCPU + 2,
	FIRST_FRAME = FIRST_GSPACE + 1,
	FIRST_BADGED = FIRST_FRAME + 2,
	FIRST_IRQ = FIRST_BADGED + 6,
	SLOTS_END = FIRST_IRQ + 1,
	FIRST_GIFT = SLOTS_END,
	GIFTS = 4,
};

static const struct kind {
	uint8_t type, size_bits;
	uint16_t first, end;
} kinds[] = {
	{ OBJECT_THREAD, 0, FIRST_THREAD, FIRST_CONTEXT },	  { OBJECT_SCHED_CONTEXT, 0, FIRST_CONTEXT, FIRST_ENDPOINT },
	{ OBJECT_ENDPOINT, 0, FIRST_ENDPOINT, FIRST_REPLY },	  { OBJECT_REPLY, 0, FIRST_REPLY, FIRST_NOTIFICATION },
	{ OBJECT_NOTIFICATION, 0, FIRST_NOTIFICATION, FIRST_VCPU }, { OBJECT_VCPU, 0, FIRST_VCPU, FIRST_GSPACE },
	{ OBJECT_GSPACE, 0, FIRST_GSPACE, FIRST_FRAME },	  { OBJECT_FRAME, 12, FIRST_FRAME, FIRST_BADGED },
};

static const uint8_t *input;
static size_t left;
static const char *doing;

static uint8_t take(void)
{
	if (!left)
		return 0;
	left--;
	return *input++;
}

static void require(const char *broken)
{
	if (!broken)
		return;
	fprintf(stderr, "after %s: %s\n", doing, broken);
	abort();
}

static cptr_t any(unsigned first, unsigned end)
{
	uint8_t byte = take();

	return byte == 255 ? CNODE : first + byte % (end - first);
}

static cptr_t any_endpoint(void)
{
	return take() % 2 ? any(FIRST_ENDPOINT, FIRST_REPLY) : any(FIRST_BADGED, FIRST_BADGED + 3);
}

static cptr_t any_notification(void)
{
	return take() % 2 ? any(FIRST_NOTIFICATION, FIRST_VCPU) : any(FIRST_BADGED + 3, FIRST_BADGED + 6);
}

/* Runs an invocation of the root task, which always can run. */
static enum err ask(cptr_t cap, uint64_t operation, uint64_t a, uint64_t b, uint64_t c)
{
	return invoke(cap, operation, a, b, c, 0, 0);
}

static void make_kind(const struct kind *kind, cptr_t slot)
{
	(void)retype(RAM, kind->type, kind->size_bits, slot, 1);
	if (kind->type != OBJECT_THREAD)
		return;
	(void)ask(slot, OP_THREAD_CONFIGURE, CNODE, VSPACE, 0);
	if (take() % 2)
		(void)ask(slot, OP_THREAD_CONFIGURE, CNODE, VSPACE, FIRST_BADGED + slot % 3);
	(void)ask(slot, OP_THREAD_SET_PRIORITY, ROOT_SLOT_SCHED_CONTROL, 50 + slot % 3 * 30, 0);
	(void)ask(slot, OP_THREAD_WRITE_REGISTERS, 0x1000, 0x2000, 0);
}

/* Fills every empty slot. */
static void make_missing(void)
{
	for (unsigned i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
		for (cptr_t slot = kinds[i].first; slot < kinds[i].end; slot++)
			make_kind(&kinds[i], slot);
	for (cptr_t i = 0; i < 6; i++)
		(void)invoke(CNODE, OP_CNODE_MINT, FIRST_BADGED + i, CNODE, i < 3 ? FIRST_ENDPOINT + i : FIRST_NOTIFICATION + i - 3,
			     RIGHT_ALL, i + 1);
	(void)ask(ROOT_SLOT_IRQ_CONTROL, OP_IRQ_CONTROL_GET, 9, CNODE, FIRST_IRQ);
	(void)ask(FIRST_IRQ, OP_IRQ_HANDLER_BIND, FIRST_BADGED + 3, 0, 0);
}

/* A thread that may run now, or NULL. */
static struct thread *any_runnable(void)
{
	uint8_t byte = take();

	for (unsigned i = 0; i < THREADS; i++) {
		const struct slot *slot = slot_at(FIRST_THREAD + (byte + i) % THREADS);

		if (slot->cap.type != OBJECT_THREAD)
			continue;
		struct thread *thread = cap_thread(&slot->cap);

		if (thread->queued || harts[0].current == thread)
			return thread;
	}
	return NULL;
}

static uint64_t any_deadline(void)
{
	uint8_t byte = take();

	return byte < 100 ? DEADLINE_NEVER : host.time + byte - 100u;
}

/* What a guest may do before the thread's own registers count again. */
static void run_guest(struct thread *thread)
{
	uint8_t byte = take();

	become(thread);
	if (!vcpu_may_enter(thread))
		return;
	thread->vcpu->arch.deadline = byte % 5 ? host.time + byte : DEADLINE_NEVER;
	thread->vcpu->arch.interrupt_pending = byte % 7 == 0;
	if (byte % 3 == 0)
		host_guest_exit(thread, byte);
	else
		vcpu_idle(thread);
}

static void run_thread(struct thread *thread)
{
	uint64_t info = (uint64_t)(take() % 4 ? 0 : any(FIRST_GIFT - 4, FIRST_GIFT + GIFTS)) << 32 | take() % 6;
	cptr_t reply = take() % 4 ? any(FIRST_REPLY, FIRST_NOTIFICATION) : 0;

	switch (take() % 10) {
	case 0:
	case 1:
		do_call(thread, any_endpoint(), info, 0);
		break;
	case 2:
		do_send(thread, any_endpoint(), info, 0);
		break;
	case 3:
		do_recv(thread, any_endpoint(), reply, FIRST_GIFT + take() % GIFTS, any_deadline());
		break;
	case 4:
	case 5:
		do_reply_recv(thread, any_endpoint(), reply, info & 7, 0, any_deadline());
		break;
	case 6:
		do_signal(thread, any_notification());
		break;
	case 7:
		do_wait(thread, any_notification(), any_deadline());
		break;
	case 8:
		do_vcpu_run(thread, any(FIRST_VCPU, FIRST_GSPACE));
		break;
	default:
		become(thread);
		if (take() % 2)
			thread_raise_fault(thread);
		else
			sched_yield(thread->hart);
		break;
	}
}

static void manage_thread(void)
{
	cptr_t thread = any(FIRST_THREAD, FIRST_CONTEXT);

	if (thread == CNODE)
		return;
	switch (take() % 6) {
	case 0:
		(void)ask(thread, OP_THREAD_SUSPEND, 0, 0, 0);
		break;
	case 1:
		(void)ask(thread, OP_THREAD_RESUME, 0, 0, 0);
		break;
	case 2:
		(void)ask(thread, OP_THREAD_SET_PRIORITY, ROOT_SLOT_SCHED_CONTROL, take() % 4 * 40, 0);
		break;
	case 3:
		(void)ask(thread, OP_THREAD_BIND_SCHED_CONTEXT, take() % 4 ? any(FIRST_CONTEXT, FIRST_ENDPOINT) : 0, 0, 0);
		break;
	case 4:
		(void)ask(thread, OP_THREAD_BIND_NOTIFICATION, take() % 4 ? any(FIRST_NOTIFICATION, FIRST_VCPU) : 0, 0, 0);
		break;
	default:
		if (take() % 2)
			(void)ask(thread, OP_THREAD_SET_TIMEOUT_ENDPOINT, any_endpoint(), 0, 0);
		else
			(void)ask(thread, OP_THREAD_CONFIGURE, CNODE, VSPACE, any_endpoint());
		break;
	}
}

static void manage_others(void)
{
	uint64_t period = 1u + take();

	switch (take() % 7) {
	case 0:
		(void)ask(ROOT_SLOT_SCHED_CONTROL, OP_SCHED_CONTROL_CONFIGURE, any(FIRST_CONTEXT, FIRST_ENDPOINT), 1 + take() % period,
			  period);
		(void)ask((cptr_t)(FIRST_CONTEXT + period % (FIRST_ENDPOINT - FIRST_CONTEXT)), OP_SCHED_CONTEXT_CHARGE, period * 64, 0, 0);
		break;
	case 1:
		(void)ask(any(FIRST_VCPU, FIRST_GSPACE), OP_VCPU_CONFIGURE, FIRST_GSPACE, any(FIRST_FRAME, FIRST_BADGED), 0);
		break;
	case 2:
		(void)delete_cap(FIRST_THREAD + take() % (SLOTS_END + GIFTS - FIRST_THREAD));
		break;
	case 3:
		(void)revoke_cap(FIRST_THREAD + take() % (SLOTS_END + GIFTS - FIRST_THREAD));
		break;
	case 4:
		irq_deliver(9);
		(void)ask(FIRST_IRQ, OP_IRQ_HANDLER_ACKNOWLEDGE, 0, 0, 0);
		break;
	case 5:
		if (slot_at(FIRST_VCPU)->cap.type == OBJECT_VCPU)
			vcpu_kick(vcpu_at(FIRST_VCPU), 0);
		break;
	default:
		make_missing();
		break;
	}
}

static void step(void)
{
	uint8_t byte = take();

	if (byte < 160) {
		struct thread *thread = any_runnable();

		doing = "a system call";
		if (thread && thread->vcpu)
			run_guest(thread);
		else if (thread)
			run_thread(thread);
	} else if (byte < 200) {
		doing = "an operation on a thread";
		manage_thread();
	} else if (byte < 225) {
		doing = "an operation on another object";
		host.interrupt_every = take() % 4;
		manage_others();
		host.interrupt_every = 0;
	} else {
		doing = "time passing";
		(void)pass_time(take());
	}
	require(invariants_broken());
	if (byte % 2) {
		doing = "leaving the kernel";
		(void)host_leave_kernel();
		require(invariants_broken());
	}
}

/* No thread used time that did not pass. */
static void check_time(void)
{
	uint64_t used = 0;

	for (cptr_t i = FIRST_CONTEXT; i < FIRST_ENDPOINT; i++)
		if (slot_at(i)->cap.type == OBJECT_SCHED_CONTEXT)
			used += sched_context_at(i)->budget.consumed;
	doing = "everything";
	require(used > host.time ? "more time used than passed" : NULL);
}

/* Three threads with a context of their own, and three servers that wait for one to be lent. */
static void furnish(void)
{
	for (cptr_t i = 0; i < 6; i++) {
		cptr_t thread = FIRST_THREAD + i;

		(void)ask(thread, OP_THREAD_BIND_SCHED_CONTEXT, FIRST_CONTEXT + i, 0, 0);
		(void)ask(thread, OP_THREAD_RESUME, 0, 0, 0);
		if (i < 3)
			continue;
		do_recv(thread_at(thread), FIRST_ENDPOINT + i - 3, FIRST_REPLY + i - 3, 0, DEADLINE_NEVER);
		(void)ask(thread, OP_THREAD_BIND_SCHED_CONTEXT, 0, 0, 0);
	}
	(void)ask(FIRST_VCPU, OP_VCPU_CONFIGURE, FIRST_GSPACE, FIRST_FRAME, 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	input = data;
	left = size;
	fixture_boot();
	sched_set_priority(root_thread(), 1);
	make_missing();
	furnish();
	for (unsigned i = 0; left && i < STEPS_MAX; i++)
		step();
	check_time();
	return 0;
}
