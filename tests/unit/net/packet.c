/* SPDX-License-Identifier: Apache-2.0 */
#include "packet.h"

#include <string.h>

static uint32_t get16(const uint8_t *at)
{
	return (uint32_t)at[0] * 256 + at[1];
}

static void put16(uint8_t *at, uint32_t value)
{
	at[0] = (uint8_t)(value / 256 % 256);
	at[1] = (uint8_t)(value % 256);
}

/* Ones' complement, with each carry added at once. */
static uint32_t add(uint32_t sum, uint32_t value)
{
	sum += value;
	return sum > 0xffff ? sum - 0xffff : sum;
}

static uint32_t sum_of(uint32_t sum, const uint8_t *data, uint32_t length)
{
	for (uint32_t i = 0; i < length; i++)
		sum = add(sum, i % 2 ? data[i] : data[i] * 256u);
	return sum;
}

static uint32_t network_of(const uint8_t *packet)
{
	uint32_t at = 12;

	while (get16(packet + at) == 0x8100 || get16(packet + at) == 0x88a8)
		at += 4;
	return at + 2;
}

static bool is_ipv6(const uint8_t *packet)
{
	return packet[network_of(packet)] >> 4 == 6;
}

uint32_t packet_transport(const uint8_t *packet)
{
	return network_of(packet) + (is_ipv6(packet) ? 40 : 20);
}

/* Addresses, protocol and length behind the IP header. */
static uint32_t pseudo(const uint8_t *packet, uint32_t length)
{
	const uint8_t *ip = packet + network_of(packet);
	uint32_t sum = add(length % 65536, length / 65536);

	if (is_ipv6(packet))
		return sum_of(add(sum, ip[6]), ip + 8, 32);
	return sum_of(add(sum, ip[9]), ip + 12, 8);
}

uint32_t packet_write(uint8_t *to, bool ipv6, uint8_t protocol, uint32_t payload, const uint16_t tags[3])
{
	static const uint8_t addresses[12] = { 0x52, 0x54, 0, 0, 0, 0xb, 0x52, 0x54, 0, 0, 0, 0xa };
	uint32_t header = protocol == PACKET_TCP ? 32 : 8, at = 12, transport, length;
	uint8_t *ip;

	memcpy(to, addresses, sizeof(addresses));
	for (unsigned i = 0; tags && i < 3 && tags[i]; i++, at += 4) {
		put16(to + at, 0x8100);
		put16(to + at + 2, tags[i]);
	}
	put16(to + at, ipv6 ? 0x86dd : 0x0800);
	ip = to + at + 2;
	memset(ip, 0, 60 + header);
	transport = at + 2 + (ipv6 ? 40 : 20);
	length = transport + header + payload;
	for (uint32_t i = 0; i < payload; i++)
		to[transport + header + i] = (uint8_t)(i * 31 + i / 256 * 7 + 5);
	if (ipv6) {
		ip[0] = 0x60;
		put16(ip + 4, header + payload);
		ip[6] = protocol;
		ip[7] = 64;
		for (unsigned i = 0; i < 32; i++)
			ip[8 + i] = (uint8_t)(i < 16 ? 0xa0 + i : 0xb7 - i);
	} else {
		static const uint8_t hosts[8] = { 10, 0, 2, 21, 10, 0, 2, 22 };

		ip[0] = 0x45;
		put16(ip + 2, header + payload + 20);
		put16(ip + 4, 0xfffe);
		put16(ip + 6, 0x4000);
		ip[8] = 64;
		ip[9] = protocol;
		memcpy(ip + 12, hosts, sizeof(hosts));
		put16(ip + 10, ~sum_of(0, ip, 20) & 0xffff);
	}
	put16(to + transport, 4660);
	put16(to + transport + 2, 80);
	if (protocol == PACKET_TCP) {
		memcpy(to + transport + 4, "\xff\xff\xfe\x01", 4);
		to[transport + 12] = 0x80;
		to[transport + 13] = 0x99; /* CWR, ACK, PSH, FIN */
		put16(to + transport + 16, pseudo(to, header + payload));
	} else {
		put16(to + transport + 4, header + payload);
		put16(to + transport + 6, pseudo(to, header + payload));
	}
	return length;
}

bool packet_good(const uint8_t *packet, uint32_t length)
{
	uint32_t network = network_of(packet), transport = packet_transport(packet);
	const uint8_t *ip = packet + network;

	if (is_ipv6(packet) ? get16(ip + 4) != length - transport : get16(ip + 2) != length - network)
		return false;
	if (!is_ipv6(packet) && sum_of(0, ip, 20) != 0xffff)
		return false;
	if ((is_ipv6(packet) ? ip[6] : ip[9]) == PACKET_UDP && get16(packet + transport + 4) != length - transport)
		return false;
	return sum_of(pseudo(packet, length - transport), packet + transport, length - transport) == 0xffff;
}

void packet_frame(struct frame *frame, const uint8_t *packet, uint32_t length, uint32_t piece)
{
	memset(frame, 0, sizeof(*frame));
	frame->length = length;
	frame->head_length = length < FRAME_HEAD ? length : FRAME_HEAD;
	memcpy(frame->head, packet, frame->head_length);
	for (uint32_t at = frame->head_length; at < length && frame->segments < FRAME_SEGMENTS; at += piece)
		frame->segment[frame->segments++] =
			(struct frame_segment){ .data = packet + at, .length = length - at < piece ? length - at : piece };
}
