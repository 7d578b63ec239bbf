/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Device side of a split virtqueue (virtio 1.2, section 2.7), with indirect descriptors and event index. Everything in it is written by the
 * guest, at any time: each address and index is copied, then checked, and a ring that makes no sense turns `broken`.
 */
#pragma once

#include <libsys/guest_memory.h>

#define VIRTQUEUE_SIZE_MAX 1024u

struct virtqueue {
	/* Set by the driver through the transport. */
	uint64_t descriptors, available, used; /* guest physical */
	uint16_t size;     /* entries, a power of two */
	uint16_t size_max; /* what the device offers */
	bool enabled;
	bool event_index;  /* VIRTIO_F_EVENT_IDX was agreed */
	bool indirect;     /* VIRTIO_F_INDIRECT_DESC was agreed */
	/* Own state. */
	bool broken;
	uint16_t next_available;
	uint16_t next_used;
	uint16_t signalled_used; /* next_used when an interrupt was last decided on */
	uint8_t *descriptor_table, *available_ring, *used_ring; /* checked on enabling */
};

/* A buffer: a chain of descriptors. */
struct virtqueue_chain {
	uint16_t head;
	uint16_t next;
	uint32_t left;           /* descriptors that may still follow */
	const uint8_t *table;    /* where they are: the queue's own table, or an indirect one */
	uint32_t entries;        /* in it */
	bool indirect;           /* they are in an indirect one */
	bool written;            /* a segment to be written was seen: only such may follow (section 2.7.4.2) */
};

struct virtqueue_segment {
	uint8_t *data;
	uint32_t length; /* bytes */
	bool write;      /* the device writes it, else reads */
};

/* Back to the state before the driver came. */
void virtqueue_reset(struct virtqueue *queue, uint16_t size_max);

/* Checks where the driver put the rings. false: it cannot be used. */
bool virtqueue_enable(struct virtqueue *queue, const struct guest_memory *memory);

/* Takes the next buffer that the driver made available; false if there is none, and when the ring is bad (then queue->broken). */
bool virtqueue_pop(struct virtqueue *queue, struct virtqueue_chain *chain);

/* The buffer that begins at this head, less than the queue's size, again: for a device that was restarted. */
void virtqueue_chain_at(const struct virtqueue *queue, uint16_t head, struct virtqueue_chain *chain);

/* Whether there is a buffer to take. */
bool virtqueue_ready(const struct virtqueue *queue);

/* Buffers that there are to take, as the driver says: more than the queue's size from one that makes no sense. 0 if it is not enabled. */
uint16_t virtqueue_waiting(const struct virtqueue *queue);

/* Whether the driver is known to have looked at all that was given back, and waits for more. false if it agreed on no event indices. */
bool virtqueue_caught_up(const struct virtqueue *queue);

/* The chain's next part; false at its end, and when the chain is bad (then queue->broken). */
bool virtqueue_next(struct virtqueue *queue, const struct guest_memory *memory, struct virtqueue_chain *chain,
		    struct virtqueue_segment *segment);

/* Gives a buffer back with `written` bytes in it, in two steps: a device that must survive a restart notes in between. */
void virtqueue_put(struct virtqueue *queue, uint16_t head, uint32_t written);
void virtqueue_publish(struct virtqueue *queue);

/* Both. */
void virtqueue_push(struct virtqueue *queue, const struct virtqueue_chain *chain, uint32_t written);

/* Whether the driver wants an interrupt for what was given back since the last time; to be asked at least every 65535 buffers. */
bool virtqueue_wants_interrupt(struct virtqueue *queue);

/* Asks the driver to notify when it adds buffers, or not to; after `true`, look for buffers once more. */
void virtqueue_set_notify(struct virtqueue *queue, bool notify);

/* Asks the driver to notify when it has added `count` buffers more, at most half of the queue, if it agreed on event indices; else not to. */
void virtqueue_notify_after(struct virtqueue *queue, uint16_t count);

/* The used index that the driver sees, for a device that was restarted. */
uint16_t virtqueue_used_index(const struct virtqueue *queue);
