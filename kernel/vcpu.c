/* SPDX-License-Identifier: Apache-2.0 */
#include "vcpu.h"

#include <arch/arch.h>

#include "sched.h"
#include "thread.h"

enum err vcpu_configure(struct vcpu *vcpu, struct slot *gspace, struct slot *frame)
{
	if (gspace->cap.type != OBJECT_GSPACE || frame->cap.type != OBJECT_FRAME)
		return ERR_WRONG_TYPE;
	if (vcpu->thread)
		return ERR_BUSY;
	if (frame->cap.size_bits != 12 || frame->cap.rights & CAP_DEVICE)
		return ERR_INVALID_ARGUMENT;
	if ((frame->cap.rights & (RIGHT_READ | RIGHT_WRITE)) != (RIGHT_READ | RIGHT_WRITE))
		return ERR_NO_RIGHT;
	if (gspace->cap.level == CAP_LEVEL_MAX || frame->cap.level == CAP_LEVEL_MAX)
		return ERR_LIMIT;
	arch_vcpu_forget(vcpu);
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

enum err vcpu_run(struct vcpu *vcpu, struct thread *thread)
{
	if (vcpu->thread)
		return ERR_BUSY;
	if (!configured(vcpu))
		return ERR_INVALID_CAP;
	vcpu->thread = thread;
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

	if (!configured(vcpu)) {
		answer(thread, ERR_INVALID_CAP, 0, 0);
	} else if (thread->bound && thread->bound->bits) {
		uint64_t bits = thread->bound->bits;

		thread->bound->bits = 0;
		answer(thread, ERR_OK, VCPU_EXIT_NOTIFIED, bits);
	} else if (vcpu->events & VCPU_EVENT_KICK) {
		vcpu->events &= ~(uint64_t)VCPU_EVENT_KICK;
		answer(thread, ERR_OK, VCPU_EXIT_KICKED, 0);
	} else {
		if (vcpu->events) {
			vcpu->page->hvip |= vcpu->events;
			vcpu->events = 0;
		}
		return true;
	}
	return false;
}

void vcpu_idle(struct thread *thread)
{
	struct vcpu *vcpu = thread->vcpu;

	if (arch_vcpu_interrupt_pending(vcpu) || (thread->bound && thread->bound->bits) || vcpu->events)
		return;
	uint64_t deadline = arch_vcpu_deadline(vcpu);

	if (deadline <= arch_time())
		return;
	sched_unready(thread);
	thread->state = THREAD_GUEST_IDLE;
	sched_set_deadline(thread, deadline);
}

void vcpu_notified(struct thread *thread)
{
	if (thread->state == THREAD_GUEST_IDLE) {
		sched_clear_deadline(thread);
		sched_ready(thread);
	}
}

void vcpu_kick(struct vcpu *vcpu, uint64_t interrupts)
{
	vcpu->events |= interrupts ? interrupts & VCPU_IRQ_ALL : VCPU_EVENT_KICK;
	if (vcpu->thread)
		vcpu_notified(vcpu->thread);
}

void vcpu_destroy(struct vcpu *vcpu)
{
	if (vcpu->thread)
		thread_wake_with(vcpu->thread, ERR_INVALID_CAP);
	arch_vcpu_forget(vcpu);
	cap_drop_copy(&vcpu->gspace);
	cap_drop_copy(&vcpu->frame);
}
