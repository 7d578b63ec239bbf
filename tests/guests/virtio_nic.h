/* SPDX-License-Identifier: Apache-2.0 */
/* A virtio-net driver for payloads: two pairs of queues at most, and a control queue. */
#pragma once

#include "virtio.h"

#define NIC_QUEUES 5u    /* pairs and control queue */
#define NIC_BUFFER 2048u /* bytes of a receive buffer */
#define NIC_HEADER 12u   /* bytes before each frame (virtio 1.2, section 5.1.6) */

enum { NIC_RECEIVE = 0, NIC_SEND = 1 }; /* of the first pair; the second one follows */

#define NIC_F_CSUM (UINT64_C(1) << 0)
#define NIC_F_GUEST_CSUM (UINT64_C(1) << 1)
#define NIC_F_GUEST_TSO (UINT64_C(3) << 7)
#define NIC_F_HOST_TSO (UINT64_C(3) << 11)
#define NIC_F_HOST_ECN (UINT64_C(1) << 13)
#define NIC_F_MRG_RXBUF (UINT64_C(1) << 15)
#define NIC_F_CTRL_VQ (UINT64_C(1) << 17)
#define NIC_F_CTRL_ALL (UINT64_C(0xdc) << 16) /* modes, VLANs, more modes, MQ, addresses */
#define NIC_F_HOST_USO (UINT64_C(1) << 56)

struct nic_header {
	uint8_t flags, gso_type;
	uint16_t header_length, gso_size, checksum_start, checksum_offset, buffers;
};

struct nic {
	struct virtio device;
	unsigned queues;  /* in use, with the control queue, which is the last */
	uint8_t mac[6];
	uint16_t seen[NIC_QUEUES]; /* used indices so far */
	volatile struct ring ring[NIC_QUEUES];
};

/* Finds the first NIC of this guest. */
bool nic_find(struct nic *nic);

/* Resets, agrees on features, CTRL_VQ among them, and starts: two pairs if MQ is one. Nothing is in the rings. */
bool nic_start(struct nic *nic, uint64_t features);

/* The same in two steps, with something else between. */
bool nic_agree(struct nic *nic, uint64_t features);

/* Gives all entries of a receive queue buffers of their own. */
void nic_fill(struct nic *nic, unsigned queue);

/* Sends a plain frame by descriptor 0 of a queue, and waits until it is back; false: not within 5 s. */
bool nic_send(struct nic *nic, unsigned queue, const uint8_t *frame, uint32_t length);

/* Asks for an address (of 10.0.2.0/24, by its last number) by ARP as 10.0.2.66, and waits for the answer for so long. */
bool nic_ask(struct nic *nic, uint8_t host, unsigned ms);

/* Carries out a command of the control queue; the answer, 0xff: none within 5 s. */
uint8_t nic_command(struct nic *nic, uint8_t class, uint8_t command, const void *data, uint32_t length);
