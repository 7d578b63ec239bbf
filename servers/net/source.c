/* SPDX-License-Identifier: Apache-2.0 */
/* Whether a frame says truly who sends it. What cannot be read to its end is not believed. */
#include <string.h>

#include "frame.h"

#define TYPE_IPV4 0x0800u
#define TYPE_IPV6 0x86ddu
#define TYPE_VLAN 0x8100u
#define TYPE_SERVICE 0x88a8u

enum { IP_UDP = 17 };
enum { ICMPV6_ROUTER_SOLICITATION = 133, ICMPV6_REDIRECT = 137, ICMPV6_ROUTER_ADVERTISEMENT = 134, ICMPV6_NEIGHBOUR_SOLICITATION = 135, ICMPV6_NEIGHBOUR_ADVERTISEMENT = 136,
       ICMPV6_LISTENER_REPORT = 143 };

static const uint8_t zero[16];

static bool listed(const uint8_t *list, uint32_t count, const uint8_t *address, size_t size)
{
	for (uint32_t i = 0; i < count; i++) {
		if (memcmp(list + i * size, address, size) == 0)
			return true;
	}
	return false;
}

/* RFC 826: who is at which address is said by the sender's fields; an address of zero asks only (RFC 5227). */
static bool arp_allowed(const struct frame *frame, const struct frame_addresses *allowed, const uint8_t *mac)
{
	static const uint8_t start[] = { 0, 1, 8, 0, 6, 4 };
	const uint8_t *arp = frame->head + frame->network;

	if (frame->head_length - frame->network < 28 || memcmp(arp, start, sizeof(start)) != 0 ||
	    memcmp(arp + 8, mac, ETHERNET_ADDRESS) != 0)
		return false;
	return memcmp(arp + 14, zero, 4) == 0 || listed(allowed->address4[0], allowed->count4, arp + 14, 4);
}

/* A client of DHCP that has no address yet (RFC 2131). */
static bool is_dhcp(const struct frame *frame)
{
	static const uint8_t ports[] = { 0, 68, 0, 67 };

	return frame->protocol == IP_UDP && frame->transport && memcmp(frame->head + frame->transport, ports, sizeof(ports)) == 0;
}

/* A server of DHCP, or of DHCP for IPv6 (RFC 8415). */
static bool is_dhcp_server(const struct frame *frame)
{
	const uint8_t *port = frame->head + frame->transport;

	return frame->protocol == IP_UDP && frame->transport && ((port[0] == 0 && port[1] == 67) || (port[0] == 547 >> 8 && port[1] == (547 & 255)));
}

static bool ipv4_allowed(const struct frame *frame, const struct frame_addresses *allowed)
{
	const uint8_t *ip = frame->head + frame->network;

	if (frame->head_length - frame->network < 20 || (allowed->client && is_dhcp_server(frame)))
		return false;
	return listed(allowed->address4[0], allowed->count4, ip + 12, 4) || (memcmp(ip + 12, zero, 4) == 0 && is_dhcp(frame));
}

/* The link-local address that is made of this one (RFC 4291, appendix A). */
static bool is_link_local(const uint8_t *address, const uint8_t *mac)
{
	const uint8_t own[16] = { 0xfe, 0x80, 0, 0, 0, 0, 0, 0, mac[0] ^ 2, mac[1], mac[2], 0xff, 0xfe, mac[3], mac[4], mac[5] };

	return memcmp(address, own, sizeof(own)) == 0;
}

static bool own_ipv6(const uint8_t *address, const struct frame_addresses *allowed, const uint8_t *mac)
{
	return is_link_local(address, mac) || listed(allowed->address6[0], allowed->count6, address, 16);
}

/* Nobody may say of another's address that it is here (RFC 4861, section 4.4); fragments of that are not listened to (RFC 6980). */
static bool advertisement_allowed(const struct frame *frame, const struct frame_addresses *allowed, const uint8_t *mac)
{
	const uint8_t *icmp = frame->head + frame->transport;

	return frame->head_length - frame->transport >= 24 && own_ipv6(icmp + 8, allowed, mac);
}

static bool ipv6_allowed(const struct frame *frame, const struct frame_addresses *allowed, const uint8_t *mac)
{
	const uint8_t *ip = frame->head + frame->network;
	uint8_t type = 0;

	if (frame->head_length - frame->network < 40 || frame->protocol == 0 || (allowed->client && is_dhcp_server(frame)))
		return false;
	if (frame->protocol == FRAME_ICMPV6) {
		if (frame->transport >= frame->head_length)
			return false;
		type = frame->head[frame->transport];
	}
	if (type == ICMPV6_ROUTER_ADVERTISEMENT && allowed->client)
		return false;
	if (type == ICMPV6_NEIGHBOUR_ADVERTISEMENT && !advertisement_allowed(frame, allowed, mac))
		return false;
	if (own_ipv6(ip + 8, allowed, mac))
		return true;
	/* Looking whether an address is free (RFC 4862). */
	return memcmp(ip + 8, zero, 16) == 0 && (type == ICMPV6_ROUTER_SOLICITATION || type == ICMPV6_NEIGHBOUR_SOLICITATION ||
						 type == ICMPV6_LISTENER_REPORT);
}

bool frame_source_allowed(const struct frame *frame, const struct frame_addresses *allowed, const uint8_t mac[ETHERNET_ADDRESS])
{
	if (frame->type == FRAME_ARP)
		return arp_allowed(frame, allowed, mac);
	if (frame->type == TYPE_IPV4)
		return ipv4_allowed(frame, allowed);
	if (frame->type == TYPE_IPV6)
		return ipv6_allowed(frame, allowed, mac);
	/* More tags than are looked behind. */
	return frame->type != TYPE_VLAN && frame->type != TYPE_SERVICE;
}

/* Neighbour discovery tells by the sender's address too, and an advertisement by its target. */
static bool discovery_claims(const struct frame *frame, const struct frame_addresses *addresses, const uint8_t *mac)
{
	const uint8_t *ip = frame->head + frame->network, *icmp = frame->head + frame->transport;

	if (frame->protocol != FRAME_ICMPV6 || frame->transport >= frame->head_length || icmp[0] < ICMPV6_ROUTER_SOLICITATION ||
	    icmp[0] > ICMPV6_REDIRECT)
		return false;
	if (own_ipv6(ip + 8, addresses, mac))
		return true;
	return icmp[0] == ICMPV6_NEIGHBOUR_ADVERTISEMENT && frame->head_length - frame->transport >= 24 && own_ipv6(icmp + 8, addresses, mac);
}

bool frame_claims(const struct frame *frame, const struct frame_addresses *addresses, const uint8_t mac[ETHERNET_ADDRESS])
{
	if (frame->type == FRAME_ARP)
		return frame->head_length - frame->network >= 28 &&
			listed(addresses->address4[0], addresses->count4, frame->head + frame->network + 14, 4);
	return frame->type == TYPE_IPV6 && discovery_claims(frame, addresses, mac);
}
