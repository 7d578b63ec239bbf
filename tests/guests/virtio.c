/* SPDX-License-Identifier: Apache-2.0 */
#include "virtio.h"

#define ECAM 0x30000000u
#define DEVICES 32u

enum { PCI_COMMAND = 4, PCI_BAR0 = 0x10, PCI_CAPABILITIES = 0x34, COMMAND_MEMORY_MASTER = 6 };
enum { CAPABILITY_COMMON = 1, CAPABILITY_NOTIFY = 2, CAPABILITY_ISR = 3, CAPABILITY_CONFIG = 4 };
enum {
	COMMON_SELECT = 8, COMMON_ACCEPTED = 12, COMMON_STATUS = 20, COMMON_QUEUE = 22, COMMON_SIZE = 24, COMMON_ENABLE = 28,
	COMMON_NOTIFY = 30, COMMON_DESCRIPTORS = 32, COMMON_AVAILABLE = 40, COMMON_USED = 48,
};

static volatile uint8_t *function_at(unsigned device)
{
	return (volatile uint8_t *)(uintptr_t)(ECAM + (device << 15));
}

static void write16(volatile uint8_t *at, uint16_t value)
{
	*(volatile uint16_t *)at = value;
}

static uint16_t read16(volatile uint8_t *at)
{
	return *(volatile uint16_t *)at;
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

static void find_areas(struct virtio *device, volatile uint8_t *function)
{
	for (uint8_t at = function[PCI_CAPABILITIES]; at; at = function[at + 1]) {
		volatile uint8_t *area = (volatile uint8_t *)(device->registers + read32(function + at + 8));

		switch (function[at + 3]) {
		case CAPABILITY_COMMON: device->common = area; break;
		case CAPABILITY_NOTIFY:
			device->notify = area;
			device->notify_multiplier = read32(function + at + 16);
			break;
		case CAPABILITY_ISR: device->isr = area; break;
		case CAPABILITY_CONFIG: device->config = area; break;
		default: break;
		}
	}
}

bool virtio_find(struct virtio *device, uint32_t identifier, unsigned number, uint32_t registers)
{
	for (unsigned slot = 0, found = 0; slot < DEVICES; slot++) {
		volatile uint8_t *function = function_at(slot);

		if (read32(function) != identifier || found++ != number)
			continue;
		device->registers = registers;
		write32(function + PCI_BAR0, registers);
		write16(function + PCI_COMMAND, COMMAND_MEMORY_MASTER);
		find_areas(device, function);
		return true;
	}
	return false;
}

uint8_t virtio_status(const struct virtio *device)
{
	return device->common[COMMON_STATUS];
}

uint32_t virtio_config(const struct virtio *device, unsigned offset)
{
	return read32(device->config + offset);
}

bool virtio_reset(const struct virtio *device)
{
	uint64_t end = csr_read(time) + 10000u * TICKS_MS;

	device->common[COMMON_STATUS] = 0;
	while (virtio_status(device)) {
		if (csr_read(time) > end)
			return false;
	}
	return true;
}

bool virtio_agree(const struct virtio *device, uint64_t features)
{
	volatile uint8_t *common = device->common;

	if (!virtio_reset(device))
		return false;
	common[COMMON_STATUS] = 3;
	features |= VIRTIO_F_VERSION_1;
	for (unsigned half = 0; half < 2; half++) {
		write32(common + COMMON_SELECT, half);
		write32(common + COMMON_ACCEPTED, (uint32_t)(features >> 32 * half));
	}
	common[COMMON_STATUS] = 11;
	return virtio_status(device) == 11;
}

void virtio_place(const struct virtio *device, unsigned queue, uint16_t size, const uint64_t place[3])
{
	volatile uint8_t *common = device->common;

	write16(common + COMMON_QUEUE, (uint16_t)queue);
	write16(common + COMMON_SIZE, size);
	write64(common + COMMON_DESCRIPTORS, place[0]);
	write64(common + COMMON_AVAILABLE, place[1]);
	write64(common + COMMON_USED, place[2]);
	write16(common + COMMON_ENABLE, 1);
}

void virtio_queue(const struct virtio *device, unsigned queue, volatile struct ring *ring)
{
	const uint64_t place[3] = { (uintptr_t)&ring->descriptor, (uintptr_t)&ring->available, (uintptr_t)&ring->used };

	for (size_t i = 0; i < sizeof(*ring); i++)
		((volatile uint8_t *)ring)[i] = 0;
	virtio_place(device, queue, RING_SIZE, place);
}

bool virtio_start(const struct virtio *device)
{
	device->common[COMMON_STATUS] = VIRTIO_STARTED;
	return virtio_status(device) == VIRTIO_STARTED;
}

void virtio_notify(const struct virtio *device, unsigned queue)
{
	uint32_t offset;

	__asm__ volatile("fence" ::: "memory");
	write16(device->common + COMMON_QUEUE, (uint16_t)queue);
	offset = read16(device->common + COMMON_NOTIFY) * device->notify_multiplier;
	write16(device->notify + offset, (uint16_t)queue);
}

void ring_describe(volatile struct ring *ring, uint16_t index, const void *address, uint32_t length, uint16_t flags, uint16_t next)
{
	volatile struct descriptor *descriptor = &ring->descriptor[index % RING_SIZE];

	descriptor->address = (uintptr_t)address;
	descriptor->length = length;
	descriptor->flags = flags;
	descriptor->next = next;
}

void ring_offer(volatile struct ring *ring, uint16_t head)
{
	uint16_t index = ring->available.index;

	ring->available.ring[index % RING_SIZE] = head;
	__asm__ volatile("fence" ::: "memory");
	ring->available.index = (uint16_t)(index + 1);
}

int ring_take(volatile struct ring *ring, uint16_t *seen)
{
	int head;

	if (ring->used.index == *seen)
		return -1;
	__asm__ volatile("fence" ::: "memory");
	head = (int)(ring->used.ring[*seen % RING_SIZE].id % RING_SIZE);
	++*seen;
	return head;
}
