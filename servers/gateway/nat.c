/* SPDX-License-Identifier: Apache-2.0 */
/* Translating packets. All that a packet says is read once, checked, and changed in its head only. */
#include "nat.h"

#include "bytes.h"
#include "checksum.h"
#include "nat_private.h"

#define IP_HEADER 20u
#define TCP_HEADER 20u
#define UDP_HEADER 8u
#define ICMP_HEADER 8u
#define QUOTED 8u /* bytes of the packet that an error is about, behind its IP header (RFC 792) */

enum { ICMP_ECHO_REPLY = 0, ICMP_UNREACHABLE = 3, ICMP_ECHO = 8, ICMP_EXPIRED = 11, ICMP_PARAMETER = 12 };
enum { AT_ID = 4, AT_FRAGMENT = 6, AT_CHECKSUM = 10, AT_SOURCE = 12, AT_TARGET = 16 };
enum { FRAGMENT_MORE = 0x2000, FRAGMENT_OFFSET = 0x1fff };
#define DATAGRAM_MAX 65515u /* bytes behind the IP header */

enum part { WHOLE, FIRST, LATER }; /* a fragment is the first or a later one of its datagram */

/* What was found in a packet. */
struct view {
	uint8_t *ip, *transport;
	uint8_t protocol, type; /* type: of ICMP */
	uint8_t flags;          /* of TCP */
	uint32_t source, target;
	uint16_t source_port, target_port; /* the identifier for ICMP echo */
	bool error;             /* an error by ICMP */
	enum part part;         /* LATER: there are no ports */
};

static bool drop(struct nat *nat, enum nat_drop reason)
{
	nat->last = reason;
	if (reason != NAT_DROP_FRAGMENT)
		nat->drops[reason]++;
	return false;
}

static bool passes(struct nat *nat)
{
	nat->last = NAT_DROPS;
	return true;
}

static uint32_t header_of(uint8_t protocol)
{
	return protocol == IP_TCP ? TCP_HEADER : protocol == IP_UDP ? UDP_HEADER : ICMP_HEADER;
}

/* Where the checksum is in TCP or UDP. */
static uint32_t checksum_at(uint8_t protocol)
{
	return protocol == IP_TCP ? 16 : 6;
}

static enum nat_drop look_icmp(const struct nat_packet *packet, struct view *view)
{
	view->type = view->transport[0];
	view->error = view->type == ICMP_UNREACHABLE || view->type == ICMP_EXPIRED || view->type == ICMP_PARAMETER;
	if (packet->partial || (view->error && view->part != WHOLE))
		return NAT_DROP_BAD;
	if (view->error)
		return packet->head < IP_HEADER + ICMP_HEADER + IP_HEADER + QUOTED ? NAT_DROP_BAD : NAT_DROPS;
	if (view->type != ICMP_ECHO && view->type != ICMP_ECHO_REPLY)
		return NAT_DROP_PROTOCOL;
	view->source_port = view->target_port = load16(view->transport + 4);
	return NAT_DROPS;
}

/* What of its datagram it is. A fragment over the header that was looked at would be another header for its receiver (RFC 1858, RFC 3128). */
static enum nat_drop look_part(const struct nat_packet *packet, struct view *view, uint32_t total)
{
	uint32_t field = load16(view->ip + AT_FRAGMENT), offset = (field & FRAGMENT_OFFSET) * 8, length = total - IP_HEADER;
	bool more = field & FRAGMENT_MORE;

	if (!offset && !more)
		return NAT_DROPS;
	view->part = offset ? LATER : FIRST;
	if (packet->partial || !length || offset + length > DATAGRAM_MAX || (more && length % 8) || (offset && offset < header_of(view->protocol)))
		return NAT_DROP_BAD;
	return NAT_DROPS;
}

/* NAT_DROPS: it can be translated. */
static enum nat_drop look(const struct nat_packet *packet, struct view *view)
{
	uint8_t *ip = packet->ip;
	uint32_t total, least;

	if (packet->head < IP_HEADER || ip[0] != 0x45)
		return NAT_DROP_BAD;
	total = load16(ip + 2);
	*view = (struct view){ .ip = ip, .transport = ip + IP_HEADER, .protocol = ip[9], .source = load32(ip + AT_SOURCE),
			       .target = load32(ip + AT_TARGET) };
	if (view->protocol != IP_TCP && view->protocol != IP_UDP && view->protocol != IP_ICMP)
		return NAT_DROP_PROTOCOL;
	if (total > packet->length || total < IP_HEADER || look_part(packet, view, total) != NAT_DROPS)
		return NAT_DROP_BAD;
	if (view->part == LATER)
		return NAT_DROPS;
	least = IP_HEADER + header_of(view->protocol);
	if (total < least || packet->head < least)
		return NAT_DROP_BAD;
	if (view->protocol == IP_ICMP)
		return look_icmp(packet, view);
	if (packet->partial && (packet->checksum_start != IP_HEADER || packet->checksum_offset != checksum_at(view->protocol)))
		return NAT_DROP_BAD;
	view->source_port = load16(view->transport);
	view->target_port = load16(view->transport + 2);
	if (view->protocol == IP_TCP)
		view->flags = view->transport[13];
	return NAT_DROPS;
}

static void change16(uint8_t *checksum, uint8_t *field, uint16_t to)
{
	store16(checksum, checksum_change16(load16(checksum), load16(field), to));
	store16(field, to);
}

/* An address in an IP header, and in its checksum. */
static void change_address(uint8_t *ip, uint32_t field, uint32_t to)
{
	store16(ip + AT_CHECKSUM, checksum_change32(load16(ip + AT_CHECKSUM), load32(ip + field), to));
	store32(ip + field, to);
}

/* Writes address and port into TCP or UDP over IP. from: the former address. */
static void change_transport(const struct nat_packet *packet, const struct view *view, uint32_t field, uint32_t address, uint16_t port)
{
	uint8_t *sum = view->transport + checksum_at(view->protocol), *at = view->transport + (field == AT_TARGET ? 2 : 0);
	uint32_t from = load32(view->ip + field);
	uint16_t value = load16(sum);

	if (packet->partial) {
		/* A plain sum of the pseudo-header; the port is not yet in it. */
		value = (uint16_t)~checksum_change32((uint16_t)~value, from, address);
	} else if (view->protocol == IP_TCP || value) {
		value = checksum_change32(value, from, address);
		value = checksum_change16(value, load16(at), port);
		if (view->protocol == IP_UDP && !value)
			value = 0xffff;
	}
	store16(sum, value);
	store16(at, port);
	change_address(view->ip, field, address);
}

static void change_echo(const struct view *view, uint32_t field, uint32_t address, uint16_t id)
{
	change16(view->transport + 2, view->transport + 4, id);
	change_address(view->ip, field, address);
}

static void change(const struct nat_packet *packet, const struct view *view, uint32_t field, uint32_t address, uint16_t port)
{
	if (view->protocol == IP_ICMP)
		change_echo(view, field, address, port);
	else
		change_transport(packet, view, field, address, port);
}

/* The packet that an error is about. */
struct quote {
	uint8_t *ip, *transport;
	uint8_t protocol;
};

static bool look_quoted(const struct view *view, struct quote *quote)
{
	*quote = (struct quote){ .ip = view->transport + ICMP_HEADER, .transport = view->transport + ICMP_HEADER + IP_HEADER };
	if (quote->ip[0] != 0x45 || (load16(quote->ip + 6) & 0x1fff))
		return false;
	quote->protocol = quote->ip[9];
	return quote->protocol == IP_TCP || quote->protocol == IP_UDP || quote->protocol == IP_ICMP;
}

/* Writes 16 bits into what an error quotes; the error's own checksum covers it. */
static void change_quoted(const struct view *view, uint8_t *field, uint16_t to)
{
	change16(view->transport + 2, field, to);
}

/* Translates the quoted packet: its address and port, its checksum as far as it is quoted, and the checksum of the error (RFC 5508, REQ-3 to 5). */
static void change_error(const struct view *view, const struct quote *quote, uint32_t field, uint32_t address, uint32_t port_at, uint16_t port)
{
	uint32_t from = load32(quote->ip + field);
	uint16_t from_port = load16(quote->transport + port_at);
	uint8_t *sum = quote->transport + (quote->protocol == IP_ICMP ? 2 : 6);

	change_quoted(view, quote->ip + AT_CHECKSUM, checksum_change32(load16(quote->ip + AT_CHECKSUM), from, address));
	change_quoted(view, quote->ip + field, (uint16_t)(address >> 16));
	change_quoted(view, quote->ip + field + 2, (uint16_t)address);
	/* That of TCP is not among the bytes that are always there. */
	if (quote->protocol == IP_ICMP)
		change_quoted(view, sum, checksum_change16(load16(sum), from_port, port));
	else if (quote->protocol == IP_UDP && load16(sum))
		change_quoted(view, sum, checksum_change16(checksum_change32(load16(sum), from, address), from_port, port));
	change_quoted(view, quote->transport + port_at, port);
}

/* An error of a guest, about a packet that it was sent: the quoted target is the guest. */
static bool leave_error(struct nat *nat, const struct view *view)
{
	struct quote quote;
	struct nat_tuple tuple;
	const struct nat_flow *flow;
	uint32_t port_at;

	if (!look_quoted(view, &quote))
		return drop(nat, NAT_DROP_BAD);
	port_at = quote.protocol == IP_ICMP ? 4 : 2;
	tuple = (struct nat_tuple){ .protocol = quote.protocol, .inside = load32(quote.ip + AT_TARGET), .remote = load32(quote.ip + AT_SOURCE),
				    .inside_port = load16(quote.transport + port_at),
				    .remote_port = quote.protocol == IP_ICMP ? 0 : load16(quote.transport) };
	flow = tuple.inside == view->source ? nat_flow_find(nat, &tuple) : NULL;
	if (!flow || flow->remote != view->target)
		return drop(nat, NAT_DROP_UNKNOWN);
	change_error(view, &quote, AT_TARGET, nat->outside, port_at, nat_mapping_of(nat, flow)->outside_port);
	change_address(view->ip, AT_SOURCE, nat->outside);
	return passes(nat);
}

/* An error from anywhere outside, about a packet that was sent by a guest: the quoted source is the gateway. */
static bool enter_error(struct nat *nat, const struct view *view, uint64_t now)
{
	const struct nat_mapping *mapping;
	const struct nat_flow *flow;
	struct quote quote;
	uint32_t port_at;

	if (!look_quoted(view, &quote))
		return drop(nat, NAT_DROP_BAD);
	port_at = quote.protocol == IP_ICMP ? 4 : 0;
	flow = load32(quote.ip + AT_SOURCE) != nat->outside ? NULL :
	       nat_flow_in(nat, quote.protocol, load16(quote.transport + port_at), load32(quote.ip + AT_TARGET),
			   quote.protocol == IP_ICMP ? 0 : load16(quote.transport + 2), false, now);
	if (!flow)
		return drop(nat, NAT_DROP_UNKNOWN);
	mapping = nat_mapping_of(nat, flow);
	change_error(view, &quote, AT_SOURCE, mapping->inside, port_at, mapping->inside_port);
	change_address(view->ip, AT_TARGET, mapping->inside);
	return passes(nat);
}

/* Addresses that are no host's, or of this network itself. */
static bool is_target(const struct nat *nat, uint32_t address)
{
	uint32_t first = address >> 24;

	return first != 0 && first != 127 && first < 224 && ((address ^ nat->description->address) & nat->description->mask) != 0;
}

/* A packet whose ports are changed is as well told apart by its number, if others of its datagram follow. */
static void change_first(struct nat *nat, const struct view *view, bool leaves, unsigned owner, uint32_t address, uint64_t now)
{
	if (view->part == FIRST)
		change16(view->ip + AT_CHECKSUM, view->ip + AT_ID, nat_datagram_begin(nat, view->ip, leaves, owner, address, now));
}

static bool change_later(struct nat *nat, const struct view *view, bool leaves, uint64_t now)
{
	const struct nat_datagram *datagram = nat_datagram_find(nat, view->ip, leaves, now);

	if (!datagram)
		return drop(nat, NAT_DROP_FRAGMENT);
	change16(view->ip + AT_CHECKSUM, view->ip + AT_ID, datagram->new_id);
	change_address(view->ip, leaves ? AT_SOURCE : AT_TARGET, datagram->address);
	return passes(nat);
}

bool nat_leave(struct nat *nat, const struct nat_packet *packet, uint64_t now)
{
	struct view view;
	struct nat_tuple tuple;
	struct nat_flow *flow;
	enum nat_drop reason = look(packet, &view);

	if (reason != NAT_DROPS)
		return drop(nat, reason);
	if (!nat->outside || !is_target(nat, view.target))
		return drop(nat, NAT_DROP_TARGET);
	if (view.part == LATER)
		return change_later(nat, &view, true, now);
	if (view.error)
		return leave_error(nat, &view);
	if (view.protocol == IP_ICMP && view.type != ICMP_ECHO)
		return drop(nat, NAT_DROP_UNKNOWN);
	if (view.target == nat->outside && !nat_port_leads(nat, view.protocol, view.target_port))
		return drop(nat, NAT_DROP_UNKNOWN);
	tuple = (struct nat_tuple){ .protocol = view.protocol, .inside = view.source, .remote = view.target, .inside_port = view.source_port,
				    .remote_port = view.protocol == IP_ICMP ? 0 : view.target_port };
	flow = nat_flow_out(nat, &tuple, now);
	if (!flow)
		return false;
	nat_flow_used(nat, flow, true, view.flags, now);
	change_first(nat, &view, true, flow->owner, nat->outside, now);
	change(packet, &view, AT_SOURCE, nat->outside, nat_mapping_of(nat, flow)->outside_port);
	return passes(nat);
}

bool nat_enter(struct nat *nat, const struct nat_packet *packet, uint64_t now)
{
	const struct nat_mapping *mapping;
	struct view view;
	struct nat_flow *flow;
	enum nat_drop reason = look(packet, &view);

	if (reason != NAT_DROPS)
		return drop(nat, reason);
	if (!nat->outside || view.target != nat->outside)
		return drop(nat, NAT_DROP_TARGET);
	if (view.part == LATER)
		return change_later(nat, &view, false, now);
	if (view.error)
		return enter_error(nat, &view, now);
	if (view.protocol == IP_ICMP && view.type != ICMP_ECHO_REPLY)
		return drop(nat, NAT_DROP_UNKNOWN);
	flow = nat_flow_in(nat, view.protocol, view.target_port, view.source, view.protocol == IP_ICMP ? 0 : view.source_port, true, now);
	if (!flow)
		return drop(nat, NAT_DROP_UNKNOWN);
	mapping = nat_mapping_of(nat, flow);
	nat_flow_used(nat, flow, false, view.flags, now);
	change_first(nat, &view, false, flow->owner, mapping->inside, now);
	change(packet, &view, AT_TARGET, mapping->inside, mapping->inside_port);
	return passes(nat);
}
