/* SPDX-License-Identifier: Apache-2.0 */
#include "memory.h"

#include <abi/root_info.h>
#include <libsys/invoke.h>
#include <libsys/task.h>

#include "slots.h"

enum block_state { BLOCK_UNUSED, BLOCK_FREE, BLOCK_SPLIT, BLOCK_TAKEN };

struct block {
	uint64_t base; /* physical address */
	cptr_t slot;
	uint8_t bits;
	uint8_t state;
	uint16_t parent;   /* 0: given by the kernel */
	uint16_t child[2]; /* of a split block */
};

static struct block blocks[MEMORY_BLOCKS_MAX];
static uint64_t total, available;

void memory_init(void)
{
	for (unsigned i = 0; i < MEMORY_BLOCKS_MAX; i++)
		blocks[i] = (struct block){ 0 };
	total = available = 0;
}

static unsigned new_record(void)
{
	for (unsigned i = 1; i < MEMORY_BLOCKS_MAX; i++)
		if (blocks[i].state == BLOCK_UNUSED)
			return i;
	return 0;
}

enum err memory_add(cptr_t untyped, uint64_t base, unsigned bits)
{
	unsigned i = new_record();

	if (!i)
		return ERR_LIMIT;
	blocks[i] = (struct block){ .base = base, .slot = untyped, .bits = (uint8_t)bits, .state = BLOCK_FREE };
	total += UINT64_C(1) << bits;
	available += UINT64_C(1) << bits;
	return ERR_OK;
}

/* Splits a free block; returns its lower half, or 0 if there are no slots or records. */
static unsigned split(unsigned parent)
{
	struct block *block = &blocks[parent];
	unsigned half[2];
	cptr_t slots;

	half[0] = new_record();
	if (!half[0])
		return 0;
	blocks[half[0]].state = BLOCK_FREE;
	half[1] = new_record();
	slots = half[1] ? slots_allocate(2) : 0;
	if (!slots || untyped_retype(block->slot, OBJECT_UNTYPED, block->bits - 1u, ROOT_SLOT_CNODE, slots, 2) != ERR_OK) {
		if (slots)
			slots_free(slots, 2);
		blocks[half[0]].state = BLOCK_UNUSED;
		return 0;
	}
	for (unsigned i = 0; i < 2; i++) {
		blocks[half[i]] = (struct block){
			.base = block->base + ((uint64_t)i << (block->bits - 1u)),
			.slot = slots + i,
			.bits = (uint8_t)(block->bits - 1u),
			.state = BLOCK_FREE,
			.parent = (uint16_t)parent,
		};
		block->child[i] = (uint16_t)half[i];
	}
	block->state = BLOCK_SPLIT;
	return half[0];
}

static bool better(const struct block *a, const struct block *b)
{
	return a->bits != b->bits ? a->bits < b->bits : a->base < b->base;
}

block_t memory_allocate(unsigned bits)
{
	unsigned best = 0;

	if (bits < MEMORY_MIN_BITS)
		bits = MEMORY_MIN_BITS;
	for (unsigned i = 1; i < MEMORY_BLOCKS_MAX; i++)
		if (blocks[i].state == BLOCK_FREE && blocks[i].bits >= bits && (!best || better(&blocks[i], &blocks[best])))
			best = i;
	while (best && blocks[best].bits > bits) {
		unsigned lower = split(best);

		if (!lower)
			return 0;
		best = lower;
	}
	if (best) {
		blocks[best].state = BLOCK_TAKEN;
		available -= UINT64_C(1) << bits;
	}
	return best;
}

static void revoke(cptr_t slot)
{
	enum err err = cnode_revoke(ROOT_SLOT_CNODE, slot);

	if (err)
		task_fail("revoke of slot %u failed with error %d", slot, (int)err);
}

void memory_free(block_t index)
{
	struct block *block = &blocks[index];

	available += UINT64_C(1) << block->bits;
	revoke(block->slot);
	block->state = BLOCK_FREE;
	while (block->parent) {
		struct block *parent = &blocks[block->parent];
		struct block *low = &blocks[parent->child[0]], *high = &blocks[parent->child[1]];

		if (low->state != BLOCK_FREE || high->state != BLOCK_FREE)
			break;
		revoke(parent->slot);
		slots_free(low->slot, 2);
		*low = *high = (struct block){ 0 };
		parent->state = BLOCK_FREE;
		block = parent;
	}
}

cptr_t memory_cap(block_t block)
{
	return blocks[block].slot;
}

unsigned memory_bits(block_t block)
{
	return blocks[block].bits;
}

uint64_t memory_base(block_t block)
{
	return blocks[block].base;
}

uint64_t memory_total(void)
{
	return total;
}

uint64_t memory_available(void)
{
	return available;
}

unsigned memory_blocks(void)
{
	unsigned count = 0;

	for (unsigned i = 1; i < MEMORY_BLOCKS_MAX; i++)
		count += blocks[i].state != BLOCK_UNUSED;
	return count;
}
