/* SPDX-License-Identifier: Apache-2.0 */
/* Memory of one owner: objects are made from blocks that all go back at once. */
#pragma once

#include "memory.h"

#define ARENA_BLOCKS 24u

struct arena {
	block_t block[ARENA_BLOCKS];
	unsigned blocks;
	uint64_t watermark; /* bytes given out of the last block */
	uint64_t bytes;     /* of all blocks */
};

/* Adds a block of exactly 2^bits bytes for the caller's own use or for arena_make: ERR_NO_MEMORY, ERR_LIMIT. */
enum err arena_add(struct arena *arena, unsigned bits) __attribute__((warn_unused_result));

/* How many such objects fit into the last block. bits as in retype. */
uint64_t arena_room(const struct arena *arena, unsigned type, unsigned bits);

/* Makes objects in consecutive slots of a CNode; takes more memory when the last block is full. Else as untyped_retype. */
enum err arena_make(struct arena *arena, unsigned type, unsigned bits, cptr_t cnode, uint64_t index, uint64_t count)
	__attribute__((warn_unused_result));

/* Deletes all that was made and gives the memory back. */
void arena_release(struct arena *arena);
