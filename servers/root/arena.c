/* SPDX-License-Identifier: Apache-2.0 */
#include "arena.h"

#include <libsys/invoke.h>

#define GROW_BITS 18u

static unsigned object_bits(unsigned type, unsigned bits)
{
	switch (type) {
	case OBJECT_CNODE:
		return bits + CNODE_SLOT_BITS;
	case OBJECT_THREAD:
		return THREAD_BITS;
	case OBJECT_SCHED_CONTEXT:
		return SCHED_CONTEXT_BITS;
	case OBJECT_ENDPOINT:
		return ENDPOINT_BITS;
	case OBJECT_REPLY:
		return REPLY_BITS;
	case OBJECT_NOTIFICATION:
		return NOTIFICATION_BITS;
	case OBJECT_VSPACE:
		return VSPACE_BITS;
	case OBJECT_PAGE_TABLE:
		return PAGE_TABLE_BITS;
	case OBJECT_GSPACE:
		return GSPACE_BITS;
	case OBJECT_VCPU:
		return VCPU_BITS;
	default:
		return bits;
	}
}

enum err arena_add(struct arena *arena, unsigned bits)
{
	if (arena->blocks == ARENA_BLOCKS)
		return ERR_LIMIT;
	block_t block = memory_allocate(bits);

	if (!block)
		return ERR_NO_MEMORY;
	arena->block[arena->blocks++] = block;
	arena->watermark = 0;
	arena->bytes += UINT64_C(1) << memory_bits(block);
	return ERR_OK;
}

static uint64_t align_up(uint64_t value, unsigned bits)
{
	uint64_t unit = UINT64_C(1) << bits;

	return (value + unit - 1) & ~(unit - 1);
}

uint64_t arena_room(const struct arena *arena, unsigned type, unsigned bits)
{
	unsigned object = object_bits(type, bits);

	if (arena->blocks == 0)
		return 0;
	uint64_t size = UINT64_C(1) << memory_bits(arena->block[arena->blocks - 1]);
	uint64_t start = align_up(arena->watermark, object);

	return start > size ? 0 : (size - start) >> object;
}

/* A block that holds `bytes`, and grows with the arena so that their number stays small. */
static enum err grow(struct arena *arena, uint64_t bytes)
{
	unsigned bits = GROW_BITS;

	while (UINT64_C(1) << bits < bytes || UINT64_C(4) << bits <= arena->bytes)
		bits++;
	return arena_add(arena, bits);
}

enum err arena_make(struct arena *arena, unsigned type, unsigned bits, cptr_t cnode, uint64_t index, uint64_t count)
{
	unsigned object = object_bits(type, bits);
	enum err err = ERR_OK;

	if (arena_room(arena, type, bits) < count)
		err = grow(arena, count << object);
	if (!err)
		err = untyped_retype(memory_cap(arena->block[arena->blocks - 1]), type, bits, cnode, index, count);
	if (!err)
		arena->watermark = align_up(arena->watermark, object) + (count << object);
	return err;
}

void arena_release(struct arena *arena)
{
	while (arena->blocks)
		memory_free(arena->block[--arena->blocks]);
	*arena = (struct arena){ 0 };
}
