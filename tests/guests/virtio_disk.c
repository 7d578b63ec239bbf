/* SPDX-License-Identifier: Apache-2.0 */
#include "virtio_disk.h"

#define WINDOW 0x48000000u /* BARs from here on */
#define FUNCTION_ID 0x10421af4u

bool disk_find(struct disk *disk, unsigned number)
{
	return virtio_find(&disk->device, FUNCTION_ID, number, WINDOW + 0x10000u * number);
}

uint8_t disk_status(const struct disk *disk)
{
	return virtio_status(&disk->device);
}

uint64_t disk_sectors(const struct disk *disk)
{
	return virtio_config(&disk->device, 0) | (uint64_t)virtio_config(&disk->device, 4) << 32;
}

bool disk_start(struct disk *disk, uint64_t features)
{
	if (!virtio_agree(&disk->device, features))
		return false;
	disk->seen = 0;
	virtio_queue(&disk->device, 0, &disk->rings);
	return virtio_start(&disk->device);
}

void disk_describe(struct disk *disk, uint16_t index, const void *address, uint32_t length, uint16_t flags, uint16_t next)
{
	ring_describe(&disk->rings, index, address, length, flags, next);
}

void disk_offer(struct disk *disk, uint16_t head)
{
	ring_offer(&disk->rings, head);
}

void disk_notify(const struct disk *disk)
{
	__asm__ volatile("fence" ::: "memory");
	*(volatile uint16_t *)disk->device.notify = 0;
}

int disk_take(struct disk *disk)
{
	return ring_take(&disk->rings, &disk->seen);
}

uint8_t disk_request(struct disk *disk, uint32_t type, uint64_t sector, void *data, uint32_t length)
{
	struct disk_header header = { .type = type, .sector = sector };
	volatile uint8_t status = DISK_PENDING;
	uint64_t end = csr_read(time) + 30000u * TICKS_MS;

	disk_describe(disk, 0, &header, sizeof(header), RING_NEXT, length ? 1 : 2);
	disk_describe(disk, 1, data, length, RING_NEXT | (type == DISK_IN || type == DISK_GET_ID ? RING_WRITE : 0), 2);
	disk_describe(disk, 2, (const void *)&status, 1, RING_WRITE, 0);
	disk_offer(disk, 0);
	disk_notify(disk);
	while (disk_take(disk) < 0) {
		if (csr_read(time) > end)
			break;
	}
	__asm__ volatile("" ::"r"(&header) : "memory");
	return status;
}
