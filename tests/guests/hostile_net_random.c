/* SPDX-License-Identifier: Apache-2.0 */
/* Storms, changes while the server works, and anything anywhere. */
#include "hostile_net.h"

#include <string.h>

#define RESETS 60u
#define CHANGES 40u
#define PAIRS 40u
#define ROUNDS 120u
#define COMMANDS 300u
#define REGISTERS 1500u

enum { UDP = 17, CLASS_MQ = 4 };

static uint32_t choose(uint32_t below)
{
	return (uint32_t)(random_next() >> 40) % below;
}

/* Full rings, and no time to look at them. */
static void resets_in_the_middle(void)
{
	for (unsigned round = 0; round < RESETS; round++) {
		uint64_t end = csr_read(time) + choose(2000);

		net_good_frame(UDP, 60 + choose(1400));
		for (unsigned i = 0; i < RING_SIZE; i++)
			ring_offer(&net_nic.ring[NIC_SEND], 0);
		virtio_notify(&net_nic.device, NIC_SEND);
		while (csr_read(time) < end)
			;
		if (!nic_start(&net_nic, NET_FEATURES))
			print("hostile: wrong: no start after a reset in the middle\n");
		nic_fill(&net_nic, NIC_RECEIVE);
	}
	net_check("resets in the middle");
}

/* A frame, its header and its descriptors that change as the server looks at them. */
static void change_under_way(void)
{
	for (unsigned round = 0; round < CHANGES; round++) {
		uint64_t end = csr_read(time) + 2u * TICKS_MS;
		volatile struct ring *ring = &net_nic.ring[NIC_SEND];
		volatile uint8_t *frame = net_buffer + NIC_HEADER;
		uint16_t seen = ring->used.index;

		net_good_frame(UDP, 9000);
		((struct nic_header *)(void *)net_buffer)->gso_type = 5;
		((struct nic_header *)(void *)net_buffer)->flags = 1;
		ring_offer(ring, 0);
		virtio_notify(&net_nic.device, NIC_SEND);
		while (csr_read(time) < end && ring->used.index == seen) {
			volatile struct nic_header *header = (volatile struct nic_header *)(void *)net_buffer;

			header->gso_size = 0;
			header->checksum_start = UINT16_MAX;
			ring->descriptor[1].address = NET_WILD;
			frame[14] = 0x4f;
			frame[6] ^= 1;
			header->gso_size = 1400;
			header->checksum_start = 34;
			header->checksum_offset = 6;
			ring->descriptor[1].address = (uintptr_t)frame;
			frame[14] = 0x45;
			frame[6] ^= 1;
		}
		net_check("changes under way");
	}
}

/* More and fewer pairs while frames come and go on both. */
static void pairs_under_traffic(void)
{
	nic_fill(&net_nic, NIC_RECEIVE + 2);
	for (unsigned round = 0; round < PAIRS; round++) {
		const uint8_t pairs[2] = { (uint8_t)(1 + round % 2), 0 };

		net_good_frame(UDP, 60 + choose(1400));
		for (unsigned i = 0; i < 16; i++)
			ring_offer(&net_nic.ring[NIC_SEND], 0);
		virtio_notify(&net_nic.device, NIC_SEND);
		if (nic_command(&net_nic, CLASS_MQ, 0, pairs, sizeof(pairs)) != 0)
			print("hostile: wrong: %u pairs are refused\n", (uint64_t)pairs[0]);
		net_put(NIC_SEND + 2, 0, (uintptr_t)net_buffer, NIC_HEADER + 60, 0, 0);
		ring_offer(&net_nic.ring[NIC_SEND + 2], 0);
		virtio_notify(&net_nic.device, NIC_SEND + 2);
		if (net_wait(NIC_SEND + 2, 5000) != NET_DONE)
			print("hostile: wrong: the second pair sends nothing, status %x\n", (uint64_t)virtio_status(&net_nic.device));
		/* No more than the ring holds. */
		while (net_nic.seen[NIC_SEND] != net_nic.ring[NIC_SEND].available.index && net_wait(NIC_SEND, 5000) == NET_DONE)
			;
	}
	net_check("pairs under traffic");
}

static void random_commands(void)
{
	uint8_t data[40];

	for (unsigned round = 0; round < COMMANDS; round++) {
		for (unsigned i = 0; i < sizeof(data); i++)
			data[i] = (uint8_t)(choose(2) ? choose(256) : choose(3));
		if (nic_command(&net_nic, (uint8_t)choose(6), (uint8_t)choose(6), data, choose(sizeof(data))) > 1)
			print("hostile: wrong: a command was not answered\n");
	}
	net_check("random commands");
}

static uint64_t random_address(void)
{
	switch (choose(8)) {
	case 0: return random_next();
	case 1: return payload_ram_end - choose(1024);
	case 2: return (uintptr_t)&net_table[choose(RING_SIZE)];
	case 3: return 0;
	default: return (uintptr_t)net_buffer + choose(sizeof(net_buffer));
	}
}

static uint32_t random_length(void)
{
	return choose(4) ? choose(600) : choose(2) ? choose(70000) : (uint32_t)random_next();
}

/* What is received must not land in code, stack or rings of this payload. */
static bool may_be_written(uint64_t address, uint32_t length)
{
	bool ram = address < payload_ram_end && address + length > payload_ram_base;

	return !ram || (address >= (uintptr_t)net_buffer && address + length <= (uintptr_t)net_buffer + sizeof(net_buffer));
}

static void random_ring(volatile struct ring *ring)
{
	for (unsigned i = 0; i < RING_SIZE; i++) {
		uint16_t flags = (uint16_t)choose(8);
		uint64_t address = random_address();
		uint32_t length = random_length();

		if (!may_be_written(address, length))
			flags &= (uint16_t)~RING_WRITE;
		ring_describe(ring, (uint16_t)i, (const void *)address, length, flags, (uint16_t)choose(RING_SIZE + 1));
		net_table[i] = ring->descriptor[i];
	}
	for (unsigned i = 0; i < 16; i++)
		ring_offer(ring, (uint16_t)choose(RING_SIZE));
}

static void random_rings(void)
{
	for (unsigned round = 0; round < ROUNDS; round++) {
		for (unsigned i = 0; i < 4096; i++)
			net_buffer[choose(sizeof(net_buffer))] = (uint8_t)choose(256);
		for (unsigned queue = 0; queue < NIC_QUEUES; queue++) {
			if (choose(3) == 0)
				continue;
			random_ring(&net_nic.ring[queue]);
			virtio_notify(&net_nic.device, queue);
		}
		(void)net_wait(NIC_SEND, 3);
		/* Also a reset while something is under way. */
		net_check("random rings");
	}
}

/* Rings full of anything, and of each other. */
static void rings_in_rings(void)
{
	for (unsigned round = 0; round < 20; round++) {
		volatile uint16_t *half = (volatile uint16_t *)(uintptr_t)&net_nic.ring[choose(NIC_QUEUES)];

		for (size_t i = offsetof(struct ring, available) / 2; i < sizeof(struct ring) / 2; i++)
			half[i] = (uint16_t)choose(65536);
		for (unsigned queue = 0; queue < NIC_QUEUES; queue++)
			virtio_notify(&net_nic.device, queue);
		(void)net_wait(NIC_SEND, 3);
		net_check("rings full of anything");
	}
}

/* Any features, and any register at any time. */
static void random_registers(void)
{
	for (unsigned round = 0; round < 100; round++) {
		uint64_t features = random_next();

		if (nic_agree(&net_nic, round % 2 ? features : NET_FEATURES & ~features)) {
			for (unsigned queue = 0; queue < NIC_QUEUES; queue++)
				virtio_queue(&net_nic.device, queue, &net_nic.ring[queue]);
			(void)virtio_start(&net_nic.device);
			net_good_frame(UDP, 1000);
			ring_offer(&net_nic.ring[NIC_SEND], 0);
			virtio_notify(&net_nic.device, NIC_SEND);
		}
	}
	net_check("any features");
	for (unsigned round = 0; round < REGISTERS; round++) {
		uint64_t at = net_nic.device.registers + choose(0x4000) / 4 * 4, near = (uintptr_t)net_nic.device.common + choose(64) / 4 * 4;
		volatile uint32_t *word = (volatile uint32_t *)(choose(2) ? at : near);

		if (choose(2))
			*word = (uint32_t)(random_next() >> 20);
		else
			(void)*word;
	}
	net_check("random registers");
}

void hostile_net_random(void)
{
	resets_in_the_middle();
	change_under_way();
	pairs_under_traffic();
	random_commands();
	random_rings();
	rings_in_rings();
	random_registers();
}
