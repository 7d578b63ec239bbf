/* SPDX-License-Identifier: Apache-2.0 */
#include "slots.h"

#include <string.h>

static uint8_t taken[SLOTS_MAX];
static uint32_t slots_end, free_slots;

void slots_init(uint32_t first, uint32_t end)
{
	if (end > SLOTS_MAX)
		end = SLOTS_MAX;
	memset(taken, 1, sizeof(taken));
	slots_end = end;
	free_slots = 0;
	if (first >= end)
		return;
	memset(taken + first, 0, end - first);
	free_slots = end - first;
}

cptr_t slots_allocate(uint32_t count)
{
	uint32_t run = 0;

	if (count == 0 || count > free_slots)
		return 0;
	for (uint32_t i = 0; i < slots_end; i++) {
		run = taken[i] ? 0 : run + 1;
		if (run == count) {
			uint32_t first = i + 1 - count;

			memset(taken + first, 1, count);
			free_slots -= count;
			return first;
		}
	}
	return 0;
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
