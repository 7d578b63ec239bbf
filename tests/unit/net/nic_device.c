/* SPDX-License-Identifier: Apache-2.0 */
#include "nic_device.h"

#include <stdlib.h>
#include <string.h>

#include <libsys/log.h>

_Alignas(4096) uint8_t bus[BUS_SIZE];
struct nic_device device;

void log_line(enum log_level level, const char *format, ...)
{
	(void)format;
	device.warnings += level == LOG_WARN;
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
	if (status)
		return;
	device.resets++;
	for (unsigned i = 0; i < 2; i++)
		virtqueue_reset(&device.queue[i], device.queue_size);
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
	return queue < 2 ? device.queue_size : 0;
}

static void op_queue_enable(struct virtio_driver *driver, unsigned number, uint16_t size, uint64_t descriptors, uint64_t available,
			    uint64_t used)
{
	struct virtqueue *queue = &device.queue[number];

	(void)driver;
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

void device_send(unsigned most)
{
	struct virtqueue_segment segment;
	struct virtqueue_chain chain;

	while (most-- && virtqueue_pop(&device.queue[1], &chain)) {
		__typeof__(device.wire) frame = &device.wire[device.sent++];
		uint8_t whole[sizeof(frame->data) + sizeof(frame->header)];
		uint32_t length = 0;

		while (virtqueue_next(&device.queue[1], &device.memory, &chain, &segment)) {
			if (segment.write || length + segment.length > sizeof(whole))
				abort();
			memcpy(whole + length, segment.data, segment.length);
			length += segment.length;
		}
		if (device.queue[1].broken || length < sizeof(frame->header) || device.sent == WIRE_FRAMES)
			abort();
		memcpy(&frame->header, whole, sizeof(frame->header));
		frame->length = length - (uint32_t)sizeof(frame->header);
		memcpy(frame->data, whole + sizeof(frame->header), frame->length);
		virtqueue_push(&device.queue[1], &chain, 0);
	}
	virtqueue_set_notify(&device.queue[1], true);
}

bool device_receive(const struct net_header *header, const uint8_t *data, uint32_t length, uint32_t piece)
{
	static uint8_t whole[70000];
	uint32_t at = 0;

	memcpy(whole, header, sizeof(*header));
	memcpy(whole + sizeof(*header), data, length);
	length += (uint32_t)sizeof(*header);
	while (at < length) {
		struct virtqueue_segment segment;
		struct virtqueue_chain chain;
		uint32_t part = length - at < piece ? length - at : piece;

		if (!virtqueue_pop(&device.queue[0], &chain) ||
		    !virtqueue_next(&device.queue[0], &device.memory, &chain, &segment) || !segment.write || segment.length < part)
			return false;
		memcpy(segment.data, whole + at, part);
		virtqueue_put(&device.queue[0], chain.head, part);
		at += part;
	}
	virtqueue_publish(&device.queue[0]);
	return true;
}

static void op_notify(struct virtio_driver *driver, unsigned queue)
{
	(void)driver;
	device.kicks++;
	if (queue == 1 && !device.holds)
		device_send(WIRE_FRAMES);
}

static uint32_t op_interrupt(struct virtio_driver *driver)
{
	uint32_t interrupt = device.interrupt;

	(void)driver;
	device.interrupt = 1;
	return interrupt;
}

static const struct virtio_transport_ops ops = { op_features, op_accept, op_status, op_set_status, op_generation, op_config,
						 op_queue_size, op_queue_enable, op_notify, op_interrupt };

enum err virtio_mmio_open(struct virtio_driver *driver, volatile uint8_t *registers, size_t size)
{
	*driver = (struct virtio_driver){ .ops = &ops, .device = VIRTIO_ID_NET, .registers = registers, .size = size,
					  .device_config_size = sizeof(device.config) };
	return size ? ERR_OK : ERR_INVALID_ARGUMENT;
}

enum err virtio_pci_open(struct virtio_driver *driver, volatile uint8_t *config, volatile uint8_t *registers, size_t size)
{
	enum err err = virtio_mmio_open(driver, registers, size);

	(void)config;
	driver->device = VIRTIO_ID_BLOCK;
	return err;
}
