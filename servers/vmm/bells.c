/* SPDX-License-Identifier: Apache-2.0 */
#include <libsys/invoke.h>
#include <libsys/syscalls.h>
#include <libsys/task.h>
#include "bells.h"

static bool same(const struct bell *a, const struct bell *b)
{
	return a->address == b->address && a->signal == b->signal;
}

static enum err set(struct vcpu *vcpu, unsigned index, const struct bell *bell)
{
	vcpu->bell[index] = *bell;
	return vcpu_set_bell(vcpu->cap, index, bell->address, bell->signal);
}

void bells_apply(struct vcpu *vcpu)
{
	/* The server may be gone for good, and its notification with it: then stores are exits, which find that out. */
	static const struct bell none;

	for (unsigned i = 0; i < VCPU_BELLS; i++) {
		const struct bell *bell = &vcpu->harts->bell[i];

		if (same(&vcpu->bell[i], bell))
			continue;
		if (set(vcpu, i, bell) != ERR_OK)
			set(vcpu, i, &none);
	}
}

void bells_set(struct harts *harts, unsigned index, uint64_t address, cptr_t signal)
{
	struct bell bell = { address, address ? signal : 0 };

	if (same(&harts->bell[index], &bell))
		return;
	harts->bell[index] = bell;
	bells_apply(harts->holder);
	for (uint32_t i = 0; i < harts->count; i++) {
		struct vcpu *other = &harts->vcpu[i];
		enum err error = other == harts->holder ? ERR_OK : sys_vcpu_kick(other->cap, 0);

		if (error != ERR_OK)
			task_fail("vcpu %u cannot be interrupted (error %u)", other->hart, (unsigned)error);
	}
}
