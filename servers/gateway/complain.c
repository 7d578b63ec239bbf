/* SPDX-License-Identifier: Apache-2.0 */
#include "complain.h"

#include <string.h>

#include "checksum.h"
#include "nat_private.h"

#define QUOTED 8u
#define TTL 64u
#define ICMP_ECHO 8u
#define SECOND 1000u

static struct {
	const struct description *description;
	struct link *link;
	/* Of each lease: in the second that began then. */
	struct {
		uint64_t since;
		unsigned count;
	} told[NET_SESSIONS_MAX];
} complaints;

static const struct {
	uint8_t type, code;
} messages[] = {
	[COMPLAIN_NET] = { 3, 0 }, [COMPLAIN_PROTOCOL] = { 3, 2 }, [COMPLAIN_PORT] = { 3, 3 }, [COMPLAIN_PROHIBITED] = { 3, 13 },
	[COMPLAIN_HOPS] = { 11, 0 },
};

void complain_init(const struct description *description, struct link *inside)
{
	memset(&complaints, 0, sizeof(complaints));
	complaints.description = description;
	complaints.link = inside;
}

static bool is_due(uint32_t address, uint64_t now)
{
	const struct lease *lease = lease_of_address(complaints.description, address);
	unsigned number;

	if (!lease)
		return false;
	number = (unsigned)(lease - complaints.description->lease);
	if (now - complaints.told[number].since >= SECOND) {
		complaints.told[number].since = now;
		complaints.told[number].count = 0;
	}
	return complaints.told[number].count++ < COMPLAIN_MOST;
}

void complain(const struct link_frame *about, enum complaint complaint, uint64_t now)
{
	struct link *link = complaints.link;
	const uint8_t *quoted = about->head + ETHERNET;
	struct link_frame frame;
	uint8_t *ip, *icmp;
	uint32_t size = IP_HEADER + QUOTED;

	if (about->head_length < ETHERNET + size || quoted[0] != 0x45 || (load16(quoted + 6) & 0x1fff) ||
	    (quoted[9] == IP_ICMP && quoted[IP_HEADER] != ICMP_ECHO) || !is_due(load32(quoted + 12), now) ||
	    !link_make(link, &frame, ETHERNET + IP_HEADER + 8 + size))
		return;
	memset(frame.head, 0, frame.length);
	memcpy(frame.head, about->head + MAC_SIZE, MAC_SIZE);
	memcpy(frame.head + MAC_SIZE, link->mac, MAC_SIZE);
	store16(frame.head + 12, TYPE_IPV4);
	ip = frame.head + ETHERNET;
	icmp = ip + IP_HEADER;
	ip[0] = 0x45;
	store16(ip + 2, IP_HEADER + 8 + size);
	ip[8] = TTL;
	ip[9] = IP_ICMP;
	store32(ip + 12, complaints.description->address);
	memcpy(ip + 16, quoted + 12, 4);
	store16(ip + 10, (uint16_t)~checksum_fold(checksum_add(0, ip, IP_HEADER)));
	icmp[0] = messages[complaint].type;
	icmp[1] = messages[complaint].code;
	memcpy(icmp + 8, quoted, size);
	store16(icmp + 2, (uint16_t)~checksum_fold(checksum_add(0, icmp, 8 + size)));
	link_send(link, &frame);
}
