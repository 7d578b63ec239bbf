/* SPDX-License-Identifier: Apache-2.0 */
/* A driver for the guest's NICs, and a net server that does what the test says. */
#pragma once

#include <nics.h>
#include "fakes.h"
#include "pci_driver.h"

enum {
	NET_CSUM = 0, NET_GUEST_CSUM = 1, NET_MTU = 3, NET_MAC = 5, NET_GUEST_TSO4 = 7, NET_GUEST_TSO6 = 8, NET_GUEST_ECN = 9,
	NET_HOST_TSO4 = 11, NET_HOST_TSO6 = 12, NET_HOST_ECN = 13, NET_MRG_RXBUF = 15, NET_STATUS = 16, NET_CTRL_VQ = 17,
	NET_CTRL_RX = 18, NET_CTRL_VLAN = 19, NET_CTRL_RX_EXTRA = 20, NET_GUEST_ANNOUNCE = 21, NET_MQ = 22, NET_CTRL_MAC_ADDR = 23,
	NET_INDIRECT = 28, NET_EVENT_INDEX = 29, NET_VERSION_1 = 32, NET_GUEST_USO4 = 54, NET_GUEST_USO6 = 55,
	NET_HOST_USO = 56, NET_SPEED_DUPLEX = 63,
};

/* A descriptor's flags. */
enum { CHAIN_NEXT = 1, CHAIN_WRITE = 2, CHAIN_INDIRECT = 4 };

/* Its number on the PCI bus, and where the rings of its queues are. */
#define NIC(nic) (NICS_PCI_DEVICE + (nic))
#define NIC_RINGS(nic, queue) (0x80080000u + ((nic) * 9u + (queue)) * 0x3000u)

/* Where nic_send puts commands, and the answer. */
enum { NIC_COMMAND = 0x80001000u, NIC_COMMAND_MAX = 0x1000, NIC_ANSWER = 0x80000ff0u, NIC_SILENT = 0x5a };

/* A session that is ready: its link is up, MTU 1500, address 52:54:00:00:00:0N. */
void net_describe(unsigned nic);

/* For fake.on_nic_serve: does what was asked for at once. */
void net_obey(unsigned nic);

/* A machine of this many vCPUs with the NICs that fake_nic_session describes. */
void net_machine(struct driver *driver, uint32_t harts, unsigned nics);

/* All of it: features, all queues that there are with these, DRIVER_OK. */
void nic_start(struct driver *driver, unsigned nic, uint64_t features);

/* The control queue's number with these features, and whether there is one. */
unsigned nic_control(struct driver *driver, unsigned nic, uint64_t features);

/* Used index of a queue as the device or server writes it. */
uint16_t *nic_used(struct driver *driver, unsigned nic, unsigned queue);

/* Writes an entry of a queue's descriptor table. */
void nic_descriptor(struct driver *driver, unsigned nic, unsigned queue, unsigned entry, uint64_t address, uint32_t length, uint16_t flags,
		    uint16_t next);

/* Makes the chain that begins with this entry available, and notifies. */
void nic_offer(struct driver *driver, unsigned nic, unsigned queue, uint16_t head);
void nic_notify(struct driver *driver, unsigned nic, unsigned queue);

/* A command in the control queue of these bytes, in one piece; the answer, or NIC_SILENT. */
uint8_t nic_send(struct driver *driver, unsigned nic, unsigned queue, const void *bytes, uint32_t length);
