/* SPDX-License-Identifier: Apache-2.0 */
#include "device.h"

#include <stdlib.h>

#include <libsys/invoke.h>

#include "root.h"
#include "slots.h"

#define PAGE_BITS 12u
#define PAGE (UINT64_C(1) << PAGE_BITS)

static const struct untyped_info *untyped_at(uint64_t address)
{
	for (uint32_t i = 0; i < root.info->untypeds; i++) {
		const struct untyped_info *untyped = &root.info->untyped[i];

		if (untyped->kind == REGION_DEVICE && address >= untyped->base && (address - untyped->base) >> untyped->size_bits == 0)
			return untyped;
	}
	return NULL;
}

bool device_covered(uint64_t address)
{
	return untyped_at(address) != NULL;
}

/* The largest frame that starts at `from` and ends at `to` at most. Both are on 4 KiB and from is below to. */
static unsigned largest_frame(uint64_t from, uint64_t to)
{
	static const unsigned sizes[] = { 30, 21 };

	for (unsigned i = 0; i < 2; i++) {
		uint64_t size = UINT64_C(1) << sizes[i];

		if (from % size == 0 && to - from >= size)
			return sizes[i];
	}
	return PAGE_BITS;
}

/* Makes frames that nobody wants, from *at to `end`, each until the next exists: the last one is left in a slot of `skipped`. */
static enum err skip(const struct untyped_info *untyped, uint64_t *at, uint64_t end, cptr_t skipped)
{
	enum err err = ERR_OK;

	for (unsigned turn = 0; *at < end && !err; turn ^= 1) {
		unsigned bits = largest_frame(*at, end);

		err = cnode_delete(ROOT_SLOT_CNODE, skipped + turn);
		if (!err)
			err = untyped_retype(untyped->slot, OBJECT_FRAME, bits, ROOT_SLOT_CNODE, skipped + turn, 1);
		*at += UINT64_C(1) << bits;
	}
	return err;
}

static int by_address(const void *a, const void *b)
{
	const struct device_page *first = a, *second = b;

	return (first->address > second->address) - (first->address < second->address);
}

enum err device_make(struct device_page *pages, unsigned count)
{
	const struct untyped_info *untyped = NULL;
	cptr_t skipped = slots_allocate(2);
	enum err err = skipped ? ERR_OK : ERR_LIMIT;
	uint64_t at = 0;

	qsort(pages, count, sizeof(*pages), by_address);
	for (unsigned i = 0; i < count && !err; i++) {
		const struct untyped_info *here = untyped_at(pages[i].address);

		if (!here)
			err = ERR_INVALID_ARGUMENT;
		else if (here != untyped)
			at = here->base;
		untyped = here;
		if (!err)
			err = skip(untyped, &at, pages[i].address, skipped);
		if (!err)
			err = untyped_retype(untyped->slot, OBJECT_FRAME, PAGE_BITS, ROOT_SLOT_CNODE, pages[i].slot, 1);
		at += PAGE;
		for (unsigned j = 0; j < 2 && !err; j++)
			err = cnode_delete(ROOT_SLOT_CNODE, skipped + j);
	}
	if (skipped)
		slots_free(skipped, 2);
	return err;
}
