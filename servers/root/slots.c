/* SPDX-License-Identifier: Apache-2.0 */
#include "slots.h"

#include <string.h>

static uint8_t taken[SLOTS_MAX];
static uint32_t slots_end, free_slots;
static uint32_t next; /* where the search starts */

void slots_init(uint32_t first, uint32_t end)
{
	if (end > SLOTS_MAX)
		end = SLOTS_MAX;
	memset(taken, 1, sizeof(taken));
	slots_end = end;
	free_slots = 0;
	next = first;
	if (first >= end)
		return;
	memset(taken + first, 0, end - first);
	free_slots = end - first;
}

static cptr_t find(uint32_t from, uint32_t to, uint32_t count)
{
	uint32_t run = 0;

	for (uint32_t i = from; i < to; i++) {
		run = taken[i] ? 0 : run + 1;
		if (run == count)
			return i + 1 - count;
	}
	return 0;
}

/* The slot emptied last is used last: to fill it soon would disturb all harts (docs/smp.md, rule 7). */
cptr_t slots_allocate(uint32_t count)
{
	if (count == 0 || count > free_slots)
		return 0;
	cptr_t first = find(next, slots_end, count);

	if (!first)
		first = find(0, slots_end, count);
	if (!first)
		return 0;
	memset(taken + first, 1, count);
	free_slots -= count;
	next = first + count;
	return first;
}

void slots_free(cptr_t first, uint32_t count)
{
	memset(taken + first, 0, count);
	free_slots += count;
}

uint32_t slots_free_count(void)
{
	return free_slots;
}
