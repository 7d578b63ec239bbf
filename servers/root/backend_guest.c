/* SPDX-License-Identifier: Apache-2.0 */
#include "backend_guest.h"

#include <libsys/invoke.h>

#include "layout.h"
#include "root.h"

#define TABLE_BITS 30u /* log2 of bytes that a table of large frames maps */
#define FIRST 1u       /* index in the CNode: the frames, then the tables */

static uint64_t tables(const struct guest *guest)
{
	return (guest->config->memory + (UINT64_C(1) << TABLE_BITS) - 1) >> TABLE_BITS;
}

static cptr_t cnode(const struct guest *guest, unsigned kind)
{
	return task_slot_of(&guest->vmm, GUEST_FRAMES + kind);
}

static uint64_t address_of(const struct guest *guest)
{
	return BACKEND_GUESTS_ADDRESS + guest->number * BACKEND_GUEST_SIZE;
}

bool backend_guest_mapped(const struct guest *guest)
{
	for (unsigned kind = 0; kind < BACKENDS; kind++)
		if (guest->config->devices[kind])
			return true;
	return false;
}

enum err backend_guest_prepare(struct guest *guest, uint64_t frames)
{
	unsigned bits = 1;
	enum err err = ERR_OK;

	while (UINT64_C(1) << bits < FIRST + frames + tables(guest))
		bits++;
	guest->frames = frames;
	for (unsigned kind = 0; kind < BACKENDS && !err; kind++) {
		guest->kept[kind] = 0;
		if (!guest->config->devices[kind])
			continue;
		err = arena_make(&guest->vmm.arena, OBJECT_CNODE, bits, ROOT_SLOT_CNODE, cnode(guest, kind), 1);
		if (!err)
			err = arena_make(&guest->vmm.arena, OBJECT_PAGE_TABLE, 0, cnode(guest, kind), FIRST + frames, tables(guest));
	}
	return err;
}

enum err backend_guest_keep(struct guest *guest, cptr_t frame)
{
	enum err err = ERR_OK;

	for (unsigned kind = 0; kind < BACKENDS && !err; kind++)
		if (guest->config->devices[kind])
			err = cnode_mint(cnode(guest, kind), FIRST + guest->kept[kind]++, ROOT_SLOT_CNODE, frame, RIGHT_READ | RIGHT_WRITE,
					 0);
	return err;
}

/* An operation needs the capability in a slot of the root task. */
static enum err map(cptr_t from, uint64_t index, cptr_t space, uint64_t address, bool is_table)
{
	cptr_t slot = scratch_copy + (cptr_t)(index % SCRATCH_FRAMES);
	enum err err = cnode_move(ROOT_SLOT_CNODE, slot, from, index), back;

	if (err)
		return err;
	err = is_table ? page_table_map(slot, space, address) : frame_map(slot, space, address, RIGHT_READ | RIGHT_WRITE);
	back = cnode_move(from, index, ROOT_SLOT_CNODE, slot);
	return err ? err : back;
}

enum err backend_guest_map(struct guest *guest, enum backend_kind kind, cptr_t space)
{
	cptr_t from = cnode(guest, kind);
	uint64_t offset = 0, index = FIRST, mapped = 0; /* mapped: to here there are tables, or huge frames */
	enum err err = ERR_OK;

	for (unsigned b = 0; b < guest->ram.blocks && !err; b++) {
		unsigned block_bits = memory_bits(guest->ram.block[b]), bits = guest_frame_bits(block_bits);

		for (uint64_t i = 0; i < UINT64_C(1) << (block_bits - bits) && !err; i++) {
			if (bits == TABLE_BITS) {
				mapped = offset + (UINT64_C(1) << TABLE_BITS);
			} else if (offset >= mapped) {
				err = map(from, FIRST + guest->frames + (offset >> TABLE_BITS), space, address_of(guest) + offset, true);
				mapped += UINT64_C(1) << TABLE_BITS;
			}
			if (!err)
				err = map(from, index++, space, address_of(guest) + offset, false);
			offset += UINT64_C(1) << bits;
		}
	}
	return err;
}

static uint32_t hart_of(uint32_t number)
{
	return number % root.info->harts;
}

/* Of the scheduling contexts that are charged, the one with this number; 0: there are not so many. */
static cptr_t account_of(const struct guest *guest, unsigned number)
{
	bool near = false;

	for (unsigned i = 0; i < guest->vmm.threads; i++)
		near |= hart_of(guest->config->hart[i]) == hart_of(BACKEND_HART);
	for (unsigned i = 0; i < guest->vmm.threads; i++)
		if ((!near || hart_of(guest->config->hart[i]) == hart_of(BACKEND_HART)) && number-- == 0)
			return guest->vmm.thread[i] + 1;
	return 0;
}

enum err backend_guest_give_accounts(const struct guest *guest, cptr_t cnode, cptr_t accounts)
{
	enum err err = ERR_OK;
	cptr_t context;

	_Static_assert(SYSTEM_GUESTS_MAX == ATTACH_GUESTS_MAX && SYSTEM_VCPUS_MAX == ATTACH_VCPUS_MAX, "a slot for each vCPU");
	for (unsigned i = 0; !err && (context = account_of(guest, i)); i++)
		err = cnode_mint(cnode, accounts + guest->number * ATTACH_VCPUS_MAX + i, ROOT_SLOT_CNODE, context, RIGHT_GRANT, 0);
	return err;
}

void backend_guest_describe(const struct guest *guest, struct attachment *attachment)
{
	uint64_t offset = 0;

	_Static_assert(ARENA_BLOCKS <= ATTACH_RANGES_MAX, "a range for each block of RAM");
	attachment->base = GUEST_RAM_BASE;
	attachment->size = guest->config->memory;
	attachment->address = address_of(guest);
	attachment->ranges = guest->ram.blocks;
	attachment->vcpus = 0;
	while (account_of(guest, attachment->vcpus))
		attachment->vcpus++;
	for (unsigned b = 0; b < guest->ram.blocks; b++) {
		uint64_t size = UINT64_C(1) << memory_bits(guest->ram.block[b]);

		attachment->range[b].offset = offset;
		attachment->range[b].physical = memory_base(guest->ram.block[b]);
		attachment->range[b].size = size;
		offset += size;
	}
}
