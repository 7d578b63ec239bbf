/* SPDX-License-Identifier: Apache-2.0 */
/* Which server gets which of the machine's devices. An interrupt line has one handler, so its devices must all be one server's. */
#pragma once

#include "devices.h"

/*
 * Puts the devices of a kind into `chosen`, at most `most` of them. A device whose line is taken by one of `others` is left out, and the
 * log says so. Returns how many.
 */
unsigned lines_choose(const struct devices *devices, uint32_t id, const struct device *const *others, unsigned other_count,
		      const struct device **chosen, unsigned most);

/* The devices on the line of device `number`, as bits, bit 0 for the first of all. */
uint32_t lines_sharing(const struct device *const *device, unsigned count, unsigned number);
