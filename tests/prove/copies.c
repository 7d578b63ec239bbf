/* SPDX-License-Identifier: Apache-2.0 */
/* One step of every operation that copies or moves a capability. */
#include <cnode.h>

#include "map.h"
#include "state.h"

/* Places of source and destination: the slots of CNode 0 and CNode 1. */
enum { FROM = 0, TO = 1 };

static void same_queue(void)
{
	for (unsigned t = 0; t < TABLES; t++)
		CHECK(before.queue[t] == after.queue[t], "no CNode begins or ends to die");
}

static void finish(const bool *changed)
{
	state_read(FROM);
	state_invariant(&after, false);
	state_unchanged(changed, PLACES);
	same_queue();
	CHECK(ended.count == 0, "no object ends");
}

static void check_copy(unsigned from, unsigned to)
{
	CHECK(before.full[from] && !before.full[to] && after.full[to], "a copy goes from a full slot to an empty one");
	CHECK(same_thing(&before.cap[from], before.span[from], &after.cap[to], after.span[to]), "a copy names the same object");
	CHECK(after.above[from][to] && after.cap[to].level == before.cap[from].level + 1, "a copy is a child of its source");
	CHECK((after.cap[to].rights & ~before.cap[from].rights) == 0, "a copy has no right that its source lacks");
	if (after.cap[to].type == OBJECT_FRAME)
		CHECK(after.cap[to].word == 0 && after.cap[to].page_number == 0, "a copy of a frame is not mapped");
}

/* What the two operations below and all others rest on: an index and a count lead to slots of the CNode, never to slot 0. */
void prove_range(void)
{
	state_any(DYING_NONE, 0);
	struct cap cnode = any_cnode(0);
	struct slot *first = NULL;
	uint64_t index = nondet_u64(), count = nondet_u64();
	uint64_t slots = UINT64_C(1) << table_bits(0);
	enum err err = cnode_range(&cnode, index, count, &first);

	if (err) {
		REACHED("range refuses");
		CHECK(cnode.type != OBJECT_CNODE || index == 0 || count == 0 || index >= slots || count > slots - index,
				 "a range inside the CNode is not refused");
		return;
	}
	REACHED("range");
	CHECK(cnode.type == OBJECT_CNODE && index > 0 && index < slots && count > 0 && count <= slots - index,
			 "a range lies inside the CNode");
	CHECK(first == prove_cnode(&cnode) + index, "a range begins at its index");
}

/* From CNode 0 to CNode 1. */
static struct mint_arguments any_copy(struct cap *to_cnode, struct cap *from_cnode, unsigned empty)
{
	state_any(DYING_NONE, empty);
	*from_cnode = any_cnode(0);
	*to_cnode = any_cnode(1);
	return (struct mint_arguments){ from_cnode, 1, 1, nondet_u64(), nondet_u64() };
}

void prove_mint(void)
{
	struct cap to_cnode, from_cnode;
	struct mint_arguments arguments = any_copy(&to_cnode, &from_cnode, 0);
	enum err err = cnode_mint(&to_cnode, &arguments);
	bool changed[PLACES] = { [TO] = !err };

	finish(changed);
	if (err) {
		REACHED("mint refuses");
		return;
	}
	REACHED("mint");
	check_copy(FROM, TO);
	CHECK((after.cap[TO].rights & ~(arguments.rights | CAP_DEVICE)) == 0, "a minted capability has the rights asked for");
	if (arguments.badge) {
		REACHED("mint with a badge");
		CHECK(after.cap[TO].word == arguments.badge && before.cap[FROM].word == 0, "a badge is put on once, in full");
	}
}

void prove_move(void)
{
	struct cap to_cnode, from_cnode;
	struct mint_arguments arguments = any_copy(&to_cnode, &from_cnode, 0);
	enum err err = cnode_move(&to_cnode, &arguments);
	bool changed[PLACES] = { [FROM] = !err, [TO] = !err };

	finish(changed);
	if (err) {
		REACHED("move refuses");
		return;
	}
	REACHED("move");
	CHECK(before.full[FROM] && !before.full[TO] && !after.full[FROM], "a move empties its source");
	CHECK(same_cap(&before.cap[FROM], &after.cap[TO]), "a move changes nothing in the capability");
	for (unsigned i = 0; i < PLACES; i++)
		CHECK(i == TO || i == FROM ||
					 (before.above[i][FROM] == after.above[i][TO] && before.above[FROM][i] == after.above[TO][i]),
				 "a move changes nothing in derivation");
}

void prove_mint_grace(void)
{
	struct cap to_cnode, from_cnode;
	struct mint_arguments arguments = any_copy(&to_cnode, &from_cnode, 1u << TO);

	if (cnode_mint(&to_cnode, &arguments))
		return;
	REACHED("mint");
	state_grace(TO);
}

void prove_move_grace(void)
{
	struct cap to_cnode, from_cnode;
	struct mint_arguments arguments = any_copy(&to_cnode, &from_cnode, 1u << TO);

	if (cnode_move(&to_cnode, &arguments))
		return;
	REACHED("move");
	state_grace(TO);
}

/* What configuring a thread or vCPU and binding an interrupt do: the copy inside the object is replaced. */
void prove_configure(void)
{
	state_any(DYING_NONE, 0);
	struct cap cap = before.cap[FROM];
	bool changed[PLACES] = { [PLACE_INNER] = true };

	__CPROVER_assume(before.full[FROM] && cap.level < CAP_LEVEL_MAX && holder_live(&before));
	__CPROVER_assume(may_be_held(cap.type));
	cap_drop_copy(place_slot(PLACE_INNER));
	if (cap.type == OBJECT_FRAME)
		cap.word = cap.page_number = 0;
	before.full[PLACE_INNER] = false;
	cap_insert_child(place_slot(FROM), place_slot(PLACE_INNER), cap);
	REACHED("configure");
	finish(changed);
	check_copy(FROM, PLACE_INNER);
}
