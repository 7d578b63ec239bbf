/* SPDX-License-Identifier: Apache-2.0 */
/* What the system description says of the gateway and of the NICs on its network (<proto/system.h>). */
#pragma once

#include <proto/net.h>
#include <proto/system.h>

#define MAC_SIZE 6u
#define FORWARDS_MAX 256u

/* A NIC of a guest, and the address that it is given. Addresses are numbers, in host order. */
struct lease {
	uint8_t mac[MAC_SIZE];
	uint32_t address;
	char name[SYSTEM_NAME_MAX + 1]; /* of the guest */
};

/* A TCP port outside that leads to one of a guest. */
struct forward {
	uint16_t outside, inside;
	unsigned lease;
};

struct description {
	char net[NET_NAME_MAX + 1];
	uint32_t address, mask, mtu; /* of the gateway inside */
	bool outside;                /* it has a NIC there */
	bool outside_given;          /* and an address, else DHCP tells */
	uint32_t outside_address, outside_mask, outside_router, outside_dns;
	unsigned leases, forwards;
	struct lease lease[NET_SESSIONS_MAX];
	struct forward forward[FORWARDS_MAX];
};

/* Reads it. NULL, or what is wrong with it. */
const char *description_read(const void *tree, size_t size, struct description *description);

/* The lease of an address, or of a NIC; NULL: none. */
const struct lease *lease_of_address(const struct description *description, uint32_t address);
const struct lease *lease_of_mac(const struct description *description, const uint8_t mac[MAC_SIZE]);
