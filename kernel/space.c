/* SPDX-License-Identifier: Apache-2.0 */
#include "space.h"

#include <abi/handover.h>
#include <arch/arch.h>

#include "cap.h"
#include "shadow.h"
#include "smp.h"
#include "tag.h"

/* The low bits of an id are the index in the table, the others count the spaces that had this entry before. */
#define INDEX_BITS 8u
#define INDEX_MASK (SPACES_MAX - 1u)
_Static_assert(SPACES_MAX == 1u << INDEX_BITS, "index bits");

/* Entry 0 is never used, so that id 0 means "none". */
static struct space spaces[SPACES_MAX];
static uint32_t generations[SPACES_MAX];

void space_reset(void)
{
	for (unsigned i = 0; i < SPACES_MAX; i++) {
		spaces[i] = (struct space){ 0 };
		generations[i] = 0;
	}
	shadow_reset();
}

static bool usable(unsigned index)
{
	return spaces[index].id == 0 && generations[index] >> (32 - INDEX_BITS) == 0;
}

bool space_available(uint64_t count)
{
	for (unsigned i = 1; i < SPACES_MAX && count; i++)
		count -= usable(i);
	return count == 0;
}

uint32_t space_create(enum space_kind kind, void *root)
{
	unsigned index = 1;

	while (index < SPACES_MAX - 1 && !usable(index))
		index++;
	struct space *space = &spaces[index];

	space->id = generations[index]++ << INDEX_BITS | index;
	space->kind = (uint8_t)kind;
	space->tag = TAG_NONE;
	space->root = root;
	arch_space_init(kind, root);
	return space->id;
}

struct space *space_find(uint32_t id)
{
	struct space *space = &spaces[id & INDEX_MASK];

	return id != 0 && space->id == id ? space : NULL;
}

static void leave(void *argument)
{
	tag_leave(arch_this_hart(), argument);
}

void space_destroy(uint32_t id)
{
	struct space *space = space_find(id);

	if (!space)
		return;
	for (unsigned i = 0; i < HANDOVER_HARTS; i++)
		if (space->harts >> i & 1)
			smp_on(&harts[i], leave, space);
	shadow_space_gone(space);
	*space = (struct space){ 0 };
}

/* The space that a VSpace or GSpace capability names. */
static enum err find(const struct cap *cap, struct space **space)
{
	if (cap->type != OBJECT_VSPACE && cap->type != OBJECT_GSPACE)
		return ERR_WRONG_TYPE;
	*space = space_find(cap->word);
	return *space ? ERR_OK : ERR_INVALID_CAP;
}

static uint64_t mapped_at(const struct cap *cap)
{
	return (uint64_t)cap->page_number << 12;
}

enum err frame_map(struct slot *frame, const struct cap *space_cap, vaddr_t at, unsigned rights)
{
	struct cap *cap = &frame->cap;
	struct space *space;
	enum err err = find(space_cap, &space);

	if (err)
		return err;
	if (space_find(cap->word))
		return ERR_ALREADY_MAPPED;
	if ((rights & ~(unsigned)cap->rights) != 0 || !(rights & RIGHT_READ))
		return ERR_NO_RIGHT;
	if (at.value >> 44)
		return ERR_RANGE;
	if (!is_aligned(at.value, cap->size_bits))
		return ERR_ALIGNMENT;
	err = arch_map_frame(space, at, paddr((uint64_t)cap->frame_number << 12), cap->size_bits, rights);
	if (err)
		return err;
	cap->word = space->id;
	cap->page_number = (uint32_t)(at.value >> 12);
	return ERR_OK;
}

void frame_unmap(struct slot *frame)
{
	struct cap *cap = &frame->cap;
	const struct space *space = space_find(cap->word);

	if (space)
		arch_unmap_frame(space, vaddr(mapped_at(cap)), paddr((uint64_t)cap->frame_number << 12), cap->size_bits);
	cap->word = 0;
}

enum err table_map(struct slot *table, const struct cap *space_cap, vaddr_t at)
{
	struct cap *cap = &table->cap;
	paddr_t address = paddr((uint64_t)cap->frame_number << 12);
	struct space *space;
	unsigned covers;
	enum err err = find(space_cap, &space);

	if (err)
		return err;
	if (space_find(cap->word))
		return ERR_ALREADY_MAPPED;
	if (at.value >> 44)
		return ERR_RANGE;
	if (cap->size_bits != 0)
		arch_zero(arch_pointer(address), 1u << PAGE_TABLE_BITS); /* its former space is gone: start empty */
	cap->size_bits = 0;
	err = arch_map_table(space, at, address, &covers);
	if (err)
		return err;
	cap->word = space->id;
	cap->size_bits = (uint8_t)covers;
	cap->page_number = (uint32_t)(at.value >> covers << covers >> 12);
	return ERR_OK;
}

void table_unmap(struct slot *table)
{
	struct cap *cap = &table->cap;
	const struct space *space = space_find(cap->word);

	if (space)
		arch_unmap_table(space, vaddr(mapped_at(cap)), paddr((uint64_t)cap->frame_number << 12), cap->size_bits);
	cap->word = 0;
}
