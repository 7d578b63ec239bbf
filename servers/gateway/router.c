/* SPDX-License-Identifier: Apache-2.0 */
#include "router.h"

#include <string.h>

#include <libsys/log.h>

#include "bytes.h"
#include "checksum.h"
#include "complain.h"
#include "dhcp.h"
#include "hold.h"
#include "nat_private.h"

#define TURN_FRAMES 64u
#define TYPE_ARP 0x0806u
#define GSO_TCPV4 1u
#define GSO_ECN 0x80u
#define WAITING 64u    /* frames for a next hop whose MAC is asked for */
#define WAITING_SHARE 4u /* of one NIC: so many hosts may it ask for at once */
#define COMPLAINTS_MAX 8u
#define WAIT_MS 3000u
#define ICMP_ECHO 8u

/* A frame that has all but its receiver's MAC. */
struct waiting {
	const struct lease *sender; /* NULL: free */
	struct link_frame frame;
	uint32_t address;
	uint64_t since; /* ms */
};

static struct {
	const struct description *description;
	struct link *link;
	struct nat *nat;
	uint64_t now, expired, full; /* full: drops that were told in the log */
	unsigned complaints;
	bool asks; /* frames wait, and an answer may have come */
	struct hold hold;
	struct waiting waiting[WAITING];
} router;

void router_init(const struct description *description, struct link link[SIDES], struct nat *nat)
{
	memset(&router, 0, sizeof(router));
	router.description = description;
	router.link = link;
	router.nat = nat;
	hold_init(&router.hold, description->leases);
	complain_init(description, &link[INSIDE]);
}

static void discard(struct link_frame *frame)
{
	pool_give(router.link[INSIDE].pool, frame->first);
}

static void drop(struct link_frame *frame, enum nat_drop reason)
{
	router.nat->drops[reason]++;
	discard(frame);
}

static uint8_t *ip_of(const struct link_frame *frame)
{
	return frame->head + ETHERNET;
}

/* What address translation sees of a frame; false: its offload header makes no sense there. */
static bool describe(const struct link_frame *frame, struct nat_packet *packet)
{
	const struct link_header *header = &frame->header;

	*packet = (struct nat_packet){ .ip = ip_of(frame), .head = frame->head_length - ETHERNET, .length = frame->length - ETHERNET,
				       .partial = header->flags & LINK_NEEDS_CHECKSUM };
	if (header->gso_type && ((header->gso_type & ~GSO_ECN) != GSO_TCPV4 || !packet->partial || packet->ip[9] != IP_TCP))
		return false;
	if (!packet->partial)
		return true;
	packet->checksum_start = (uint16_t)(header->checksum_start - ETHERNET);
	packet->checksum_offset = header->checksum_offset;
	return header->checksum_start >= ETHERNET;
}

static void set_ethernet(struct link_frame *frame, const uint8_t *to, const uint8_t *from)
{
	memcpy(frame->head, to, MAC_SIZE);
	memcpy(frame->head + MAC_SIZE, from, MAC_SIZE);
}

/* One hop less to live, and its checksum. */
static void age(uint8_t *ip)
{
	uint16_t before = load16(ip + 8);

	ip[8]--;
	store16(ip + 10, checksum_change16(load16(ip + 10), before, load16(ip + 8)));
}

/* A free place among those that wait; NULL: the sender has its share of them. */
static struct waiting *find_place(const struct lease *sender)
{
	struct waiting *place = NULL;
	unsigned own = 0;

	for (unsigned i = 0; i < WAITING; i++) {
		if (!router.waiting[i].sender)
			place = &router.waiting[i];
		own += router.waiting[i].sender == sender;
	}
	return own < WAITING_SHARE ? place : NULL;
}

/* Sends a translated frame outside, or keeps it until its next hop is known. */
static void send_outside(struct link_frame *frame, uint32_t address, const struct lease *sender)
{
	struct waiting *place;
	uint8_t mac[MAC_SIZE];

	if (stack_next_hop(address, mac, false)) {
		set_ethernet(frame, mac, router.link[OUTSIDE].mac);
		link_send(&router.link[OUTSIDE], frame);
		return;
	}
	place = find_place(sender);
	if (!place) {
		drop(frame, NAT_DROP_NEXT_HOP);
		return;
	}
	*place = (struct waiting){ .sender = sender, .frame = *frame, .address = address, .since = router.now };
	router.asks = true;
	(void)stack_next_hop(address, mac, true);
}

static void look_at_waiting(void)
{
	uint8_t mac[MAC_SIZE];

	if (!router.asks)
		return;
	router.asks = false;
	for (unsigned i = 0; i < WAITING; i++) {
		struct waiting *waiting = &router.waiting[i];

		if (!waiting->sender)
			continue;
		if (stack_next_hop(waiting->address, mac, false)) {
			set_ethernet(&waiting->frame, mac, router.link[OUTSIDE].mac);
			link_send(&router.link[OUTSIDE], &waiting->frame);
			waiting->sender = NULL;
		} else if (router.now - waiting->since > WAIT_MS) {
			drop(&waiting->frame, NAT_DROP_NEXT_HOP);
			waiting->sender = NULL;
		} else {
			router.asks = true;
		}
	}
}

/* A packet that was not translated: a fragment may wait for the first of its datagram, the sender of another may be told. */
static void refuse(enum side side, struct link_frame *frame, bool may_wait)
{
	const struct nat *nat = router.nat;
	bool for_outside = load32(ip_of(frame) + 16) == nat->outside;

	if (nat->last == NAT_DROP_FRAGMENT) {
		if (!may_wait || !hold_keep(&router.hold, side, frame, router.now))
			drop(frame, NAT_DROP_FRAGMENT);
		return;
	}
	if (side == INSIDE && nat->last == NAT_DROP_FULL)
		complain(frame, COMPLAIN_PROHIBITED, router.now);
	else if (side == INSIDE && nat->last == NAT_DROP_UNKNOWN && for_outside)
		complain(frame, COMPLAIN_PORT, router.now);
	else if (side == INSIDE && nat->last == NAT_DROP_PROTOCOL)
		complain(frame, COMPLAIN_PROTOCOL, router.now);
	else if (side == INSIDE && nat->last == NAT_DROP_TARGET)
		complain(frame, COMPLAIN_NET, router.now);
	discard(frame);
}

/* To a guest: from outside, or from a guest by the address outside; the frame is used up. */
static void enter(struct link_frame *frame, bool may_wait)
{
	uint8_t *ip = ip_of(frame);
	const struct lease *lease;
	struct nat_packet packet;

	if (!describe(frame, &packet)) {
		drop(frame, NAT_DROP_BAD);
	} else if (ip[8] <= 1) {
		drop(frame, NAT_DROP_HOPS);
	} else if (!nat_enter(router.nat, &packet, router.now)) {
		refuse(OUTSIDE, frame, may_wait);
	} else {
		lease = lease_of_address(router.description, load32(ip + 16));
		if (!lease) {
			drop(frame, NAT_DROP_TARGET);
			return;
		}
		age(ip);
		set_ethernet(frame, lease->mac, router.link[INSIDE].mac);
		link_send(&router.link[INSIDE], frame);
	}
}

/* From a guest to somewhere else; the frame is used up. */
static void leave(struct link_frame *frame, bool may_wait)
{
	uint8_t *ip = ip_of(frame);
	const struct lease *lease = lease_of_address(router.description, load32(ip + 12));
	struct nat_packet packet;

	if (!lease || memcmp(frame->head + MAC_SIZE, lease->mac, MAC_SIZE) != 0) {
		drop(frame, NAT_DROP_SOURCE);
	} else if (!router.description->outside) {
		drop(frame, NAT_DROP_TARGET);
	} else if (!describe(frame, &packet)) {
		drop(frame, NAT_DROP_BAD);
	} else if (ip[8] <= 1) {
		complain(frame, COMPLAIN_HOPS, router.now);
		drop(frame, NAT_DROP_HOPS);
	} else if (!nat_leave(router.nat, &packet, router.now)) {
		refuse(INSIDE, frame, may_wait);
	} else if (load32(ip + 16) == router.nat->outside) {
		enter(frame, false);
	} else {
		age(ip);
		send_outside(frame, load32(ip + 16), lease);
	}
}

/* Then those of its datagram that wait for it, if it is the first fragment. */
static void pass(enum side side, struct link_frame *frame)
{
	void (*const way)(struct link_frame *frame, bool may_wait) = side == INSIDE ? leave : enter;
	struct link_frame held;
	uint8_t ip[IP_HEADER];
	bool first = (load16(ip_of(frame) + 6) & 0x3fff) == 0x2000;

	memcpy(ip, ip_of(frame), sizeof(ip));
	way(frame, true);
	while (first && hold_take(&router.hold, side, ip, &held))
		way(&held, false);
}

static void look_at_held(void)
{
	struct link_frame held;

	for (unsigned side = 0; side < SIDES; side++) {
		while (hold_expire(&router.hold, (enum side)side, router.now, &held))
			drop(&held, NAT_DROP_FRAGMENT);
	}
}

/* Is it for the gateway itself? That is a ping of its address outside too. */
static bool is_own_inside(const struct link_frame *frame)
{
	const uint8_t *ip = ip_of(frame);
	uint32_t target = load32(ip + 16);

	if (target == stack_outside() && ip[0] == 0x45 && ip[9] == IP_ICMP && !(load16(ip + 6) & 0x3fff) &&
	    frame->head_length > ETHERNET + IP_HEADER && ip[IP_HEADER] == ICMP_ECHO)
		return target != 0;
	return target == router.description->address || target == UINT32_MAX ||
	       target == (router.description->address | ~router.description->mask);
}

/* Frames that are not looked at: too short, tagged, other protocols. */
static bool is_ipv4(const struct link_frame *frame)
{
	return frame->head_length >= ETHERNET + IP_HEADER && load16(frame->head + 12) == TYPE_IPV4 && ip_of(frame)[0] >> 4 == 4;
}

static bool is_arp(const struct link_frame *frame)
{
	return frame->head_length >= ETHERNET && load16(frame->head + 12) == TYPE_ARP;
}

static void from_inside(struct link_frame *frame)
{
	if (is_arp(frame) || (is_ipv4(frame) && is_own_inside(frame))) {
		stack_input(INSIDE, frame);
		discard(frame);
	} else if (is_ipv4(frame) && memcmp(frame->head, router.link[INSIDE].mac, MAC_SIZE) == 0) {
		pass(INSIDE, frame);
	} else {
		discard(frame);
	}
}

/* Answers to the gateway's own questions, and pings of it. Nothing else of it is to be reached from outside. */
static bool is_own_outside(const struct link_frame *frame)
{
	const uint8_t *ip = ip_of(frame);
	uint32_t target = load32(ip + 16), outside = stack_outside();

	if (ip[0] != 0x45 || (load16(ip + 6) & 0x3fff) || frame->head_length < ETHERNET + IP_HEADER + 8)
		return false;
	if (ip[9] == IP_UDP && load16(ip + IP_HEADER + 2) == DHCP_CLIENT_PORT)
		return target == outside || target == UINT32_MAX || !outside;
	if (!outside || target != outside)
		return false;
	return (ip[9] == IP_UDP && load16(ip + IP_HEADER + 2) >= STACK_PORT_FIRST) || (ip[9] == IP_ICMP && ip[IP_HEADER] == ICMP_ECHO);
}

static void from_outside(struct link_frame *frame)
{
	if (is_arp(frame) || (is_ipv4(frame) && is_own_outside(frame))) {
		stack_input(OUTSIDE, frame);
		discard(frame);
	} else if (is_ipv4(frame) && memcmp(frame->head, router.link[OUTSIDE].mac, MAC_SIZE) == 0) {
		pass(OUTSIDE, frame);
	} else {
		discard(frame);
	}
}

/* Once a second. */
static void look_after_flows(void)
{
	router.expired = router.now;
	nat_expire(router.nat, router.now);
	if (router.nat->drops[NAT_DROP_FULL] == router.full || router.complaints == COMPLAINTS_MAX)
		return;
	router.complaints++;
	log_warn("a guest has its share of open connections: %lu packets for further ones were dropped",
		 (unsigned long)(router.nat->drops[NAT_DROP_FULL] - router.full));
	router.full = router.nat->drops[NAT_DROP_FULL];
}

bool router_turn(uint64_t now)
{
	unsigned sides = router.description->outside ? SIDES : 1, left = TURN_FRAMES;
	struct link_frame frame;
	bool more = false;

	router.now = now;
	for (unsigned side = 0; side < sides; side++)
		link_look(&router.link[side]);
	for (; left && link_receive(&router.link[INSIDE], &frame); left--)
		from_inside(&frame);
	more = !left;
	for (left = TURN_FRAMES; left && router.description->outside && link_receive(&router.link[OUTSIDE], &frame); left--)
		from_outside(&frame);
	more |= !left;
	stack_turn();
	nat_set_outside(router.nat, stack_outside());
	look_at_waiting();
	look_at_held();
	if (now - router.expired > 1000)
		look_after_flows();
	for (unsigned side = 0; side < sides; side++)
		more |= link_flush(&router.link[side]);
	return more;
}
