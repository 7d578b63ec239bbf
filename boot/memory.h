/* SPDX-License-Identifier: Apache-2.0 */
/*
 * RAM that the loader gives away. The lowest place that fits is taken, so that all of it gathers beside the firmware and
 * the loader, and the large aligned blocks above stay whole for guests.
 */
#pragma once

#include "ranges.h"

struct memory {
	struct range_set ram;  /* what becomes REGION_RAM: all but the firmware's and what was taken */
	struct range_set free; /* of that, what can be taken: not the loader, the archive, the firmware's device tree */
	uint64_t taken;        /* bytes */
};

/* Takes `size` bytes (rounded up to pages) at a multiple of `alignment` (a power of two, 4 KiB at least). The content is
 * undefined. False: no room. */
bool memory_take(struct memory *memory, uint64_t size, uint64_t alignment, uint64_t *base)
	__attribute__((warn_unused_result));
