/* SPDX-License-Identifier: Apache-2.0 */
/* virtio-console: only the transmit queue of its first port. What comes from the host has no buffer to go to. */
#include "stream.h"

#include <string.h>

#include "nic.h"

#define QUEUE_SEND 1u /* of the first port (section 5.3.2) */
#define QUEUE_SIZE 4u /* one buffer, of two pieces where the ring ends */
#define PAGE 4096u

enum err stream_open(struct stream *stream, const struct nic_resources *resources)
{
	uint32_t rings = ((uint32_t)virtio_driver_queue_bytes(QUEUE_SIZE) + PAGE - 1) / PAGE * PAGE;
	uint64_t features;
	enum err err;

	*stream = (struct stream){ .open = false };
	if (resources->config)
		err = virtio_pci_open(&stream->driver, resources->config, resources->registers, resources->registers_size);
	else
		err = virtio_mmio_open(&stream->driver, resources->registers, resources->registers_size);
	if (err)
		return err;
	if (stream->driver.device != VIRTIO_ID_CONSOLE)
		return ERR_INVALID_ARGUMENT;
	if (!resources->dma || resources->dma_size < rings + PAGE)
		return ERR_NO_MEMORY;
	err = virtio_driver_negotiate(&stream->driver, 0, VIRTIO_F_INDIRECT_DESC, &features);
	if (!err) {
		memset(resources->dma, 0, rings);
		err = virtio_driver_queue_open(&stream->driver, &stream->queue, QUEUE_SEND, QUEUE_SIZE, resources->dma,
					       resources->dma_physical, features);
	}
	if (!err && stream->queue.size < 2)
		err = ERR_RANGE;
	if (err) {
		virtio_driver_reset(&stream->driver);
		return err == ERR_INVALID_ARGUMENT ? ERR_RANGE : err;
	}
	stream->ring = resources->dma + rings;
	stream->physical = resources->dma_physical + rings;
	stream->size = (uint32_t)resources->dma_size - rings;
	stream->open = true;
	virtio_driver_start(&stream->driver);
	return ERR_OK;
}

uint32_t stream_room(const struct stream *stream)
{
	return stream->open ? stream->size - stream->waiting - stream->given : 0;
}

void stream_write(struct stream *stream, const void *data, uint32_t length)
{
	uint32_t first = stream->size - stream->head < length ? stream->size - stream->head : length;

	memcpy(stream->ring + stream->head, data, first);
	memcpy(stream->ring, (const uint8_t *)data + first, length - first);
	stream->head = first < length ? length - first : stream->head + first;
	if (stream->head == stream->size)
		stream->head = 0;
	stream->waiting += length;
}

static void give(struct stream *stream)
{
	uint32_t from = (stream->head + stream->size - stream->waiting) % stream->size;
	uint32_t first = stream->size - from < stream->waiting ? stream->size - from : stream->waiting;
	const struct virtio_piece piece[] = {
		{ stream->physical + from, first, false },
		{ stream->physical, stream->waiting - first, false },
	};

	if (!virtio_driver_queue_add(&stream->queue, piece, first < stream->waiting ? 2 : 1, stream))
		return;
	stream->given = stream->waiting;
	stream->waiting = 0;
	stream->busy = true;
	virtio_driver_queue_kick(&stream->queue);
}

/* *error: the ring makes no sense. */
static void take_back(struct stream *stream, bool *error)
{
	uint32_t written;

	if (stream->busy && virtio_driver_queue_take(&stream->queue, &written, error)) {
		stream->busy = false;
		stream->given = 0;
	}
}

bool stream_is_done(struct stream *stream)
{
	bool error = false;

	if (!stream->open)
		return true;
	take_back(stream, &error);
	return error || (!stream->busy && !stream->waiting);
}

const char *stream_kick(struct stream *stream)
{
	bool error = false;

	if (!stream_waits(stream))
		return NULL;
	take_back(stream, &error);
	/* Its register is read only while it keeps us waiting. */
	if (error || (stream->busy && virtio_driver_broken(&stream->driver))) {
		virtio_driver_reset(&stream->driver);
		stream->open = false;
		return error ? "its ring makes no sense" : "the device needs a reset";
	}
	if (!stream->busy)
		give(stream);
	return NULL;
}
