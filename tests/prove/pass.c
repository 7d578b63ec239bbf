/* SPDX-License-Identifier: Apache-2.0 */
/* One step of passing a capability along with a message. It is private to its file: that file is a part of this one. */
#include "map.h"

#include "../../kernel/endpoint.c"
#include "state.h"

static struct thread sender, receiver;

/* A thread has a CNode, or none: then its slot is empty. */
static struct cap any_cspace(unsigned table)
{
	struct cap cap = any_cnode(table);

	return cap.type == OBJECT_CNODE ? cap : (struct cap){ 0 };
}

static bool pass(unsigned empty)
{
	state_any(DYING_NONE, empty);
	sender.cspace.cap = any_cspace(0);
	receiver.cspace.cap = any_cspace(1);
	receiver.receive_slot = 1;
	return pass_capability(&sender, 1, &receiver);
}

void prove_pass_grace(void)
{
	if (!pass(2))
		return;
	REACHED("pass");
	state_grace(1);
}

void prove_pass(void)
{
	const unsigned from = 0, to = 1;
	bool passed = pass(0);
	bool changed[PLACES] = { false };

	changed[to] = passed;
	state_read(from);
	state_invariant(&after, false);
	state_unchanged(changed, PLACES);
	if (!passed) {
		REACHED("pass refuses");
		return;
	}
	REACHED("pass");
	const struct cap *cap = &after.cap[to];

	CHECK(before.full[from] && !before.full[to] && after.full[to], "a capability goes from a full slot to an empty one");
	CHECK(same_thing(&before.cap[from], before.span[from], &after.cap[to], after.span[to]) && after.above[from][to], "what is passed is derived from the sender's");
	CHECK(cap->rights == before.cap[from].rights, "the rights are those of the sender's");
	CHECK(cap->type == OBJECT_FRAME ? cap->word == 0 && cap->page_number == 0 : cap->word == before.cap[from].word,
			 "what is passed has the sender's badge and no mapping");
}
