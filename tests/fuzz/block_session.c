/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The whole block server with a guest that writes anything into its rings, descriptors, headers and session page at any time, while disks
 * do their work, fail, and the server is started again. Disks of the test end it if they are sent outside the guest's RAM.
 */
#include <fake.h>
#include "vmm_fuzz.h"

#define AREA 0x40000u /* of RAM that is written: rings, and some slots */

static struct guest guest;

static void write_memory(struct input *input)
{
	uint32_t offset = (uint32_t)input_take(input, 3) % (AREA - 8);
	uint64_t value = input_take(input, 8);

	memcpy(guest.ram + guest.area + offset, &value, sizeof(value));
}

/* A descriptor that is nearly one. */
static void write_descriptor(struct input *input)
{
	uint8_t index = (uint8_t)input_take(input, 1), kind = (uint8_t)input_take(input, 1);
	uint64_t address = FAKE_RAM_BASE + guest.area + input_take(input, 3) % AREA;
	uint32_t length = (uint32_t)input_take(input, kind & 0x80 ? 3 : 1);

	if (kind & 0x40)
		address = FAKE_RAM_BASE + FAKE_RAM_SIZE / 2 - (kind & 0x20 ? 100 : 0);
	guest_descriptor(&guest, index, address, length, kind & 7, (uint16_t)input_take(input, 1));
}

static void put_request(struct input *input)
{
	static const uint32_t types[] = { BLK_IN, BLK_OUT, BLK_FLUSH, BLK_GET_ID, BLK_DISCARD, BLK_WRITE_ZEROES, 3, 0x80000000 };
	unsigned slot = (unsigned)input_take(input, 1) % 6;
	uint32_t type = types[input_take(input, 1) & 7], bytes = (uint32_t)input_take(input, 2) % GUEST_DATA;

	if (guest.busy[slot])
		return;
	guest_put(&guest, slot, type, input_take(input, 2), bytes, guest.features & GUEST_INDIRECT ? bytes / 100 + 1 : GUEST_DATA);
}

static void start_driver(struct input *input)
{
	struct block_session *shared = fake_session(1);
	unsigned field = (unsigned)input_take(input, 1);
	bool busy = shared->done != shared->wanted;

	guest.features = (field & 1 ? GUEST_EVENT_INDEX : 0) | (field & 2 ? GUEST_INDIRECT : 0) | (field & 4 ? GUEST_FLUSH : 0);
	guest.queues = 1 + (field >> 3 & 3);
	if (field & 32)
		guest_stop(&guest);
	if (!busy)
		guest_start(&guest);
	if (field & 64) {
		uint32_t value = (uint32_t)input_take(input, 4);

		memcpy((uint8_t *)&shared->setup + input_take(input, 1) % (sizeof(shared->setup) - 4), &value, 4);
		shared->wanted += field >> 7;
		fake_turn(BLOCK_SIGNAL_SESSION(1));
	}
}

static void attach(bool there)
{
	if ((fake.table.guest[0].epoch & 1) == there)
		return;
	if (there) {
		memset(fake.shared->sessions, 0, sizeof(fake.shared->sessions));
		memset(guest.ram + guest.area, 0, AREA);
	}
	fake.table.guest[0].epoch++;
	fake_turn(BLOCK_SIGNAL_CONTROL);
}

static void act(struct input *input, uint8_t action)
{
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
		guest_offer(&guest, action >> 4 & 3, (uint16_t)input_take(input, 1));
		break;
	case 4:
	case 5:
		put_request(input);
		break;
	case 6:
		fake_turn(BLOCK_SIGNAL_SESSION(1));
		break;
	case 7:
		fake_complete(1, action >> 4);
		break;
	case 8:
		guest_poll(&guest);
		break;
	case 9:
		fake_start();
		break;
	case 10:
		attach(action & 16);
		break;
	case 11:
		fake.disk[1].errors = action >> 5;
		fake_session(1)->write_through = action >> 4 & 1;
		break;
	case 12:
		fake.time += input_take(input, 3);
		fake_turn(0);
		break;
	default:
		guest_notify(&guest);
		break;
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input input = { data, size };

	if (!fake.shared)
		fake_reset();
	memset(fake.shared->recovery, 0, sizeof(fake.shared->recovery));
	memset(fake.shared->sessions, 0, sizeof(fake.shared->sessions));
	fake.disk[1].errors = 0;
	fake.command.sequence = 0;
	fake.table.guest[0].epoch |= 1;
	guest_init(&guest, 1, 1, GUEST_FLUSH);
	memset(guest.ram + guest.area, 0, AREA);
	fake_start();
	guest_start(&guest);
	while (input.left) {
		uint8_t action = (uint8_t)input_take(&input, 1);

		act(&input, action);
		CHECK(fake.disk[1].in_device <= SESSION_REQUESTS);
		CHECK(fake.errors == 0);
	}
	/* Whatever it did: its end is answered as soon as the disk has ended what it does. */
	attach(false);
	fake_settle();
	CHECK(fake_status()->guest[0] == fake.table.guest[0].epoch);
	CHECK(fake.disk[1].in_device == 0);
	return 0;
}
