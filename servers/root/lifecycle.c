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

bool restarts_allow(struct restarts *restarts, unsigned most, unsigned seconds, uint64_t now, uint64_t ticks_per_second)
{
	uint64_t *oldest = &restarts->at[restarts->count % most];

	if (restarts->count >= most && now - *oldest < seconds * ticks_per_second)
		return false;
	*oldest = now;
	restarts->count++;
	return true;
}

bool lifecycle_crashed(struct lifecycle *life, uint64_t now, uint64_t ticks_per_second)
{
	life->state = GUEST_CRASHED;
	return life->restart_on_crash &&
	       restarts_allow(&life->restarts, LIFECYCLE_RESTARTS, LIFECYCLE_RESTART_SECONDS, now, ticks_per_second);
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
