/* SPDX-License-Identifier: Apache-2.0 */
/* A driver for the guest's disks, and a block server that does what the test says. */
#pragma once

#include <disks.h>
#include "fakes.h"
#include "pci_driver.h"

enum {
	BLOCK_F_SEG_MAX = 2, BLOCK_F_RO = 5, BLOCK_F_BLK_SIZE = 6, BLOCK_F_FLUSH = 9, BLOCK_F_TOPOLOGY = 10, BLOCK_F_CONFIG_WCE = 11,
	BLOCK_F_MQ = 12, BLOCK_F_DISCARD = 13, BLOCK_F_WRITE_ZEROES = 14, BLOCK_F_INDIRECT = 28, BLOCK_F_EVENT_INDEX = 29,
	BLOCK_F_VERSION_1 = 32,
};

/* Where the rings of queue q of disk d are. */
#define DISK_RINGS(disk, queue) (0x80040000u + ((disk) * 4u + (queue)) * 0x4000u)
enum { DISK_AVAILABLE = RINGS_AVAILABLE, DISK_USED = RINGS_USED, DISK_QUEUE_SIZE = RINGS_ENTRIES };

/* A session that is ready: 1 MiB, blocks of 512 bytes, BLOCK_FLAG_* flags. */
void server_describe(unsigned disk, uint32_t flags);

/* For fake.on_serve: does what was asked for at once. */
void server_obey(unsigned disk);

/* A machine of this many vCPUs with what fake_session describes. */
void disk_machine(struct driver *driver, uint32_t harts, unsigned disks);

/* Physical address of an area of a disk; its BAR must be set. */
uint64_t disk_area(struct driver *driver, unsigned disk, unsigned area);
uint64_t disk_load(struct driver *driver, unsigned disk, unsigned area, unsigned offset, unsigned size);
void disk_store(struct driver *driver, unsigned disk, unsigned area, unsigned offset, unsigned size, uint64_t value);
void disk_command(struct driver *driver, unsigned disk, uint16_t command);
void disk_bar(struct driver *driver, unsigned disk, uint32_t address);
uint8_t disk_status(struct driver *driver, unsigned disk);
uint64_t disk_offered(struct driver *driver, unsigned disk);

/* Resets, and accepts these features; false: the device refuses. */
bool disk_negotiate(struct driver *driver, unsigned disk, uint64_t features);
void disk_enable_queue(struct driver *driver, unsigned disk, unsigned queue);

/* All of it: BAR, features, all queues, DRIVER_OK. */
void disk_start(struct driver *driver, unsigned disk, uint64_t features);

/* The used index as the server writes it. */
uint16_t *disk_used(struct driver *driver, unsigned disk, unsigned queue);
