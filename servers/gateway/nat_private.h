/* SPDX-License-Identifier: Apache-2.0 */
/* Between the files of address translation. */
#pragma once

#include "nat.h"

enum { IP_ICMP = 1, IP_TCP = 6, IP_UDP = 17 };

/* Who talks to whom, seen from inside. For ICMP echo the ports are the identifier, and 0. */
struct nat_tuple {
	uint8_t protocol;
	uint32_t inside, remote;
	uint16_t inside_port, remote_port;
};

/* The flow of a tuple, made if need be; NULL: it cannot be, and is counted. */
struct nat_flow *nat_flow_out(struct nat *nat, const struct nat_tuple *tuple, uint64_t now);

/* The flow of who talks to a port outside. make: for a forwarded port, if there is none yet. NULL: none. */
struct nat_flow *nat_flow_in(struct nat *nat, uint8_t protocol, uint16_t outside_port, uint32_t remote, uint16_t remote_port, bool make,
			     uint64_t now);

/* The flow of a tuple that is there already, or NULL. */
struct nat_flow *nat_flow_find(struct nat *nat, const struct nat_tuple *tuple);

static inline const struct nat_mapping *nat_mapping_of(const struct nat *nat, const struct nat_flow *flow)
{
	return &nat->mapping[flow->mapping];
}

/* Whether a port outside leads to anybody. */
bool nat_port_leads(struct nat *nat, uint8_t protocol, uint16_t outside_port);

/* A bucket for three numbers that outsiders may choose. */
uint32_t nat_mix(const struct nat *nat, uint32_t a, uint32_t b, uint32_t c);

/* What is known of the datagram of a fragment by its IP header, as it came; NULL: nothing. leaves: it is a guest's. */
const struct nat_datagram *nat_datagram_find(const struct nat *nat, const uint8_t *ip, bool leaves, uint64_t now);

/*
 * The first fragment of a datagram that leaves or comes for this lease (`owner`) has passed: others get this address, and the number that is
 * returned. The oldest of its share goes.
 */
uint16_t nat_datagram_begin(struct nat *nat, const uint8_t *ip, bool leaves, unsigned owner, uint32_t address, uint64_t now);
void nat_datagrams_forget(struct nat *nat);

/* A packet of the flow has passed. flags: of TCP. */
void nat_flow_used(struct nat *nat, struct nat_flow *flow, bool leaves, uint8_t flags, uint64_t now);
