/* SPDX-License-Identifier: Apache-2.0 */
/* A naive look at a scheduling context's CPU time: one flag per tick of the clock, and sums over every window. */
#pragma once

#include <budget.h>

#define MODEL_TICKS 20000u

/*
 * Lets a context run and pause as `next` decides, and charges it. Between, and over all windows at the end, checks what
 * kernel/include/budget.h promises. late: charges also come late, by more than is left; then windows are not checked.
 * Returns what is broken, or NULL.
 */
const char *budget_walk(uint32_t (*next)(void), bool late);
