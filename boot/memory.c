/* SPDX-License-Identifier: Apache-2.0 */
#include "memory.h"

bool memory_take(struct memory *memory, uint64_t size, uint64_t alignment, uint64_t *base)
{
	uint64_t start;

	if (size > UINT64_MAX - (RANGE_PAGE - 1))
		return false;
	size = (size + RANGE_PAGE - 1) & ~(uint64_t)(RANGE_PAGE - 1);
	if (!ranges_find(&memory->free, size, alignment, &start))
		return false;
	if (!ranges_subtract(&memory->free, start, start + size) || !ranges_subtract(&memory->ram, start, start + size))
		return false;
	memory->taken += size;
	*base = start;
	return true;
}
