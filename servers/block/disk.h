/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Physical disks, and the seam for their drivers: a driver is one file that fills struct disk_driver, and a line in the table of
 * disk.c. It sees registers, an interrupt, and memory for its rings; nothing of volumes or guests.
 */
#pragma once

#include <proto/block.h>

#include "io.h"

struct disk;

/* What root gave for one device; absent parts are NULL or 0. */
struct disk_resources {
	volatile uint8_t *registers; /* virtio-mmio registers, or BAR */
	size_t registers_size;
	volatile uint8_t *config;    /* PCI: the function's 4 KiB of configuration space */
	uint8_t *dma;                /* zeroed memory for rings, contiguous on the bus, of `dma_size` bytes from a 4 KiB boundary */
	uint64_t dma_physical;
	size_t dma_size;             /* DISK_DMA_SIZE */
};
#define DISK_DMA_SIZE BLOCK_DMA_DEVICE

struct disk_driver {
	const char *name;
	/* Resets the device whatever it was doing (after this nothing is transferred any more), and makes it ready. Fills the part
	 * of *disk that says so. ERR_INVALID_ARGUMENT: not a device of this driver; ERR_RANGE: it does not make sense. */
	enum err (*open)(struct disk *disk, const struct disk_resources *resources) __attribute__((warn_unused_result));
	/* Begins *io, which is within the disk and its limits. false: no room now; it is offered again after an interrupt. */
	bool (*start)(struct disk *disk, struct io *io);
	/* Tells the device of all that was started since the last time. */
	void (*kick)(struct disk *disk);
	/* Deals with an interrupt: calls disk_done for what has ended. The handler capability is acknowledged by the caller. */
	void (*interrupt)(struct disk *disk);
};

struct disk {
	/* Filled by the driver. */
	const struct disk_driver *driver;
	uint64_t capacity;            /* sectors */
	uint32_t block_size;          /* bytes, 512 or more: transfers are multiples of it */
	uint32_t physical_block_size; /* bytes */
	uint32_t flags;               /* BLOCK_FLAG_* */
	uint32_t segments;            /* most of them in a transfer */
	uint32_t sectors_max;         /* most sectors of a discard or write zeroes; 0: no limit */
	char serial[BLOCK_SERIAL_SIZE + 1];
	_Alignas(16) uint8_t state[4096]; /* the driver's own */
	/* Of disk.c. */
	struct io *waiting, *waiting_tail; /* not yet started */
	uint32_t in_flight;
	bool failed;                  /* the device stopped making sense: all ends in errors */
	bool unkicked;
};

/*
 * Finds the driver that takes the device. ERR_INVALID_ARGUMENT: none; the others as struct disk_driver's open. After an error the disk has
 * no serial number and has failed; everything else may be called all the same.
 */
enum err disk_open(struct disk *disk, const struct disk_resources *resources) __attribute__((warn_unused_result));

/* Takes any transfer within the disk: what does not fit into the device waits here, in order. Beyond the disk's end, of more
 * segments than it takes, or not of whole blocks: IO_ERROR at once. Call disk_kick when done submitting. */
void disk_submit(struct disk *disk, struct io *io);

/* Lets the device look at what was submitted. */
void disk_kick(struct disk *disk);

/* An interrupt of the device came. */
void disk_interrupt(struct disk *disk);

/* For drivers: *io has ended. */
void disk_done(struct disk *disk, struct io *io, enum io_status status);

/* For drivers: the device makes no sense any more (bad used ring, needs reset): everything waiting and coming ends in IO_ERROR;
 * the driver itself calls disk_done for what it had started. */
void disk_fail(struct disk *disk, const char *reason);
