/* SPDX-License-Identifier: Apache-2.0 */
/* virtio-net (virtio 1.2, section 5.1): features and the configuration, for device and driver. */
#pragma once

#include <abi/types.h>

#define VIRTIO_NET_F_CSUM ((uint64_t)1 << 0)         /* sends frames without checksums */
#define VIRTIO_NET_F_GUEST_CSUM ((uint64_t)1 << 1)   /* receives them */
#define VIRTIO_NET_F_MTU ((uint64_t)1 << 3)
#define VIRTIO_NET_F_MAC ((uint64_t)1 << 5)
#define VIRTIO_NET_F_GUEST_TSO4 ((uint64_t)1 << 7)   /* receives large TCP segments over IPv4 */
#define VIRTIO_NET_F_GUEST_TSO6 ((uint64_t)1 << 8)
#define VIRTIO_NET_F_GUEST_ECN ((uint64_t)1 << 9)    /* ... with the congestion bits */
#define VIRTIO_NET_F_HOST_TSO4 ((uint64_t)1 << 11)   /* sends them */
#define VIRTIO_NET_F_HOST_TSO6 ((uint64_t)1 << 12)
#define VIRTIO_NET_F_HOST_ECN ((uint64_t)1 << 13)
#define VIRTIO_NET_F_MRG_RXBUF ((uint64_t)1 << 15)   /* a frame may take several receive buffers */
#define VIRTIO_NET_F_STATUS ((uint64_t)1 << 16)
#define VIRTIO_NET_F_CTRL_VQ ((uint64_t)1 << 17)
#define VIRTIO_NET_F_CTRL_RX ((uint64_t)1 << 18)
#define VIRTIO_NET_F_CTRL_VLAN ((uint64_t)1 << 19)
#define VIRTIO_NET_F_CTRL_RX_EXTRA ((uint64_t)1 << 20)
#define VIRTIO_NET_F_GUEST_ANNOUNCE ((uint64_t)1 << 21)
#define VIRTIO_NET_F_MQ ((uint64_t)1 << 22)
#define VIRTIO_NET_F_CTRL_MAC_ADDR ((uint64_t)1 << 23)
#define VIRTIO_NET_F_GUEST_USO4 ((uint64_t)1 << 54)  /* receives several UDP datagrams in one */
#define VIRTIO_NET_F_GUEST_USO6 ((uint64_t)1 << 55)
#define VIRTIO_NET_F_HOST_USO ((uint64_t)1 << 56)    /* sends them */

/* Offsets in the configuration (section 5.1.4). */
enum {
	VIRTIO_NET_CONFIG_MAC = 0,
	VIRTIO_NET_CONFIG_STATUS = 6, /* bit 0: link up, bit 1: announce */
	VIRTIO_NET_CONFIG_PAIRS = 8,
	VIRTIO_NET_CONFIG_MTU = 10,
};
