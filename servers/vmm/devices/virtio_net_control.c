/* SPDX-License-Identifier: Apache-2.0 */
/* The control queue of a NIC: commands of the driver, each checked and then handed to the net server as a filter. */
#include <libsys/syscalls.h>
#include <stddef.h>
#include <string.h>
#include "../console.h"
#include "bytes.h"
#include "virtio_net.h"

/* Classes and commands (section 5.1.6.5). */
enum { CLASS_RX = 0, CLASS_MAC = 1, CLASS_VLAN = 2, CLASS_ANNOUNCE = 3, CLASS_MQ = 4 };
enum { RX_PROMISCUOUS, RX_ALL_MULTICAST, RX_ALL_UNICAST, RX_NO_MULTICAST, RX_NO_UNICAST, RX_NO_BROADCAST, RX_COMMANDS };
enum { MAC_TABLE_SET = 0, MAC_ADDR_SET = 1 };
enum { VLAN_ADD = 0, VLAN_DELETE = 1 };
enum { ANNOUNCE_ACKNOWLEDGE = 0 };
enum { MQ_PAIRS_SET = 0 };
enum { ANSWER_OK = 0, ANSWER_ERROR = 1 };

#define ADDRESS_SIZE 6u
#define VLANS 4096u

/* In one go; the driver of Linux has one under way at a time. */
#define COMMANDS_MAX 64u

/* A command, piece by piece: drivers cut it as they like (section 2.7.4). */
struct command {
	struct virtqueue *queue;
	const struct guest_memory *memory;
	struct virtqueue_chain chain;
	struct virtqueue_segment segment; /* what is left of it */
	uint8_t *answer; /* first byte that the driver lets us write; then nothing is left to read */
};

static bool next_segment(struct command *command)
{
	struct virtqueue_segment *segment = &command->segment;

	while (!command->answer && virtqueue_next(command->queue, command->memory, &command->chain, segment)) {
		if (segment->length && !segment->write)
			return true;
		if (segment->length)
			command->answer = segment->data;
	}
	segment->length = 0;
	return false;
}

/* The next bytes of the command, or with NULL past them; false if there are not so many. */
static bool take(struct command *command, uint8_t *to, uint64_t length)
{
	struct virtqueue_segment *segment = &command->segment;

	while (length) {
		uint32_t part;

		if (!segment->length && !next_segment(command))
			return false;
		part = length < segment->length ? (uint32_t)length : segment->length;
		if (to) {
			memcpy(to, segment->data, part);
			to += part;
		}
		segment->data += part;
		segment->length -= part;
		length -= part;
	}
	/* What was copied is what counts, whatever the guest writes there now. */
	__asm__ volatile("" : : : "memory");
	return true;
}

/* Goes to where the answer belongs; whether the command ended where it should. */
static bool take_end(struct command *command)
{
	bool end = !command->segment.length;

	while (next_segment(command))
		end = false;
	return end;
}

/* A number of `size` bytes that is the whole rest of the command. */
static bool take_number(struct command *command, unsigned size, uint32_t *number)
{
	uint8_t bytes[4];

	if (!take(command, bytes, size))
		return false;
	*number = (uint32_t)bytes_get(bytes, size);
	return take_end(command);
}

static bool set_mode(struct command *command, uint8_t which, uint64_t accepted, struct net_filter *filter)
{
	uint8_t *const mode[RX_COMMANDS] = {
		&filter->promiscuous, &filter->all_multicast, &filter->all_unicast, &filter->no_multicast, &filter->no_unicast,
		&filter->no_broadcast,
	};
	uint32_t on;

	if (which >= RX_COMMANDS || !(accepted & (which <= RX_ALL_MULTICAST ? NET_F_CTRL_RX : NET_F_CTRL_RX_EXTRA)))
		return false;
	if (!take_number(command, 1, &on))
		return false;
	*mode[which] = on != 0;
	return true;
}

/* One of the two tables behind what is in the filter; *open: it has more than there is room for. */
static bool take_table(struct command *command, struct net_filter *filter, bool *open)
{
	uint8_t bytes[4];
	uint32_t entries;

	if (!take(command, bytes, sizeof(bytes)))
		return false;
	entries = (uint32_t)bytes_get(bytes, sizeof(bytes));
	*open = entries > NET_MACS_MAX - filter->macs;
	if (*open)
		return take(command, NULL, (uint64_t)entries * ADDRESS_SIZE);
	for (uint32_t i = 0; i < entries; i++) {
		if (!take(command, filter->address[filter->macs + i], ADDRESS_SIZE))
			return false;
	}
	filter->macs += entries;
	return true;
}

static bool set_table(struct command *command, uint64_t accepted, struct virtio_net_wishes *wishes)
{
	if (!(accepted & NET_F_CTRL_RX))
		return false;
	wishes->filter.macs = 0;
	memset(wishes->filter.address, 0, sizeof(wishes->filter.address));
	return take_table(command, &wishes->filter, &wishes->unicast_open) &&
		take_table(command, &wishes->filter, &wishes->multicast_open) && take_end(command);
}

/* The server drops frames from any address but the NIC's own, so no other can be set. */
static bool set_address(struct command *command, uint64_t accepted, const struct virtio_net *net)
{
	uint8_t address[ADDRESS_SIZE];

	return (accepted & NET_F_CTRL_MAC_ADDR) && take(command, address, sizeof(address)) && take_end(command) &&
		!memcmp(address, net->mac, sizeof(address));
}

static bool set_vlan(struct command *command, uint8_t which, uint64_t accepted, struct net_filter *filter)
{
	uint32_t vlan;

	if (which > VLAN_DELETE || !(accepted & NET_F_CTRL_VLAN) || !take_number(command, 2, &vlan) || vlan >= VLANS)
		return false;
	if (which == VLAN_ADD)
		filter->vlan[vlan / 8] |= (uint8_t)(1u << vlan % 8);
	else
		filter->vlan[vlan / 8] &= (uint8_t)~(1u << vlan % 8);
	return true;
}

static bool set_pairs(struct command *command, const struct virtio_net *net, struct net_filter *filter)
{
	uint32_t pairs;

	if (!(net->session.device.accepted & NET_F_MQ) || !take_number(command, 2, &pairs) || pairs < 1 || pairs > net->pairs)
		return false;
	filter->pairs = pairs;
	return true;
}

static bool acknowledge(struct command *command, struct virtio_net *net)
{
	if (!(net->session.device.accepted & NET_F_GUEST_ANNOUNCE) || !take_end(command))
		return false;
	virtio_net_announced(net);
	return true;
}

/* What the command makes of `wishes`; false: it asks for what it may not, or has not the length that it should. */
static bool carry_out(struct command *command, struct virtio_net *net, uint8_t class, uint8_t which, struct virtio_net_wishes *wishes)
{
	uint64_t accepted = net->session.device.accepted;

	switch (class) {
	case CLASS_RX:
		return set_mode(command, which, accepted, &wishes->filter);
	case CLASS_MAC:
		if (which == MAC_TABLE_SET)
			return set_table(command, accepted, wishes);
		return which == MAC_ADDR_SET && set_address(command, accepted, net);
	case CLASS_VLAN:
		return set_vlan(command, which, accepted, &wishes->filter);
	case CLASS_ANNOUNCE:
		return which == ANNOUNCE_ACKNOWLEDGE && acknowledge(command, net);
	case CLASS_MQ:
		return which == MQ_PAIRS_SET && set_pairs(command, net, &wishes->filter);
	default:
		return false;
	}
}

/* By the sequence lock of struct net_filter, which only this side writes. */
static void publish(struct virtio_net *net)
{
	struct net_filter filter = net->wishes.filter, *shared = &net->page->filter;
	uint32_t sequence = net->wishes.filter.sequence + 2;

	net->wishes.filter.sequence = sequence;
	filter.all_unicast |= net->wishes.unicast_open;
	filter.all_multicast |= net->wishes.multicast_open;
	__atomic_store_n(&shared->sequence, sequence - 1, __ATOMIC_RELAXED);
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	memcpy(&shared->pairs, &filter.pairs, sizeof(filter) - offsetof(struct net_filter, pairs));
	__atomic_store_n(&shared->sequence, sequence, __ATOMIC_RELEASE);
}

/* A command has effect only if its chain was sound as far as the place for the answer. *changed: the filter is another. */
static bool serve(struct virtio_net *net, struct command *command, bool *changed)
{
	struct virtio_net_wishes wishes = net->wishes;
	uint8_t header[2];
	bool whole = take(command, header, sizeof(header));
	bool done = whole && carry_out(command, net, header[0], header[1], &wishes);

	(void)take_end(command);
	if (!whole || !command->answer) {
		command->queue->broken = true;
		return false;
	}
	if (done && memcmp(&wishes, &net->wishes, sizeof(wishes))) {
		net->wishes = wishes;
		publish(net);
		*changed = true;
	}
	*command->answer = done ? ANSWER_OK : ANSWER_ERROR;
	virtqueue_push(command->queue, &command->chain, 1);
	return true;
}

void virtio_net_control_begin(struct virtio_net *net)
{
	uint32_t sequence = net->wishes.filter.sequence;

	/* A driver that says nothing wants to hear of its neighbours, so multicast comes in until it says otherwise. */
	memset(&net->wishes, 0, sizeof(net->wishes));
	net->wishes.filter.sequence = sequence;
	net->wishes.filter.pairs = 1;
	net->wishes.filter.all_multicast = 1;
	memcpy(net->wishes.filter.mac, net->mac, sizeof(net->mac));
	publish(net);
}

/* The first vCPU's thread goes on with it, after the guest and others had their turn. */
static void go_on_later(const struct virtio_net *net)
{
	console_kept_bits |= NET_CLIENT_SIGNAL(net->number);
	(void)sys_signal(net->session.harts->vcpu[0].wake);
}

void virtio_net_control(struct virtio_net *net)
{
	struct virtio_device *device = &net->session.device;
	struct virtqueue *queue = &device->queue[net->control];
	struct command command = { .queue = queue, .memory = device->memory };
	unsigned done = 0;
	bool changed = false;

	do {
		while (done < COMMANDS_MAX && virtqueue_pop(queue, &command.chain)) {
			command.segment.length = 0;
			command.answer = NULL;
			if (serve(net, &command, &changed))
				done++;
		}
		virtqueue_set_notify(queue, true);
	} while (done < COMMANDS_MAX && virtqueue_ready(queue));
	if (changed)
		virtio_session_signal(&net->session);
	if (done && !queue->broken)
		virtio_queue_done(device, queue);
	if (virtqueue_ready(queue))
		go_on_later(net);
}
