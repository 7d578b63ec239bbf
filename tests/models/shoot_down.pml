/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A mapping of a space is taken away from its table and from the TLBs of the harts in its mask, while two harts switch spaces and
 * tags wrap (tags.h).
 * Checks: when that is done, no hart runs the space with the translation, also not later.
 *
 * MUTANTS: MASK_LATE UNMAP_BY_TAG_ONLY
 */
#include "tags.h"

proctype unmapper()
{
	mapped = false;
	if
	:: may_hold[0] -> asked[0] = true
	:: else
	fi;
	if
	:: may_hold[1] -> asked[1] = true
	:: else
	fi;
	!asked[0] && !asked[1];
	unmapped = true
}

init {
	atomic {
		mapped = true;
		run hart(0, 1);
		run hart(1, 4);
		run unmapper()
	}
}
