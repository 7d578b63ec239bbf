/* SPDX-License-Identifier: Apache-2.0 */
/* Mappings and flows: finding, making and forgetting them. All lists are of numbers, in tables of a fixed size. */
#include <string.h>

#include "nat_private.h"

#define TRIES 64u /* ports that are tried before there is none */
#define SECOND UINT64_C(1000)

enum { TCP_FIN = 1, TCP_SYN = 2, TCP_RST = 4 };
enum { SEEN_OUT = 1, SEEN_IN = 2, SEEN_BOTH = 3, FIN_OUT = 4, FIN_IN = 8, FIN_BOTH = 12 };

/* RFC 5508 REQ-2, 5382 REQ-5, 4787 REQ-5: ms. */
static const uint64_t timeout[NAT_CLASSES] = {
	[NAT_ECHO] = 60 * SECOND,
	[NAT_TCP_CLOSING] = 240 * SECOND,
	[NAT_TCP_OPENING] = 240 * SECOND,
	[NAT_UDP] = 300 * SECOND,
	[NAT_TCP_OPEN] = 7440 * SECOND,
};

uint32_t nat_mix(const struct nat *nat, uint32_t a, uint32_t b, uint32_t c)
{
	uint32_t hash = nat->secret;

	hash = (hash ^ a) * 0x85ebca6bu;
	hash ^= hash >> 15;
	hash = (hash ^ b) * 0xc2b2ae35u;
	hash ^= hash >> 13;
	hash = (hash ^ c) * 0x27d4eb2fu;
	hash ^= hash >> 16;
	return hash % NAT_BUCKETS;
}

static uint32_t next_random(struct nat *nat)
{
	nat->random ^= nat->random << 13;
	nat->random ^= nat->random >> 17;
	nat->random ^= nat->random << 5;
	return nat->random;
}

static uint16_t *inside_bucket(struct nat *nat, uint8_t protocol, uint32_t inside, uint16_t port)
{
	return &nat->by_inside[nat_mix(nat, protocol, inside, port)];
}

static uint16_t *outside_bucket(struct nat *nat, uint8_t protocol, uint16_t port)
{
	return &nat->by_outside[nat_mix(nat, protocol, 0, port)];
}

static uint16_t *flow_bucket(struct nat *nat, uint16_t mapping, uint32_t remote, uint16_t port)
{
	return &nat->by_flow[nat_mix(nat, mapping, remote, port)];
}

static uint16_t find_inside(struct nat *nat, uint8_t protocol, uint32_t inside, uint16_t port)
{
	uint16_t at = *inside_bucket(nat, protocol, inside, port);

	for (; at != NAT_NONE; at = nat->mapping[at].next_inside) {
		const struct nat_mapping *mapping = &nat->mapping[at];

		if (mapping->protocol == protocol && mapping->inside == inside && mapping->inside_port == port)
			break;
	}
	return at;
}

static uint16_t find_outside(struct nat *nat, uint8_t protocol, uint16_t port)
{
	uint16_t at = *outside_bucket(nat, protocol, port);

	for (; at != NAT_NONE; at = nat->mapping[at].next_outside) {
		if (nat->mapping[at].protocol == protocol && nat->mapping[at].outside_port == port)
			break;
	}
	return at;
}

static struct nat_flow *find_flow(struct nat *nat, uint16_t mapping, uint32_t remote, uint16_t port)
{
	uint16_t at = *flow_bucket(nat, mapping, remote, port);

	for (; at != NAT_NONE; at = nat->flow[at].next) {
		struct nat_flow *flow = &nat->flow[at];

		if (flow->mapping == mapping && flow->remote == remote && flow->remote_port == port)
			return flow;
	}
	return NULL;
}

static uint16_t make_mapping(struct nat *nat, uint8_t protocol, uint32_t inside, uint16_t inside_port, uint16_t outside_port, bool fixed)
{
	uint16_t number = nat->free_mapping, *bucket;
	struct nat_mapping *mapping;

	if (number == NAT_NONE)
		return NAT_NONE;
	mapping = &nat->mapping[number];
	nat->free_mapping = mapping->next_inside;
	*mapping = (struct nat_mapping){ .inside = inside, .inside_port = inside_port, .outside_port = outside_port, .protocol = protocol,
					 .fixed = fixed };
	bucket = inside_bucket(nat, protocol, inside, inside_port);
	mapping->next_inside = *bucket;
	*bucket = number;
	bucket = outside_bucket(nat, protocol, outside_port);
	mapping->next_outside = *bucket;
	*bucket = number;
	return number;
}

static void unlink_mapping(struct nat *nat, uint16_t number)
{
	struct nat_mapping *mapping = &nat->mapping[number];
	uint16_t *at = inside_bucket(nat, mapping->protocol, mapping->inside, mapping->inside_port);

	while (*at != number)
		at = &nat->mapping[*at].next_inside;
	*at = mapping->next_inside;
	at = outside_bucket(nat, mapping->protocol, mapping->outside_port);
	while (*at != number)
		at = &nat->mapping[*at].next_outside;
	*at = mapping->next_outside;
	mapping->protocol = 0;
	mapping->next_inside = nat->free_mapping;
	nat->free_mapping = number;
}

/* A port outside for one inside: the same number, else any of its parity (RFC 4787, REQ-3 and REQ-4). 0: none. */
static uint16_t choose_port(struct nat *nat, uint8_t protocol, uint16_t inside)
{
	uint16_t port = inside;

	for (unsigned i = 0; i < TRIES; i++) {
		if (port >= NAT_PORT_FIRST && port <= NAT_PORT_LAST && find_outside(nat, protocol, port) == NAT_NONE)
			return port;
		port = (uint16_t)(NAT_PORT_FIRST + next_random(nat) % (NAT_PORT_LAST + 1 - NAT_PORT_FIRST));
		port = (uint16_t)((port & ~1u) | (inside & 1u));
	}
	return 0;
}

static void list_remove(struct nat *nat, struct nat_flow *flow)
{
	struct nat_list *list = &nat->list[flow->owner][flow->class];

	if (flow->previous_used == NAT_NONE)
		list->first = flow->next_used;
	else
		nat->flow[flow->previous_used].next_used = flow->next_used;
	if (flow->next_used == NAT_NONE)
		list->last = flow->previous_used;
	else
		nat->flow[flow->next_used].previous_used = flow->previous_used;
}

static void list_append(struct nat *nat, struct nat_flow *flow)
{
	struct nat_list *list = &nat->list[flow->owner][flow->class];
	uint16_t number = (uint16_t)(flow - nat->flow);

	flow->next_used = NAT_NONE;
	flow->previous_used = list->last;
	if (list->last == NAT_NONE)
		list->first = number;
	else
		nat->flow[list->last].next_used = number;
	list->last = number;
}

static void forget(struct nat *nat, struct nat_flow *flow)
{
	struct nat_mapping *mapping = &nat->mapping[flow->mapping];
	uint16_t number = (uint16_t)(flow - nat->flow), *at = flow_bucket(nat, flow->mapping, flow->remote, flow->remote_port);

	while (*at != number)
		at = &nat->flow[*at].next;
	*at = flow->next;
	list_remove(nat, flow);
	nat->flows[flow->owner]--;
	mapping->flows--;
	if (!mapping->flows && !mapping->fixed)
		unlink_mapping(nat, flow->mapping);
	flow->mapping = NAT_NONE;
	flow->next = nat->free_flow;
	nat->free_flow = number;
}

/* Makes room in an owner's share; false: it is full of open connections. */
static bool make_room(struct nat *nat, unsigned owner)
{
	if (nat->flows[owner] < nat->share)
		return true;
	for (unsigned class = 0; class < NAT_TCP_OPEN; class++) {
		uint16_t oldest = nat->list[owner][class].first;

		if (oldest != NAT_NONE) {
			forget(nat, &nat->flow[oldest]);
			return true;
		}
	}
	return false;
}

static struct nat_flow *make_flow(struct nat *nat, uint16_t mapping, unsigned owner, uint32_t remote, uint16_t remote_port, uint64_t now)
{
	uint16_t number = nat->free_flow, *bucket = flow_bucket(nat, mapping, remote, remote_port);
	uint8_t protocol = nat->mapping[mapping].protocol;
	struct nat_flow *flow = &nat->flow[number];

	nat->free_flow = flow->next;
	*flow = (struct nat_flow){
		.used = now, .remote = remote, .remote_port = remote_port, .mapping = mapping, .next = *bucket, .owner = (uint8_t)owner,
		.class = protocol == IP_TCP ? NAT_TCP_OPENING : protocol == IP_UDP ? NAT_UDP : NAT_ECHO,
	};
	*bucket = number;
	nat->mapping[mapping].flows++;
	nat->flows[owner]++;
	list_append(nat, flow);
	return flow;
}

/* Number of the lease of an address; `leases`: none. */
static unsigned owner_of(const struct nat *nat, uint32_t inside)
{
	unsigned owner = 0;

	while (owner < nat->description->leases && nat->description->lease[owner].address != inside)
		owner++;
	return owner;
}

struct nat_flow *nat_flow_find(struct nat *nat, const struct nat_tuple *tuple)
{
	uint16_t mapping = find_inside(nat, tuple->protocol, tuple->inside, tuple->inside_port);

	return mapping == NAT_NONE ? NULL : find_flow(nat, mapping, tuple->remote, tuple->remote_port);
}

bool nat_port_leads(struct nat *nat, uint8_t protocol, uint16_t outside_port)
{
	return find_outside(nat, protocol, outside_port) != NAT_NONE;
}

static struct nat_flow *fail(struct nat *nat, enum nat_drop reason)
{
	nat->last = reason;
	nat->drops[reason]++;
	return NULL;
}

struct nat_flow *nat_flow_out(struct nat *nat, const struct nat_tuple *tuple, uint64_t now)
{
	struct nat_flow *flow = nat_flow_find(nat, tuple);
	unsigned owner = owner_of(nat, tuple->inside);
	uint16_t mapping, port;

	if (flow)
		return flow;
	if (owner == nat->description->leases)
		return fail(nat, NAT_DROP_SOURCE);
	/* What goes may have been the last flow of the mapping. */
	if (!make_room(nat, owner))
		return fail(nat, NAT_DROP_FULL);
	mapping = find_inside(nat, tuple->protocol, tuple->inside, tuple->inside_port);
	if (mapping == NAT_NONE) {
		port = choose_port(nat, tuple->protocol, tuple->inside_port);
		if (port)
			mapping = make_mapping(nat, tuple->protocol, tuple->inside, tuple->inside_port, port, false);
	}
	if (mapping == NAT_NONE)
		return fail(nat, NAT_DROP_FULL);
	return make_flow(nat, mapping, owner, tuple->remote, tuple->remote_port, now);
}

struct nat_flow *nat_flow_in(struct nat *nat, uint8_t protocol, uint16_t outside_port, uint32_t remote, uint16_t remote_port, bool make,
			     uint64_t now)
{
	uint16_t mapping = find_outside(nat, protocol, outside_port);
	struct nat_flow *flow;
	unsigned owner;

	if (mapping == NAT_NONE)
		return NULL;
	flow = find_flow(nat, mapping, remote, remote_port);
	if (flow || !make || !nat->mapping[mapping].fixed)
		return flow;
	owner = owner_of(nat, nat->mapping[mapping].inside);
	return make_room(nat, owner) ? make_flow(nat, mapping, owner, remote, remote_port, now) : NULL;
}

static uint8_t next_class(struct nat_flow *flow, bool leaves, uint8_t flags)
{
	if (flow->class < NAT_TCP_CLOSING || flow->class == NAT_UDP)
		return flow->class;
	if (flags & TCP_RST)
		return NAT_TCP_CLOSING;
	/* Another connection of the same ports. */
	if ((flags & TCP_SYN) && flow->class == NAT_TCP_CLOSING) {
		flow->ends = leaves ? SEEN_OUT : SEEN_IN;
		return NAT_TCP_OPENING;
	}
	flow->ends |= leaves ? SEEN_OUT : SEEN_IN;
	if (flags & TCP_FIN)
		flow->ends |= leaves ? FIN_OUT : FIN_IN;
	if (flow->class == NAT_TCP_CLOSING || (flow->ends & FIN_BOTH) == FIN_BOTH)
		return NAT_TCP_CLOSING;
	return (flow->ends & SEEN_BOTH) == SEEN_BOTH ? NAT_TCP_OPEN : NAT_TCP_OPENING;
}

void nat_flow_used(struct nat *nat, struct nat_flow *flow, bool leaves, uint8_t flags, uint64_t now)
{
	list_remove(nat, flow);
	flow->class = next_class(flow, leaves, flags);
	flow->used = now;
	list_append(nat, flow);
}

void nat_expire(struct nat *nat, uint64_t now)
{
	for (unsigned owner = 0; owner < nat->description->leases; owner++) {
		for (unsigned class = 0; class < NAT_CLASSES; class++) {
			uint16_t *first = &nat->list[owner][class].first;

			while (*first != NAT_NONE && now - nat->flow[*first].used > timeout[class])
				forget(nat, &nat->flow[*first]);
		}
	}
}

static void clear(struct nat *nat)
{
	memset(nat->by_flow, 0xff, sizeof(nat->by_flow));
	memset(nat->by_inside, 0xff, sizeof(nat->by_inside));
	memset(nat->by_outside, 0xff, sizeof(nat->by_outside));
	memset(nat->list, 0xff, sizeof(nat->list));
	memset(nat->flows, 0, sizeof(nat->flows));
	for (unsigned i = 0; i < NAT_FLOWS; i++)
		nat->flow[i] = (struct nat_flow){ .mapping = NAT_NONE, .next = (uint16_t)(i + 1 < NAT_FLOWS ? i + 1 : NAT_NONE) };
	for (unsigned i = 0; i < NAT_MAPPINGS; i++)
		nat->mapping[i] = (struct nat_mapping){ .next_inside = (uint16_t)(i + 1 < NAT_MAPPINGS ? i + 1 : NAT_NONE) };
	nat->free_flow = nat->free_mapping = 0;
	nat_datagrams_forget(nat);
	for (unsigned i = 0; i < nat->description->forwards; i++) {
		const struct forward *forward = &nat->description->forward[i];

		(void)make_mapping(nat, IP_TCP, nat->description->lease[forward->lease].address, forward->inside, forward->outside, true);
	}
}

void nat_init(struct nat *nat, const struct description *description, const uint32_t random[2])
{
	memset(nat, 0, sizeof(*nat));
	nat->description = description;
	nat->secret = random[0];
	nat->random = random[1] | 1;
	nat->next_id = (uint16_t)(random[1] >> 16);
	nat->share = description->leases ? NAT_FLOWS / description->leases : 0;
	clear(nat);
}

void nat_set_outside(struct nat *nat, uint32_t address)
{
	if (nat->outside && nat->outside != address)
		clear(nat);
	nat->outside = address;
}
