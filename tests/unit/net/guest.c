/* SPDX-License-Identifier: Apache-2.0 */
/* The driver in a guest: rings of 64 entries; buffers to receive into lie on both sides of the middle of RAM, as do frames to send. */
#include <stdlib.h>
#include <string.h>

#include "fake.h"

#define RING_SIZE 0x3000u       /* descriptors, available at 0x1000, used at 0x2000 */
#define RECEIVE_AREA 0x40000u   /* for each pair */
#define SEND_AREA 0x1d8000u     /* for each pair, over the middle of RAM: header, table and data of a frame that is sent */
#define AREA_STEP 0x20000u
#define SEND_SLOTS 4u           /* data areas; a driver in a test has as many large frames at once */

enum { NEXT = 1, WRITE = 2, INDIRECT = 4 };

struct descriptor {
	uint64_t address;
	uint32_t length;
	uint16_t flags, next;
};

uint64_t guest_address(const struct guest *guest, uint64_t offset)
{
	(void)guest;
	return FAKE_RAM_BASE + offset;
}

static uint16_t *ring16(const struct guest *guest, unsigned queue, uint64_t offset)
{
	return (uint16_t *)(void *)(guest->ram + queue * RING_SIZE + offset);
}

void guest_init(struct guest *guest, unsigned session, uint32_t pairs, uint64_t features)
{
	*guest = (struct guest){ .session = session, .pairs = pairs, .features = features, .interrupts = true };
	guest->ram = fake.shared->ram[session];
	guest->buffer = features & VIRTIO_NET_F_MRG_RXBUF ? GUEST_BUFFER : 66000;
	if (!(features & (VIRTIO_NET_F_MRG_RXBUF | VIRTIO_NET_F_GUEST_TSO4)))
		guest->buffer = GUEST_BUFFER;
}

void guest_start(struct guest *guest)
{
	struct net_session *shared = fake_session(guest->session);

	memset(guest->ram, 0, NET_QUEUES_MAX * RING_SIZE);
	memset(guest->available, 0, sizeof(guest->available));
	memset(guest->used, 0, sizeof(guest->used));
	memset(guest->notified, 0, sizeof(guest->notified));
	shared->setup = (struct net_setup){ .features = guest->features, .queues = 2 * guest->pairs };
	for (unsigned i = 0; i < 2 * guest->pairs; i++) {
		shared->setup.queue[i].descriptors = guest_address(guest, i * RING_SIZE);
		shared->setup.queue[i].available = guest_address(guest, i * RING_SIZE + 0x1000);
		shared->setup.queue[i].used = guest_address(guest, i * RING_SIZE + 0x2000);
		shared->setup.queue[i].size = GUEST_QUEUE;
	}
	shared->wanted += 1 + (shared->wanted & 1);
	fake_turn(NET_SIGNAL_SESSION(guest->session));
}

void guest_stop(struct guest *guest)
{
	struct net_session *shared = fake_session(guest->session);

	shared->wanted += shared->wanted & 1 ? 1 : 2;
	fake_turn(NET_SIGNAL_SESSION(guest->session));
}

void guest_descriptor(struct guest *guest, unsigned queue, unsigned index, uint64_t address, uint32_t length, uint16_t flags,
		      uint16_t next)
{
	struct descriptor descriptor = { address, length, flags, next };

	memcpy(guest->ram + queue * RING_SIZE + index * sizeof(descriptor), &descriptor, sizeof(descriptor));
}

void guest_offer(struct guest *guest, unsigned queue, uint16_t head)
{
	ring16(guest, queue, 0x1004)[guest->available[queue] % GUEST_QUEUE] = head;
	guest->order[queue][guest->available[queue] % GUEST_QUEUE] = head;
	__atomic_store_n(ring16(guest, queue, 0x1002), ++guest->available[queue], __ATOMIC_RELEASE);
}

static uint64_t receive_offset(const struct guest *guest, uint32_t pair, unsigned number)
{
	return RECEIVE_AREA * (1u + 2u * pair) + (uint64_t)number * guest->buffer;
}

void guest_fill(struct guest *guest, uint32_t pair, unsigned count)
{
	unsigned most = guest->buffer > GUEST_BUFFER ? 4 : GUEST_QUEUE;

	for (unsigned i = 0; i < count; i++) {
		uint16_t head = (uint16_t)(guest->available[2 * pair] % most);

		if ((uint16_t)(guest->available[2 * pair] - guest->used[2 * pair]) == most)
			return;
		guest_descriptor(guest, 2 * pair, head, guest_address(guest, receive_offset(guest, pair, head)), guest->buffer, WRITE, 0);
		guest_offer(guest, 2 * pair, head);
	}
}

bool guest_send(struct guest *guest, uint32_t pair, const struct net_header *header, const uint8_t *data, uint32_t length,
		uint32_t piece)
{
	unsigned queue = 2 * pair + 1, slot = guest->available[queue] % (length > 2000 ? SEND_SLOTS : GUEST_QUEUE);
	uint16_t head = guest->available[queue] % GUEST_QUEUE;
	uint64_t area = SEND_AREA + pair * 0x80000 + (length > 2000 ? (uint64_t)slot * AREA_STEP : (uint64_t)slot * 0x1000);
	static const struct net_header plain;
	struct descriptor table[66];
	unsigned count = 0;

	if ((uint16_t)(guest->available[queue] - guest->used[queue]) == GUEST_QUEUE)
		return false;
	memcpy(guest->ram + area, header ? header : &plain, sizeof(plain));
	memcpy(guest->ram + area + 0x800, data, length);
	table[count++] = (struct descriptor){ guest_address(guest, area), sizeof(plain), NEXT, 1 };
	for (uint32_t at = 0; at < length; at += piece, count++)
		table[count] = (struct descriptor){ guest_address(guest, area + 0x800 + at), length - at < piece ? length - at : piece,
						    NEXT, (uint16_t)(count + 1) };
	table[count - 1].flags = 0;
	memcpy(guest->ram + area + 0x100, table, count * sizeof(table[0]));
	guest_descriptor(guest, queue, head, guest_address(guest, area + 0x100), count * (uint32_t)sizeof(table[0]), INDIRECT, 0);
	guest_offer(guest, queue, head);
	return true;
}

void guest_notify(struct guest *guest)
{
	bool wanted = false;

	for (unsigned i = 1; i < 2 * guest->pairs; i += 2) {
		uint16_t event = *ring16(guest, i, 0x2004 + 8 * GUEST_QUEUE), added = (uint16_t)(guest->available[i] - guest->notified[i]);

		guest->notified[i] = guest->available[i];
		/* Virtio 1.2, section 2.7.10. */
		if (guest->features & GUEST_EVENT_INDEX)
			wanted |= (uint16_t)(guest->available[i] - event - 1) < added;
		else
			wanted |= added && !(*ring16(guest, i, 0x2000) & 1);
	}
	if (wanted)
		fake_turn(NET_SIGNAL_SESSION(guest->session));
}

/* The next buffer that came back from a queue: its head, and how much was written; or -1. */
static int take_used(struct guest *guest, unsigned queue, uint32_t *written)
{
	const uint32_t *ring = (const uint32_t *)(void *)ring16(guest, queue, 0x2004);
	uint16_t place = guest->used[queue] % GUEST_QUEUE;

	if (guest->used[queue] == *ring16(guest, queue, 0x2002))
		return -1;
	*written = ring[2 * place + 1];
	guest->wrong += ring[2 * place] != guest->order[queue][place];
	guest->used[queue]++;
	if (guest->features & GUEST_EVENT_INDEX)
		*ring16(guest, queue, 0x1004 + 2 * GUEST_QUEUE) = (uint16_t)(guest->used[queue] - !guest->interrupts);
	else
		*ring16(guest, queue, 0x1000) = !guest->interrupts;
	return (int)ring[2 * place];
}

void guest_poll(struct guest *guest)
{
	uint32_t written;

	for (unsigned i = 1; i < 2 * guest->pairs; i += 2) {
		while (take_used(guest, i, &written) >= 0)
			guest->done++;
	}
}

uint32_t guest_receive(struct guest *guest, uint32_t pair, struct net_header *header, uint8_t *to)
{
	uint32_t written, length;
	int head = take_used(guest, 2 * pair, &written);

	if (head < 0)
		return 0;
	if (written < sizeof(*header))
		abort();
	memcpy(header, guest->ram + receive_offset(guest, pair, (unsigned)head), sizeof(*header));
	length = written - (uint32_t)sizeof(*header);
	memcpy(to, guest->ram + receive_offset(guest, pair, (unsigned)head) + sizeof(*header), length);
	for (unsigned i = 1; i < header->buffers; i++) {
		head = take_used(guest, 2 * pair, &written);
		if (head < 0)
			abort();
		memcpy(to + length, guest->ram + receive_offset(guest, pair, (unsigned)head), written);
		length += written;
	}
	return length;
}

void guest_say(struct guest *guest, const struct net_header *header, const uint8_t *data, uint32_t length)
{
	fake.time += FAKE_HZ / 3000;
	if (server_deadline() <= fake.time)
		fake_turn(0);
	if (!guest_send(guest, 0, header, data, length, 4096))
		abort();
	guest_notify(guest);
}
