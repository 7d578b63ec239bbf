/* SPDX-License-Identifier: Apache-2.0 */
/* Between the files of the hostile driver of a NIC. */
#pragma once

#include "virtio_nic.h"

#define NET_WILD 0xdead0000beef0000u

/* All that it can agree on. */
#define NET_FEATURES (NIC_F_CSUM | NIC_F_GUEST_CSUM | NIC_F_GUEST_TSO | NIC_F_HOST_TSO | NIC_F_HOST_ECN | NIC_F_HOST_USO | NIC_F_MRG_RXBUF | \
		      NIC_F_CTRL_ALL | VIRTIO_F_INDIRECT | VIRTIO_F_EVENT_INDEX)

/* What becomes of a deed; some of them, as bits. */
enum net_outcome { NET_DONE = 1, NET_BROKEN = 2, NET_NOTHING = 4, NET_ANY = 7 };

extern struct nic net_nic;
extern uint8_t net_buffer[65536];                /* a frame to send, with its header */
extern struct descriptor net_table[RING_SIZE];   /* an indirect table */

/* Descriptor of the queue that the deed is about. */
void net_put(unsigned queue, uint16_t index, uint64_t address, uint32_t length, uint16_t flags, uint16_t next);

/* Waits until something comes back in a queue, or the device asks for a reset. */
enum net_outcome net_wait(unsigned queue, unsigned ms);

/* The device is reset and works again: an ARP request is answered by the guest beside. */
void net_check(const char *after);

/* A good frame of so many bytes from descriptors 0 (header) and 1 of the send queue, not yet offered: UDP, or TCP, over IPv4. */
void net_good_frame(uint8_t protocol, uint32_t length);

/* Each does its part of the deeds. */
void hostile_net_deeds(void);    /* chains and offload headers: hostile_net_deeds.c */
void hostile_net_random(void);   /* storms, changes under way, anything anywhere: hostile_net_random.c */
