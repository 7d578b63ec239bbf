/* SPDX-License-Identifier: Apache-2.0 */
/* The block server (<proto/block.h>) as a backend: disks. */
#include <stddef.h>

#include "backend_private.h"

#define HEAP_BASE (UINT64_C(1) << 20)      /* what the server needs without sessions and overlays */
#define HEAP_SESSION (UINT64_C(256) << 10) /* its requests */

_Static_assert(BLOCK_DEVICES_MAX <= BACKEND_DEVICES_MAX, "devices");
_Static_assert(BLOCK_DISKS_MAX * BACKEND_PAGE <= BACKEND_CLIENT_STRIDE, "sessions of a VMM");
_Static_assert(BLOCK_STATUS_SIZE + BACKEND_PAGE <= BACKEND_CLIENT_STRIDE, "pages of the console");

static uint64_t dma_size(unsigned devices)
{
	return BLOCK_DMA_SIZE(devices, root.system.overlays);
}

static uint64_t heap_size(unsigned sessions)
{
	return HEAP_BASE + sessions * HEAP_SESSION + (root.system.overlays ? root.system.block_memory : 0);
}

const struct backend_type backend_block = {
	.name = "block",
	.client = "disk",
	.clients = "disks",
	.device = "disk",
	.devices = "disks",
	.caller = CALLER_BLOCK,
	.virtio = DEVICE_BLOCK,
	.devices_most = BLOCK_DEVICES_MAX,
	.client_signal = BLOCK_CLIENT_SIGNAL(0),
	.status_size = BLOCK_STATUS_SIZE,
	.status_guest = offsetof(struct block_status, guest),
	.recovery_size = BLOCK_RECOVERY_SIZE,
	.dma_size = dma_size,
	.heap_size = heap_size,
};
