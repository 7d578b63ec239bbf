/* SPDX-License-Identifier: Apache-2.0 */
/* Compares the naive model with the kernel: capabilities, parents, memory, mappings. */
#include "kernel_model.h"

#include <abi/types.h>

struct slot *model_slot(const struct model *model, const struct model_cap *cap)
{
	const struct model_object *holder = &model->object[cap->holder];
	void *memory = holder->size ? arch_pointer(paddr(holder->base)) : NULL;
	struct thread *thread = memory;
	struct vcpu *vcpu = memory;

	if (holder->type == OBJECT_CNODE)
		return (struct slot *)memory + cap->index;
	switch ((enum model_inner)cap->index) {
	case INNER_CSPACE:
		return &thread->cspace;
	case INNER_VSPACE:
		return &thread->vspace;
	case INNER_FAULT:
		return &thread->fault_endpoint;
	case INNER_GSPACE:
		return &vcpu->gspace;
	case INNER_FRAME:
		return &vcpu->frame;
	case INNER_IRQ:
		break;
	}
	return NULL; /* inside the kernel's own table of interrupts */
}

/* The kernel's parent: the nearest one before with a lower level. */
static const struct slot *kernel_parent(const struct slot *slot)
{
	const struct slot *before = slot->prev;

	while (!slot_empty(before) && before->cap.level >= slot->cap.level)
		before = before->prev;
	return slot_empty(before) ? NULL : before;
}

static bool of_device(const struct model_object *object)
{
	return object->base < HOST_MEMORY_BASE || object->base >= ARCHIVE_BASE;
}

static void compare_cap(const struct model *model, const struct model_cap *cap)
{
	const struct slot *slot = model_slot(model, cap);
	const struct model_object *object = &model->object[cap->object];

	if (!slot)
		return;
	REQUIRE(slot->cap.type == cap->type);
	REQUIRE((slot->cap.rights & RIGHT_ALL) == cap->rights);
	if (cap->type == OBJECT_FRAME)
		REQUIRE(!(slot->cap.rights & CAP_DEVICE) == !of_device(object));
	REQUIRE(slot->cap.level == model_depth(model, cap));
	if (object->size) {
		REQUIRE(cap_range(&slot->cap).base == object->base);
		REQUIRE(cap_range(&slot->cap).size == object->size);
	}
	if (cap->type == OBJECT_ENDPOINT || cap->type == OBJECT_NOTIFICATION)
		REQUIRE(slot->cap.word == cap->badge);
	if (cap->type == OBJECT_FRAME || cap->type == OBJECT_PAGE_TABLE) {
		bool mapped = cap->mapped_in != MODEL_NONE && !model->object[cap->mapped_in].dead;

		REQUIRE((space_find(slot->cap.word) != NULL) == mapped);
	}
	const struct slot *parent = kernel_parent(slot);

	REQUIRE((parent == NULL) == (cap->parent == MODEL_NONE));
	if (!parent)
		return;
	REQUIRE(model->cap[cap->parent].live);
	REQUIRE(parent == model_slot(model, &model->cap[cap->parent]));
	REQUIRE((cap->rights & ~model->cap[cap->parent].rights) == 0 || cap->object != model->cap[cap->parent].object);
}

static bool is_untyped(const struct model_object *object)
{
	return object->type == OBJECT_UNTYPED || object->type == OBJECT_UNTYPED_DEVICE;
}

static bool apart(const struct model_object *a, const struct model_object *b)
{
	return a->base + a->size <= b->base || b->base + b->size <= a->base;
}

static bool within(const struct model_object *inner, const struct model_object *outer)
{
	return inner->base >= outer->base && inner->base + inner->size <= outer->base + outer->size;
}

static void compare_memory(const struct model *model)
{
	for (int i = 0; i < model->objects; i++)
		for (int j = 0; j < i; j++) {
			const struct model_object *a = &model->object[i], *b = &model->object[j];

			if (a->dead || b->dead || !a->size || !b->size || apart(a, b))
				continue;
			REQUIRE((is_untyped(b) && within(a, b)) || (is_untyped(a) && within(b, a)));
		}
}

static void compare_mappings(struct model *model, const struct model_cap *cap)
{
	const struct space *space = space_find(model_slot(model, cap)->cap.word);

	REQUIRE(space);
	for (uint64_t at = 0; at < 8; at++) {
		uint64_t address = (at >> 2 & 1) << 30 | (at >> 1 & 1) << 21 | (at & 1) << 12, found = 0;
		unsigned rights = 0;
		bool mapped = host_translate(space, address, &found, &rights);
		const struct model_entry *entry = NULL;

		for (unsigned level = 30; level >= 12; level -= 9) {
			entry = model_walk(model, cap->object, address, level);
			if (!entry || entry->object == MODEL_NONE || model->object[entry->object].type == OBJECT_FRAME)
				break;
		}
		bool expected = entry && entry->object != MODEL_NONE && model->object[entry->object].type == OBJECT_FRAME;

		REQUIRE(mapped == expected);
		if (!mapped)
			continue;
		const struct model_object *frame = &model->object[entry->object];

		REQUIRE(!frame->dead);
		REQUIRE(found == frame->base + (address & (frame->size - 1)));
		REQUIRE(rights == entry->rights);
	}
}

void model_compare(struct model *model)
{
	unsigned expected = 0, found = 0;

	REQUIRE(cap_check() == 0);
	for (unsigned i = 0; i < MODEL_CAPS; i++) {
		if (!model->cap[i].live)
			continue;
		expected++;
		compare_cap(model, &model->cap[i]);
		if ((model->cap[i].type == OBJECT_VSPACE || model->cap[i].type == OBJECT_GSPACE) && model_slot(model, &model->cap[i]))
			compare_mappings(model, &model->cap[i]);
	}
	for (const struct slot *slot = slot_at(CNODE)->next; slot != slot_at(CNODE); slot = slot->next)
		found += !slot_empty(slot);
	REQUIRE(found + 1 == expected);
	compare_memory(model);
}
