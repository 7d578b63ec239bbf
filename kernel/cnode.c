/* SPDX-License-Identifier: Apache-2.0 */
#include "cnode.h"

#include <arch/arch.h>

/* Steps of a long operation between two looks at pending interrupts. */
#define STEPS 16u

enum err cnode_range(const struct cap *cnode, uint64_t index, uint64_t count, struct slot **first)
{
	if (!cnode || cnode->type == OBJECT_NULL)
		return ERR_INVALID_CAP;
	if (cnode->type != OBJECT_CNODE)
		return ERR_WRONG_TYPE;
	uint64_t slots = UINT64_C(1) << cnode->size_bits;

	if (index == 0 || index >= slots || count == 0 || count > slots - index)
		return ERR_RANGE;
	*first = cap_cnode(cnode) + index;
	return ERR_OK;
}

static enum err check_pair(const struct cap *cnode, const struct mint_arguments *arguments, struct slot **to, struct slot **from)
{
	enum err err = cnode_range(cnode, arguments->index, 1, to);

	if (!err)
		err = cnode_range(arguments->source_cnode, arguments->source_index, 1, from);
	if (err)
		return err;
	if (slot_empty(*from))
		return ERR_INVALID_CAP;
	if (!slot_empty(*to))
		return ERR_SLOT_OCCUPIED;
	cap_prepare(*to);
	return ERR_OK;
}

static enum err check_badge(const struct cap *cap, uint64_t badge)
{
	if (badge == 0)
		return ERR_OK;
	if (cap->type != OBJECT_ENDPOINT && cap->type != OBJECT_NOTIFICATION)
		return ERR_INVALID_ARGUMENT;
	if (badge > UINT32_MAX || cap->word != 0)
		return ERR_INVALID_ARGUMENT;
	return ERR_OK;
}

static bool has_one_capability(unsigned type)
{
	return type == OBJECT_UNTYPED || type == OBJECT_UNTYPED_DEVICE || type == OBJECT_PAGE_TABLE || type == OBJECT_REPLY ||
	       type == OBJECT_IRQ_HANDLER;
}

enum err cnode_mint(const struct cap *cnode, const struct mint_arguments *arguments)
{
	struct slot *to, *from;
	enum err err = check_pair(cnode, arguments, &to, &from);

	if (err)
		return err;
	if (has_one_capability(from->cap.type))
		return ERR_WRONG_TYPE;
	if (from->cap.level == CAP_LEVEL_MAX)
		return ERR_LIMIT;
	err = check_badge(&from->cap, arguments->badge);
	if (err)
		return err;

	struct cap cap = from->cap;

	cap.rights = (uint8_t)(cap.rights & (arguments->rights | CAP_DEVICE));
	if (arguments->badge)
		cap.word = (uint32_t)arguments->badge;
	if (cap.type == OBJECT_FRAME)
		cap.word = cap.page_number = 0; /* the mapping stays with the source */
	cap_insert_child(from, to, cap);
	return ERR_OK;
}

enum err cnode_move(const struct cap *cnode, const struct mint_arguments *arguments)
{
	struct slot *to, *from;
	enum err err = check_pair(cnode, arguments, &to, &from);

	if (err)
		return err;
	cap_move(from, to);
	return ERR_OK;
}

static enum err repeat(bool (*step)(struct slot *slot), struct slot *slot)
{
	for (;;) {
		for (unsigned i = 0; i < STEPS; i++)
			if (step(slot))
				return ERR_OK;
		if (arch_interrupt_pending())
			return ERR_RESTART;
	}
}

static bool reap_step(struct slot *slot)
{
	(void)slot;
	return cap_reap_step();
}

enum err cnode_reap(void)
{
	return repeat(reap_step, NULL);
}

enum err cnode_delete(const struct cap *cnode, uint64_t index)
{
	struct slot *slot;
	enum err err = cnode_range(cnode, index, 1, &slot);

	return err ? err : repeat(cap_delete_step, slot);
}

enum err cnode_revoke(const struct cap *cnode, uint64_t index)
{
	struct slot *slot;
	enum err err = cnode_range(cnode, index, 1, &slot);

	return err ? err : repeat(cap_revoke_step, slot);
}
