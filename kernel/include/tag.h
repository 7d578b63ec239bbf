/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ASIDs and VMIDs, with generations: a space has a number only as long as its generation is that of the hart which uses it.
 * When the numbers of a generation are used up, the next one begins, and each hart forgets all translations of that
 * kind when it first meets it. docs/smp.md says why that is enough.
 */
#pragma once

#include "sched.h"
#include "space.h"

/* A tag is one word: the generation above, the number below. A hart has a generation only. */
#define TAG_NUMBER_BITS 16u
#define TAG_NUMBER_MASK ((UINT64_C(1) << TAG_NUMBER_BITS) - 1)
#define TAG_ALL UINT32_MAX /* in place of a number */

static inline uint32_t tag_number(uint64_t tag)
{
	return (uint32_t)(tag & TAG_NUMBER_MASK);
}

static inline bool tag_same_generation(uint64_t a, uint64_t b)
{
	return (a ^ b) >> TAG_NUMBER_BITS == 0;
}

/* The generation that the hart's translations of this kind are of. */
static inline uint64_t *tag_of_hart(struct hart *hart, enum space_kind kind)
{
	return &hart->tags[kind - SPACE_TASK];
}

/*
 * What the machine has: numbers of 0 to 16 bits. Number 0 is for no space, unless there is no other. Begins a new
 * generation.
 */
void tag_reset(enum space_kind kind, unsigned bits);

/* How often the numbers of this kind were used up. */
uint64_t tag_wraps(enum space_kind kind);

/* The hart that executes this translates by this space from now on. Returns the space's tag. */
uint64_t tag_load(struct hart *hart, struct space *space);

/*
 * The same for a guest, whose own translations are tagged with the VMID alone: those of another vCPU, and those that
 * this one had here before it was elsewhere, or in another guest, are forgotten. vsatp must be 0.
 */
void tag_load_guest(struct hart *hart, struct space *space, struct vcpu *vcpu);

/* Drops what tag_load_guest knows of this hart: it forgets the guest's own translations at the next load. */
void tag_distrust_guests(struct hart *hart);

/*
 * Other harts whose translations of this guest have the number that this hart has loaded; the others of those that may
 * hold any are in *strangers. As bits.
 */
uint32_t tag_others_like(struct hart *hart, const struct space *space, uint32_t *strangers);

/* After a change of its tables: all harts forget the space's translations of [at, at + size); size UINT64_MAX: all. */
void tag_flush(const struct space *space, uint64_t at, uint64_t size);

/* A space ends: the hart that executes this leaves it and forgets its translations. */
void tag_leave(struct hart *hart, const struct space *space);
