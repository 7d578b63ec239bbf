/* SPDX-License-Identifier: Apache-2.0 */
/* Sets of physical address ranges: the arithmetic of the memory map. Pure; nothing here touches the memory it describes. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#define RANGES_MAX 64u
#define RANGE_PAGE 4096u

struct range {
	uint64_t base; /* bytes */
	uint64_t end;  /* bytes, exclusive; more than base */
};

/* Sorted by address, disjoint, and with a gap between neighbours. A zeroed set is empty. */
struct range_set {
	struct range range[RANGES_MAX];
	uint32_t count;
};

/* Adds [base, end), merging what overlaps or touches. An empty range changes nothing. False: the set is full. */
bool ranges_add(struct range_set *set, uint64_t base, uint64_t end) __attribute__((warn_unused_result));

/* Takes [base, end) out. False: a range would have to be split and the set is full. */
bool ranges_subtract(struct range_set *set, uint64_t base, uint64_t end) __attribute__((warn_unused_result));

/* True if all of [base, end) is in the set. */
bool ranges_contain(const struct range_set *set, uint64_t base, uint64_t end);

/* True if any part of [base, end) is in the set. */
bool ranges_overlap(const struct range_set *set, uint64_t base, uint64_t end);

/* Makes each range smaller, to whole pages; ranges without one go. */
void ranges_shrink_to_pages(struct range_set *set);

/*
 * Finds the lowest `size` bytes at a multiple of `alignment` (a power of two) and writes their start to *base.
 * The set stays as it is. False: there is no such place.
 */
bool ranges_find(const struct range_set *set, uint64_t size, uint64_t alignment, uint64_t *base)
	__attribute__((warn_unused_result));
