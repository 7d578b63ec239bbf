/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Virtio block device (virtio 1.2, section 5.2) in front of a session with the block server (<proto/block.h>). What is rare is done here:
 * configuration, set-up, reset, interrupts. The server works on the queues itself, and the driver's notifications reach it as
 * doorbells of the kernel: they are exits only where the kernel takes no bell.
 */
#pragma once

#include <proto/block.h>
#include "../harts.h"
#include "virtio_pci.h"

#define VIRTIO_BLK_CONFIG_SIZE 72u

struct virtio_blk {
	struct virtio_device device; /* first */
	struct harts *harts;
	struct block_session *session;
	cptr_t signal;   /* of the server */
	unsigned number; /* of the disk in its guest, and of its bell */
	uint32_t wanted; /* as last written to the session; odd while the server is to serve */
	uint32_t server; /* the start of the server that the driver was last interrupted for */
	uint16_t used[VIRTIO_QUEUES]; /* each used index when the driver was last interrupted */
	uint8_t config[VIRTIO_BLK_CONFIG_SIZE]; /* as the driver reads it */
};

/* Whether what the server says of the disk can be shown to a guest. */
bool virtio_blk_possible(const struct block_session *session);

/* The disk of a session that is ready and possible; its description is taken over here. As many queues as vCPUs, if there are so many. */
void virtio_blk_init(struct virtio_blk *blk, struct harts *harts, const struct guest_memory *memory, struct block_session *session,
		     cptr_t signal, unsigned number);

/* The server has signalled: gave buffers back, changed something in the session, or began anew. */
void virtio_blk_signalled(struct virtio_blk *blk);
