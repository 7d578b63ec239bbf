/* SPDX-License-Identifier: Apache-2.0 */
#include "block_guest.h"

#include <libsys/invoke.h>

#include "layout.h"
#include "root.h"

#define TABLE_BITS 30u /* log2 of bytes that a table of large frames maps */
#define FIRST 1u       /* index in the CNode: the frames, then the tables */

static uint64_t tables(const struct guest *guest)
{
	return (guest->config->memory + (UINT64_C(1) << TABLE_BITS) - 1) >> TABLE_BITS;
}

static cptr_t cnode(const struct guest *guest)
{
	return task_slot_of(&guest->vmm, GUEST_DISK_FRAMES);
}

static uint64_t address_of(const struct guest *guest)
{
	return BLOCK_GUESTS_ADDRESS + guest->number * BLOCK_GUEST_SIZE;
}

enum err block_guest_prepare(struct guest *guest, uint64_t frames)
{
	unsigned bits = 1;

	if (!guest->config->disks)
		return ERR_OK;
	while (UINT64_C(1) << bits < FIRST + frames + tables(guest))
		bits++;
	enum err err = arena_make(&guest->vmm.arena, OBJECT_CNODE, bits, ROOT_SLOT_CNODE, cnode(guest), 1);

	if (!err)
		err = arena_make(&guest->vmm.arena, OBJECT_PAGE_TABLE, 0, cnode(guest), FIRST + frames, tables(guest));
	guest->disk_frames = frames;
	guest->disk_kept = 0;
	return err;
}

enum err block_guest_keep(struct guest *guest, cptr_t frame)
{
	if (!guest->config->disks)
		return ERR_OK;
	return cnode_mint(cnode(guest), FIRST + guest->disk_kept++, ROOT_SLOT_CNODE, frame, RIGHT_READ | RIGHT_WRITE, 0);
}

/* An operation needs the capability in a slot of the root task. */
static enum err map(struct guest *guest, uint64_t index, cptr_t space, uint64_t address, bool is_table)
{
	cptr_t slot = scratch_copy + (cptr_t)(index % SCRATCH_FRAMES);
	enum err err = cnode_move(ROOT_SLOT_CNODE, slot, cnode(guest), index), back;

	if (err)
		return err;
	err = is_table ? page_table_map(slot, space, address) : frame_map(slot, space, address, RIGHT_READ | RIGHT_WRITE);
	back = cnode_move(cnode(guest), index, ROOT_SLOT_CNODE, slot);
	return err ? err : back;
}

enum err block_guest_map(struct guest *guest, cptr_t space)
{
	uint64_t offset = 0, index = FIRST, mapped = 0; /* mapped: to here there are tables, or huge frames */
	enum err err = ERR_OK;

	for (unsigned b = 0; b < guest->ram.blocks && !err; b++) {
		unsigned block_bits = memory_bits(guest->ram.block[b]), bits = guest_frame_bits(block_bits);

		for (uint64_t i = 0; i < UINT64_C(1) << (block_bits - bits) && !err; i++) {
			if (bits == TABLE_BITS) {
				mapped = offset + (UINT64_C(1) << TABLE_BITS);
			} else if (offset >= mapped) {
				err = map(guest, FIRST + guest->disk_frames + (offset >> TABLE_BITS), space, address_of(guest) + offset, true);
				mapped += UINT64_C(1) << TABLE_BITS;
			}
			if (!err)
				err = map(guest, index++, space, address_of(guest) + offset, false);
			offset += UINT64_C(1) << bits;
		}
	}
	return err;
}

void block_guest_describe(const struct guest *guest, struct attachment *attachment)
{
	uint64_t offset = 0;

	_Static_assert(ARENA_BLOCKS <= ATTACH_RANGES_MAX, "a range for each block of RAM");
	attachment->base = GUEST_RAM_BASE;
	attachment->size = guest->config->memory;
	attachment->address = address_of(guest);
	attachment->ranges = guest->ram.blocks;
	for (unsigned b = 0; b < guest->ram.blocks; b++) {
		uint64_t size = UINT64_C(1) << memory_bits(guest->ram.block[b]);

		attachment->range[b].offset = offset;
		attachment->range[b].physical = memory_base(guest->ram.block[b]);
		attachment->range[b].size = size;
		offset += size;
	}
}
