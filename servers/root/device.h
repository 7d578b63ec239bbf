/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Frames of device registers. An Untyped gives frames out in ascending order, and starts over when all that was made of it is gone:
 * who wants frames says so for all of them at once.
 */
#pragma once

#include <abi/types.h>

struct device_page {
	uint64_t address; /* physical, of 4 KiB */
	cptr_t slot;      /* empty, of the root task */
};

/* Whether the kernel gave the root task this page as one of a device. */
bool device_covered(uint64_t address);

/*
 * Makes the frame of each page in its slot; sorts the array. The pages differ, all are covered, and no frame made by an earlier call
 * is left. ERR_LIMIT: no slots; others as untyped_retype.
 */
enum err device_make(struct device_page *pages, unsigned count) __attribute__((warn_unused_result));
