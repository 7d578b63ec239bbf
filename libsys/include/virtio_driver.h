/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Driver side of virtio 1.2, for servers that own a device: the mmio and the PCI transport, version 1 devices only, and the split
 * virtqueue with indirect descriptors. The device is not trusted beyond its DMA: a used ring that makes no sense is an error.
 */
#pragma once

#include <abi/types.h>

#define VIRTIO_ID_NET 1u
#define VIRTIO_ID_BLOCK 2u

#define VIRTIO_F_INDIRECT_DESC ((uint64_t)1 << 28)
#define VIRTIO_F_EVENT_IDX ((uint64_t)1 << 29)
#define VIRTIO_F_VERSION_1 ((uint64_t)1 << 32)

struct virtio_driver;

/* What differs between the transports. Queues are numbered from 0; offsets are in the device's configuration. */
struct virtio_transport_ops {
	uint64_t (*features)(struct virtio_driver *driver);
	void (*accept)(struct virtio_driver *driver, uint64_t features);
	uint8_t (*status)(struct virtio_driver *driver);
	void (*set_status)(struct virtio_driver *driver, uint8_t status);
	uint8_t (*generation)(struct virtio_driver *driver);
	uint32_t (*config)(struct virtio_driver *driver, unsigned offset, unsigned size); /* 1, 2 or 4 bytes */
	uint16_t (*queue_size)(struct virtio_driver *driver, unsigned queue); /* largest possible; 0: no such queue */
	void (*queue_enable)(struct virtio_driver *driver, unsigned queue, uint16_t size, uint64_t descriptors, uint64_t available,
			     uint64_t used);
	void (*notify)(struct virtio_driver *driver, unsigned queue);
	uint32_t (*interrupt)(struct virtio_driver *driver); /* reads and clears: 1: a queue, 2: the configuration */
};

struct virtio_driver {
	const struct virtio_transport_ops *ops;
	uint32_t device;                 /* VIRTIO_ID_* */
	volatile uint8_t *registers;     /* mmio registers, or BAR */
	size_t size;                     /* bytes of it */
	volatile uint8_t *common, *isr, *device_config, *notify; /* PCI: within the BAR */
	size_t device_config_size, notify_size;
	uint32_t notify_multiplier;
	uint16_t notify_offset[8];       /* PCI: by queue */
};

/* Takes a device on virtio-mmio (section 4.2). ERR_INVALID_ARGUMENT: no virtio device, or a legacy one. */
enum err virtio_mmio_open(struct virtio_driver *driver, volatile uint8_t *registers, size_t size) __attribute__((warn_unused_result));

/*
 * Takes a PCI function (section 4.1) whose configuration space of 4 KiB is at config, and whose BAR `bar` (the one that its virtio
 * capabilities name; virtio_pci_bar) is mapped at registers. ERR_INVALID_ARGUMENT: not virtio; ERR_RANGE: capabilities beyond the BAR.
 */
enum err virtio_pci_open(struct virtio_driver *driver, volatile uint8_t *config, volatile uint8_t *registers, size_t size)
	__attribute__((warn_unused_result));

/* Resets the device and waits until it is; then its features are agreed: all of `wanted` that it offers, of which `needed` must
 * be there, VERSION_1 always. *agreed may be NULL. ERR_RANGE: it does not offer or take them. ERR_TIMED_OUT: no end of the reset. */
enum err virtio_driver_negotiate(struct virtio_driver *driver, uint64_t wanted, uint64_t needed, uint64_t *agreed)
	__attribute__((warn_unused_result));

/* DRIVER_OK: the queues are set up, the device may begin. */
void virtio_driver_start(struct virtio_driver *driver);

/* Stops the device for good; it transfers nothing any more. */
void virtio_driver_reset(struct virtio_driver *driver);

/* Whether the device says that it needs a reset. */
bool virtio_driver_broken(struct virtio_driver *driver);

/* A field of the device's configuration that is read in one piece; 8 bytes with the generation checked. */
uint64_t virtio_driver_config(struct virtio_driver *driver, unsigned offset, unsigned size);

/* A piece of a buffer, for the device. */
struct virtio_piece {
	uint64_t physical;
	uint32_t length; /* bytes */
	bool write;      /* the device writes it; such come last */
};

/* Entries of a queue, and of an indirect table, at most. */
#define VIRTIO_DRIVER_QUEUE_MAX 256u
#define VIRTIO_DRIVER_PIECES_MAX 128u

struct virtio_driver_queue {
	struct virtio_driver *driver;
	unsigned number;
	uint16_t size;
	bool event_index;
	uint8_t *memory;         /* descriptors, available ring, used ring, then an indirect table for each entry */
	uint64_t physical;
	uint16_t free_head, free; /* entries */
	uint16_t next_available, published, seen_used;
	void *token[VIRTIO_DRIVER_QUEUE_MAX]; /* NULL: the entry is free */
};

/* Bytes that a queue of this size takes. */
size_t virtio_driver_queue_bytes(uint16_t size);

/*
 * Sets up queue `number` with at most `size` entries in zeroed memory, contiguous on the bus, from a 4 KiB boundary. Indirect
 * descriptors must have been agreed. ERR_INVALID_ARGUMENT: the device has no such queue.
 */
enum err virtio_driver_queue_open(struct virtio_driver *driver, struct virtio_driver_queue *queue, unsigned number, uint16_t size,
				  uint8_t *memory, uint64_t physical, uint64_t features) __attribute__((warn_unused_result));

/* Adds a buffer of 1 to VIRTIO_DRIVER_PIECES_MAX pieces; token: not NULL, comes back. false: the queue is full. The device sees it
 * at the next kick. */
bool virtio_driver_queue_add(struct virtio_driver_queue *queue, const struct virtio_piece *piece, unsigned pieces, void *token);

/* Publishes what was added, and notifies the device if it wants that. */
void virtio_driver_queue_kick(struct virtio_driver_queue *queue);

/* The token of the next buffer that came back, NULL: none. *written: bytes, as the device says. *error: the ring makes no sense. */
void *virtio_driver_queue_take(struct virtio_driver_queue *queue, uint32_t *written, bool *error);

/* Lets the device interrupt for what comes back from now on; true: something has come back already, take it first. */
bool virtio_driver_queue_wait(struct virtio_driver_queue *queue);

/* Any token still in the queue, and takes it out: after the device is reset. NULL: none. */
void *virtio_driver_queue_drop(struct virtio_driver_queue *queue);
