/* SPDX-License-Identifier: Apache-2.0 */
#include "cap.h"

#include <arch/arch.h>

#include "kernel.h"
#include "object.h"
#include "smp.h"

/* Sentinel of the derivation list: its next is the first capability, its prev the last. */
static struct slot list;

/* CNodes whose last capability is gone but whose slots are not yet empty. Linked through slot 0 of each. */
static struct slot *dying;

/* Ranges of what is not memory stand far behind all physical addresses. */
#define RANGE_IRQ (UINT64_C(1) << 60)
#define RANGE_SCHED (UINT64_C(2) << 60)
#define RANGE_PLATFORM (UINT64_C(3) << 60)
#define IRQ_SOURCES 4096u

void cap_reset(void)
{
	list.prev = list.next = &list;
	dying = NULL;
}

static uint64_t object_address(const struct cap *cap)
{
	return arch_address((const void *)cap->object).value;
}

struct cap_range cap_range(const struct cap *cap)
{
	switch ((enum object_type)cap->type) {
	case OBJECT_UNTYPED:
	case OBJECT_UNTYPED_DEVICE:
		return (struct cap_range){ (uint64_t)cap->base * UNTYPED_UNIT, UINT64_C(1) << cap->size_bits };
	case OBJECT_FRAME:
		return (struct cap_range){ (uint64_t)cap->frame_number << 12, UINT64_C(1) << cap->size_bits };
	case OBJECT_PAGE_TABLE:
		return (struct cap_range){ (uint64_t)cap->frame_number << 12, UINT64_C(1) << PAGE_TABLE_BITS };
	case OBJECT_IRQ_CONTROL:
		return (struct cap_range){ RANGE_IRQ, IRQ_SOURCES };
	case OBJECT_IRQ_HANDLER:
		return (struct cap_range){ RANGE_IRQ + cap->object, 1 };
	case OBJECT_SCHED_CONTROL:
		return (struct cap_range){ RANGE_SCHED, 1 };
	case OBJECT_PLATFORM_CONTROL:
		return (struct cap_range){ RANGE_PLATFORM, 1 };
	case OBJECT_CNODE:
	case OBJECT_THREAD:
	case OBJECT_SCHED_CONTEXT:
	case OBJECT_ENDPOINT:
	case OBJECT_REPLY:
	case OBJECT_NOTIFICATION:
	case OBJECT_VSPACE:
	case OBJECT_GSPACE:
	case OBJECT_VCPU:
		return (struct cap_range){ object_address(cap), UINT64_C(1) << object_bits(cap->type, cap->size_bits) };
	case OBJECT_NULL:
	case OBJECT_TYPES:
		break;
	}
	return (struct cap_range){ 0, 0 };
}

bool cap_is_descendant(const struct cap *a, const struct cap *b)
{
	if (b->level <= a->level || b->type == OBJECT_NULL)
		return false;
	struct cap_range outer = cap_range(a), inner = cap_range(b);

	return inner.base >= outer.base && inner.base + inner.size <= outer.base + outer.size;
}

/* Other harts may look at the slot at any time: the second half first. */
static void fill(struct slot *slot, struct cap cap)
{
	union cap_head head = { .type = cap.type, .rights = cap.rights, .level = cap.level, .size_bits = cap.size_bits };

	head.badge = cap.word;
	__atomic_store_n(&slot->cap.object, cap.object, __ATOMIC_RELAXED);
	__atomic_store_n((uint64_t *)(void *)&slot->cap, head.word, __ATOMIC_RELEASE);
}

/* The second half stays: whoever read the first half before needs it. */
static void empty(struct slot *slot)
{
	__atomic_store_n((uint64_t *)(void *)&slot->cap, 0, __ATOMIC_RELAXED);
	slot->prev = NULL;
	slot->next = (struct slot *)smp_epoch;
}

void cap_prepare(const struct slot *slot)
{
	if ((uint64_t)slot->next == smp_epoch)
		smp_grace();
}

static void link_after(struct slot *before, struct slot *slot)
{
	slot->prev = before;
	slot->next = before->next;
	before->next->prev = slot;
	before->next = slot;
}

static void unlink(struct slot *slot)
{
	slot->prev->next = slot->next;
	slot->next->prev = slot->prev;
	empty(slot);
}

void cap_insert_root(struct slot *slot, struct cap cap)
{
	cap.level = 0;
	link_after(list.prev, slot);
	fill(slot, cap);
}

void cap_insert_child(struct slot *parent, struct slot *slot, struct cap cap)
{
	cap.level = (uint8_t)(parent->cap.level + 1);
	link_after(parent, slot);
	fill(slot, cap);
}

void cap_move(struct slot *from, struct slot *to)
{
	to->prev = from->prev;
	to->next = from->next;
	to->prev->next = to;
	to->next->prev = to;
	fill(to, from->cap);
	empty(from);
}

bool cap_has_children(const struct slot *slot)
{
	return cap_is_descendant(&slot->cap, &slot->next->cap);
}

/* Do both name the same object? A copy stands right behind the original or another copy. */
static bool same_object(const struct cap *a, const struct cap *b)
{
	if (a->type != b->type)
		return false;
	struct cap_range x = cap_range(a), y = cap_range(b);

	return x.base == y.base && x.size == y.size && a->type != OBJECT_UNTYPED && a->type != OBJECT_UNTYPED_DEVICE;
}

/* Deletes a capability that has no children. Its object goes with it unless it is a copy. */
static void delete_leaf(struct slot *slot)
{
	struct cap cap = slot->cap;
	bool copy = same_object(&slot->prev->cap, &cap);

	object_release(slot);
	if (!copy && cap.type == OBJECT_CNODE) {
		struct slot *header = cap_cnode(&cap);

		header->cap.size_bits = cap.size_bits;
		header->cap.word = 1;
		header->next = dying;
		dying = header;
	}
	if (copy || !object_is_active(cap.type)) {
		unlink(slot);
		return;
	}
	/* Nobody is inside the kernel with this object in hand, and nobody can find it any more. */
	smp_stop();
	unlink(slot);
	object_destroy(&cap);
	smp_go();
}

/* The first leaf below *slot, on the path of first children. */
static struct slot *first_leaf(struct slot *slot)
{
	struct slot *leaf = slot;

	while (cap_has_children(leaf))
		leaf = leaf->next;
	return leaf;
}

bool cap_reap_step(void)
{
	if (!dying)
		return true;
	struct slot *header = dying;
	uint32_t index = header->cap.word;

	if (index >> header->cap.size_bits) {
		dying = header->next;
		*header = (struct slot){ 0 };
		return !dying;
	}
	if (slot_empty(&header[index]))
		header->cap.word++;
	else
		delete_leaf(first_leaf(&header[index]));
	return false;
}

bool cap_revoke_step(struct slot *slot)
{
	if (!cap_reap_step())
		return false;
	if (slot_empty(slot) || !cap_has_children(slot))
		return true;
	delete_leaf(first_leaf(slot));
	return false;
}

bool cap_delete_step(struct slot *slot)
{
	if (!cap_reap_step())
		return false;
	if (slot_empty(slot))
		return true;
	delete_leaf(first_leaf(slot));
	return false;
}

void cap_drop_copy(struct slot *slot)
{
	if (slot_empty(slot))
		return;
	unlink(slot);
}

/* Damage of a capability in relation to its parent, which must contain it. */
static unsigned check_pair(const struct slot *parent, const struct slot *slot)
{
	if (!cap_is_descendant(&parent->cap, &slot->cap))
		return 1;
	return same_object(&parent->cap, &slot->cap) && (slot->cap.rights & ~parent->cap.rights) != 0;
}

unsigned cap_check(void)
{
	/* The last capability of each level, on the way from a root to the one looked at. */
	static const struct slot *path[CAP_LEVEL_MAX + 1];
	unsigned bad = 0, levels = 0;

	for (const struct slot *slot = list.next; slot != &list; slot = slot->next) {
		unsigned level = slot->cap.level;

		bad += slot->next->prev != slot || slot->prev->next != slot;
		bad += slot->cap.type == OBJECT_NULL || slot->cap.type >= OBJECT_TYPES;
		if (level > levels) {
			bad++; /* its parent is missing */
			level = levels;
		} else if (level > 0) {
			bad += check_pair(path[level - 1], slot);
		}
		path[level] = slot;
		levels = level + 1;
	}
	return bad;
}
