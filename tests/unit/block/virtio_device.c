/* SPDX-License-Identifier: Apache-2.0 */
#include "virtio_device.h"

#include <stdlib.h>
#include <string.h>

#include <libsys/log.h>
#include <libsys/syscalls.h>
#include <libsys/task.h>

_Alignas(4096) uint8_t bus[BUS_SIZE];
uint8_t content[DISK_SECTORS * 512];
struct virtio_device device;
static struct task_info info = { .timebase_hz = 1000 };

void log_line(enum log_level level, const char *format, ...)
{
	(void)format;
	device.warnings += level == LOG_WARN;
}

uint64_t sys_time(void)
{
	return device.time++;
}

const struct task_info *task_info(void)
{
	return &info;
}

static uint64_t op_features(struct virtio_driver *driver)
{
	(void)driver;
	return device.features;
}

static void op_accept(struct virtio_driver *driver, uint64_t features)
{
	(void)driver;
	device.accepted = features;
}

static uint8_t op_status(struct virtio_driver *driver)
{
	(void)driver;
	return device.status;
}

static void op_set_status(struct virtio_driver *driver, uint8_t status)
{
	(void)driver;
	device.status = status;
	if (!status) {
		device.resets++;
		virtqueue_reset(&device.queue, device.queue_size);
	}
}

static uint8_t op_generation(struct virtio_driver *driver)
{
	(void)driver;
	return 0;
}

static uint32_t op_config(struct virtio_driver *driver, unsigned offset, unsigned size)
{
	uint32_t value = 0;

	(void)driver;
	memcpy(&value, device.config + offset, size);
	return value;
}

static uint16_t op_queue_size(struct virtio_driver *driver, unsigned queue)
{
	(void)driver;
	return queue ? 0 : device.queue_size;
}

static void op_queue_enable(struct virtio_driver *driver, unsigned number, uint16_t size, uint64_t descriptors, uint64_t available,
			    uint64_t used)
{
	struct virtqueue *queue = &device.queue;

	(void)driver;
	(void)number;
	virtqueue_reset(queue, device.queue_size);
	queue->size = size;
	queue->descriptors = descriptors;
	queue->available = available;
	queue->used = used;
	queue->event_index = device.accepted & VIRTIO_F_EVENT_IDX;
	queue->indirect = device.accepted & VIRTIO_F_INDIRECT_DESC;
	if (!virtqueue_enable(queue, &device.memory))
		abort();
}

/* What a device does with a request, byte by byte. */
static void perform(struct virtqueue_chain *chain)
{
	struct { uint32_t type, reserved; uint64_t sector; } header;
	struct { uint64_t sector; uint32_t sectors, flags; } range;
	struct virtqueue_segment segment[130];
	unsigned count = 0;
	uint32_t written = 1;
	uint64_t at;

	while (virtqueue_next(&device.queue, &device.memory, chain, &segment[count]))
		count++;
	if (device.queue.broken || count < 2 || segment[0].length != 16 || segment[count - 1].length != 1)
		abort();
	memcpy(&header, segment[0].data, sizeof(header));
	device.type = header.type;
	device.requests++;
	if (count - 2 > device.pieces)
		device.pieces = count - 2;
	at = header.sector * 512;
	for (unsigned i = 1; i + 1 < count && !device.fails; i++) {
		if (header.type == 8) {
			memcpy(segment[i].data, "the-serial-of-twenty", 20);
		} else if (header.type == 11 || header.type == 13) {
			memcpy(&range, segment[i].data, sizeof(range));
			device.sectors += range.sectors;
			memset(content + range.sector * 512, 0, range.sectors * 512);
		} else {
			if (at + segment[i].length > sizeof(content))
				abort();
			if (header.type == 0)
				memcpy(segment[i].data, content + at, segment[i].length);
			else
				memcpy(content + at, segment[i].data, segment[i].length);
		}
		at += segment[i].length;
		written += segment[i].write ? segment[i].length : 0;
	}
	*segment[count - 1].data = device.answer;
	virtqueue_push(&device.queue, chain, written);
}

void device_work(void)
{
	struct virtqueue_chain chain;

	while (virtqueue_pop(&device.queue, &chain))
		perform(&chain);
	virtqueue_set_notify(&device.queue, true);
}

static void op_notify(struct virtio_driver *driver, unsigned queue)
{
	(void)driver;
	(void)queue;
	device.kicks++;
	if (!device.mute)
		device_work();
}

static uint32_t op_interrupt(struct virtio_driver *driver)
{
	(void)driver;
	return device.status & 0x40 ? 3 : 1;
}

static const struct virtio_transport_ops ops = { op_features, op_accept, op_status, op_set_status, op_generation, op_config,
						 op_queue_size, op_queue_enable, op_notify, op_interrupt };

enum err virtio_mmio_open(struct virtio_driver *driver, volatile uint8_t *registers, size_t size)
{
	*driver = (struct virtio_driver){ .ops = &ops, .device = VIRTIO_ID_BLOCK, .registers = registers, .size = size,
					  .device_config_size = sizeof(device.config) };
	return size ? ERR_OK : ERR_INVALID_ARGUMENT;
}

enum err virtio_pci_open(struct virtio_driver *driver, volatile uint8_t *config, volatile uint8_t *registers, size_t size)
{
	enum err err = virtio_mmio_open(driver, registers, size);

	(void)config;
	driver->device = VIRTIO_ID_NET;
	return err;
}
