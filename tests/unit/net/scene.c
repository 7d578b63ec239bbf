/* SPDX-License-Identifier: Apache-2.0 */
#include "scene.h"

#include <string.h>

struct guest guest[FAKE_GUESTS];
uint8_t packet[70000], got[70000];
struct net_header header;

void begin(uint64_t alpha, uint64_t beta, uint64_t gamma)
{
	const uint64_t features[FAKE_GUESTS] = { alpha, beta, gamma };

	fake_start();
	for (unsigned i = 0; i < FAKE_GUESTS; i++) {
		fake_attach(i);
		guest_init(&guest[i], i, 1, features[i]);
		guest_start(&guest[i]);
		guest_fill(&guest[i], 0, GUEST_QUEUE);
	}
}

int set_up(void **state)
{
	(void)state;
	fake_reset();
	begin(MODERN, MODERN, GUEST_INDIRECT);
	return 0;
}

uint32_t make(unsigned to, unsigned from, bool ipv6, uint8_t protocol, uint32_t payload)
{
	uint32_t length = packet_write(packet, ipv6, protocol, payload, NULL);

	packet[5] = (uint8_t)(0xa + to);
	packet[11] = (uint8_t)(0xa + from);
	if (to == 8)
		memset(packet, 0xff, 6);
	return length;
}

struct net_header offloads(bool ipv6, uint8_t protocol, uint16_t size)
{
	struct net_header result = { .flags = NET_HEADER_NEEDS_CHECKSUM, .checksum_start = (uint16_t)packet_transport(packet),
				     .checksum_offset = protocol == PACKET_TCP ? 16 : 6 };

	if (size) {
		result.gso_type = protocol == PACKET_UDP ? NET_GSO_UDP_L4 : ipv6 ? NET_GSO_TCPV6 : NET_GSO_TCPV4;
		result.gso_size = size;
	}
	return result;
}

uint64_t drops(unsigned port, enum net_drop drop)
{
	fake.time += FAKE_HZ;
	fake_turn(NET_SIGNAL_CONTROL);
	return fake_status()->port[port].drops[drop];
}
