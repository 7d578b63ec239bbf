/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What harts do to each other: the capability lock, stopping all others, having something done by another hart, grace
 * periods. docs/smp.md has the rules.
 */
#pragma once

#include "sched.h"

/* Harts that take part, as bits. A hart adds itself when it can be interrupted. */
extern uint32_t smp_online;

/* Number of grace periods so far, plus 1: a slot emptied in this epoch may not be filled yet. Under the capability lock. */
extern uint64_t smp_epoch;

void smp_reset(void);

/* This hart takes part from now on. */
void smp_join(struct hart *hart);

/*
 * The capability lock; harts that wait take turns. False: its holder wants something of this hart, and the caller must leave
 * the kernel with nothing done (ERR_RESTART).
 */
bool smp_lock(void) must_check;
void smp_unlock(void);

/*
 * With the capability lock held and no other: all other harts stand still outside the kernel until smp_go. What a stopped
 * hart owns is changed by that hart (smp_on). Stops do not nest.
 */
void smp_stop(void);
void smp_go(void);

/* While all stand still: this function runs on that hart. */
void smp_on(struct hart *hart, void (*function)(void *argument), void *argument);

/* With the capability lock held, while no hart stands still: the function runs on that hart at its next moment outside the kernel. */
void smp_ask(struct hart *hart, void (*function)(void *argument), void *argument);

/* Every hart has been outside the kernel once when this returns. Capability lock held, no other. */
void smp_grace(void);

/* Another hart's interrupt arrived: does what is asked. True: the hart stands still, and is to call this again. */
bool smp_interrupted(struct hart *hart);

/* Makes another hart enter and leave its kernel. */
void smp_interrupt(const struct hart *hart);
