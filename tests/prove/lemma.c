/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The range of a capability, computed in a way that is easier on the solver. In the proofs of the operations it takes the
 * place of the kernel's cap_range; the proof here says that the two are equal for all capabilities of a well-formed state.
 */
#include "state.h"

struct cap_range prove_cap_range(const struct cap *cap)
{
	struct span span = cap_span(cap);
	bool one = cap->type == OBJECT_SCHED_CONTROL || cap->type == OBJECT_PLATFORM_CONTROL;

	if (span.any)
		return (struct cap_range){ (uint64_t)span.first << 6, ((uint64_t)(span.last - span.first) + 1) << 6 };
	if (cap->type == OBJECT_IRQ_HANDLER)
		return (struct cap_range){ (UINT64_C(1) << 60) + cap->object, 1 };
	if (cap->type == OBJECT_IRQ_CONTROL)
		return (struct cap_range){ UINT64_C(1) << 60, 4096 };
	return (struct cap_range){ one ? (uint64_t)(cap->type == OBJECT_SCHED_CONTROL ? 2 : 3) << 60 : 0, one };
}

void prove_span(void)
{
	struct cap cap = nondet_cap();

	__CPROVER_assume(cap_good(&cap) || cap.type == OBJECT_NULL);
	struct cap_range kernel = cap_range(&cap), ours = prove_cap_range(&cap);

	CHECK(kernel.base == ours.base && kernel.size == ours.size, "the kernel's range of a capability is the memory it stands for");
	if (cap.type == OBJECT_FRAME)
		REACHED("span of a frame");
}
