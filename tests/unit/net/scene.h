/* SPDX-License-Identifier: Apache-2.0 */
/* Three guests and a NIC, for tests of the whole server: alpha (0) and beta (1) have modern drivers, gamma (2) takes no offloads. */
#pragma once

#include "fake.h"
#include "packet.h"

#define CSUM (VIRTIO_NET_F_CSUM | VIRTIO_NET_F_GUEST_CSUM)
#define TSO (VIRTIO_NET_F_HOST_TSO4 | VIRTIO_NET_F_HOST_TSO6 | VIRTIO_NET_F_GUEST_TSO4 | VIRTIO_NET_F_GUEST_TSO6)
#define MODERN (CSUM | TSO | VIRTIO_NET_F_MRG_RXBUF | GUEST_EVENT_INDEX | GUEST_INDIRECT)

extern struct guest guest[FAKE_GUESTS];
extern uint8_t packet[70000], got[70000];
extern struct net_header header;

/* A server and guests whose drivers agreed on these features, with buffers to receive into. */
void begin(uint64_t alpha, uint64_t beta, uint64_t gamma);

/* For cmocka: a fresh machine, and begin. */
int set_up(void **state);

/* Writes a packet for a guest by its number, from another; 9 is outside, 8 everybody. Returns its length. */
uint32_t make(unsigned to, unsigned from, bool ipv6, uint8_t protocol, uint32_t payload);

/* The header of that packet whose checksum, and cutting at `size` unless 0, is left to be done. */
struct net_header offloads(bool ipv6, uint8_t protocol, uint16_t size);

/* How many frames a port dropped for this reason, by the status page. */
uint64_t drops(unsigned port, enum net_drop drop);
