/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Free RAM: a buddy system whose blocks are untyped capabilities in the root task's CNode. Splitting retypes a block into
 * two halves; freeing revokes it, and joins it with a free buddy by revoking the block that both came from.
 */
#pragma once

#include <abi/types.h>

#define MEMORY_BLOCKS_MAX 1024u
#define MEMORY_MIN_BITS 12u

/* Number of a block; 0 is none. */
typedef uint32_t block_t;

/* Forgets all blocks. */
void memory_init(void);

/* Adds an untyped of 2^bits bytes, not yet used. ERR_LIMIT: too many. */
enum err memory_add(cptr_t untyped, uint64_t base, unsigned bits) __attribute__((warn_unused_result));

/* A block of exactly 2^bits bytes (at least MEMORY_MIN_BITS), or 0. Prefers small blocks, then low addresses. */
block_t memory_allocate(unsigned bits) __attribute__((warn_unused_result));

/* Deletes all that was made of the block and takes it back. */
void memory_free(block_t block);

/* The untyped capability of an allocated block. */
cptr_t memory_cap(block_t block);
unsigned memory_bits(block_t block);
/* Its physical address. */
uint64_t memory_base(block_t block);

/* Bytes. */
uint64_t memory_total(void);
uint64_t memory_available(void);

/* Records in use, for tests: equal before and after means that all was joined again. */
unsigned memory_blocks(void);
