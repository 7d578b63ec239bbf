/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A virtio device in front of a session with a server (<proto/block.h>, <proto/net.h>): what disks and NICs have in common. Set-up, reset
 * and interrupts are done here. The server works on the queues itself, and the driver's notifications reach it as doorbells of the
 * kernel: they are exits only where the kernel takes no bell.
 */
#pragma once

#include "../harts.h"
#include "virtio_pci.h"

/* Where these words are in the session's page. */
struct virtio_session_page {
	const uint32_t *server, *done, *broken;
	uint32_t *wanted;
};

struct virtio_session {
	struct virtio_device device; /* first */
	struct harts *harts;
	struct virtio_session_page page;
	/* Writes the set-up into the page: the server begins next. */
	void (*begin)(struct virtio_session *session);
	cptr_t signal;   /* of the server */
	unsigned bell;   /* its number */
	unsigned queues; /* that the server serves, from the first on */
	uint32_t wanted; /* as last written to the page; odd while the server is to serve */
	uint32_t server; /* the start of the server that the driver was last interrupted for */
	uint16_t used[VIRTIO_QUEUES]; /* each used index when the driver was last interrupted */
};

/* The rest of the session, `device` apart; nothing is served before the driver has set the device up. */
void virtio_session_open(struct virtio_session *session);

/* Tells the server to look. */
void virtio_session_signal(const struct virtio_session *session);

/* For struct virtio_device_ops. */
void virtio_session_notify(struct virtio_device *device, unsigned queue);
void virtio_session_changed(struct virtio_device *device);
bool virtio_session_stopped(struct virtio_device *device);

/* The server has signalled: gave buffers back, found the queues bad, or began anew. */
void virtio_session_signalled(struct virtio_session *session);

/* The queue that the server is to serve with this number; NULL: the driver has not enabled it. */
static inline const struct virtqueue *virtio_session_queue(const struct virtio_session *session, unsigned number)
{
	const struct virtqueue *queue = &session->device.queue[number];

	return queue->enabled ? queue : NULL;
}
