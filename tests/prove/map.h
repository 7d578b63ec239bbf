/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Included before every kernel file of a proof: where the slots of a CNode lie. On a machine the object of a
 * CNode's capability is the address of its slots; here that address is a number, and the slots are C arrays.
 */
#pragma once

#include <objects.h>

/* The slots of the CNode that a capability names. Fails the proof if it is none of those in the model. */
struct slot *prove_cnode(const struct cap *cap);

#define cap_cnode(cap) prove_cnode(cap)

/* Any thread and scheduling context; the proof remembers which one was meant. */
struct thread *prove_thread(const struct cap *cap);
struct sched_context *prove_sched_context(const struct cap *cap);

#define cap_thread(cap) prove_thread(cap)
#define cap_sched_context(cap) prove_sched_context(cap)
