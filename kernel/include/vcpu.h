/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Guest CPUs. A thread that called vcpu_run is "in its guest" until an exit: while so, leaving the kernel to it means
 * entering the guest, and its own registers wait for the answer of the system call.
 */
#pragma once

#include <abi/vcpu.h>

#include "objects.h"

/* ERR_WRONG_TYPE, ERR_BUSY (running), ERR_INVALID_ARGUMENT (frame not 4 KiB of RAM), ERR_NO_RIGHT, ERR_LIMIT. */
enum err vcpu_configure(struct vcpu *vcpu, struct slot *gspace, struct slot *frame) must_check;

/* The current thread enters. ERR_BUSY: another thread is in this guest. ERR_INVALID_CAP: not configured. */
enum err vcpu_run(struct vcpu *vcpu, struct thread *thread) must_check;

/* Before each entry: false if something ended vcpu_run instead; the thread's registers then hold the answer. */
bool vcpu_may_enter(struct thread *thread);

/* The guest waits for an interrupt: blocks the thread unless one is pending. */
void vcpu_idle(struct thread *thread);

/* The thread's bound notification got bits while it is in its guest. */
void vcpu_notified(struct thread *thread);

/* Sets these interrupts (VCPU_IRQ_*) pending in the guest; 0: makes vcpu_run end. From any hart. */
void vcpu_kick(struct vcpu *vcpu, uint64_t interrupts);

/* The thread is no longer in its guest; no answer. */
static inline void vcpu_leave(struct thread *thread)
{
	thread->vcpu->thread = NULL;
	thread->vcpu = NULL;
}

void vcpu_destroy(struct vcpu *vcpu);
