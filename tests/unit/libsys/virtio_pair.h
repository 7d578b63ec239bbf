/* SPDX-License-Identifier: Apache-2.0 */
/* Both sides of a virtqueue in one process: a driver's queue, and a device that copies what it reads to what it writes. */
#pragma once

#include <libsys/virtio_driver.h>
#include <libsys/virtqueue.h>

#define PAIR_BASE 0x80000000u /* physical */
#define PAIR_PIECE 32u        /* bytes of a piece, at most */
#define PAIR_SLOT (PAIR_PIECE * VIRTIO_DRIVER_PIECES_MAX)
#define PAIR_QUEUE_BYTES (1u << 20)
#define PAIR_RAM (PAIR_QUEUE_BYTES + VIRTIO_DRIVER_QUEUE_MAX * PAIR_SLOT)

struct pair_buffer {
	uint64_t sequence;
	uint32_t writable; /* bytes */
	unsigned index;
	bool used;
};

struct pair {
	struct virtio_driver driver;
	struct virtio_driver_queue queue;
	struct virtqueue device;
	struct guest_memory memory;
	uint16_t device_size; /* of the queue, as the device offers it */
	uint64_t features;
	uint64_t random;
	void (*notify)(struct pair *pair);
	unsigned notified, interrupted; /* pending */
	uint64_t notifications, interrupts, added, taken, served;
	struct pair_buffer buffer[VIRTIO_DRIVER_QUEUE_MAX];
};

/* Opens the driver's queue; the device's follows. */
void pair_init(struct pair *pair, uint16_t device_size, uint16_t driver_size, uint64_t features);

/* The index of both rings, as if that many buffers had passed. */
void pair_advance(struct pair *pair, uint16_t index);

uint32_t pair_random(struct pair *pair, uint32_t below);

/* Adds a buffer of random pieces, at most `pieces`; false: full. */
bool pair_add(struct pair *pair, unsigned pieces);

/* Takes a buffer and checks it; false: there is none. */
bool pair_take(struct pair *pair);

/* The device serves a buffer, and gives it back; false: there is none. */
bool pair_serve(struct pair *pair);
