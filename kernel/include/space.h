/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Address spaces of both stages. Each live space has an entry in a fixed table; capabilities of mapped frames and tables
 * name the space by its id, which is never used again, so a stale id simply finds nothing.
 */
#pragma once

#include "types.h"

enum space_kind {
	SPACE_NONE,
	SPACE_TASK,  /* stage 1 */
	SPACE_GUEST, /* stage 2 */
};

#define SPACES_MAX 256u
#define TAG_NONE UINT64_MAX

struct space {
	uint32_t id;   /* index in the low byte; 0: free entry */
	uint8_t kind;  /* enum space_kind */
	uint8_t reserved[3];
	uint32_t harts; /* which may hold translations: set before the first use, never cleared */
	uint64_t tag;   /* ASID or VMID with its generation, one word: tag.h; TAG_NONE at first */
	void *root;    /* root table, through the direct map */
};

struct slot;
struct cap;

void space_reset(void);

/* Is there room for `count` more spaces? */
bool space_available(uint64_t count);

/* Enters a space with this root table and returns its id. There must be room. */
uint32_t space_create(enum space_kind kind, void *root);

/* Notes that this hart uses the space from now on; before it does. */
static inline void space_use(struct space *space, uint32_t hart_index)
{
	uint32_t bit = UINT32_C(1) << hart_index;

	/* Who changes a table looks at this afterwards; who uses it does this before: one sees the other. */
	if (!(__atomic_load_n(&space->harts, __ATOMIC_RELAXED) & bit))
		__atomic_fetch_or(&space->harts, bit, __ATOMIC_SEQ_CST);
}

/* Ends a space: its id finds nothing from now on, and its translations are flushed. All other harts stand still. */
void space_destroy(uint32_t id);

/* The space of this id, or NULL. */
struct space *space_find(uint32_t id);

/* Operations of Frame and PageTable capabilities. ERR_NO_TABLE, ERR_ALREADY_MAPPED, ERR_RANGE, ERR_ALIGNMENT, ERR_NO_RIGHT. */
enum err frame_map(struct slot *frame, const struct cap *space, vaddr_t at, unsigned rights) must_check;
void frame_unmap(struct slot *frame);
enum err table_map(struct slot *table, const struct cap *space, vaddr_t at) must_check;
void table_unmap(struct slot *table);
