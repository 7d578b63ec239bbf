/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a session has in flight, kept where the next server finds it (struct block_recovery). Each function leaves the area such that a
 * crash before, after or within it loses no request and gives none back twice.
 */
#pragma once

#include <libsys/virtqueue.h>
#include <proto/block.h>

struct recovery_entry {
	uint64_t sequence;
	uint16_t head;
	uint8_t queue;
};

/* A driver begins: nothing is in flight. */
void recovery_begin(struct block_recovery *recovery, uint32_t serves, uint32_t epoch);

/* It has ended. */
void recovery_end(struct block_recovery *recovery);

/* Lists what was in flight in the queues, in the order in which it was taken, and lets them go on from there. Returns the
 * number, or UINT32_MAX if there are more than `most`. */
uint32_t recovery_resume(struct block_recovery *recovery, struct virtqueue *queue, unsigned queues, struct recovery_entry *entry,
			 uint32_t most);

/* Whether the buffer is noted already: a driver that makes it available once more makes no sense. */
static inline bool recovery_taken(const struct block_recovery *recovery, unsigned queue, uint16_t head)
{
	return recovery->queue[queue].sequence[head] != 0;
}

/* A buffer is taken. */
static inline void recovery_take(struct block_recovery *recovery, unsigned queue, uint16_t head)
{
	uint64_t sequence = recovery->next++;

	__atomic_store_n(&recovery->queue[queue].sequence[head], sequence, __ATOMIC_RELEASE);
}

/* A buffer is going to be given back; `used` is the used index up to now. virtqueue_publish comes after these in memory, too. */
static inline void recovery_giving(struct block_recovery *recovery, unsigned queue, uint16_t head, uint16_t used)
{
	__atomic_store_n(&recovery->queue[queue].last_used, used, __ATOMIC_RELEASE);
	__atomic_store_n(&recovery->queue[queue].last, head, __ATOMIC_RELEASE);
}

/* It has been given back. */
static inline void recovery_given(struct block_recovery *recovery, unsigned queue, uint16_t head)
{
	__atomic_store_n(&recovery->queue[queue].sequence[head], 0, __ATOMIC_RELEASE);
	__atomic_store_n(&recovery->queue[queue].last, BLOCK_RECOVERY_NONE, __ATOMIC_RELEASE);
}
