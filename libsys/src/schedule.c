/* SPDX-License-Identifier: Apache-2.0 */
/* Deficit round robin. What a flow takes too much in one turn is missing in its next ones. */
#include <libsys/schedule.h>

void schedule_init(struct schedule *schedule, uint64_t (*take)(struct flow *flow))
{
	*schedule = (struct schedule){ .take = take };
}

static void append(struct schedule *schedule, struct flow *flow)
{
	flow->next = NULL;
	if (schedule->last)
		schedule->last->next = flow;
	else
		schedule->first = flow;
	schedule->last = flow;
}

void schedule_add(struct schedule *schedule, struct flow *flow)
{
	if (flow->queued)
		return;
	flow->queued = true;
	append(schedule, flow);
}

void schedule_remove(struct schedule *schedule, struct flow *flow)
{
	struct flow *before = NULL;

	if (!flow->queued)
		return;
	for (struct flow *at = schedule->first; at != flow; at = at->next)
		before = at;
	if (before)
		before->next = flow->next;
	else
		schedule->first = flow->next;
	if (schedule->last == flow)
		schedule->last = before;
	flow->queued = false;
	/* Nobody saves turns. */
	if (flow->deficit > 0)
		flow->deficit = 0;
}

/* The first flow's turn has ended: the next one's. */
static void rotate(struct schedule *schedule, struct flow *flow)
{
	if (schedule->last == flow) {
		/* Alone: there is nobody to whom it would owe something. */
		flow->deficit = SCHEDULE_QUANTUM;
		return;
	}
	schedule->first = flow->next;
	append(schedule, flow);
	schedule->first->deficit += SCHEDULE_QUANTUM;
}

/* Whether the first flow may take something. */
static inline bool has_room(const struct schedule *schedule)
{
	const struct flow *flow = schedule->first;
	uint64_t most = schedule->flows > (flow->requests != 0) || flow->next ? SCHEDULE_BYTES_SHARED : SCHEDULE_BYTES;

	return schedule->bytes < most && schedule->requests < SCHEDULE_REQUESTS;
}

__attribute__((hot)) bool schedule_run(struct schedule *schedule)
{
	unsigned taken = 0;

	while (schedule->first && has_room(schedule)) {
		struct flow *flow = schedule->first;
		uint64_t cost;

		if (flow->deficit <= 0) {
			rotate(schedule, flow);
			continue;
		}
		if (taken++ == SCHEDULE_RUN)
			return true;
		cost = schedule->take(flow);
		if (cost)
			flow->deficit -= (int64_t)cost;
		else
			schedule_remove(schedule, flow);
	}
	return false;
}
