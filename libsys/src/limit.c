/* SPDX-License-Identifier: Apache-2.0 */
/* Rate limits in integers. */
#include <libsys/limit.h>

#define LEVEL_MAX (INT64_MAX / 2)

void limit_init(struct limit *limit, uint64_t rate, uint64_t burst, uint64_t hz, uint64_t now)
{
	uint64_t most = (uint64_t)LEVEL_MAX / hz;

	if (burst > most)
		burst = most;
	if (burst == 0)
		burst = 1;
	if (rate > (uint64_t)LEVEL_MAX)
		rate = (uint64_t)LEVEL_MAX;
	*limit = (struct limit){ .rate = rate, .hz = hz, .time = now };
	limit->full = (int64_t)(burst * hz);
	limit->level = limit->full;
}

bool limit_open(struct limit *limit, uint64_t now)
{
	uint64_t ticks, missing;

	if (!limit->rate)
		return true;
	ticks = now - limit->time;
	limit->time = now;
	missing = (uint64_t)(limit->full - limit->level);
	if (ticks > missing / limit->rate)
		limit->level = limit->full;
	else
		limit->level += (int64_t)(ticks * limit->rate);
	return limit->level > 0;
}

void limit_take(struct limit *limit, uint64_t units)
{
	uint64_t most = (uint64_t)LEVEL_MAX / limit->hz;

	if (limit->rate)
		limit->level -= (int64_t)((units < most ? units : most) * limit->hz);
}

uint64_t limit_deadline(const struct limit *limit)
{
	uint64_t missing = (uint64_t)(1 - limit->level);

	return limit->time + missing / limit->rate + (missing % limit->rate != 0);
}
