/* SPDX-License-Identifier: Apache-2.0 */
#include "router.h"

#include <string.h>

#include <libsys/log.h>

#include "bytes.h"
#include "checksum.h"
#include "dhcp.h"
#include "nat_private.h"

#define TURN_FRAMES 64u
#define ETHERNET 14u
#define IP_HEADER 20u
#define TYPE_IPV4 0x0800u
#define TYPE_ARP 0x0806u
#define GSO_TCPV4 1u
#define GSO_ECN 0x80u
#define WAITING 64u    /* frames for a next hop whose MAC is asked for */
#define WAITING_SHARE 4u /* of one NIC: so many hosts may it ask for at once */
#define COMPLAINTS_MAX 8u
#define WAIT_MS 3000u
#define ICMP_EXPIRED 11u
#define ICMP_ECHO 8u
#define QUOTED 8u
#define TTL 64u

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
	struct waiting waiting[WAITING];
} router;

void router_init(const struct description *description, struct link link[SIDES], struct nat *nat)
{
	memset(&router, 0, sizeof(router));
	router.description = description;
	router.link = link;
	router.nat = nat;
}

static void discard(struct link_frame *frame)
{
	pool_give(router.link[INSIDE].pool, frame->first);
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

/* Tells a guest that its packet's hops are used up (RFC 792): so the gateway is seen by traceroute. */
static void expire(const struct link_frame *about)
{
	struct link *link = &router.link[INSIDE];
	const uint8_t *quoted = ip_of(about);
	struct link_frame frame;
	uint8_t *ip, *icmp;
	uint32_t size = IP_HEADER + QUOTED;

	if (about->head_length < ETHERNET + size || !link_make(link, &frame, ETHERNET + IP_HEADER + 8 + size))
		return;
	memset(frame.head, 0, frame.length);
	set_ethernet(&frame, about->head + MAC_SIZE, link->mac);
	store16(frame.head + 12, TYPE_IPV4);
	ip = ip_of(&frame);
	icmp = ip + IP_HEADER;
	ip[0] = 0x45;
	store16(ip + 2, IP_HEADER + 8 + size);
	ip[8] = TTL;
	ip[9] = IP_ICMP;
	store32(ip + 12, router.description->address);
	memcpy(ip + 16, quoted + 12, 4);
	store16(ip + 10, (uint16_t)~checksum_fold(checksum_add(0, ip, IP_HEADER)));
	icmp[0] = ICMP_EXPIRED;
	memcpy(icmp + 8, quoted, size);
	store16(icmp + 2, (uint16_t)~checksum_fold(checksum_add(0, icmp, 8 + size)));
	link_send(link, &frame);
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
		discard(frame);
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
			discard(&waiting->frame);
			waiting->sender = NULL;
		} else {
			router.asks = true;
		}
	}
}

/* From a guest to somewhere else; the frame is used up. */
static void leave(struct link_frame *frame)
{
	uint8_t *ip = ip_of(frame);
	const struct lease *lease = lease_of_address(router.description, load32(ip + 12));
	struct nat_packet packet;

	if (!router.description->outside || !lease || memcmp(frame->head + MAC_SIZE, lease->mac, MAC_SIZE) != 0 || !describe(frame, &packet)) {
		discard(frame);
	} else if (ip[8] <= 1) {
		expire(frame);
		discard(frame);
	} else if (!nat_leave(router.nat, &packet, router.now)) {
		discard(frame);
	} else {
		age(ip);
		send_outside(frame, load32(ip + 16), lease);
	}
}

/* Is it for the gateway itself? */
static bool is_own_inside(const struct link_frame *frame)
{
	uint32_t target = load32(ip_of(frame) + 16);

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
		leave(frame);
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

/* From outside to a guest; the frame is used up. */
static void enter(struct link_frame *frame)
{
	uint8_t *ip = ip_of(frame);
	const struct lease *lease = NULL;
	struct nat_packet packet;

	if (ip[8] > 1 && describe(frame, &packet) && nat_enter(router.nat, &packet, router.now))
		lease = lease_of_address(router.description, load32(ip + 16));
	if (!lease) {
		discard(frame);
		return;
	}
	age(ip);
	set_ethernet(frame, lease->mac, router.link[INSIDE].mac);
	link_send(&router.link[INSIDE], frame);
}

static void from_outside(struct link_frame *frame)
{
	if (is_arp(frame) || (is_ipv4(frame) && is_own_outside(frame))) {
		stack_input(OUTSIDE, frame);
		discard(frame);
	} else if (is_ipv4(frame) && memcmp(frame->head, router.link[OUTSIDE].mac, MAC_SIZE) == 0) {
		enter(frame);
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
	if (now - router.expired > 1000)
		look_after_flows();
	for (unsigned side = 0; side < sides; side++)
		more |= link_flush(&router.link[side]);
	return more;
}
