/* SPDX-License-Identifier: Apache-2.0 */
#include "vcpu.h"

#include <arch/arch.h>

#include "shadow.h"
#include "smp.h"
#include "notification.h"
#include "thread.h"

void vcpu_init(struct vcpu *vcpu)
{
	for (unsigned i = 0; i < VCPU_BELLS; i++)
		vcpu->bells[i].address = BELL_NONE;
	shadow_guest_new(vcpu);
	arch_vcpu_init(vcpu);
}

enum err vcpu_set_bell(struct vcpu *vcpu, uint64_t index, uint64_t address, struct slot *notification)
{
	if (index >= VCPU_BELLS)
		return ERR_RANGE;
	struct bell *bell = &vcpu->bells[index];

	if (!is_aligned(address, 2))
		return ERR_ALIGNMENT;
	if (notification && notification->cap.level == CAP_LEVEL_MAX)
		return ERR_LIMIT;
	vcpu->bell_count -= bell->address != BELL_NONE;
	bell->address = BELL_NONE;
	cap_drop_copy(&bell->notification);
	if (!notification)
		return ERR_OK;
	cap_insert_child(notification, &bell->notification, notification->cap);
	bell->address = address;
	vcpu->bell_count++;
	return ERR_OK;
}

enum err vcpu_configure(struct vcpu *vcpu, struct slot *gspace, struct slot *frame)
{
	if (gspace->cap.type != OBJECT_GSPACE || frame->cap.type != OBJECT_FRAME)
		return ERR_WRONG_TYPE;
	if (frame->cap.size_bits != 12 || frame->cap.rights & CAP_DEVICE)
		return ERR_INVALID_ARGUMENT;
	if ((frame->cap.rights & (RIGHT_READ | RIGHT_WRITE)) != (RIGHT_READ | RIGHT_WRITE))
		return ERR_NO_RIGHT;
	if (gspace->cap.level == CAP_LEVEL_MAX || frame->cap.level == CAP_LEVEL_MAX)
		return ERR_LIMIT;
	arch_vcpu_forget(vcpu);
	/* Its own translations in another guest, on whatever hart, tell nothing when it is back there. */
	vcpu->last_hart = NULL;
	cap_drop_copy(&vcpu->gspace);
	cap_drop_copy(&vcpu->frame);
	cap_insert_child(gspace, &vcpu->gspace, gspace->cap);
	struct cap copy = frame->cap;

	copy.word = copy.page_number = 0;
	cap_insert_child(frame, &vcpu->frame, copy);
	vcpu->page = arch_pointer(paddr((uint64_t)copy.frame_number << 12));
	return ERR_OK;
}

/* Guest memory and page can be revoked at any time. */
static bool configured(const struct vcpu *vcpu)
{
	return !slot_empty(&vcpu->frame) && !slot_empty(&vcpu->gspace);
}

/* Who takes a vCPU whose state is in no hart excludes others by this. */
static struct lock claims;

static void put_away(void *argument)
{
	struct vcpu *vcpu = argument;

	if (!word_read(&vcpu->thread))
		arch_vcpu_put_away(vcpu);
}

/* Its state lies in another hart, which alone may claim it there: asks for it. */
static enum err fetch(struct vcpu *vcpu, bool locked)
{
	struct hart *hart = arch_vcpu_hart(vcpu);

	if (!locked && !smp_lock())
		return ERR_RESTART;
	if (hart)
		smp_ask(hart, put_away, vcpu);
	if (!locked)
		smp_unlock();
	return ERR_OK;
}

enum err vcpu_claim(struct vcpu *vcpu, struct thread *thread, bool locked)
{
	for (unsigned attempts = 0; attempts < 2; attempts++) {
		lock_acquire(&claims, LOCK_OBJECT);
		bool busy = __atomic_load_n(&vcpu->thread, __ATOMIC_ACQUIRE);
		const struct hart *hart = busy ? NULL : arch_vcpu_hart(vcpu);
		bool here = !hart || hart == arch_this_hart();

		if (!busy && here)
			vcpu->thread = thread;
		lock_release(&claims, LOCK_OBJECT);
		if (busy)
			return ERR_BUSY;
		if (here)
			return ERR_OK;
		enum err err = fetch(vcpu, locked);

		if (err)
			return err;
	}
	return ERR_BUSY;
}

enum err vcpu_run(struct vcpu *vcpu, struct thread *thread)
{
	enum err err = vcpu_claim(vcpu, thread, false);

	if (err)
		return err;
	if (!configured(vcpu)) {
		vcpu_release(vcpu);
		return ERR_INVALID_CAP;
	}
	thread->vcpu = vcpu;
	return ERR_OK;
}

static void answer(struct thread *thread, enum err err, uint64_t cause, uint64_t bits)
{
	uint64_t *words = arch_thread_words(thread);

	words[0] = err;
	words[1] = cause;
	words[2] = words[3] = words[4] = 0;
	words[7] = bits;
	vcpu_leave(thread);
}

bool vcpu_may_enter(struct thread *thread)
{
	struct vcpu *vcpu = thread->vcpu;
	uint64_t bits = 0;

	/* Who signals or kicks sets the bits first and looks at the vCPU then. */
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	if (!configured(vcpu)) {
		answer(thread, ERR_INVALID_CAP, 0, 0);
	} else if (thread->bound && notification_poll(thread->bound, &bits)) {
		answer(thread, ERR_OK, VCPU_EXIT_NOTIFIED, bits);
	} else if (word_read(&vcpu->events) & VCPU_EVENT_KICK) {
		__atomic_fetch_and(&vcpu->events, ~(uint64_t)VCPU_EVENT_KICK, __ATOMIC_RELAXED);
		answer(thread, ERR_OK, VCPU_EXIT_KICKED, 0);
	} else {
		if (word_read(&vcpu->events))
			vcpu->page->hvip |= __atomic_fetch_and(&vcpu->events, VCPU_EVENT_KICK, __ATOMIC_RELAXED);
		return true;
	}
	return false;
}

static bool wakes(const struct thread *thread)
{
	const struct vcpu *vcpu = thread->vcpu;

	return word_read(&vcpu->events) || (thread->bound && word_read(&thread->bound->bits));
}

void vcpu_idle(struct thread *thread)
{
	struct vcpu *vcpu = thread->vcpu;

	if (arch_vcpu_interrupt_pending(vcpu) || wakes(thread))
		return;
	uint64_t deadline = arch_vcpu_deadline(vcpu);

	if (deadline <= arch_time())
		return;
	__atomic_store_n(&thread->state, THREAD_GUEST_IDLE, __ATOMIC_RELAXED);
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	if (wakes(thread) && word_swap(&thread->state, THREAD_GUEST_IDLE, THREAD_READY))
		return;
	/* If it has been claimed meanwhile, it comes back through the inbox. */
	sched_unready(thread);
	sched_set_deadline(thread, deadline);
}

void vcpu_wake(struct thread *thread)
{
	if (word_swap(&thread->state, THREAD_GUEST_IDLE, THREAD_WOKEN))
		sched_wake(thread);
	else
		smp_interrupt(thread->hart); /* it may be in its guest */
}

void vcpu_kick(struct vcpu *vcpu, uint64_t interrupts)
{
	__atomic_fetch_or(&vcpu->events, interrupts ? interrupts & VCPU_IRQ_ALL : VCPU_EVENT_KICK, __ATOMIC_SEQ_CST);
	struct thread *thread = word_read(&vcpu->thread);

	if (thread)
		vcpu_wake(thread);
}

static void forget(void *argument)
{
	arch_vcpu_forget(argument);
}

void vcpu_destroy(struct vcpu *vcpu)
{
	struct hart *hart = arch_vcpu_hart(vcpu);

	if (vcpu->thread)
		thread_wake_with(vcpu->thread, ERR_INVALID_CAP);
	smp_on(hart ? hart : arch_this_hart(), forget, vcpu);
	cap_drop_copy(&vcpu->gspace);
	cap_drop_copy(&vcpu->frame);
	for (unsigned i = 0; i < VCPU_BELLS; i++)
		cap_drop_copy(&vcpu->bells[i].notification);
}
