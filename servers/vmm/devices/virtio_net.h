/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Virtio network device (virtio 1.2, section 5.1) in front of a session with the net server (<proto/net.h>). The server serves the receive
 * and transmit queues, which have one bell; the control queue is served here, within the exit of its notification.
 */
#pragma once

#include <proto/net.h>
#include "virtio_session.h"

#define VIRTIO_NET_CONFIG_SIZE 24u

/* Features (section 5.1.3), as far as they are offered. */
enum {
	NET_F_CSUM = 1 << 0,
	NET_F_GUEST_CSUM = 1 << 1,
	NET_F_MTU = 1 << 3,
	NET_F_MAC = 1 << 5,
	NET_F_GUEST_TSO4 = 1 << 7,
	NET_F_GUEST_TSO6 = 1 << 8,
	NET_F_GUEST_ECN = 1 << 9,
	NET_F_HOST_TSO4 = 1 << 11,
	NET_F_HOST_TSO6 = 1 << 12,
	NET_F_HOST_ECN = 1 << 13,
	NET_F_MRG_RXBUF = 1 << 15,
	NET_F_STATUS = 1 << 16,
	NET_F_CTRL_VQ = 1 << 17,
	NET_F_CTRL_RX = 1 << 18,
	NET_F_CTRL_VLAN = 1 << 19,
	NET_F_CTRL_RX_EXTRA = 1 << 20,
	NET_F_GUEST_ANNOUNCE = 1 << 21,
	NET_F_MQ = 1 << 22,
	NET_F_CTRL_MAC_ADDR = 1 << 23,
};
#define NET_F_GUEST_USO4 ((uint64_t)1 << 54)
#define NET_F_GUEST_USO6 ((uint64_t)1 << 55)
#define NET_F_HOST_USO ((uint64_t)1 << 56)
#define NET_F_SPEED_DUPLEX ((uint64_t)1 << 63)

/* What the driver wants to receive. Tables that do not fit into the filter leave it open: all addresses of that kind then. */
struct virtio_net_wishes {
	struct net_filter filter;
	bool unicast_open, multicast_open;
};

struct virtio_net {
	struct virtio_session session; /* first; its own first is the device */
	struct net_session *page;
	unsigned number;  /* of the NIC in its guest */
	unsigned pairs;   /* of receive and transmit queues that are there */
	uint16_t control; /* the control queue's number, 0: the driver has none */
	uint32_t announce; /* as the server had it when the driver was last told */
	uint8_t mac[6];
	struct virtio_net_wishes wishes;
	uint8_t config[VIRTIO_NET_CONFIG_SIZE]; /* as the driver reads it */
};

/*
 * The NIC of a session that is ready; what the server says of it is taken over here, or false: it cannot be shown to a guest. A pair of queues for
 * each vCPU, if there are so many. number: of the NIC in its guest; bell: its bell's.
 */
bool virtio_net_init(struct virtio_net *net, struct harts *harts, const struct guest_memory *memory, struct net_session *page,
		     cptr_t signal, unsigned number, unsigned bell) __attribute__((warn_unused_result));

/* The server has signalled: moved buffers, changed something in the session, or began anew. */
void virtio_net_signalled(struct virtio_net *net);

/* The driver acknowledges the announcement that it was asked for. */
void virtio_net_announced(struct virtio_net *net);

/* In virtio_net_control.c: */

/* What is received before the driver has said what it wants. */
void virtio_net_control_begin(struct virtio_net *net);

/*
 * Carries out the commands in the control queue (section 5.1.6.5), so many that the VMM is not held up; then it is called again by
 * virtio_net_signalled. The queue is `broken` if a command is no command at all.
 */
void virtio_net_control(struct virtio_net *net);
