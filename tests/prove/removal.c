/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Deletion. Each step deletes at most one capability that nothing is derived from. First that one: the kernel's delete_leaf for
 * a slot in a CNode, in a dying CNode, and inside an object. Then the choice of it by each kind of step, with
 * prove_delete_leaf in the place of delete_leaf: it demands what the first proofs rest on.
 */
#include "state.h"

static bool has_end(const struct cap *cap)
{
	return cap->type == OBJECT_THREAD || cap->type == OBJECT_SCHED_CONTEXT || cap->type == OBJECT_ENDPOINT ||
	       cap->type == OBJECT_REPLY || cap->type == OBJECT_NOTIFICATION || cap->type == OBJECT_VSPACE ||
	       cap->type == OBJECT_GSPACE || cap->type == OBJECT_VCPU || cap->type == OBJECT_IRQ_HANDLER;
}

static bool was_told(const struct cap *cap)
{
	if (cap->type == OBJECT_VSPACE || cap->type == OBJECT_GSPACE)
		return ended.type == OBJECT_VSPACE && ended.object == cap->word;
	return ended.type == cap->type && ended.object == cap->object;
}

/* An object ends with its last capability: not before, not later, and once. */
static void check_end(unsigned place)
{
	const struct cap *cap = &before.cap[place];
	bool last = true;

	for (unsigned i = 0; i < PLACES; i++)
		last &= !(after.full[i] && same_thing(&before.cap[place], before.span[place], &after.cap[i], after.span[i]));
	if (has_end(cap))
		CHECK(last ? ended.count == 1 && was_told(cap) : ended.count == 0, "an object ends with its last capability");
	else
		CHECK(ended.count == 0, "nothing ends but the object of the capability");
	if (cap->type == OBJECT_CNODE)
		CHECK(last == (after.queue[table_named(cap)] != 0), "a CNode begins to die with its last capability");
}

static void check_leaf(unsigned leaf)
{
	bool gone[PLACES];

	state_read(PLACES);
	state_invariant(&after, false);
	for (unsigned i = 0; i < PLACES; i++) {
		gone[i] = before.full[i] && !after.full[i];
		/* The object takes along the copies that it holds. */
		CHECK(i == leaf || !gone[i] || (i == PLACE_INNER && ended.count == 1 && ended.type == holder.type &&
						  ended.object == holder.object), "only the leaf is deleted, and what its object held");
	}
	CHECK(gone[leaf], "the leaf is deleted");
	check_end(leaf);
	state_unchanged(gone, PLACES);
	CHECK(state_measure(&after) < state_measure(&before), "a deletion brings the end nearer");
	for (unsigned t = 0; t < TABLES; t++)
		CHECK(!before.queue[t] || (after.queue[t] && after.next_index[t] == before.next_index[t]), "who is dying goes on doing so");
	REACHED("leaf");
	if (leaf != PLACE_INNER && gone[PLACE_INNER])
		REACHED("an object drops what it holds");
}

static void leaf(enum dying dying, unsigned place)
{
	state_any(dying, 0);
	__CPROVER_assume(before.full[place]);
	for (unsigned i = 0; i < PLACES; i++)
		__CPROVER_assume(!before.above[place][i]);
	state_delete_leaf(place);
	check_leaf(place);
}

void prove_leaf(void)
{
	leaf(DYING_NONE, 0);
}

void prove_leaf_inner(void)
{
	leaf(DYING_NONE, PLACE_INNER);
}

void prove_leaf_dying(void)
{
	leaf(DYING_FIRST, 0);
}

void prove_leaf_dying_other(void)
{
	leaf(DYING_FIRST, 2);
}

void prove_leaf_dying_inner(void)
{
	leaf(DYING_FIRST, PLACE_INNER);
}

/* What a step chose: the place, and how many. */
static unsigned chosen, chosen_count;

void prove_delete_leaf(struct slot *slot);
void prove_delete_leaf(struct slot *slot)
{
	chosen = PLACES;
	chosen_count++;
	for (unsigned i = 0; i < PLACES; i++)
		if (slot == place_slot(i))
			chosen = i;
	CHECK(chosen < PLACES, "a slot is deleted");
	for (unsigned i = 0; i < PLACES; i++) {
		CHECK(i != chosen || before.full[i], "a full slot is deleted");
		for (unsigned j = 0; j < PLACES; j++)
			CHECK(i != chosen || !before.above[i][j], "nothing is derived from what is deleted");
	}
}

static bool chose(unsigned top, bool itself)
{
	bool found = itself && chosen == top;

	for (unsigned i = 0; i < PLACES; i++)
		found |= chosen == i && before.above[top][i];
	return found;
}

static bool has_children(unsigned place)
{
	bool found = false;

	for (unsigned i = 0; i < PLACES; i++)
		found |= before.above[place][i];
	return found;
}

/* A step of reaping comes first in each. True: it was all. */
static bool check_reap(enum dying which, bool done)
{
	bool none[PLACES] = { false };

	CHECK(chosen_count <= 1, "a step deletes one capability at most");
	CHECK(!done || chosen_count == 0, "done: there was nothing to delete");
	if (which == DYING_NONE) {
		for (unsigned i = 0; i < PLACES; i++)
			CHECK(!before.full[i] || same_cap(&before.cap[i], &place_slot(i)->cap), "nothing else happens");
		return false;
	}
	state_read(PLACES);
	state_invariant(&after, false);
	state_unchanged(none, PLACES);
	CHECK(done || chosen_count == 1 || state_measure(&after) < state_measure(&before), "each step brings the end nearer");
	for (unsigned t = 0; t < TABLES; t++)
		CHECK(!done || !after.queue[t], "done: nothing is dying");
	if (which == DYING_FIRST) {
		CHECK(before.full[0] ? chosen_count == 1 && chose(0, true) : chosen_count == 0, "a dying CNode's slots are emptied");
		CHECK(!done && after.queue[0], "a CNode is dying until its last slot was passed");
		REACHED("a dying CNode");
		return true;
	}
	CHECK(!after.queue[0], "a CNode that is through is dead");
	CHECK(!before.queue[1] || (!done && chosen_count == 0), "the next CNode is not forgotten");
	return before.queue[1];
}

static void reap(enum dying which)
{
	state_any(which, 0);
	bool done = cap_reap_step();

	if (check_reap(which, done))
		return;
	CHECK(done && chosen_count == 0, "reaped: nothing else happens");
	REACHED("reaped");
}

static void revoke(enum dying which, unsigned target, bool itself)
{
	state_any(which, 0);
	bool done = itself ? cap_delete_step(place_slot(target)) : cap_revoke_step(place_slot(target));

	if (check_reap(which, done))
		return;
	if (has_children(target) || (itself && before.full[target])) {
		REACHED("something to delete");
		CHECK(!done && chosen_count == 1 && chose(target, itself), "what was derived is deleted, the last first");
	} else {
		REACHED("nothing to delete");
		CHECK(done, "done: nothing is derived from it");
	}
}

/* Each with nothing dying, with a CNode that has a slot to empty, and with one that is through. */
void prove_reap(void)
{
	reap(DYING_NONE);
}

void prove_reap_first(void)
{
	reap(DYING_FIRST);
}

void prove_reap_last(void)
{
	reap(DYING_LAST);
}

void prove_revoke(void)
{
	revoke(DYING_NONE, 0, false);
}

void prove_revoke_first(void)
{
	revoke(DYING_FIRST, 2, false);
}

void prove_revoke_last(void)
{
	revoke(DYING_LAST, 2, false);
}

void prove_delete(void)
{
	revoke(DYING_NONE, 0, true);
}

void prove_delete_first(void)
{
	revoke(DYING_FIRST, 2, true);
}

void prove_delete_last(void)
{
	revoke(DYING_LAST, 2, true);
}
