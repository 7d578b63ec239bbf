/* SPDX-License-Identifier: Apache-2.0 */
/* What the gateway tells of itself: a page that it writes and the console reads, made by the root task (docs/network.md). */
#pragma once

#include <abi/types.h>
#include <proto/net.h>
#include <proto/system.h>

#define GATEWAY_STATUS_SIZE 4096u

/* Why a packet went nowhere. */
enum nat_drop {
	NAT_DROP_BAD,      /* not a packet that makes sense */
	NAT_DROP_FRAGMENT, /* a fragment whose datagram's beginning did not come */
	NAT_DROP_PROTOCOL, /* none that is translated */
	NAT_DROP_SOURCE,   /* inside: not an address that was given to the guest */
	NAT_DROP_TARGET,   /* an address that is nobody's outside, or there is no way out */
	NAT_DROP_FULL,     /* the guest's share is used up by open connections, or there is no port */
	NAT_DROP_UNKNOWN,  /* belongs to no flow */
	NAT_DROP_HOPS,     /* its hops are used up */
	NAT_DROP_NEXT_HOP, /* nobody outside answers for its next hop, or the guest asks for too many */
	NAT_DROP_ROOM,     /* the receiver's queue is full */
	NAT_DROPS,
};

struct gateway_guest {
	char name[SYSTEM_NAME_MAX + 1];
	uint32_t address, flows; /* address: a number in host order */
	uint32_t open;           /* of the flows: open TCP connections */
	uint32_t forwards;       /* ports that lead to it */
};

struct gateway_status {
	uint32_t ready;            /* 1: the rest counts */
	uint32_t address, prefix;  /* inside */
	uint32_t has_outside;      /* 1: it has a NIC there */
	uint32_t outside;          /* address; 0: none yet */
	uint32_t share;            /* flows that each NIC may have */
	uint32_t guests, reserved; /* NICs with an address */
	char net[NET_NAME_MAX + 1];
	uint64_t drops[NAT_DROPS];
	struct gateway_guest guest[NET_SESSIONS_MAX];
};
_Static_assert(sizeof(struct gateway_status) <= GATEWAY_STATUS_SIZE, "one page");
