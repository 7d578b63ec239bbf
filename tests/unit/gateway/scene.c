/* SPDX-License-Identifier: Apache-2.0 */
#include "scene.h"

#include <stdlib.h>
#include <string.h>

#include <bytes.h>

struct description scene;

void scene_init(bool outside)
{
	scene = (struct description){ .net = "lan", .address = INNER(1), .mask = 0xffffff00u, .mtu = 1500, .outside = outside, .leases = 2,
				      .forwards = 1, .forward = { { 2201, 22, 1 } } };
	scene.lease[0] = (struct lease){ { 0x52, 0x54, 0, 0, 0, 1 }, INNER(10), "alpha" };
	scene.lease[1] = (struct lease){ { 0x52, 0x54, 0, 0, 0, 2 }, INNER(11), "beta" };
}

/* RFC 1071, the plain way: not the code under test. */
static uint16_t sum(const uint8_t *data, uint32_t length, uint32_t start)
{
	uint32_t total = start;

	for (uint32_t i = 0; i < length; i++)
		total += i % 2 ? data[i] : (uint32_t)data[i] << 8;
	while (total > 0xffff)
		total = (total & 0xffff) + (total >> 16);
	return (uint16_t)total;
}

static uint32_t pseudo(const uint8_t *ip, uint32_t length)
{
	return (uint32_t)sum(ip + 12, 8, 0) + ip[9] + length;
}

static uint32_t checksum_offset(uint8_t protocol)
{
	return protocol == TCP ? 16 : protocol == UDP ? 6 : 2;
}

static void complete(const struct packet *packet)
{
	uint8_t *ip = packet->ip, *transport = ip + 20, *field = transport + checksum_offset(ip[9]);
	uint32_t length = packet->size - 20;
	uint16_t value;

	store16(ip + 10, 0);
	store16(ip + 10, (uint16_t)~sum(ip, 20, 0));
	store16(field, 0);
	value = (uint16_t)~sum(transport, length, ip[9] == ICMP ? 0 : pseudo(ip, length));
	store16(field, ip[9] == UDP && !value ? 0xffff : value);
}

static struct packet make(uint8_t protocol, uint32_t from, uint32_t to, uint32_t size)
{
	struct packet packet = { .ip = calloc(1, 20 + size), .size = 20 + size };
	uint8_t *ip = packet.ip;

	if (!ip)
		abort();
	ip[0] = 0x45;
	store16(ip + 2, 20 + size);
	store16(ip + 4, 0x1234);
	ip[8] = 64;
	ip[9] = protocol;
	store32(ip + 12, from);
	store32(ip + 16, to);
	packet.view = (struct nat_packet){ .ip = ip, .head = packet.size, .length = packet.size };
	return packet;
}

struct packet packet_make(uint8_t protocol, uint32_t from, uint16_t from_port, uint32_t to, uint16_t to_port, uint32_t payload)
{
	struct packet packet = make(protocol, from, to, (protocol == TCP ? 20 : 8) + payload);
	uint8_t *transport = packet.ip + 20;

	if (protocol == ICMP) {
		transport[0] = (uint8_t)from_port;
		store16(transport + 4, to_port);
		store16(transport + 6, 7);
	} else {
		store16(transport, from_port);
		store16(transport + 2, to_port);
	}
	if (protocol == UDP)
		store16(transport + 4, 8 + payload);
	if (protocol == TCP)
		transport[12] = 0x50;
	for (uint32_t i = packet.size - payload; i < packet.size; i++)
		packet.ip[i] = (uint8_t)(i * 37);
	complete(&packet);
	return packet;
}

struct packet packet_tcp(uint32_t from, uint16_t from_port, uint32_t to, uint16_t to_port, uint8_t flags)
{
	struct packet packet = packet_make(TCP, from, from_port, to, to_port, 5);

	packet.ip[20 + 13] = flags;
	complete(&packet);
	return packet;
}

struct packet packet_error(uint32_t from, uint32_t to, uint8_t type, uint8_t code, const struct packet *about)
{
	struct packet packet = make(ICMP, from, to, 8 + 28);

	packet.ip[20] = type;
	packet.ip[21] = code;
	store16(packet.ip + 26, 1400);
	memcpy(packet.ip + 28, about->ip, 28);
	complete(&packet);
	return packet;
}

struct packet packet_fragment(const struct packet *whole, uint32_t from, uint32_t size)
{
	struct packet packet = make(whole->ip[9], packet_source(whole), packet_target(whole), size);
	bool more = 20 + from + size < whole->size;

	memcpy(packet.ip + 4, whole->ip + 4, 2);
	store16(packet.ip + 6, (more ? 0x2000u : 0u) | from / 8);
	memcpy(packet.ip + 20, whole->ip + 20 + from, size);
	store16(packet.ip + 10, (uint16_t)~sum(packet.ip, 20, 0));
	return packet;
}

void packet_make_partial(struct packet *packet)
{
	uint8_t protocol = packet->ip[9];

	store16(packet->ip + 20 + checksum_offset(protocol), sum(NULL, 0, pseudo(packet->ip, packet->size - 20)));
	packet->view.partial = true;
	packet->view.checksum_start = 20;
	packet->view.checksum_offset = (uint16_t)checksum_offset(protocol);
}

void packet_free(struct packet *packet)
{
	free(packet->ip);
	*packet = (struct packet){ 0 };
}

static bool transport_is_right(const uint8_t *ip, uint32_t length, bool partial)
{
	const uint8_t *transport = ip + 20;
	uint32_t offset = checksum_offset(ip[9]);

	if (partial)
		return load16(transport + offset) % 0xffff == sum(NULL, 0, pseudo(ip, length)) % 0xffff;
	if (ip[9] == UDP && load16(transport + 6) == 0)
		return true;
	return sum(transport, length, ip[9] == ICMP ? 0 : pseudo(ip, length)) == 0xffff;
}

bool packet_is_right(const struct packet *packet)
{
	const uint8_t *ip = packet->ip;

	if (sum(ip, 20, 0) != 0xffff || !transport_is_right(ip, packet->size - 20, packet->view.partial))
		return false;
	/* An error quotes a whole header of IP. */
	return ip[9] != ICMP || (ip[20] != 3 && ip[20] != 11) || sum(ip + 28, 20, 0) == 0xffff;
}

uint32_t packet_source(const struct packet *packet)
{
	return load32(packet->ip + 12);
}

uint32_t packet_target(const struct packet *packet)
{
	return load32(packet->ip + 16);
}

uint16_t packet_source_port(const struct packet *packet)
{
	return load16(packet->ip + 20);
}

uint16_t packet_target_port(const struct packet *packet)
{
	return load16(packet->ip + 22);
}
