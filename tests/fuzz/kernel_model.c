/* SPDX-License-Identifier: Apache-2.0 */
#include "kernel_model.h"

#include <stdio.h>
#include <stdlib.h>

_Noreturn void model_failed(const char *file, int line, const char *text)
{
	fprintf(stderr, "%s:%d: %s\n", file, line, text);
	abort();
}

int model_add_object(struct model *model, unsigned type, unsigned size_bits, uint64_t base)
{
	static const uint16_t sizes[OBJECT_TYPES] = { [OBJECT_THREAD] = 1024,	   [OBJECT_SCHED_CONTEXT] = 256, [OBJECT_ENDPOINT] = 64,
						      [OBJECT_REPLY] = 64,	   [OBJECT_NOTIFICATION] = 64,	 [OBJECT_VSPACE] = 4096,
						      [OBJECT_PAGE_TABLE] = 4096, [OBJECT_GSPACE] = 16384,	 [OBJECT_VCPU] = 1024 };

	REQUIRE(model->objects < MODEL_OBJECTS);
	struct model_object *object = &model->object[model->objects];

	*object = (struct model_object){ .type = (uint8_t)type, .size_bits = (uint8_t)size_bits, .base = base, .size = sizes[type] };
	if (type == OBJECT_CNODE)
		object->size = UINT64_C(32) << size_bits;
	if (type == OBJECT_UNTYPED || type == OBJECT_UNTYPED_DEVICE || type == OBJECT_FRAME)
		object->size = UINT64_C(1) << size_bits;
	for (unsigned i = 0; i < MODEL_ENTRIES; i++)
		object->entry[i].object = MODEL_NONE;
	return model->objects++;
}

static int id_of(const struct model *model, const struct model_cap *cap)
{
	return (int)(cap - model->cap);
}

struct model_cap *model_add(struct model *model, int object, const struct model_cap *parent, int holder, unsigned index)
{
	for (unsigned i = 0; i < MODEL_CAPS; i++) {
		struct model_cap *cap = &model->cap[i];

		if (cap->live)
			continue;
		*cap = (struct model_cap){ .live = true,
					   .type = model->object[object].type,
					   .rights = RIGHT_ALL,
					   .size_bits = model->object[object].size_bits,
					   .object = object,
					   .parent = parent ? id_of(model, parent) : MODEL_NONE,
					   .holder = holder,
					   .index = index,
					   .mapped_in = MODEL_NONE };
		return cap;
	}
	model_failed(__FILE__, __LINE__, "the model is full");
}

struct model_cap *model_derive(struct model *model, const struct model_cap *source, int holder, unsigned index)
{
	struct model_cap *cap = model_add(model, source->object, source, holder, index);

	cap->rights = source->rights;
	cap->badge = source->badge;
	return cap;
}

void model_boot(struct model *model)
{
	*model = (struct model){ .objects = 0 };
	int cnode = model_add_object(model, OBJECT_CNODE, ROOT_CNODE_BITS, cap_range(&slot_at(CNODE)->cap).base);
	static const uint8_t controls[][2] = { { ROOT_SLOT_IRQ_CONTROL, OBJECT_IRQ_CONTROL },
					       { ROOT_SLOT_SCHED_CONTROL, OBJECT_SCHED_CONTROL },
					       { ROOT_SLOT_PLATFORM_CONTROL, OBJECT_PLATFORM_CONTROL } };
	static const uint8_t objects[][2] = { { ROOT_SLOT_THREAD, OBJECT_THREAD },
					      { ROOT_SLOT_VSPACE, OBJECT_VSPACE },
					      { ROOT_SLOT_SCHED_CONTEXT, OBJECT_SCHED_CONTEXT } };

	(void)model_add(model, cnode, NULL, cnode, CNODE);
	for (unsigned i = 0; i < 3; i++) {
		uint64_t base = cap_range(&slot_at(objects[i][0])->cap).base;

		(void)model_add(model, model_add_object(model, objects[i][1], 0, base), NULL, cnode, objects[i][0]);
		(void)model_add(model, model_add_object(model, controls[i][1], 0, 0), NULL, cnode, controls[i][0]);
	}
	for (cptr_t i = RAM; i <= ARCHIVE; i++) {
		const struct cap *cap = &slot_at(i)->cap;

		(void)model_add(model, model_add_object(model, cap->type, cap->size_bits, cap_range(cap).base), NULL, cnode, i);
	}
	int thread = model_lookup(model, ROOT_SLOT_THREAD)->object;

	(void)model_derive(model, model_lookup(model, CNODE), thread, INNER_CSPACE);
	(void)model_derive(model, model_lookup(model, VSPACE), thread, INNER_VSPACE);
}

struct model_cap *model_find(struct model *model, int holder, uint64_t index)
{
	for (unsigned i = 0; i < MODEL_CAPS; i++)
		if (model->cap[i].live && model->cap[i].holder == holder && model->cap[i].index == index)
			return &model->cap[i];
	return NULL;
}

struct model_cap *model_lookup(struct model *model, uint64_t cptr)
{
	return model_find(model, 0, cptr);
}

static int child_of(const struct model *model, const struct model_cap *cap)
{
	for (int i = 0; i < MODEL_CAPS; i++)
		if (model->cap[i].live && model->cap[i].parent == id_of(model, cap))
			return i;
	return MODEL_NONE;
}

bool model_has_children(const struct model *model, const struct model_cap *cap)
{
	return child_of(model, cap) != MODEL_NONE;
}

unsigned model_depth(const struct model *model, const struct model_cap *cap)
{
	unsigned depth = 0;

	for (; cap->parent != MODEL_NONE; depth++)
		cap = &model->cap[cap->parent];
	return depth;
}

struct model_entry *model_walk(struct model *model, int space, uint64_t at, unsigned level)
{
	struct model_object *table = &model->object[space];

	for (unsigned covers = 30;; covers -= 9) {
		struct model_entry *entry = &table->entry[at >> covers & 1];

		if (covers == level)
			return entry;
		if (entry->object == MODEL_NONE || model->object[entry->object].type != OBJECT_PAGE_TABLE)
			return NULL;
		table = &model->object[entry->object];
	}
}

void model_unmap(struct model *model, struct model_cap *cap)
{
	int space = cap->mapped_in;

	cap->mapped_in = MODEL_NONE;
	if (space == MODEL_NONE || model->object[space].dead)
		return;
	struct model_entry *entry = model_walk(model, space, cap->mapped_at, cap->level);

	if (entry && entry->object == cap->object)
		entry->object = MODEL_NONE;
}

static bool has_capability(const struct model *model, int object)
{
	for (unsigned i = 0; i < MODEL_CAPS; i++)
		if (model->cap[i].live && model->cap[i].object == object)
			return true;
	return false;
}

/* Takes out one capability. True: it was the last one of its object. */
static bool drop(struct model *model, struct model_cap *cap)
{
	model_unmap(model, cap);
	cap->live = false;
	model->object[cap->object].dead = !has_capability(model, cap->object);
	return model->object[cap->object].dead;
}

void model_remove(struct model *model, struct model_cap *cap)
{
	if (!drop(model, cap) || cap->type == OBJECT_CNODE)
		return;
	/* When the kernel is followed, the copies inside can be all that is left of a CNode: the order is not the tree's. */
	for (unsigned i = 0; i < MODEL_CAPS; i++)
		if (model->cap[i].live && model->cap[i].holder == cap->object)
			(void)drop(model, &model->cap[i]);
}

void model_delete(struct model *model, struct model_cap *cap, bool self)
{
	while (cap->live && (self || model_has_children(model, cap))) {
		struct model_cap *leaf = cap;

		while (model_has_children(model, leaf))
			leaf = &model->cap[child_of(model, leaf)];
		model_remove(model, leaf);
	}
	model_reap(model);
}

void model_reap(struct model *model)
{
	for (unsigned i = 0; i < MODEL_CAPS; i++) {
		struct model_cap *cap = &model->cap[i];

		if (!cap->live || !model->object[cap->holder].dead)
			continue;
		struct model_cap *leaf = cap;

		while (model_has_children(model, leaf))
			leaf = &model->cap[child_of(model, leaf)];
		model_remove(model, leaf);
		i = (unsigned)-1; /* from the start: others may be dead now */
	}
}
