/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ASIDs or VMIDs with generations and two wraps (tags.h).
 * Checks: no hart runs a space under a tag with another's translations.
 *
 * MUTANTS: NO_FLUSH FLUSH_FIRST TWO_LOADS HART_GENERATION_UNSEEN GENERATION_LATE LOOK_TWICE
 */
#include "tags.h"

init {
	atomic {
		run hart(0, 3);
		run hart(1, 3)
	}
}
