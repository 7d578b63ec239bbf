/* SPDX-License-Identifier: Apache-2.0 */
/* Numbers in device trees. */
#pragma once

#include <libfdt.h>
#include <stdint.h>

/* A number of `count` cells, 0 to 2. */
static inline uint64_t cells_read(const fdt32_t *cell, int count)
{
	uint64_t value = 0;

	while (count-- > 0)
		value = value << 32 | fdt32_ld(cell++);
	return value;
}
