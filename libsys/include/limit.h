/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A rate limit: a bucket that fills at a rate, up to a burst. What is taken may empty it below zero once; then it stays shut until that
 * is refilled, so over time exactly the rate goes through. The level is kept in units of 1/hz, so nothing is ever rounded.
 */
#pragma once

#include <abi/types.h>

struct limit {
	uint64_t rate; /* units a second; 0: no limit */
	uint64_t hz;   /* ticks a second */
	int64_t level; /* units * hz */
	int64_t full;  /* likewise */
	uint64_t time; /* ticks, when the level was that */
};

/* A full bucket. rate and burst beyond what 64 bits can count with (2^32 units a second at least are fine) are cut. */
void limit_init(struct limit *limit, uint64_t rate, uint64_t burst, uint64_t hz, uint64_t now);

/* Refills, and says whether something may be taken now. */
bool limit_open(struct limit *limit, uint64_t now);

/* Takes, after limit_open said so. At most 2^32 units. */
void limit_take(struct limit *limit, uint64_t units);

/* When limit_open will say so again, in ticks, after it did not. */
uint64_t limit_deadline(const struct limit *limit);
