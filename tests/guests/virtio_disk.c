/* SPDX-License-Identifier: Apache-2.0 */
#include "virtio_disk.h"

#define ECAM 0x30000000u
#define WINDOW 0x48000000u /* BARs from here on */
#define FUNCTION_ID 0x10421af4u
#define DEVICES 32u

enum { PCI_COMMAND = 4, PCI_BAR0 = 0x10, PCI_CAPABILITIES = 0x34, COMMAND_MEMORY_MASTER = 6 };
enum { CAPABILITY_COMMON = 1, CAPABILITY_NOTIFY = 2, CAPABILITY_ISR = 3, CAPABILITY_CONFIG = 4 };
enum {
	COMMON_SELECT = 8, COMMON_ACCEPTED = 12, COMMON_STATUS = 20, COMMON_QUEUE = 22, COMMON_SIZE = 24, COMMON_ENABLE = 28,
	COMMON_DESCRIPTORS = 32, COMMON_AVAILABLE = 40, COMMON_USED = 48,
};

static volatile uint8_t *function_at(unsigned device)
{
	return (volatile uint8_t *)(uintptr_t)(ECAM + (device << 15));
}

static void write16(volatile uint8_t *at, uint16_t value)
{
	*(volatile uint16_t *)at = value;
}

static void write32(volatile uint8_t *at, uint32_t value)
{
	*(volatile uint32_t *)at = value;
}

static uint32_t read32(volatile uint8_t *at)
{
	return *(volatile uint32_t *)at;
}

static void write64(volatile uint8_t *at, uint64_t value)
{
	write32(at, (uint32_t)value);
	write32(at + 4, (uint32_t)(value >> 32));
}

static void find_areas(struct disk *disk, volatile uint8_t *function)
{
	for (uint8_t at = function[PCI_CAPABILITIES]; at; at = function[at + 1]) {
		volatile uint8_t *area = (volatile uint8_t *)(disk->registers + read32(function + at + 8));

		switch (function[at + 3]) {
		case CAPABILITY_COMMON: disk->common = area; break;
		case CAPABILITY_NOTIFY: disk->notify = area; break;
		case CAPABILITY_ISR: disk->isr = area; break;
		case CAPABILITY_CONFIG: disk->config = area; break;
		default: break;
		}
	}
}

bool disk_find(struct disk *disk, unsigned number)
{
	for (unsigned device = 0, found = 0; device < DEVICES; device++) {
		volatile uint8_t *function = function_at(device);

		if (read32(function) != FUNCTION_ID || found++ != number)
			continue;
		disk->registers = WINDOW + 0x10000u * number;
		write32(function + PCI_BAR0, (uint32_t)disk->registers);
		write16(function + PCI_COMMAND, COMMAND_MEMORY_MASTER);
		find_areas(disk, function);
		return true;
	}
	return false;
}

uint8_t disk_status(const struct disk *disk)
{
	return disk->common[COMMON_STATUS];
}

uint64_t disk_sectors(const struct disk *disk)
{
	return read32(disk->config) | (uint64_t)read32(disk->config + 4) << 32;
}

bool disk_reset(const struct disk *disk)
{
	uint64_t end = csr_read(time) + 10000u * DISK_MS;

	disk->common[COMMON_STATUS] = 0;
	while (disk_status(disk)) {
		if (csr_read(time) > end)
			return false;
	}
	return true;
}

static void set_up_queue(struct disk *disk)
{
	volatile uint8_t *common = disk->common;

	for (size_t i = 0; i < sizeof(disk->rings); i++)
		((volatile uint8_t *)&disk->rings)[i] = 0;
	disk->seen = 0;
	write16(common + COMMON_QUEUE, 0);
	write16(common + COMMON_SIZE, DISK_RING);
	write64(common + COMMON_DESCRIPTORS, (uintptr_t)&disk->rings.descriptor);
	write64(common + COMMON_AVAILABLE, (uintptr_t)&disk->rings.available);
	write64(common + COMMON_USED, (uintptr_t)&disk->rings.used);
	write16(common + COMMON_ENABLE, 1);
}

bool disk_start(struct disk *disk, uint64_t features)
{
	volatile uint8_t *common = disk->common;

	if (!disk_reset(disk))
		return false;
	common[COMMON_STATUS] = 3;
	features |= DISK_F_VERSION_1;
	for (unsigned half = 0; half < 2; half++) {
		write32(common + COMMON_SELECT, half);
		write32(common + COMMON_ACCEPTED, (uint32_t)(features >> 32 * half));
	}
	common[COMMON_STATUS] = 11;
	if (disk_status(disk) != 11)
		return false;
	set_up_queue(disk);
	common[COMMON_STATUS] = DISK_STATUS_STARTED;
	return disk_status(disk) == DISK_STATUS_STARTED;
}

void disk_describe(struct disk *disk, uint16_t index, const void *address, uint32_t length, uint16_t flags, uint16_t next)
{
	volatile struct disk_descriptor *descriptor = &disk->rings.descriptor[index % DISK_RING];

	descriptor->address = (uintptr_t)address;
	descriptor->length = length;
	descriptor->flags = flags;
	descriptor->next = next;
}

void disk_offer(struct disk *disk, uint16_t head)
{
	uint16_t index = disk->rings.available.index;

	disk->rings.available.ring[index % DISK_RING] = head;
	__asm__ volatile("fence" ::: "memory");
	disk->rings.available.index = (uint16_t)(index + 1);
}

void disk_notify(const struct disk *disk)
{
	__asm__ volatile("fence" ::: "memory");
	write16(disk->notify, 0);
}

int disk_take(struct disk *disk)
{
	int head;

	if (disk->rings.used.index == disk->seen)
		return -1;
	__asm__ volatile("fence" ::: "memory");
	head = (int)(disk->rings.used.ring[disk->seen % DISK_RING].id % DISK_RING);
	disk->seen++;
	return head;
}

uint8_t disk_request(struct disk *disk, uint32_t type, uint64_t sector, void *data, uint32_t length)
{
	struct disk_header header = { .type = type, .sector = sector };
	volatile uint8_t status = DISK_PENDING;
	uint64_t end = csr_read(time) + 30000u * DISK_MS;

	disk_describe(disk, 0, &header, sizeof(header), DISK_NEXT, length ? 1 : 2);
	disk_describe(disk, 1, data, length, DISK_NEXT | (type == DISK_IN || type == DISK_GET_ID ? DISK_WRITE : 0), 2);
	disk_describe(disk, 2, (const void *)&status, 1, DISK_WRITE, 0);
	disk_offer(disk, 0);
	disk_notify(disk);
	while (disk_take(disk) < 0) {
		if (csr_read(time) > end)
			break;
	}
	__asm__ volatile("" ::"r"(&header) : "memory");
	return status;
}
