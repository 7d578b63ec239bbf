/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Datagrams in fragments (RFC 4787, REQ-14). Nothing is put together: a table tells for a while what the first fragment was translated to. Each
 * lease has a share of it for each direction, whose oldest goes, so who begins many datagrams loses his own.
 */
#include <string.h>

#include "bytes.h"
#include "nat_private.h"

static uint16_t *bucket_of(struct nat *nat, const uint8_t *ip, bool leaves)
{
	return &nat->by_datagram[nat_mix(nat, load32(ip + 12), load32(ip + 16), (uint32_t)load16(ip + 4) << 16 | (uint32_t)ip[9] << 1 | leaves)];
}

static bool is_of(const struct nat_datagram *datagram, const uint8_t *ip, bool leaves)
{
	return datagram->source == load32(ip + 12) && datagram->target == load32(ip + 16) && datagram->id == load16(ip + 4) &&
	       datagram->protocol == ip[9] && datagram->leaves == leaves;
}

static uint16_t find(const struct nat *nat, const uint8_t *ip, bool leaves)
{
	/* The bucket is only read. */
	uint16_t at = *bucket_of((struct nat *)nat, ip, leaves);

	while (at != NAT_NONE && !is_of(&nat->datagram[at], ip, leaves))
		at = nat->datagram[at].next;
	return at;
}

static void forget(struct nat *nat, uint16_t number)
{
	struct nat_datagram *datagram = &nat->datagram[number];
	uint8_t ip[20] = { [9] = datagram->protocol };
	uint16_t *at;

	if (!datagram->protocol)
		return;
	store16(ip + 4, datagram->id);
	store32(ip + 12, datagram->source);
	store32(ip + 16, datagram->target);
	for (at = bucket_of(nat, ip, datagram->leaves); *at != number; at = &nat->datagram[*at].next)
		;
	*at = datagram->next;
	datagram->protocol = 0;
}

const struct nat_datagram *nat_datagram_find(const struct nat *nat, const uint8_t *ip, bool leaves, uint64_t now)
{
	uint16_t at = find(nat, ip, leaves);

	return at != NAT_NONE && now - nat->datagram[at].since <= NAT_DATAGRAM_MS ? &nat->datagram[at] : NULL;
}

uint16_t nat_datagram_begin(struct nat *nat, const uint8_t *ip, bool leaves, unsigned owner, uint32_t address, uint64_t now)
{
	unsigned leases = nat->description->leases, share = NAT_DATAGRAMS / (2 * leases);
	uint16_t number = find(nat, ip, leaves), id = load16(ip + 4), *next = &nat->next_datagram[leaves][owner], *bucket;

	/* Once more: the number that others of its fragments may have already. */
	if (number != NAT_NONE && now - nat->datagram[number].since <= NAT_DATAGRAM_MS)
		id = nat->datagram[number].new_id;
	else if (leaves)
		id = nat->next_id++;
	if (number != NAT_NONE)
		forget(nat, number);
	number = (uint16_t)((leaves * leases + owner) * share + *next);
	*next = (uint16_t)((*next + 1u) % share);
	forget(nat, number);
	bucket = bucket_of(nat, ip, leaves);
	nat->datagram[number] = (struct nat_datagram){
		.since = now, .source = load32(ip + 12), .target = load32(ip + 16), .address = address, .id = load16(ip + 4), .new_id = id,
		.next = *bucket, .protocol = ip[9], .leaves = leaves,
	};
	*bucket = number;
	return id;
}

void nat_datagrams_forget(struct nat *nat)
{
	memset(nat->by_datagram, 0xff, sizeof(nat->by_datagram));
	memset(nat->datagram, 0, sizeof(nat->datagram));
	memset(nat->next_datagram, 0, sizeof(nat->next_datagram));
}
