/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A stream of bytes to a file on the host, by a virtio console (virtio 1.2, section 5.3): its first port, to the host only. What is written
 * waits in a ring for the device, of which it is given all with the next kick when it has read what it was given before. No interrupts.
 */
#pragma once

#include <libsys/virtio_driver.h>

struct nic_resources;

struct stream {
	bool open;               /* false: there is no device, or it has failed; nothing is taken */
	bool busy;               /* the device reads */
	uint8_t *ring;           /* of `size` bytes */
	uint64_t physical;
	uint32_t size;
	uint32_t head;           /* where the next byte goes */
	uint32_t waiting, given; /* bytes before head: not yet given to the device, and before these: that it reads */
	struct virtio_driver driver;
	struct virtio_driver_queue queue;
};

/* Resets the device and makes it ready; what was in the memory for DMA is gone. Errors as of struct nic_driver's open. */
enum err stream_open(struct stream *stream, const struct nic_resources *resources) __attribute__((warn_unused_result));

/* Bytes that can be written now. */
uint32_t stream_room(const struct stream *stream);

/* Writes bytes for which there is room. */
void stream_write(struct stream *stream, const void *data, uint32_t length);

/*
 * Gives the device what is waiting, unless it still reads. What was written between two kicks goes as a whole, also if the server ends or
 * the device is reset afterwards. NULL, or why the stream has failed.
 */
const char *stream_kick(struct stream *stream);

/* Whether the device has read all that was written, or never will. */
bool stream_is_done(struct stream *stream);

/* Something waits for the device: it is to be kicked again later. */
static inline bool stream_waits(const struct stream *stream)
{
	return stream->open && stream->waiting != 0;
}
