/* SPDX-License-Identifier: Apache-2.0 */
/* Virtio block device (virtio 1.2, section 5.2) in front of a session with the block server (<proto/block.h>). */
#pragma once

#include <proto/block.h>
#include "virtio_session.h"

#define VIRTIO_BLK_CONFIG_SIZE 72u

struct virtio_blk {
	struct virtio_session session; /* first; its own first is the device */
	struct block_session *page;
	uint8_t config[VIRTIO_BLK_CONFIG_SIZE]; /* as the driver reads it */
};

/* Whether what the server says of the disk can be shown to a guest. */
bool virtio_blk_possible(const struct block_session *page);

/*
 * The disk of a session that is ready and possible; its description is taken over here. As many queues as vCPUs, if there are so many.
 * number: of the disk in its guest, and of its bell.
 */
void virtio_blk_init(struct virtio_blk *blk, struct harts *harts, const struct guest_memory *memory, struct block_session *page,
		     cptr_t signal, unsigned number);
