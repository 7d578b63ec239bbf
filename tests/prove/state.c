/* SPDX-License-Identifier: Apache-2.0 */
/* Makes an arbitrary state and reads one back. The kernel's list is private to its file: that file is a part of this one. */
#include "map.h"

#include "../../kernel/cap.c"
#include "state.h"

/* The CNodes, and the slot inside an object. Separate variables: CBMC follows a pointer to one of them far better. */
static struct slot first[4], second[2], third[2], fourth[2], inner;

struct table tables[TABLES];
struct holder holder;
struct witness witness;
struct ended ended;
uint8_t base_level;
struct view before, after;

static struct slot *table_slots(unsigned table)
{
	return table == 0 ? first : table == 1 ? second : table == 2 ? third : fourth;
}

unsigned place_table(unsigned place)
{
	return place < FIRST_SLOTS ? 0 : place + 1 - FIRST_SLOTS;
}

unsigned place_index(unsigned place)
{
	return place < FIRST_SLOTS ? place + 1 : 1;
}

struct slot *place_slot(unsigned place)
{
	return place == PLACE_INNER ? &inner : &table_slots(place_table(place))[place_index(place)];
}

unsigned table_bits(unsigned table)
{
	return table == 0 ? FIRST_SLOTS : 1;
}

/* Fixed, so that CBMC need not look for a CNode; what else lies around them is arbitrary. */
uint64_t table_address(unsigned table)
{
	return table == 0 ? 0x10000 : table == 1 ? 0x10080 : table == 2 ? 0x100c0 : 0x80000;
}

unsigned table_named(const struct cap *cap)
{
	for (unsigned t = 0; t < TABLES; t++)
		if (cap->type == OBJECT_CNODE && cap->object == table_address(t))
			return t;
	return TABLES;
}

struct slot *prove_cnode(const struct cap *cap)
{
	for (unsigned t = 0; t < TABLES; t++)
		if (cap->object == table_address(t))
			return table_slots(t);
	CHECK(false, "a CNode's slots are reached through a capability for a CNode of the model");
	__CPROVER_assume(false);
	return NULL;
}

static uint64_t emptied_at[PLACES];

/* Any values, within the types. */
static void fill_places(unsigned empty)
{
	for (unsigned i = 0; i < PLACES; i++) {
		struct slot *slot = place_slot(i);

		slot->cap = nondet_cap();
		if (empty >> i & 1)
			slot->cap.type = OBJECT_NULL;
		slot->prev = slot->next = NULL;
		if (empty >> i & 1) {
			emptied_at[i] = nondet_u64();
			__CPROVER_assume(emptied_at[i] <= smp_epoch);
			slot->next = (struct slot *)emptied_at[i];
		}
		before.cap[i] = slot->cap;
		before.full[i] = slot->cap.type != OBJECT_NULL;
		before.position[i] = nondet_u8();
		__CPROVER_assume(before.position[i] <= PLACES && (before.position[i] != 0) == before.full[i]);
		for (unsigned j = 0; j < i; j++)
			__CPROVER_assume(!before.full[i] || before.position[i] != before.position[j]);
	}
}

static bool anyone_at(unsigned position)
{
	bool found = false;

	for (unsigned i = 0; i < PLACES; i++)
		found |= before.position[i] == position;
	return found;
}

/* Links the places in the order of their positions, which have no gaps. */
static void link_places(void)
{
	cap_reset();
	for (unsigned position = 2; position <= PLACES; position++)
		__CPROVER_assume(anyone_at(position - 1) || !anyone_at(position));
	for (unsigned i = 0; i < PLACES; i++) {
		struct slot *slot = place_slot(i);

		if (!before.full[i])
			continue;
		slot->prev = slot->next = &list;
		if (before.position[i] == 1)
			list.next = slot;
		if (!anyone_at(before.position[i] + 1u))
			list.prev = slot;
		for (unsigned j = 0; j < PLACES; j++) {
			if (before.full[j] && before.position[j] == before.position[i] + 1)
				slot->next = place_slot(j);
			if (before.full[j] && before.position[j] + 1 == before.position[i])
				slot->prev = place_slot(j);
		}
	}
}

static void fill_queue(enum dying which)
{
	for (unsigned t = 0; t < TABLES; t++) {
		before.queue[t] = 0;
		before.next_index[t] = 0;
		*table_slots(t) = (struct slot){ 0 };
	}
	if (which == DYING_NONE)
		return;
	before.queue[0] = 1;
	before.next_index[0] = which == DYING_FIRST ? 1 : 1u << table_bits(0);
	before.queue[1] = nondet_bool() ? 2 : 0;
	before.next_index[1] = nondet_u32();
	first->cap.size_bits = (uint8_t)table_bits(0);
	first->cap.word = before.next_index[0];
	second->cap.size_bits = (uint8_t)table_bits(1);
	second->cap.word = before.next_index[1];
	first->next = before.queue[1] ? second : NULL;
	dying = first;
}

static void any_environment(void)
{
	for (unsigned t = 0; t < TABLES; t++)
		tables[t].fixed = nondet_bool();
	holder.type = PROVE_HOLDER;
	holder.fixed = nondet_bool();
	holder.object = nondet_u64();
	base_level = nondet_u8();
	witness.unit = nondet_u32();
	witness.zero = nondet_bool();
	ended.count = 0;
	smp_epoch = nondet_u64();
	__CPROVER_assume(smp_epoch > 0 && smp_epoch < UINT64_MAX / 2); /* it counts from 1 */
}

void state_any(enum dying which, unsigned empty)
{
	any_environment();
	fill_places(empty);
	link_places();
	fill_queue(which);
	view_derive(&before, NULL, PLACES);
	state_invariant(&before, true);
	/* The bound of the model: no other CNode has a capability in it. */
	for (unsigned i = 0; i < PLACES; i++)
		__CPROVER_assume(!before.full[i] || before.cap[i].type != OBJECT_CNODE || table_named(&before.cap[i]) != TABLES);
}

static void read_list(void)
{
	const struct slot *slot = list.next, *previous = &list;
	unsigned position = 1;

	for (; position <= PLACES && slot != &list; position++) {
		unsigned found = PLACES;

		for (unsigned i = 0; i < PLACES; i++)
			if (slot == place_slot(i))
				found = i;
		CHECK(found != PLACES, "the list holds slots only");
		__CPROVER_assume(found != PLACES);
		CHECK(after.position[found] == 0, "the list holds each slot once");
		CHECK(slot->prev == previous, "the list leads back as it leads forth");
		after.position[found] = (uint8_t)position;
		previous = slot;
		for (unsigned i = 0; i < PLACES; i++)
			if (found == i)
				slot = place_slot(i)->next;
	}
	CHECK(slot == &list && list.prev == previous, "the list ends where it began");
}

static void read_queue(void)
{
	const struct slot *header = dying;

	for (unsigned position = 1; position <= TABLES && header; position++) {
		unsigned found = TABLES;

		for (unsigned t = 0; t < TABLES; t++)
			if (header == table_slots(t))
				found = t;
		CHECK(found != TABLES && after.queue[found] == 0, "each dying CNode is in the queue once");
		__CPROVER_assume(found != TABLES);
		after.queue[found] = (uint8_t)position;
		for (unsigned t = 0; t < TABLES; t++)
			if (found == t)
				header = table_slots(t)->next;
	}
	CHECK(!header, "the queue of dying CNodes ends");
	for (unsigned t = 0; t < TABLES; t++) {
		const struct cap *cap = &table_slots(t)->cap;

		after.next_index[t] = cap->word;
		CHECK(!after.queue[t] || cap->size_bits == table_bits(t), "a dying CNode knows its size");
		CHECK(slot_empty(table_slots(t)), "slot 0 of a CNode holds no capability");
	}
}

void state_read(unsigned source)
{
	for (unsigned i = 0; i < PLACES; i++) {
		after.cap[i] = place_slot(i)->cap;
		after.full[i] = !slot_empty(place_slot(i));
		after.position[i] = 0;
	}
	for (unsigned t = 0; t < TABLES; t++)
		after.queue[t] = 0;
	read_list();
	read_queue();
	for (unsigned i = 0; i < PLACES; i++)
		CHECK(after.full[i] == (after.position[i] != 0), "the list holds what is not empty, and nothing else");
	view_derive(&after, &before, source);
}

unsigned state_measure(const struct view *view)
{
	unsigned sum = 0;

	for (unsigned i = 0; i < PLACES; i++)
		sum += view->full[i] ? 16u : 0u;
	for (unsigned t = 0; t < TABLES; t++)
		sum += view->queue[t] ? (1u << table_bits(t)) + 1u - view->next_index[t] : 0u;
	return sum;
}

void state_unchanged(const bool *except, unsigned used)
{
	for (unsigned i = 0; i < PLACES; i++) {
		if (except[i])
			continue;
		const struct cap *old = &before.cap[i];
		struct cap cap = after.cap[i];

		if (i == used) { /* watermark and progress of zeroing */
			cap.word = old->word;
			cap.clean = old->clean;
		}
		CHECK(before.full[i] == after.full[i] && (!before.full[i] || same_cap(old, &cap)),
				 "an uninvolved slot keeps its capability");
		for (unsigned j = 0; j < PLACES; j++)
			CHECK(except[j] || before.above[i][j] == after.above[i][j],
					 "what was derived from what stays as it was");
	}
}

struct cap any_cnode(unsigned table)
{
	struct cap cap = nondet_cap();

	if (nondet_bool()) {
		cap.type = OBJECT_CNODE;
		cap.object = table_address(table);
		cap.size_bits = (uint8_t)table_bits(table);
		cap.word = 1u << table_bits(table);
		__CPROVER_assume(table_live(&before, table) && !before.queue[table]);
	} else {
		__CPROVER_assume(cap.type != OBJECT_CNODE);
	}
	return cap;
}

void state_delete_leaf(unsigned place)
{
	delete_leaf(place_slot(place));
}

void state_grace(unsigned place)
{
	CHECK(emptied_at[place] != smp_epoch, "a slot is filled again after a grace period only");
}
