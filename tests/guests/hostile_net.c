/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A driver of virtio-net that does its worst with rings, offload headers, commands and registers. After each deed the device must work again once
 * it is reset: a guest beside, whose address is 10.0.2.N (host=N on the command line), answers.
 */
#include "hostile_net.h"

#include <string.h>

#include "hostile.h"

#define PATIENCE_MS 60000u /* until the guest beside has started */

struct nic net_nic;
uint8_t net_buffer[65536] __attribute__((aligned(4096)));
struct descriptor net_table[RING_SIZE] __attribute__((aligned(16)));

static uint8_t host;

void net_put(unsigned queue, uint16_t index, uint64_t address, uint32_t length, uint16_t flags, uint16_t next)
{
	ring_describe(&net_nic.ring[queue], index, (const void *)address, length, flags, next);
}

enum net_outcome net_wait(unsigned queue, unsigned ms)
{
	uint64_t end = csr_read(time) + (uint64_t)ms * TICKS_MS;

	do {
		if (virtio_status(&net_nic.device) & VIRTIO_NEEDS_RESET)
			return NET_BROKEN;
		if (ring_take(&net_nic.ring[queue], &net_nic.seen[queue]) >= 0)
			return NET_DONE;
	} while (csr_read(time) < end);
	return NET_NOTHING;
}

void net_check(const char *after)
{
	if (!nic_start(&net_nic, NET_FEATURES)) {
		print("hostile: wrong: the NIC does not start after %s, status %x\n", after, (uint64_t)virtio_status(&net_nic.device));
		return;
	}
	nic_fill(&net_nic, NIC_RECEIVE);
	if (!nic_ask(&net_nic, host, 10000))
		print("hostile: wrong: no answer after %s, status %x\n", after, (uint64_t)virtio_status(&net_nic.device));
}

static void put16(uint8_t *at, uint32_t value)
{
	at[0] = (uint8_t)(value >> 8);
	at[1] = (uint8_t)value;
}

void net_good_frame(uint8_t protocol, uint32_t length)
{
	uint8_t *frame = net_buffer + NIC_HEADER, *ip = frame + 14;
	const uint8_t addresses[] = { 10, 0, 2, 66, 10, 0, 2, 99 };

	memset(net_buffer, 0, NIC_HEADER + 64);
	memset(frame, 0xfe, 6); /* nobody's: it leaves by the uplink */
	frame[0] = 2;
	memcpy(frame + 6, net_nic.mac, 6);
	frame[12] = 8;
	ip[0] = 0x45;
	put16(ip + 2, length - 14);
	ip[8] = 64;
	ip[9] = protocol;
	memcpy(ip + 12, addresses, sizeof(addresses));
	if (protocol == 6)
		ip[20 + 12] = 0x50;
	else
		put16(ip + 24, length - 34);
	net_put(NIC_SEND, 0, (uintptr_t)net_buffer, NIC_HEADER, RING_NEXT, 1);
	net_put(NIC_SEND, 1, (uintptr_t)frame, length, 0, 0);
}

void hostile_net(void)
{
	for (const char *digit = payload_argument("host", "21"); *digit; digit++)
		host = (uint8_t)(host * 10 + (*digit - '0'));
	if (!nic_find(&net_nic)) {
		print("hostile: wrong: there is no NIC\n");
		return;
	}
	if (!nic_start(&net_nic, NET_FEATURES)) {
		print("hostile: wrong: the NIC does not start\n");
		return;
	}
	nic_fill(&net_nic, NIC_RECEIVE);
	if (!nic_ask(&net_nic, host, PATIENCE_MS)) {
		print("hostile: wrong: the guest beside does not answer\n");
		return;
	}
	print("hostile: net: begins\n");
	hostile_net_deeds();
	hostile_net_random();
}
