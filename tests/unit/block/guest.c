/* SPDX-License-Identifier: Apache-2.0 */
/* The driver in a guest: rings of 256 entries, of which each slot has three, or one with an indirect table. */
#include <stdlib.h>
#include <string.h>

#include "fake.h"

#define RING_SIZE 0x4000u /* descriptors, available at 0x1000, used at 0x2000 */
#define SLOT_SIZE 0x9000u /* header, status, table at 0x100; data at 0x1000 */
#define SLOTS_OFFSET 0x10000u
#define SESSION_AREA 0x300000u

enum { NEXT = 1, WRITE = 2, INDIRECT = 4 };

struct descriptor {
	uint64_t address;
	uint32_t length;
	uint16_t flags, next;
};

static uint8_t *at(const struct guest *guest, uint64_t offset)
{
	return guest->ram + guest->area + offset;
}

uint64_t guest_address(const struct guest *guest, uint64_t offset)
{
	return FAKE_RAM_BASE + guest->area + offset;
}

static uint16_t *ring16(const struct guest *guest, unsigned queue, uint64_t offset)
{
	return (uint16_t *)(void *)at(guest, queue * RING_SIZE + offset);
}

static uint64_t slot_offset(unsigned slot)
{
	return SLOTS_OFFSET + (uint64_t)slot * SLOT_SIZE;
}

uint8_t *guest_data(const struct guest *guest, unsigned slot)
{
	return at(guest, slot_offset(slot) + 0x1000);
}

uint8_t guest_status(const struct guest *guest, unsigned slot)
{
	return *at(guest, slot_offset(slot) + 16);
}

void guest_init(struct guest *guest, unsigned session, uint32_t queues, uint64_t features)
{
	_Static_assert(SLOTS_OFFSET + GUEST_SLOTS * SLOT_SIZE <= SESSION_AREA, "slots");
	*guest = (struct guest){ .session = session, .number = session == 2, .queues = queues, .features = features };
	guest->ram = fake.shared->ram[guest->number];
	/* Data lies on both sides of the middle of RAM. */
	guest->area = session == 1 ? 0x490000 : 0x180000;
	guest->interrupts = true;
}

void guest_start(struct guest *guest)
{
	struct block_session *shared = fake_session(guest->session);

	memset(at(guest, 0), 0, SLOTS_OFFSET);
	memset(guest->available, 0, sizeof(guest->available));
	memset(guest->used, 0, sizeof(guest->used));
	memset(guest->busy, 0, sizeof(guest->busy));
	shared->setup = (struct block_setup){ .features = guest->features, .queues = guest->queues };
	for (unsigned i = 0; i < guest->queues; i++) {
		shared->setup.queue[i].descriptors = guest_address(guest, i * RING_SIZE);
		shared->setup.queue[i].available = guest_address(guest, i * RING_SIZE + 0x1000);
		shared->setup.queue[i].used = guest_address(guest, i * RING_SIZE + 0x2000);
		shared->setup.queue[i].size = GUEST_QUEUE;
	}
	shared->wanted += 1 + (shared->wanted & 1);
	fake_turn(BLOCK_SIGNAL_SESSION(guest->session));
}

void guest_stop(struct guest *guest)
{
	struct block_session *shared = fake_session(guest->session);

	shared->wanted += shared->wanted & 1 ? 1 : 2;
	fake_turn(BLOCK_SIGNAL_SESSION(guest->session));
}

void guest_descriptor(struct guest *guest, unsigned index, uint64_t address, uint32_t length, uint16_t flags, uint16_t next)
{
	struct descriptor descriptor = { address, length, flags, next };

	memcpy(at(guest, index * sizeof(descriptor)), &descriptor, sizeof(descriptor));
}

void guest_offer(struct guest *guest, unsigned queue, uint16_t head)
{
	ring16(guest, queue, 0x1004)[guest->available[queue] % GUEST_QUEUE] = head;
	*ring16(guest, queue, 0x1002) = ++guest->available[queue];
}

void guest_put(struct guest *guest, unsigned slot, uint32_t type, uint64_t sector, uint32_t bytes, uint32_t piece)
{
	unsigned queue = slot % guest->queues, first = slot * 3, count = 0;
	uint64_t base = slot_offset(slot), header[2] = { type, sector };
	struct descriptor *table = (struct descriptor *)(void *)at(guest, base + 0x100);
	bool writes = type == BLK_IN || type == BLK_GET_ID;
	struct descriptor chain[140];

	if (guest->busy[slot])
		abort();
	guest->busy[slot] = true;
	memcpy(at(guest, base), header, sizeof(header));
	*at(guest, base + 16) = 0xee;
	chain[count++] = (struct descriptor){ guest_address(guest, base), 16, NEXT, 0 };
	for (uint32_t done = 0; done < bytes; done += piece)
		chain[count++] = (struct descriptor){ guest_address(guest, base + 0x1000 + done),
						      bytes - done < piece ? bytes - done : piece,
						      (uint16_t)(NEXT | (writes ? WRITE : 0)), 0 };
	chain[count++] = (struct descriptor){ guest_address(guest, base + 16), 1, WRITE, 0 };
	if (guest->features & GUEST_INDIRECT) {
		for (unsigned i = 0; i < count; i++) {
			chain[i].next = (uint16_t)(i + 1);
			table[i] = chain[i];
		}
		chain[0] = (struct descriptor){ guest_address(guest, base + 0x100), 16 * count, INDIRECT, 0 };
		count = 1;
	} else if (count > 3) {
		abort();
	}
	for (unsigned i = 0; i < count; i++) {
		chain[i].next = (uint16_t)(first + i + 1);
		memcpy(at(guest, queue * RING_SIZE + (first + i) * sizeof(chain[0])), &chain[i], sizeof(chain[0]));
	}
	guest_offer(guest, queue, (uint16_t)first);
}

void guest_notify(struct guest *guest)
{
	bool wanted = false;

	for (unsigned i = 0; i < guest->queues; i++) {
		if (guest->features & GUEST_EVENT_INDEX)
			wanted |= *ring16(guest, i, 0x2004 + 8 * GUEST_QUEUE) != guest->available[i];
		else
			wanted |= !(*ring16(guest, i, 0x2000) & 1);
	}
	if (wanted)
		fake_turn(BLOCK_SIGNAL_SESSION(guest->session));
}

void guest_poll(struct guest *guest)
{
	for (unsigned i = 0; i < guest->queues; i++) {
		const uint32_t *ring = (const uint32_t *)(void *)ring16(guest, i, 0x2004);

		for (; guest->used[i] != *ring16(guest, i, 0x2002); guest->used[i]++) {
			uint32_t head = ring[2 * (guest->used[i] % GUEST_QUEUE)];

			if (head % 3 || head / 3 >= GUEST_SLOTS || !guest->busy[head / 3]) {
				guest->twice++;
				continue;
			}
			guest->busy[head / 3] = false;
			guest->done++;
			guest->bytes += ring[2 * (guest->used[i] % GUEST_QUEUE) + 1];
		}
		if (guest->features & GUEST_EVENT_INDEX)
			*ring16(guest, i, 0x1004 + 2 * GUEST_QUEUE) = (uint16_t)(guest->used[i] - !guest->interrupts);
		else
			*ring16(guest, i, 0x1000) = !guest->interrupts;
	}
}

uint8_t guest_do(struct guest *guest, uint32_t type, uint64_t sector, uint32_t bytes)
{
	guest_put(guest, 0, type, sector, bytes, GUEST_DATA);
	guest_notify(guest);
	fake_settle();
	guest_poll(guest);
	return guest->busy[0] ? 0xff : guest_status(guest, 0);
}
