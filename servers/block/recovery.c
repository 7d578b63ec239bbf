/* SPDX-License-Identifier: Apache-2.0 */
/* The rare half of recovery: beginning, end, and what a new server finds. */
#include "recovery.h"

#include <string.h>

void recovery_begin(struct block_recovery *recovery, uint32_t serves, uint32_t epoch)
{
	recovery_end(recovery);
	for (unsigned i = 0; i < BLOCK_QUEUES_MAX; i++) {
		memset(&recovery->queue[i], 0, sizeof(recovery->queue[i]));
		recovery->queue[i].last = BLOCK_RECOVERY_NONE;
	}
	recovery->next = 1;
	recovery->epoch = epoch;
	__atomic_store_n(&recovery->serves, serves, __ATOMIC_RELEASE);
}

void recovery_end(struct block_recovery *recovery)
{
	__atomic_store_n(&recovery->serves, 0, __ATOMIC_RELEASE);
	__atomic_thread_fence(__ATOMIC_RELEASE);
}

/* In order of their numbers: there are few. */
static void insert(struct recovery_entry *entry, uint32_t count, struct recovery_entry what)
{
	while (count && entry[count - 1].sequence > what.sequence) {
		entry[count] = entry[count - 1];
		count--;
	}
	entry[count] = what;
}

uint32_t recovery_resume(struct block_recovery *recovery, struct virtqueue *queue, unsigned queues, struct recovery_entry *entry,
			 uint32_t most)
{
	uint32_t count = 0;

	for (unsigned i = 0; i < queues; i++) {
		struct block_recovery_queue *noted = &recovery->queue[i];
		uint16_t used, before = (uint16_t)count;

		if (!queue[i].enabled)
			continue;
		used = virtqueue_used_index(&queue[i]);
		if (noted->last < BLOCK_QUEUE_SIZE && used != noted->last_used)
			recovery_given(recovery, i, noted->last);
		for (uint16_t head = 0; head < queue[i].size; head++) {
			if (!noted->sequence[head])
				continue;
			if (count == most)
				return UINT32_MAX;
			insert(entry, count++, (struct recovery_entry){ noted->sequence[head], head, (uint8_t)i });
		}
		queue[i].next_used = used;
		queue[i].signalled_used = used;
		queue[i].next_available = (uint16_t)(used + (uint16_t)count - before);
	}
	return count;
}
