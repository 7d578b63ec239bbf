/* SPDX-License-Identifier: Apache-2.0 */
#include "ranges.h"

#include <string.h>

static void remove_at(struct range_set *set, uint32_t index, uint32_t count)
{
	uint32_t rest = set->count - index - count;

	memmove(&set->range[index], &set->range[index + count], rest * sizeof(set->range[0]));
	set->count -= count;
}

static bool insert_at(struct range_set *set, uint32_t index, uint64_t base, uint64_t end)
{
	if (set->count == RANGES_MAX)
		return false;
	memmove(&set->range[index + 1], &set->range[index], (set->count - index) * sizeof(set->range[0]));
	set->range[index] = (struct range){ base, end };
	set->count++;
	return true;
}

bool ranges_add(struct range_set *set, uint64_t base, uint64_t end)
{
	uint32_t first = 0, last;

	if (base >= end)
		return true;
	while (first < set->count && set->range[first].end < base)
		first++;
	for (last = first; last < set->count && set->range[last].base <= end; last++) {
		if (set->range[last].base < base)
			base = set->range[last].base;
		if (set->range[last].end > end)
			end = set->range[last].end;
	}
	if (last == first)
		return insert_at(set, first, base, end);
	remove_at(set, first + 1, last - first - 1);
	set->range[first] = (struct range){ base, end };
	return true;
}

bool ranges_subtract(struct range_set *set, uint64_t base, uint64_t end)
{
	uint32_t index = 0;

	if (base >= end)
		return true;
	while (index < set->count) {
		struct range *range = &set->range[index];

		if (range->end <= base || range->base >= end) {
			index++;
		} else if (range->base >= base && range->end <= end) {
			remove_at(set, index, 1);
		} else if (range->base < base && range->end > end) {
			uint64_t tail = range->end;

			if (!insert_at(set, index + 1, end, tail))
				return false;
			set->range[index].end = base;
			return true;
		} else if (range->base < base) {
			range->end = base;
			index++;
		} else {
			range->base = end;
			index++;
		}
	}
	return true;
}

bool ranges_contain(const struct range_set *set, uint64_t base, uint64_t end)
{
	if (base >= end)
		return false;
	for (uint32_t i = 0; i < set->count; i++)
		if (set->range[i].base <= base && set->range[i].end >= end)
			return true;
	return false;
}

bool ranges_overlap(const struct range_set *set, uint64_t base, uint64_t end)
{
	for (uint32_t i = 0; i < set->count; i++)
		if (set->range[i].base < end && set->range[i].end > base)
			return true;
	return false;
}

void ranges_shrink_to_pages(struct range_set *set)
{
	uint32_t kept = 0;

	for (uint32_t i = 0; i < set->count; i++) {
		uint64_t base = set->range[i].base;
		uint64_t end = set->range[i].end & ~(uint64_t)(RANGE_PAGE - 1);

		if (base > UINT64_MAX - (RANGE_PAGE - 1))
			continue;
		base = (base + RANGE_PAGE - 1) & ~(uint64_t)(RANGE_PAGE - 1);
		if (base < end)
			set->range[kept++] = (struct range){ base, end };
	}
	set->count = kept;
}

bool ranges_find(const struct range_set *set, uint64_t size, uint64_t alignment, uint64_t *base)
{
	for (uint32_t i = 0; i < set->count; i++) {
		uint64_t start = set->range[i].base;

		if (start > UINT64_MAX - (alignment - 1))
			return false;
		start = (start + alignment - 1) & ~(alignment - 1);
		if (start < set->range[i].end && set->range[i].end - start >= size) {
			*base = start;
			return true;
		}
	}
	return false;
}
