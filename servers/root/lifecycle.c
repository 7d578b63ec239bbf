/* SPDX-License-Identifier: Apache-2.0 */
#include "lifecycle.h"

void lifecycle_started(struct lifecycle *life, uint64_t now)
{
	life->state = GUEST_STARTING;
	life->started_at = now;
	life->starts++;
}

bool lifecycle_running(struct lifecycle *life)
{
	if (life->state != GUEST_STARTING)
		return false;
	life->state = GUEST_RUNNING;
	return true;
}

void lifecycle_off(struct lifecycle *life)
{
	life->state = GUEST_OFF;
}

bool lifecycle_crashed(struct lifecycle *life, uint64_t now, uint64_t ticks_per_second)
{
	uint64_t *oldest = &life->restart_at[life->restarts % LIFECYCLE_RESTARTS];

	life->state = GUEST_CRASHED;
	if (!life->restart_on_crash)
		return false;
	if (life->restarts >= LIFECYCLE_RESTARTS && now - *oldest < LIFECYCLE_RESTART_SECONDS * ticks_per_second)
		return false;
	*oldest = now;
	life->restarts++;
	return true;
}

enum verdict lifecycle_verdict(const struct lifecycle *const lives[], unsigned count)
{
	bool started = false, crashed = false;

	for (unsigned i = 0; i < count; i++) {
		if (lifecycle_alive(lives[i]))
			return VERDICT_GO_ON;
		started |= lives[i]->starts != 0;
		crashed |= lives[i]->state == GUEST_CRASHED;
	}
	if (!started)
		return VERDICT_GO_ON;
	return crashed ? VERDICT_FAILED : VERDICT_DONE;
}
