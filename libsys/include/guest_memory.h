/* SPDX-License-Identifier: Apache-2.0 */
/* Guest RAM as a server sees it, and the one conversion from guest addresses to pointers. */
#pragma once

#include <abi/types.h>

struct guest_memory {
	uint8_t *host; /* where RAM is mapped here */
	uint64_t base; /* guest physical address of its first byte */
	uint64_t size; /* bytes */
};

/* The `length` bytes at guest physical address `address`, or NULL unless all of them are RAM. */
static inline void *memory_at(const struct guest_memory *memory, uint64_t address, uint64_t length)
{
	uint64_t offset = address - memory->base;

	if (offset >= memory->size || length > memory->size - offset)
		return NULL;
	return memory->host + offset;
}
