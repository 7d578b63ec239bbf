/* SPDX-License-Identifier: Apache-2.0 */
/* A virtio-blk device for tests of its driver: the device side of the same queue, behind a transport of functions. */
#pragma once

#include <stdint.h>

#include <disk.h>
#include <libsys/virtio_driver.h>
#include <libsys/virtqueue.h>

#define BUS_BASE UINT64_C(0x40000000)
#define BUS_SIZE (1u << 20)
#define DATA_OFFSET DISK_DMA_SIZE /* on the bus: the driver's memory, then data */
#define DISK_SECTORS 2048u

enum { F_SIZE_MAX = 1, F_SEG_MAX = 2, F_RO = 5, F_BLK_SIZE = 6, F_FLUSH = 9, F_TOPOLOGY = 10, F_DISCARD = 13, F_WRITE_ZEROES = 14 };
#define FEATURE(bit) ((uint64_t)1 << (bit))

extern uint8_t bus[BUS_SIZE];                  /* what the device sees */
extern uint8_t content[DISK_SECTORS * 512];
extern struct virtio_device {
	uint64_t features, accepted;
	uint8_t status, config[64];
	uint16_t queue_size;
	struct virtqueue queue;
	struct guest_memory memory;
	unsigned kicks, requests, resets, pieces; /* the most data pieces of a request */
	bool mute;          /* answers nothing */
	uint8_t answer;     /* status byte of what comes */
	bool fails;         /* ... and it does nothing */
	uint32_t type;      /* of the last request */
	uint64_t sectors;   /* in all discards */
	uint64_t time;
	unsigned warnings;
} device;

/* Does all that is in the ring. */
void device_work(void);
