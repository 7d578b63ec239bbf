/* SPDX-License-Identifier: Apache-2.0 */
/* States of a guest and what follows from its events: restarts after crashes, and when the machine is done. */
#pragma once

#include <proto/root.h>

/* At most this many restarts after crashes in any LIFECYCLE_RESTART_SECONDS. */
#define LIFECYCLE_RESTARTS 3u
#define LIFECYCLE_RESTART_SECONDS 60u
/* Block and net server lose nothing by a restart, so they may have more of them; each still takes a moment from its guests. */
#define BACKEND_RESTARTS 32u
#define BACKEND_RESTART_SECONDS 8u

#define RESTARTS_MAX 32u

struct restarts {
	uint64_t at[RESTARTS_MAX]; /* ticks of the last ones */
	uint32_t count;
};

/* Counts another restart if there were fewer than `most` (at most RESTARTS_MAX, always the same) in the last `seconds`; else false. */
bool restarts_allow(struct restarts *restarts, unsigned most, unsigned seconds, uint64_t now, uint64_t ticks_per_second)
	__attribute__((warn_unused_result));

struct lifecycle {
	enum guest_state state;
	bool restart_on_crash;       /* policy of the system description */
	uint32_t starts;             /* so far */
	uint64_t started_at;         /* ticks; of the running or last run */
	struct restarts restarts;    /* after a crash */
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
