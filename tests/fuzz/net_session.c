/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The whole net server with a guest that writes anything into its rings, descriptors, frames and session page at any time, while a NIC does
 * its work and the server is started again. The NIC of the test ends it if it is sent outside the guest's RAM. Two other guests go on.
 */
#include <scene.h>
#include "vmm_fuzz.h"

#define AREA 0x40000u /* of RAM that is written: rings, and below the buffers */

static void write_memory(struct input *input)
{
	uint32_t offset = (uint32_t)input_take(input, 3) % (AREA - 8);
	uint64_t value = input_take(input, 8);

	memcpy(guest[0].ram + offset, &value, sizeof(value));
}

/* A descriptor that is nearly one. */
static void write_descriptor(struct input *input)
{
	uint8_t index = (uint8_t)input_take(input, 1), kind = (uint8_t)input_take(input, 1);
	uint64_t address = FAKE_RAM_BASE + input_take(input, 3) % FAKE_RAM_SIZE;
	uint32_t length = (uint32_t)input_take(input, kind & 0x80 ? 3 : 1);

	if (kind & 0x40)
		address = FAKE_RAM_BASE + FAKE_RAM_SIZE / 2 - (kind & 0x20 ? 100 : 0);
	guest_descriptor(&guest[0], kind >> 3 & 3, index, address, length, kind & 7, (uint16_t)input_take(input, 1));
}

static void send_frame(struct input *input, uint8_t action)
{
	uint8_t how = (uint8_t)input_take(input, 1);
	bool ipv6 = how & 1;
	uint8_t protocol = how & 2 ? PACKET_TCP : PACKET_UDP;
	uint32_t payload = how & 4 ? (uint32_t)input_take(input, 2) % 60000 : (uint32_t)input_take(input, 1) * 5;
	uint32_t length = make((uint8_t[]){ 1, 2, 9, 8 }[how >> 3 & 3], 0, ipv6, protocol, payload);
	struct net_header partial = offloads(ipv6, protocol, how & 4 ? (uint16_t)(48 + input_take(input, 2) % 1400) : 0);

	if (how & 128)
		packet[input_take(input, 1)] = (uint8_t)input_take(input, 1);
	if (how & 64)
		((uint8_t *)&partial)[input_take(input, 1) % sizeof(partial)] = (uint8_t)input_take(input, 1);
	(void)guest_send(&guest[0], 0, how & 32 ? NULL : &partial, packet, length, action & 16 ? 4096 : length / 20 + 1);
}

static void start_driver(struct input *input)
{
	struct net_session *shared = fake_session(0);
	unsigned field = (unsigned)input_take(input, 1);
	bool busy = shared->done != shared->wanted;

	guest[0].features = MODERN & ~(uint64_t)(field & 1 ? GUEST_EVENT_INDEX : 0);
	guest[0].features &= field & 2 ? ~VIRTIO_NET_F_MRG_RXBUF : ~(uint64_t)0;
	guest[0].features |= field & 4 ? VIRTIO_NET_F_CTRL_RX | VIRTIO_NET_F_CTRL_VLAN : 0;
	guest[0].pairs = 1 + (field >> 3 & 1);
	if (field & 32)
		guest_stop(&guest[0]);
	if (!busy)
		guest_start(&guest[0]);
	if (field & 64) {
		uint32_t value = (uint32_t)input_take(input, 4);

		memcpy((uint8_t *)&shared->setup + input_take(input, 1) % (sizeof(shared->setup) - 4), &value, 4);
		shared->wanted += field >> 7;
		fake_turn(NET_SIGNAL_SESSION(0));
	}
}

static void attach(bool there)
{
	if ((fake.table.guest[0].epoch & 1) == there)
		return;
	if (there) {
		memset(fake.shared->sessions[0], 0, NET_PAGE);
		memset(guest[0].ram, 0, AREA);
	}
	fake.table.guest[0].epoch++;
	fake_turn(NET_SIGNAL_CONTROL);
}

static void from_outside(struct input *input)
{
	uint32_t length = make((unsigned)input_take(input, 1) & 9, 9, false, PACKET_UDP, (uint32_t)input_take(input, 1) * 6);
	struct net_header partial = offloads(false, PACKET_UDP, 0);

	packet[input_take(input, 1)] = (uint8_t)input_take(input, 1);
	((uint8_t *)&partial)[input_take(input, 1) % sizeof(partial)] ^= (uint8_t)input_take(input, 1);
	fake_come(packet, length, &partial);
}

static void act(struct input *input, uint8_t action)
{
	struct net_filter *filter = &fake_session(0)->filter;

	switch (action & 15) {
	case 0:
		start_driver(input);
		break;
	case 1:
		write_memory(input);
		break;
	case 2:
		write_descriptor(input);
		break;
	case 3:
		guest_offer(&guest[0], action >> 4 & 3, (uint16_t)input_take(input, 1));
		break;
	case 4:
	case 5:
		send_frame(input, action);
		break;
	case 6:
		fake_turn(NET_SIGNAL_SESSION(0));
		break;
	case 7:
		fake.file_slow = action & 128;
		fake_complete(action);
		break;
	case 8:
		guest_poll(&guest[0]);
		guest_fill(&guest[0], 0, action >> 4);
		break;
	case 9:
		fake_start();
		break;
	case 10:
		attach(action & 16);
		break;
	case 11:
		((uint8_t *)filter)[4 + input_take(input, 2) % (sizeof(*filter) - 4)] = (uint8_t)input_take(input, 1);
		filter->sequence += action >> 4;
		break;
	case 12:
		fake.time += input_take(input, 3);
		fake_turn(0);
		break;
	case 13:
		from_outside(input);
		break;
	default:
		guest_notify(&guest[0]);
		break;
	}
}

/* The other guests talk as if nothing was. */
static void check_others(void)
{
	uint32_t length = make(2, 1, false, PACKET_UDP, 333), came;

	while (guest_receive(&guest[2], 0, &header, got))
		;
	guest_fill(&guest[2], 0, GUEST_QUEUE);
	fake.time += FAKE_HZ;
	fake_turn(0);
	guest_say(&guest[1], NULL, packet, length);
	while ((came = guest_receive(&guest[2], 0, &header, got)) != 0 && came != length)
		;
	CHECK(came == length && memcmp(got, packet, length) == 0);
	guest_poll(&guest[1]);
	CHECK(guest[1].wrong == 0 && guest[2].wrong == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input input = { data, size };

	fake_reset();
	fake.options.captures = 1;
	fake.options.capture[0] = fake.options.capture[1] = fake.options.capture_uplink = true;
	fake.options.snaplen = size & 2 ? 100 : 0;
	fake.options.capture_limit = size & 4 ? 16384 : 0;
	fake.file_discards = true;
	fake.options.nic_features = size & 1 ? VIRTIO_NET_F_CSUM | VIRTIO_NET_F_HOST_TSO4 : 0;
	begin(MODERN, MODERN, GUEST_INDIRECT);
	while (input.left) {
		uint8_t action = (uint8_t)input_take(&input, 1);

		act(&input, action);
		CHECK(fake.in_nic <= fake.room);
	}
	/* Whatever it did: its end is answered as soon as the NIC has sent what it has. */
	attach(false);
	for (unsigned i = 0; i < 64 && fake.in_nic; i++)
		fake_complete(FAKE_SENT);
	CHECK(fake_status()->guest[0] == fake.table.guest[0].epoch);
	CHECK(!fake.options.capture_limit || fake_status()->capture_bytes[0] <= fake.options.capture_limit);
	check_others();
	return 0;
}
