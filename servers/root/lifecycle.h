/* SPDX-License-Identifier: Apache-2.0 */
/* States of a guest and what follows from its events: restarts after crashes, and when the machine is done. */
#pragma once

#include <proto/root.h>

/* At most this many restarts after crashes in any LIFECYCLE_RESTART_SECONDS. */
#define LIFECYCLE_RESTARTS 3u
#define LIFECYCLE_RESTART_SECONDS 60u

struct lifecycle {
	enum guest_state state;
	bool restart_on_crash;       /* policy of the system description */
	uint32_t starts;             /* so far */
	uint64_t started_at;         /* ticks; of the running or last run */
	uint64_t restart_at[LIFECYCLE_RESTARTS]; /* ticks of the last restarts after a crash */
	uint32_t restarts;
};

/* Has it memory and a VMM? */
static inline bool lifecycle_alive(const struct lifecycle *life)
{
	return life->state == GUEST_STARTING || life->state == GUEST_RUNNING;
}

void lifecycle_started(struct lifecycle *life, uint64_t now);

/* The VMM says that the guest runs. False if that makes no sense in this state. */
bool lifecycle_running(struct lifecycle *life);

/* Stopped by the user, or powered off. */
void lifecycle_off(struct lifecycle *life);

/* Crashed. True if it is to be started again at once. ticks_per_second of `now`. */
bool lifecycle_crashed(struct lifecycle *life, uint64_t now, uint64_t ticks_per_second);

enum verdict {
	VERDICT_GO_ON,
	VERDICT_DONE,   /* nothing runs any more; all guests ended in order */
	VERDICT_FAILED, /* nothing runs any more; a guest ended by a crash */
};

/* What the machine should do, after a guest ended. */
enum verdict lifecycle_verdict(const struct lifecycle *const lives[], unsigned count);
