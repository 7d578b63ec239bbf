/* SPDX-License-Identifier: Apache-2.0 */
/* CNodes: flat tables of slots. Slot 0 is never used; a dying CNode keeps its place in the queue there. */
#pragma once

#include "objects.h"

/* The slot of this index, or NULL. For any value of index. */
static inline struct slot *cnode_slot(const struct cap *cnode, uint64_t index)
{
	if (index == 0 || index >> cnode->size_bits)
		return NULL;
	return cap_cnode(cnode) + index;
}

/* `count` slots from index on: ERR_WRONG_TYPE, ERR_RANGE. count is at least 1. */
enum err cnode_range(const struct cap *cnode, uint64_t index, uint64_t count, struct slot **first) must_check;

struct mint_arguments {
	const struct cap *source_cnode;
	uint64_t index, source_index, rights, badge;
};

/*
 * Derives a capability. ERR_INVALID_CAP (empty source), ERR_WRONG_TYPE (untyped, page tables and replies have one
 * capability only), ERR_SLOT_OCCUPIED, ERR_INVALID_ARGUMENT (badge on a badged capability or of another type), ERR_LIMIT.
 */
enum err cnode_mint(const struct cap *cnode, const struct mint_arguments *arguments) must_check;

enum err cnode_move(const struct cap *cnode, const struct mint_arguments *arguments) must_check;

/* ERR_RESTART: interrupted. A slot that is empty is no error. */
enum err cnode_delete(const struct cap *cnode, uint64_t index) must_check;
enum err cnode_revoke(const struct cap *cnode, uint64_t index) must_check;

/* Finishes what is dying. ERR_RESTART: interrupted. */
enum err cnode_reap(void) must_check;
