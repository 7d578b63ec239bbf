/* SPDX-License-Identifier: Apache-2.0 */
/* Which slots of the root task's own CNode are free. */
#pragma once

#include <abi/types.h>

#define SLOTS_MAX 8192u

/* All slots from first to end - 1 are free. end is at most SLOTS_MAX. */
void slots_init(uint32_t first, uint32_t end);

/* The first of `count` consecutive free slots, now taken; 0 if there are none. */
cptr_t slots_allocate(uint32_t count) __attribute__((warn_unused_result));

/* Gives back; the slots must be empty or about to become so. */
void slots_free(cptr_t first, uint32_t count);

uint32_t slots_free_count(void);
