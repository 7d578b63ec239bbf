/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Device side of a split virtqueue (virtio 1.2, section 2.7). Everything in it is written by the guest: each address and
 * index is checked where it is used, and a ring that makes no sense turns `broken`.
 */
#pragma once

#include "../memory.h"

#define VIRTQUEUE_SIZE_MAX 1024u

struct virtqueue {
	/* Set by the driver through the transport. */
	uint64_t descriptors, available, used; /* guest physical */
	uint16_t size;     /* entries, a power of two */
	uint16_t size_max; /* what the device offers */
	bool enabled;
	/* Own state. */
	bool broken;
	uint16_t next_available;
	uint16_t next_used;
	uint8_t *descriptor_table, *available_ring, *used_ring; /* checked on enabling */
};

/* A buffer: a chain of descriptors. */
struct virtqueue_chain {
	uint16_t head;
	uint16_t next;
	uint16_t left; /* descriptors that may still follow */
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

/* Takes the next buffer that the driver made available; false if there is none. */
bool virtqueue_pop(struct virtqueue *queue, struct virtqueue_chain *chain);

/* Whether there is a buffer to take. */
bool virtqueue_ready(const struct virtqueue *queue);

/* The chain's next part; false at its end, and when the chain is bad (then queue->broken). */
bool virtqueue_next(struct virtqueue *queue, const struct guest_memory *memory, struct virtqueue_chain *chain,
		    struct virtqueue_segment *segment);

/* Gives the buffer back with `written` bytes in it. */
void virtqueue_push(struct virtqueue *queue, const struct virtqueue_chain *chain, uint32_t written);

/* Whether the driver wants an interrupt for what was given back. */
bool virtqueue_wants_interrupt(const struct virtqueue *queue);

/* Asks the driver to notify, or not to, when it adds buffers. */
void virtqueue_set_notify(struct virtqueue *queue, bool notify);
