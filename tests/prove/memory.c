/* SPDX-License-Identifier: Apache-2.0 */
/* One step of making objects out of untyped memory. Nothing is dying then: every invocation sees to that first. */
#include <untyped.h>

#include "environment.h"
#include "state.h"

static bool had_children(unsigned place)
{
	bool found = false;

	for (unsigned i = 0; i < PLACES; i++)
		found |= before.above[place][i];
	return found;
}

static void check_made(unsigned untyped, unsigned place, const struct retype_arguments *arguments)
{
	const struct cap *parent = &before.cap[untyped], *cap = &after.cap[place];
	struct span span = after.span[place];

	CHECK(!before.full[place] && after.full[place], "what is made goes to an empty slot");
	CHECK(cap->type == arguments->type, "what is made has the type asked for");
	CHECK(after.above[untyped][place] && cap->level == parent->level + 1, "what is made is a child of the untyped");
	CHECK(!had_children(untyped) || span.first - before.span[untyped].first >= parent->word, "what is made lies above the old watermark");
	CHECK(cap->rights == (parent->type == OBJECT_UNTYPED ? RIGHT_ALL : RIGHT_ALL | CAP_DEVICE), "what is made has all rights");
	if (cap->type == OBJECT_UNTYPED || parent->type == OBJECT_UNTYPED_DEVICE)
		return;
	CHECK(witness.unit < span.first || witness.unit > span.last || witness.zero, "what is made is zero");
}

/* Makes `count` objects in CNode 0, from its first slot on, out of the untyped in this place. */
static void check_retype(bool split, unsigned count, unsigned untyped, unsigned empty)
{
	state_any(DYING_NONE, empty);
	struct cap cnode = any_cnode(0);
	struct retype_arguments arguments = { nondet_u64(), nondet_u64(), &cnode, 1, count };
	bool made[PLACES] = { false };

	__CPROVER_assume(before.full[untyped] && is_untyped(&before.cap[untyped]));
	__CPROVER_assume(split == (arguments.type == OBJECT_UNTYPED));
	zeroing = untyped;
	enum err err = untyped_retype(place_slot(untyped), &arguments);

	for (unsigned i = 0; i < count; i++)
		made[i] = !err;
	state_read(PLACES);
	state_invariant(&after, false);
	state_unchanged(made, err && err != ERR_RESTART ? PLACES : untyped);
	for (unsigned i = 0; i < count; i++)
		if (!err) {
			check_made(untyped, i, &arguments);
			state_grace(i);
		}
	CHECK(ended.count == 0, "no object ends");
	if (!err)
		REACHED("retype");
	else if (err != ERR_RESTART)
		REACHED("retype refuses");
	else if (!split)
		REACHED("retype is interrupted");
}

/* One object; its slot may be taken. */
void prove_retype(void)
{
	check_retype(false, 1, 1, 0);
}

void prove_split(void)
{
	check_retype(true, 1, 1, 0);
}

#ifdef PROVE_WIDE
/* Two objects, side by side, into empty slots. */
void prove_retype_two(void)
{
	check_retype(false, 2, 2, 3);
}

void prove_split_two(void)
{
	check_retype(true, 2, 2, 3);
}
#endif
