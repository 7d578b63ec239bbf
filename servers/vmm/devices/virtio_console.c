/* SPDX-License-Identifier: Apache-2.0 */
/* Virtio console. Output is sent within the exit of the notification: one exit per write of the driver. */
#include "../console.h"
#include "virtio_console.h"

enum { QUEUE_RECEIVE, QUEUE_TRANSMIT, QUEUES };

#define TYPE_CONSOLE 3u
#define CLASS_COMMUNICATION_OTHER 0x078000u
#define FEATURE_SIZE ((uint64_t)1 << 0)
#define QUEUE_SIZE 64u

/* Most that one notification may send; what is beyond is given back unsent, so that a flood cannot hold the VMM for ever. */
#define TRANSMIT_MAX 0x100000u

static void transmit(struct virtio_device *device)
{
	struct virtqueue *queue = &device->queue[QUEUE_TRANSMIT];
	struct virtqueue_chain chain;
	struct virtqueue_segment segment;
	uint64_t sent = 0;
	bool done = false;

	while (virtqueue_pop(queue, &chain)) {
		while (virtqueue_next(queue, device->memory, &chain, &segment)) {
			uint64_t length = segment.length;

			if (segment.write || length == 0)
				continue;
			if (length > TRANSMIT_MAX - sent)
				length = TRANSMIT_MAX - sent;
			console_write(segment.data, length);
			sent += length;
		}
		if (queue->broken)
			return;
		virtqueue_push(queue, &chain, 0);
		done = true;
	}
	if (done)
		virtio_queue_done(device, queue);
}

bool virtio_console_listens(const struct virtio_console *console)
{
	return virtio_running(&console->device) && console->device.queue[QUEUE_RECEIVE].enabled;
}

static void check_size(struct virtio_console *console)
{
	uint16_t columns, rows;

	console_size(&columns, &rows);
	if (columns == console->columns && rows == console->rows)
		return;
	console->columns = columns;
	console->rows = rows;
	if (console->device.accepted & FEATURE_SIZE)
		virtio_config_changed(&console->device);
}

/* Fills buffers while there are some and input. */
static void receive(struct virtio_device *device, struct virtqueue *queue)
{
	struct virtqueue_chain chain;
	struct virtqueue_segment segment;
	bool done = false;

	while (console_readable() && virtqueue_pop(queue, &chain)) {
		uint32_t written = 0;

		while (virtqueue_next(queue, device->memory, &chain, &segment)) {
			if (segment.write)
				written += (uint32_t)console_read(segment.data, segment.length);
		}
		if (queue->broken)
			break;
		virtqueue_push(queue, &chain, written);
		done = true;
	}
	if (queue->broken)
		virtio_needs_reset(device);
	else if (done)
		virtio_queue_done(device, queue);
}

void virtio_console_input(struct virtio_console *console)
{
	struct virtio_device *device = &console->device;
	struct virtqueue *queue = &device->queue[QUEUE_RECEIVE];

	check_size(console);
	/* New buffers matter only while input is left over. One that another vCPU added before it saw that is found by looking again. */
	do {
		receive(device, queue);
		if (queue->broken)
			return;
		virtqueue_set_notify(queue, console_readable() != 0);
	} while (console_readable() && virtqueue_ready(queue));
}

static void notify(struct virtio_device *device, unsigned queue)
{
	if (queue == QUEUE_TRANSMIT)
		transmit(device);
	else
		virtio_console_input((struct virtio_console *)device);
}

static void started(struct virtio_device *device)
{
	if (device->queue[QUEUE_RECEIVE].enabled && virtio_running(device))
		virtio_console_input((struct virtio_console *)device);
}

static uint64_t config(struct virtio_device *device, unsigned offset, unsigned size)
{
	struct virtio_console *console = (struct virtio_console *)device;
	uint64_t fields = console->columns | (uint64_t)console->rows << 16; /* then max_nr_ports and emerg_wr: not offered */

	(void)size;
	return offset < 8 ? fields >> 8 * offset : 0;
}

void virtio_console_init(struct virtio_console *console, const struct guest_memory *memory)
{
	static const struct virtio_device_ops ops = { .notify = notify, .started = started, .config = config };

	*console = (struct virtio_console){
		.device = { .offered = FEATURE_SIZE, .queues = QUEUES, .queue_size = QUEUE_SIZE },
	};
	console_size(&console->columns, &console->rows);
	virtio_pci_init(&console->device, &ops, memory, TYPE_CONSOLE, CLASS_COMMUNICATION_OTHER);
}
