/* SPDX-License-Identifier: Apache-2.0 */
/* Virtio devices on PCI for payloads, by hand: what is put into the rings is the caller's business. No interrupts. */
#pragma once

#include "payload.h"

#define RING_SIZE 64u /* entries */

enum { RING_NEXT = 1, RING_WRITE = 2, RING_INDIRECT = 4 }; /* flags of a descriptor */
enum { VIRTIO_STARTED = 15, VIRTIO_NEEDS_RESET = 0x40 };   /* status */

#define VIRTIO_F_INDIRECT (UINT64_C(1) << 28)
#define VIRTIO_F_EVENT_INDEX (UINT64_C(1) << 29)
#define VIRTIO_F_VERSION_1 (UINT64_C(1) << 32)

/* Ticks of the timebase in a millisecond. */
#define TICKS_MS 10000u

struct descriptor {
	uint64_t address;
	uint32_t length;
	uint16_t flags;
	uint16_t next;
};

/* The rings of a queue, as the device sees them; the aligned start of each part. */
struct ring {
	_Alignas(16) struct descriptor descriptor[RING_SIZE];
	struct {
		uint16_t flags, index, ring[RING_SIZE], used_event;
	} available;
	_Alignas(4) struct {
		uint16_t flags, index;
		struct {
			uint32_t id, length;
		} ring[RING_SIZE];
		uint16_t available_event;
	} used;
};

struct virtio {
	volatile uint8_t *common, *notify, *isr, *config;
	uint64_t registers; /* the BAR */
	uint32_t notify_multiplier;
};

/* Finds the function with this vendor and device, the number-th of them, and puts its registers at an address. */
bool virtio_find(struct virtio *device, uint32_t identifier, unsigned number, uint32_t registers);

uint8_t virtio_status(const struct virtio *device);

/* Four bytes of the device's configuration. */
uint32_t virtio_config(const struct virtio *device, unsigned offset);

/* Waits until the device is reset; false: not within 10 s. */
bool virtio_reset(const struct virtio *device);

/* Resets and agrees on these features and VERSION_1. */
bool virtio_agree(const struct virtio *device, uint64_t features);

/* Empties rings and enables the queue with them; or enables it with its parts anywhere: descriptors, available and used ring. */
void virtio_queue(const struct virtio *device, unsigned queue, volatile struct ring *ring);
void virtio_place(const struct virtio *device, unsigned queue, uint16_t size, const uint64_t place[3]);

/* All queues are enabled: whether it runs. */
bool virtio_start(const struct virtio *device);

void virtio_notify(const struct virtio *device, unsigned queue);

/* Descriptor `index` of a queue. */
void ring_describe(volatile struct ring *ring, uint16_t index, const void *address, uint32_t length, uint16_t flags, uint16_t next);

/* Makes the chain that begins at this descriptor available; then the device is to be notified. */
void ring_offer(volatile struct ring *ring, uint16_t head);

/* The head that came back next, -1: none. *seen: used index so far. */
int ring_take(volatile struct ring *ring, uint16_t *seen);
