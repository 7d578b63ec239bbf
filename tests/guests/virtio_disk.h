/* SPDX-License-Identifier: Apache-2.0 */
/* A virtio-blk driver for payloads, with one queue. */
#pragma once

#include "virtio.h"

enum { DISK_IN = 0, DISK_OUT = 1, DISK_FLUSH = 4, DISK_GET_ID = 8, DISK_DISCARD = 11, DISK_WRITE_ZEROES = 13 };
enum { DISK_OK = 0, DISK_ERROR = 1, DISK_UNSUPPORTED = 2, DISK_PENDING = 0xff };

#define DISK_F_FLUSH (UINT64_C(1) << 9)

struct disk_header {
	uint32_t type, reserved;
	uint64_t sector;
};

struct disk {
	struct virtio device;
	uint16_t seen; /* used index so far */
	volatile struct ring rings;
};

/* Finds disk 0, 1 ... of this guest on PCI and enables its registers. */
bool disk_find(struct disk *disk, unsigned number);

uint8_t disk_status(const struct disk *disk);
uint64_t disk_sectors(const struct disk *disk);

/* Resets, agrees on these features and VERSION_1, empties the rings, and starts. */
bool disk_start(struct disk *disk, uint64_t features);

/* Makes the chain that begins at this descriptor available; then notifies. */
void disk_offer(struct disk *disk, uint16_t head);
void disk_notify(const struct disk *disk);

/* The head that came back next; -1: none until now. */
int disk_take(struct disk *disk);

/* Descriptor `index` of a queue. */
void disk_describe(struct disk *disk, uint16_t index, const void *address, uint32_t length, uint16_t flags, uint16_t next);

/* One whole request by descriptors 0 to 2; returns its status, DISK_PENDING after 30 s. */
uint8_t disk_request(struct disk *disk, uint32_t type, uint64_t sector, void *data, uint32_t length);
