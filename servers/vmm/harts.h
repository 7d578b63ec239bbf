/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The guest's vCPUs, one thread each, and the lock for all that they share: devices, console, log. A thread takes it for the
 * exits that need one of these and never holds it while the guest runs. Timer, IPI, fences and the states of harts need no
 * lock.
 */
#pragma once

#include <libsys/lock.h>
#include "console.h"
#include "vcpu.h"

#define HARTS_MAX 8u

struct harts {
	struct lock *lock;    /* NULL: there is one vCPU */
	uint32_t count;
	_Alignas(64) struct vcpu *holder; /* of the lock; the first at start. Apart from what all read at each call */
	uint32_t running;     /* neither stopped nor on the way to it; atomic */
	uint32_t warnings;    /* log lines that the guest caused */
	struct bell bell[VCPU_BELLS]; /* as they are to be for each vCPU (bells.h); under the lock */
	struct vcpu vcpu[HARTS_MAX];
};

/* Sends interrupts (VCPU_IRQ_*) to a vCPU wherever it is, also to the caller's own. From any thread. */
void harts_send(struct vcpu *from, struct vcpu *to, uint64_t interrupts);

/* For the interrupt controller: the external interrupt of a vCPU. The caller has the lock. */
void harts_external(void *vcpu, bool level);

/* Deals with signals that this thread took from others, if console_pending. Takes the lock. */
void harts_pass_on(struct vcpu *vcpu);

/* Takes over what the interrupt controller signals to the caller's own vCPU. */
static inline void harts_line(const struct vcpu *vcpu)
{
	vcpu->page->hvip = (vcpu->page->hvip & ~(uint64_t)VCPU_IRQ_EXTERNAL) | vcpu->line;
}

static inline void harts_lock(struct vcpu *vcpu)
{
	struct harts *harts = vcpu->harts;

	if (!harts->lock)
		return;
	lock_acquire(harts->lock);
	harts->holder = vcpu;
}

/* The external interrupt may have come after the controller lowered it: another thread sends it, the kernel merges it. */
static inline void harts_unlock(struct vcpu *vcpu)
{
	if (!vcpu->harts->lock)
		return;
	harts_line(vcpu);
	lock_release(vcpu->harts->lock);
}
