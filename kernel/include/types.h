/* SPDX-License-Identifier: Apache-2.0 */
/* Small types used all over the kernel. */
#pragma once

#include <abi/types.h>

/* Addresses of different spaces cannot be mixed. */
typedef struct {
	uint64_t value;
} paddr_t; /* physical */

typedef struct {
	uint64_t value;
} vaddr_t; /* of a task, or of a guest's physical memory in a GSpace */

static inline paddr_t paddr(uint64_t value)
{
	return (paddr_t){ value };
}

static inline vaddr_t vaddr(uint64_t value)
{
	return (vaddr_t){ value };
}

#define must_check __attribute__((warn_unused_result))
#define container_of(pointer, type, member) ((type *)((char *)(pointer)-offsetof(type, member)))

/* Internal answer beside enum err: an interrupt is pending, and the system call starts again after it. */
#define ERR_RESTART ((enum err)0x100)
/* The answer is in the registers already, or not yet due; the thread may run elsewhere by now. */
#define ERR_DONE ((enum err)0x101)

static inline bool is_aligned(uint64_t value, unsigned bits)
{
	return (value & ((UINT64_C(1) << bits) - 1)) == 0;
}
