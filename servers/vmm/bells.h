/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Doorbells of the guest: addresses that its stores signal a server by, with no exit (docs/adding-a-device.md). Any vCPU may ring, so each
 * has all of them; the kernel takes them only from outside of the guest, so each thread sets those of its own vCPU.
 */
#pragma once

#include "harts.h"

/*
 * Bell `index`, 0 to VCPU_BELLS - 1, is at guest physical address `address`, a multiple of 4, and signals this capability; address 0: none. The
 * caller has the lock. Its own vCPU has the change at once, others with their next exit, which they are made to take.
 * Where the kernel does not take a bell the store stays an exit, so the device must do the same.
 */
void bells_set(struct harts *harts, unsigned index, uint64_t address, cptr_t signal);

/* Tells the kernel what has changed for this vCPU since the last time. From its own thread, with the lock. */
void bells_apply(struct vcpu *vcpu);
