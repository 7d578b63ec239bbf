/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Guest CPUs. A thread that called vcpu_run is "in its guest" until an exit: while so, leaving the kernel to it means
 * entering the guest, and its own registers wait for the answer of the system call.
 */
#pragma once

#include <abi/vcpu.h>

#include "objects.h"

void vcpu_init(struct vcpu *vcpu);

/* With the vCPU claimed: ERR_RANGE (index), ERR_ALIGNMENT, ERR_LIMIT. notification NULL: no bell. */
enum err vcpu_set_bell(struct vcpu *vcpu, uint64_t index, uint64_t address, struct slot *notification) must_check;

/*
 * Takes a vCPU for a thread, wherever its state was: ERR_BUSY (another thread has it), ERR_RESTART (the capability lock has to
 * be waited for; not if `locked` says that it is held).
 */
enum err vcpu_claim(struct vcpu *vcpu, struct thread *thread, bool locked) must_check;

static inline void vcpu_release(struct vcpu *vcpu)
{
	__atomic_store_n(&vcpu->thread, NULL, __ATOMIC_RELEASE);
}

/* With the vCPU claimed: ERR_WRONG_TYPE, ERR_INVALID_ARGUMENT (frame not 4 KiB of RAM), ERR_NO_RIGHT, ERR_LIMIT. */
enum err vcpu_configure(struct vcpu *vcpu, struct slot *gspace, struct slot *frame) must_check;

/* The current thread enters. ERR_BUSY: another thread is in this guest. ERR_INVALID_CAP: not configured. */
enum err vcpu_run(struct vcpu *vcpu, struct thread *thread) must_check;

/* Before each entry: false if something ended vcpu_run instead; the thread's registers then hold the answer. */
bool vcpu_may_enter(struct thread *thread);

/* The guest waits for an interrupt: blocks the thread unless one is pending. */
void vcpu_idle(struct thread *thread);

/* There is something for a thread that may be in its guest, on whatever hart. */
void vcpu_wake(struct thread *thread);

/* Sets these interrupts (VCPU_IRQ_*) pending in the guest; 0: makes vcpu_run end. From any hart. */
void vcpu_kick(struct vcpu *vcpu, uint64_t interrupts);

/* The thread is no longer in its guest; no answer. */
static inline void vcpu_leave(struct thread *thread)
{
	vcpu_release(thread->vcpu);
	thread->vcpu = NULL;
}

/* All other harts stand still. */
void vcpu_destroy(struct vcpu *vcpu);
