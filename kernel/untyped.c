/* SPDX-License-Identifier: Apache-2.0 */
#include "untyped.h"

#include <arch/arch.h>

#include "cnode.h"
#include "object.h"
#include "shadow.h"
#include "smp.h"

/* Bytes zeroed between two looks at pending interrupts. */
#define ZERO_CHUNK 16384u

struct retype {
	struct slot *untyped;
	struct slot *first; /* destination slots, consecutive */
	unsigned type, size_bits;
	uint64_t count;
	uint64_t start, end; /* bytes from the untyped's base */
};

static enum err check_type(const struct cap *untyped, uint64_t type, uint64_t size_bits)
{
	bool device = untyped->type == OBJECT_UNTYPED_DEVICE;

	if (type >= OBJECT_TYPES || !object_size_valid((unsigned)type, size_bits))
		return ERR_INVALID_ARGUMENT;
	if (device && type != OBJECT_FRAME)
		return ERR_WRONG_TYPE;
	if (untyped->level == CAP_LEVEL_MAX)
		return ERR_LIMIT;
	return ERR_OK;
}

static enum err check_slots(const struct retype *retype)
{
	for (uint64_t i = 0; i < retype->count; i++)
		if (!slot_empty(&retype->first[i]))
			return ERR_SLOT_OCCUPIED;
	return ERR_OK;
}

static enum err check_room(struct retype *retype)
{
	const struct cap *cap = &retype->untyped->cap;
	unsigned bits = object_bits(retype->type, retype->size_bits);
	uint64_t size = UINT64_C(1) << cap->size_bits, unit = UINT64_C(1) << bits;
	uint64_t watermark = cap_has_children(retype->untyped) ? (uint64_t)cap->word * UNTYPED_UNIT : 0;

	retype->start = (watermark + unit - 1) & ~(unit - 1);
	if (retype->start > size || retype->count > (size - retype->start) >> bits)
		return ERR_NO_MEMORY;
	retype->end = retype->start + (retype->count << bits);
	return ERR_OK;
}

/* Zeroes up to `end`, remembering how far it came. False: an interrupt is pending. */
static bool clean_up_to(struct cap *cap, uint64_t end)
{
	uint64_t base = (uint64_t)cap->base * UNTYPED_UNIT;
	uint64_t from = (uint64_t)(cap->clean > cap->word ? cap->clean : cap->word) * UNTYPED_UNIT;

	while (from < end) {
		uint64_t bytes = end - from < ZERO_CHUNK ? end - from : ZERO_CHUNK;

		arch_zero(arch_pointer(paddr(base + from)), bytes);
		from += bytes;
		cap->clean = (uint32_t)(from / UNTYPED_UNIT);
		if (from < end && arch_interrupt_pending())
			return false;
	}
	return true;
}

static void commit_retype(const struct retype *retype)
{
	struct cap *cap = &retype->untyped->cap;
	unsigned bits = object_bits(retype->type, retype->size_bits);
	unsigned type = retype->type;
	uint64_t address = (uint64_t)cap->base * UNTYPED_UNIT + retype->start;

	for (uint64_t i = 0; i < retype->count; i++, address += UINT64_C(1) << bits) {
		struct cap made = object_create(type, retype->size_bits, paddr(address));

		if (cap->type == OBJECT_UNTYPED_DEVICE)
			made.rights |= CAP_DEVICE;
		cap_insert_child(retype->untyped, &retype->first[i], made);
	}
	cap->word = (uint32_t)(retype->end / UNTYPED_UNIT);
	if (cap->clean < cap->word)
		cap->clean = cap->word;
}

enum err untyped_retype(struct slot *untyped, const struct retype_arguments *arguments)
{
	struct retype retype = { .untyped = untyped, .type = (unsigned)arguments->type, .count = arguments->count };
	struct cap *cap = &untyped->cap;
	enum err err = check_type(cap, arguments->type, arguments->size_bits);

	if (err)
		return err;
	if (arguments->count > RETYPE_COUNT_MAX)
		return ERR_RANGE;
	retype.size_bits = (unsigned)arguments->size_bits;
	err = cnode_range(arguments->cnode, arguments->index, arguments->count, &retype.first);
	if (err)
		return err;
	err = check_slots(&retype);
	if (err)
		return err;
	if ((retype.type == OBJECT_VSPACE || retype.type == OBJECT_GSPACE) && !space_available(retype.count))
		return ERR_LIMIT;
	err = check_room(&retype);
	if (err)
		return err;
	for (uint64_t i = 0; i < retype.count; i++)
		cap_prepare(&retype.first[i]);
	if (!cap_has_children(untyped) && cap->word != 0) {
		smp_grace(); /* what was made of it may still be looked at */
		shadow_memory_reused();
		cap->word = 0; /* all that was made of it is gone: start over, with memory that is dirty again */
		cap->clean = 0;
	}
	if (cap->type == OBJECT_UNTYPED && retype.type != OBJECT_UNTYPED && !clean_up_to(cap, retype.end))
		return ERR_RESTART;
	commit_retype(&retype);
	return ERR_OK;
}
