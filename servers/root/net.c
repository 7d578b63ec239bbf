/* SPDX-License-Identifier: Apache-2.0 */
/* The net server (<proto/net.h>) as a backend: NICs. */
#include <stddef.h>

#include "backend_private.h"

#define HEAP_BASE (UINT64_C(256) << 10)   /* what the server needs without sessions */
#define HEAP_SESSION (UINT64_C(64) << 10) /* buffers that a NIC still reads */

_Static_assert(NET_DEVICES_MAX + NET_CAPTURES_MAX <= BACKEND_DEVICES_MAX, "devices");
_Static_assert(NET_NICS_MAX * BACKEND_PAGE <= BACKEND_CLIENT_STRIDE, "sessions of a VMM");
_Static_assert(NET_STATUS_SIZE + BACKEND_PAGE <= BACKEND_CLIENT_STRIDE, "pages of the console");
_Static_assert(NET_SIGNAL_SESSION(0) == BACKEND_SIGNAL_SESSION(0) && NET_SIGNAL_SESSION(31) == BACKEND_SIGNAL_SESSION(31), "badges");
_Static_assert(NET_SIGNAL_DEVICE(0) == BACKEND_SIGNAL_DEVICE(0) && NET_SIGNAL_CONTROL == BACKEND_SIGNAL_CONTROL, "badges");

static uint64_t dma_size(unsigned devices)
{
	return devices * (uint64_t)NET_DMA_DEVICE;
}

static uint64_t heap_size(unsigned sessions)
{
	return HEAP_BASE + sessions * HEAP_SESSION;
}

const struct backend_type backend_net = {
	.name = "net",
	.client = "nic",
	.clients = "nics",
	.device = "NIC",
	.devices = "NICs",
	.caller = CALLER_NET,
	.virtio = DEVICE_NET,
	.devices_most = NET_DEVICES_MAX,
	.quiet = DEVICE_CONSOLE,
	.quiet_most = NET_CAPTURES_MAX,
	.client_signal = NET_CLIENT_SIGNAL(0),
	.status_size = NET_STATUS_SIZE,
	.status_guest = offsetof(struct net_status, guest),
	.status_ended = offsetof(struct net_status, ended),
	.dma_size = dma_size,
	.heap_size = heap_size,
};
