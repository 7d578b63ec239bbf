/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Driver side of virtio 1.2, for servers that own a device: the mmio and the PCI transport, version 1 devices only, and the split
 * virtqueue with indirect descriptors. The device is not trusted beyond its DMA: a used ring that makes no sense is an error.
 */
#pragma once

#include <abi/types.h>

#define VIRTIO_ID_NET 1u
#define VIRTIO_ID_BLOCK 2u
#define VIRTIO_ID_CONSOLE 3u

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
	size_t device_config_size, notify_size; /* bytes */
	uint32_t notify_multiplier;      /* bytes */
	uint16_t notify_offset[8];       /* PCI: by queue, in units of the multiplier */
};

/* Takes a device on virtio-mmio (section 4.2). ERR_INVALID_ARGUMENT: no virtio device, or a legacy one. */
enum err virtio_mmio_open(struct virtio_driver *driver, volatile uint8_t *registers, size_t size) __attribute__((warn_unused_result));

/* The BAR (0 to 5) that the virtio capabilities of a PCI function name, by its configuration space; -1: it is no virtio device. */
int virtio_pci_bar(const volatile uint8_t *config);

/*
 * Takes a PCI function (section 4.1) whose configuration space is at config, and whose BAR virtio_pci_bar is mapped at registers;
 * memory accesses and bus mastering are on. ERR_INVALID_ARGUMENT: not virtio; ERR_RANGE: an area is beyond the BAR, or missing in it.
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

/* A field of the device's configuration, of 1, 2, 4 or 8 bytes on a multiple of that, the last with the generation checked; 0 where
 * there is no configuration. */
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
	uint16_t size;           /* entries: as many buffers can be in it */
	bool event_index;
	bool broken;             /* the used ring made no sense: nothing goes on until it is opened again */
	uint8_t *memory;         /* descriptors, available ring, used ring, then an indirect table for each entry */
	uint64_t physical;
	uint16_t free_head, free; /* entries */
	uint16_t next_available, published, seen_used;
	void *token[VIRTIO_DRIVER_QUEUE_MAX]; /* NULL: the entry is free */
	uint16_t next_free[VIRTIO_DRIVER_QUEUE_MAX];
	uint32_t writable[VIRTIO_DRIVER_QUEUE_MAX]; /* bytes that the device may write */
};

/* Bytes that a queue of this size, 1 to VIRTIO_DRIVER_QUEUE_MAX, takes. */
size_t virtio_driver_queue_bytes(uint16_t size);

/*
 * Sets up queue `number` with at most `size` entries (queue->size says how many: a power of two) in zeroed memory, contiguous on the
 * bus, from a 4 KiB boundary. ERR_INVALID_ARGUMENT: the device has no such queue, or INDIRECT_DESC is not among the agreed `features`.
 */
enum err virtio_driver_queue_open(struct virtio_driver *driver, struct virtio_driver_queue *queue, unsigned number, uint16_t size,
				  uint8_t *memory, uint64_t physical, uint64_t features) __attribute__((warn_unused_result));

/* Adds a buffer of 1 to VIRTIO_DRIVER_PIECES_MAX pieces, at most queue->size of them (section 2.7.5.3.1); token: not NULL, comes back.
 * false: the queue is full or broken. The device sees it at the next kick. */
bool virtio_driver_queue_add(struct virtio_driver_queue *queue, const struct virtio_piece *piece, unsigned pieces, void *token);

/* Publishes what was added, and notifies the device if it wants that. */
void virtio_driver_queue_kick(struct virtio_driver_queue *queue);

/* The token of the next buffer that came back, NULL: none. *written: bytes, as the device says, at most those that it might write.
 * *error: the ring makes no sense, now and from then on. After a buffer there may be no more interrupts until the next wait. */
void *virtio_driver_queue_take(struct virtio_driver_queue *queue, uint32_t *written, bool *error);

/* Lets the device interrupt for what comes back from now on; true: something has come back already, take it first. */
bool virtio_driver_queue_wait(struct virtio_driver_queue *queue);

/* Any token still in the queue, and takes it out: after the device is reset. NULL: none. */
void *virtio_driver_queue_drop(struct virtio_driver_queue *queue);
