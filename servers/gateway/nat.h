/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Address translation for IPv4: TCP, UDP and ICMP echo, with errors by ICMP (RFC 4787, 5382, 5508).
 *
 * A mapping joins an address and port inside with a port outside, the same for all whom it talks to; it keeps the port's own number if that is
 * free. A flow is a mapping and who is talked to; only flows let packets in. A guest has a fixed share of the flows, and of a full share its
 * oldest that is no open TCP connection goes, so that no guest can use up what others need. Fragments follow the first of their datagram.
 * Nothing here knows of queues or of Ethernet.
 */
#pragma once

#include <proto/gateway.h>

#include "description.h"

#define NAT_FLOWS 4096u
#define NAT_MAPPINGS (NAT_FLOWS + FORWARDS_MAX)
#define NAT_BUCKETS 4096u
#define NAT_DATAGRAMS 1024u   /* in fragments */
#define NAT_DATAGRAM_MS 30000u /* that fragments may come after the first */
#define NAT_PORT_FIRST 1024u  /* of mappings; below it only forwarded ones */
#define NAT_PORT_LAST 60999u  /* those above are the gateway's own */
#define NAT_NONE 0xffffu

/* In the order in which they go if a guest's share is used up. */
enum nat_class { NAT_ECHO, NAT_TCP_CLOSING, NAT_TCP_OPENING, NAT_UDP, NAT_TCP_OPEN, NAT_CLASSES };

struct nat_mapping {
	uint32_t inside;
	uint16_t inside_port, outside_port;
	uint8_t protocol; /* 0: free */
	bool fixed;       /* a forwarded port */
	uint16_t flows;
	uint16_t next_inside, next_outside; /* in their buckets; free: next_inside */
};

struct nat_flow {
	uint64_t used; /* ms, when last */
	uint32_t remote;
	uint16_t remote_port, mapping;
	uint16_t next, previous_used, next_used; /* in its bucket; in its owner's list, oldest first; free: next */
	uint8_t class, owner, ends; /* ends: NAT_SEEN_* */
};

struct nat_list {
	uint16_t first, last;
};

/* A datagram in fragments: only the first has ports, so it tells where the others go. */
struct nat_datagram {
	uint64_t since;          /* ms, when the first came */
	uint32_t source, target; /* as they came */
	uint32_t address;        /* for that of the guest, or for the target */
	uint16_t id, new_id;     /* in the IP header */
	uint16_t next;           /* in its bucket */
	uint8_t protocol;        /* 0: free */
	uint8_t leaves;
};

struct nat {
	const struct description *description;
	uint32_t outside;            /* address; 0: none yet, nothing is translated */
	uint32_t random;             /* state of a generator for ports */
	uint32_t secret;             /* of the buckets */
	unsigned share;              /* flows of each lease */
	uint16_t free_flow, free_mapping;
	uint16_t flows[NET_SESSIONS_MAX]; /* of each lease */
	struct nat_list list[NET_SESSIONS_MAX][NAT_CLASSES];
	uint16_t by_flow[NAT_BUCKETS], by_inside[NAT_BUCKETS], by_outside[NAT_BUCKETS];
	struct nat_flow flow[NAT_FLOWS];
	struct nat_mapping mapping[NAT_MAPPINGS];
	uint16_t next_id;            /* of datagrams that leave in fragments: guests' numbers could be alike */
	uint16_t next_datagram[2][NET_SESSIONS_MAX]; /* in the share of each lease, for each direction */
	uint16_t by_datagram[NAT_BUCKETS];
	struct nat_datagram datagram[NAT_DATAGRAMS];
	enum nat_drop last;          /* what became of the last packet; NAT_DROPS: it was translated */
	uint64_t drops[NAT_DROPS];
};

/* A packet whose head lies in one piece. */
struct nat_packet {
	uint8_t *ip;        /* its IPv4 header */
	uint32_t head;      /* bytes from there on that may be read and changed */
	uint32_t length;    /* bytes of all that follows, from there on */
	bool partial;       /* the checksum of TCP or UDP is that of the pseudo-header only; the receiver completes it */
	uint16_t checksum_start, checksum_offset; /* then, where: from the IP header on */
};

/* Forgets all flows, and makes the forwarded ports. random: two unpredictable numbers. */
void nat_init(struct nat *nat, const struct description *description, const uint32_t random[2]);

/* Another address outside: flows of the former are forgotten. 0: none. */
void nat_set_outside(struct nat *nat, uint32_t address);

/*
 * Translates a packet of a guest, or one from outside, in place; false: it goes nowhere, `last` says why, and it is counted, unless that is
 * NAT_DROP_FRAGMENT: then the first of its datagram may still come. A guest's packet that is for the address outside comes in again by
 * nat_enter (RFC 4787, REQ-9: hairpinning). now: ms.
 */
bool nat_leave(struct nat *nat, const struct nat_packet *packet, uint64_t now);
bool nat_enter(struct nat *nat, const struct nat_packet *packet, uint64_t now);

/* Forgets flows that were not used for too long. */
void nat_expire(struct nat *nat, uint64_t now);
