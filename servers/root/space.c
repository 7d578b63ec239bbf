/* SPDX-License-Identifier: Apache-2.0 */
#include "space.h"

#include <string.h>

#include <abi/root_info.h>
#include <libsys/invoke.h>
#include <libsys/task.h>

#include "layout.h"
#include "slots.h"

#define PAGE_BITS 12u
#define PAGE (1u << PAGE_BITS)
#define LARGE_BITS 21u
#define LARGE (UINT64_C(1) << LARGE_BITS)

cptr_t scratch_frame, scratch_copy;
static cptr_t scratch_table;
static struct space *root_space;

void scratch_clear(void)
{
	for (cptr_t slot = scratch_frame; slot <= scratch_table; slot++)
		if (cnode_delete(ROOT_SLOT_CNODE, slot) != ERR_OK)
			task_fail("cannot empty slot %u", slot);
}

enum err hold_put(struct hold *hold, cptr_t slot)
{
	if (!hold->cnode) {
		cptr_t index = slots_allocate(1);

		return index ? cnode_move(ROOT_SLOT_CNODE, index, ROOT_SLOT_CNODE, slot) : ERR_LIMIT;
	}
	if (hold->next >= hold->end)
		return ERR_RANGE;
	return cnode_move(hold->cnode, hold->next++, ROOT_SLOT_CNODE, slot);
}

static enum err add_table(struct space *space, uint64_t address)
{
	enum err err = arena_make(space->arena, OBJECT_PAGE_TABLE, 0, ROOT_SLOT_CNODE, scratch_table, 1);

	if (!err)
		err = page_table_map(scratch_table, space->cap, address);
	return err ? err : hold_put(space->hold, scratch_table);
}

enum err space_map(struct space *space, cptr_t frame, uint64_t address, unsigned rights)
{
	enum err err = frame_map(frame, space->cap, address, rights);

	while (err == ERR_NO_TABLE) {
		err = add_table(space, address);
		if (!err)
			err = frame_map(frame, space->cap, address, rights);
	}
	return err;
}

enum err space_add_frame(struct space *space, uint64_t address, cptr_t frame, unsigned rights)
{
	enum err err = space_map(space, frame, address, rights);

	return err ? err : hold_put(space->hold, frame);
}

enum err space_add_copy(struct space *space, uint64_t address, cptr_t frame, unsigned rights)
{
	enum err err = cnode_mint(ROOT_SLOT_CNODE, scratch_copy, ROOT_SLOT_CNODE, frame, rights, 0);

	return err ? err : space_add_frame(space, address, scratch_copy, rights);
}

/* At most `count` new frames of 2^bits bytes, as many as the arena's last block still has; *made says how many. */
static enum err add_frames(struct space *space, uint64_t address, unsigned bits, uint64_t count, unsigned rights, uint64_t *made)
{
	uint64_t room = arena_room(space->arena, OBJECT_FRAME, bits);
	enum err err;

	if (room == 0 || room > SCRATCH_FRAMES)
		room = SCRATCH_FRAMES;
	if (count > room)
		count = room;
	if (bits != PAGE_BITS)
		count = 1; /* else the arena might take much more than is needed */
	err = arena_make(space->arena, OBJECT_FRAME, bits, ROOT_SLOT_CNODE, scratch_frame, count);
	for (uint64_t i = 0; i < count && !err; i++)
		err = space_add_frame(space, address + (i << bits), scratch_frame + (cptr_t)i, rights);
	*made = count;
	return err;
}

enum err space_add(struct space *space, uint64_t address, uint64_t bytes, unsigned rights)
{
	enum err err = ERR_OK;

	while (bytes && !err) {
		bool large = address % LARGE == 0 && bytes >= LARGE;
		unsigned bits = large ? LARGE_BITS : PAGE_BITS;
		uint64_t made;

		err = add_frames(space, address, bits, bytes >> bits, rights, &made);
		address += made << bits;
		bytes -= made << bits;
	}
	return err;
}

static enum err add_page(struct space *space, uint64_t address, const void *content, uint64_t bytes, unsigned rights)
{
	enum err err = arena_make(space->arena, OBJECT_FRAME, PAGE_BITS, ROOT_SLOT_CNODE, scratch_frame, 1);

	if (!err)
		err = space_map(root_space, scratch_frame, WINDOW_ADDRESS, RIGHT_READ | RIGHT_WRITE);
	if (err)
		return err;
	memcpy((void *)WINDOW_ADDRESS, content, bytes);
	if (rights & RIGHT_EXECUTE)
		__asm__ volatile("fence.i" ::: "memory");
	err = frame_unmap(scratch_frame);
	return err ? err : space_add_frame(space, address, scratch_frame, rights);
}

enum err space_add_content(struct space *space, uint64_t address, const void *content, uint64_t file_bytes, uint64_t bytes,
			   unsigned rights)
{
	const uint8_t *from = content;
	uint64_t end = address + bytes;
	enum err err = ERR_OK;

	while (file_bytes && !err) {
		uint64_t count = file_bytes < PAGE ? file_bytes : PAGE;

		err = add_page(space, address, from, count, rights);
		address += PAGE;
		from += count;
		file_bytes -= count;
	}
	if (!err && address < end)
		err = space_add(space, address, (end - address + PAGE - 1) / PAGE * PAGE, rights);
	return err;
}

enum err space_init(struct space *root)
{
	root_space = root;
	scratch_frame = slots_allocate(2 * SCRATCH_FRAMES + 1);
	if (!scratch_frame)
		return ERR_LIMIT;
	scratch_copy = scratch_frame + SCRATCH_FRAMES;
	scratch_table = scratch_frame + 2 * SCRATCH_FRAMES;
	return ERR_OK;
}
