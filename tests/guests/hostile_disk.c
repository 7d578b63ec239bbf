/* SPDX-License-Identifier: Apache-2.0 */
/* A driver of virtio-blk that does its worst with rings and registers. After each deed the device must work again once it is reset. */
#include "hostile.h"
#include "virtio_disk.h"

#include <string.h>

#define BUFFER 4096u
#define RANDOM_ROUNDS 150u
#define CHANGES 60u
#define BELLS 300u
#define BELLS_MANY 4000u
#define WILD 0xdead0000beef0000u

enum outcome { DONE = 1, BROKEN = 2, NOTHING = 4 };

static struct disk disk;
static struct disk_header header;
static volatile uint8_t status;
static uint8_t buffer[BUFFER] __attribute__((aligned(4096)));
static struct descriptor table[RING_SIZE] __attribute__((aligned(16)));

static void put(uint16_t index, uint64_t address, uint32_t length, uint16_t flags, uint16_t next)
{
	disk_describe(&disk, index, (const void *)address, length, flags, next);
}

/* A good read of a sector by descriptors 0 to 2, not yet offered. */
static void good_chain(void)
{
	header = (struct disk_header){ .type = DISK_IN };
	put(0, (uintptr_t)&header, sizeof(header), RING_NEXT, 1);
	put(1, (uintptr_t)buffer, 512, RING_NEXT | RING_WRITE, 2);
	put(2, (uintptr_t)&status, 1, RING_WRITE, 0);
}

/* The same in an indirect table, which descriptor 0 names. */
static void good_table(void)
{
	good_chain();
	for (unsigned i = 0; i < 3; i++)
		table[i] = disk.rings.descriptor[i];
	put(0, (uintptr_t)table, 3 * sizeof(table[0]), RING_INDIRECT, 0);
}

static enum outcome wait_outcome(unsigned ms)
{
	uint64_t end = csr_read(time) + (uint64_t)ms * TICKS_MS;

	do {
		if (disk_take(&disk) >= 0)
			return DONE;
		if (disk_status(&disk) & VIRTIO_NEEDS_RESET)
			return BROKEN;
	} while (csr_read(time) < end);
	return NOTHING;
}

static void offer_bad_head(void) { good_chain(); disk_offer(&disk, RING_SIZE); }
static void offer_last_head(void) { good_chain(); disk_offer(&disk, UINT16_MAX); }
static void jump_index(void) { good_chain(); disk.rings.available.index = (uint16_t)(disk.rings.available.index + RING_SIZE + 1); }
static void step_back(void) { good_chain(); disk.rings.available.index--; }

static void loop(void)
{
	good_chain();
	put(1, (uintptr_t)buffer, 512, RING_NEXT | RING_WRITE, 1);
	disk_offer(&disk, 0);
}

static void loop_to_head(void)
{
	good_chain();
	put(2, (uintptr_t)&status, 1, RING_WRITE | RING_NEXT, 0);
	disk_offer(&disk, 0);
}

static void next_outside(void)
{
	good_chain();
	put(1, (uintptr_t)buffer, 512, RING_NEXT | RING_WRITE, 4000);
	disk_offer(&disk, 0);
}

static void data_at(uint64_t address, uint32_t length)
{
	good_chain();
	put(1, address, length, RING_NEXT | RING_WRITE, 2);
	disk_offer(&disk, 0);
}

static void data_wild(void) { data_at(WILD, 512); }
static void data_device(void) { data_at(PLIC_BASE, 512); }
static void data_over_the_end(void) { data_at(payload_ram_end - 256, 512); }
static void data_before(void) { data_at(payload_ram_base - 256, 512); }
static void data_around(void) { data_at(UINT64_MAX - 255, 512); }
static void data_huge(void) { data_at((uintptr_t)buffer, UINT32_MAX); }

static void header_wild(void)
{
	good_chain();
	put(0, WILD, sizeof(header), RING_NEXT, 1);
	disk_offer(&disk, 0);
}

static void header_short(void)
{
	good_chain();
	put(0, (uintptr_t)&header, sizeof(header) - 1, RING_NEXT, 1);
	disk_offer(&disk, 0);
}

static void status_missing(void)
{
	good_chain();
	put(0, (uintptr_t)&header, sizeof(header), 0, 0);
	disk_offer(&disk, 0);
}

static void status_wild(void)
{
	good_chain();
	put(2, WILD, 1, RING_WRITE, 0);
	disk_offer(&disk, 0);
}

static void read_after_write(void)
{
	good_chain();
	put(0, (uintptr_t)buffer, 512, RING_NEXT | RING_WRITE, 1);
	put(1, (uintptr_t)&header, sizeof(header), RING_NEXT, 2);
	disk_offer(&disk, 0);
}

static void table_of(uint64_t address, uint32_t length, uint16_t flags)
{
	good_table();
	put(0, address, length, flags, 1);
	disk_offer(&disk, 0);
}

static void table_empty(void) { table_of((uintptr_t)table, 0, RING_INDIRECT); }
static void table_odd(void) { table_of((uintptr_t)table, 40, RING_INDIRECT); }
static void table_wild(void) { table_of(WILD, 48, RING_INDIRECT); }
static void table_huge(void) { table_of((uintptr_t)table, UINT32_MAX & ~15u, RING_INDIRECT); }
static void table_and_next(void) { table_of((uintptr_t)table, 48, RING_INDIRECT | RING_NEXT); }

static void table_nested(void)
{
	good_table();
	table[1] = (struct descriptor){ .address = (uintptr_t)table, .length = 48, .flags = RING_INDIRECT };
	disk_offer(&disk, 0);
}

static void table_loop(void)
{
	good_table();
	table[1].next = 0;
	disk_offer(&disk, 0);
}

static void table_next_outside(void)
{
	good_table();
	table[1].next = 3;
	disk_offer(&disk, 0);
}

static void twice_the_same(void)
{
	good_chain();
	for (unsigned i = 0; i < RING_SIZE; i++)
		disk_offer(&disk, 0);
}

static void flood_of_bells(void)
{
	unsigned bells = strcmp(payload_argument("bells", "some"), "many") == 0 ? BELLS_MANY : BELLS;

	good_chain();
	disk_offer(&disk, 0);
	for (unsigned i = 0; i < bells; i++)
		disk_notify(&disk);
}

static void sector_beyond(void)
{
	good_chain();
	header.sector = UINT64_MAX;
	disk_offer(&disk, 0);
}

static void type_unknown(void)
{
	good_chain();
	header.type = 0x1234;
	disk_offer(&disk, 0);
}

struct deed {
	const char *name;
	void (*do_it)(void);
	unsigned expected; /* one of these outcomes */
};

static const struct deed deeds[] = {
	{ "good chain", good_table, NOTHING }, /* not offered: nothing may come of it */
	{ "bad head", offer_bad_head, BROKEN }, { "last head", offer_last_head, BROKEN },
	{ "index jump", jump_index, BROKEN }, { "index back", step_back, BROKEN },
	{ "loop", loop, BROKEN }, { "loop to the head", loop_to_head, BROKEN }, { "next outside", next_outside, BROKEN },
	{ "wild data", data_wild, BROKEN }, { "data on a device", data_device, BROKEN },
	{ "data over the end", data_over_the_end, BROKEN }, { "data before RAM", data_before, BROKEN },
	{ "data around", data_around, BROKEN }, { "huge data", data_huge, BROKEN }, { "wild header", header_wild, BROKEN },
	{ "short header", header_short, BROKEN }, { "no status", status_missing, BROKEN }, { "wild status", status_wild, BROKEN },
	{ "read after write", read_after_write, BROKEN }, { "empty table", table_empty, BROKEN }, { "odd table", table_odd, BROKEN },
	{ "wild table", table_wild, BROKEN }, { "huge table", table_huge, BROKEN }, { "table and next", table_and_next, BROKEN },
	{ "nested table", table_nested, BROKEN }, { "loop in a table", table_loop, BROKEN },
	{ "next outside a table", table_next_outside, BROKEN }, { "one head often", twice_the_same, DONE | BROKEN },
	{ "flood of bells", flood_of_bells, DONE }, { "sector beyond", sector_beyond, DONE }, { "unknown type", type_unknown, DONE },
};

/* The device works, and keeps what it is given: another pattern each time. */
static void check_works(const char *after)
{
	uint64_t pattern = random_next();

	if (!disk_start(&disk, VIRTIO_F_INDIRECT | VIRTIO_F_EVENT_INDEX | DISK_F_FLUSH)) {
		print("hostile: wrong: the disk does not start after %s, status %x\n", after, disk_status(&disk));
		return;
	}
	memcpy(buffer, &pattern, 8);
	if (disk_request(&disk, DISK_OUT, 0, buffer, 512) != DISK_OK)
		print("hostile: wrong: no write after %s\n", after);
	memset(buffer, 0, 512);
	if (disk_request(&disk, DISK_IN, 0, buffer, 512) != DISK_OK || memcmp(buffer, &pattern, 8) != 0)
		print("hostile: wrong: no read after %s\n", after);
}

static void run_deed(const struct deed *deed)
{
	enum outcome outcome;

	status = DISK_PENDING;
	deed->do_it();
	disk_notify(&disk);
	outcome = wait_outcome(deed->expected == NOTHING ? 20 : 10000);
	if (!(deed->expected & outcome))
		print("hostile: wrong: %s: outcome %u, status %x\n", deed->name, (uint64_t)outcome, disk_status(&disk));
	if (deed->expected == DONE && outcome == DONE && status == DISK_PENDING)
		print("hostile: wrong: %s: came back without a status\n", deed->name);
	check_works(deed->name);
}

/* Descriptors that change while the server works on them. */
static void change_under_way(void)
{
	for (unsigned round = 0; round < CHANGES; round++) {
		uint64_t end = csr_read(time) + 2u * TICKS_MS;

		good_table();
		disk_offer(&disk, 0);
		disk_notify(&disk);
		while (csr_read(time) < end && disk.rings.used.index == disk.seen) {
			table[1].address = WILD;
			disk.rings.descriptor[0].length = 16;
			header.sector = UINT64_MAX;
			table[1].address = (uintptr_t)buffer;
			disk.rings.descriptor[0].length = 48;
			header.sector = 0;
		}
		check_works("changes under way");
	}
}

static uint64_t random_address(void)
{
	uint64_t choice = random_next() >> 40;

	switch (choice % 8) {
	case 0: return random_next();
	case 1: return payload_ram_end - choice % 1024;
	case 2: return (uintptr_t)&table[choice % RING_SIZE];
	case 3: return (uintptr_t)&header;
	case 4: return 0;
	default: return (uintptr_t)buffer + choice % BUFFER;
	}
}

static uint32_t random_length(void)
{
	uint32_t choice = (uint32_t)(random_next() >> 40);

	return choice % 4 ? choice / 4 % 600 : (uint32_t)random_next();
}

/* What is read must not land in code, stack or rings of this payload. */
static bool may_be_written(uint64_t address, uint32_t length)
{
	bool ram = address >= payload_ram_base && address < payload_ram_end;

	return !ram || (address >= (uintptr_t)buffer && address + length <= (uintptr_t)buffer + BUFFER);
}

/* Anything in the rings. */
static void random_rings(void)
{
	for (unsigned round = 0; round < RANDOM_ROUNDS; round++) {
		header.type = (uint32_t)(random_next() >> 40) % 16;
		header.sector = random_next() >> random_next() % 64;
		for (unsigned i = 0; i < RING_SIZE; i++) {
			uint16_t flags = (uint16_t)(random_next() >> 40) & 7;
			uint64_t address = random_address();
			uint32_t length = random_length();

			if (!may_be_written(address, length))
				flags &= (uint16_t)~RING_WRITE;
			put((uint16_t)i, address, length, flags, (uint16_t)(random_next() >> 40) % (RING_SIZE + 1));
			table[i] = disk.rings.descriptor[i];
		}
		for (unsigned i = 0; i < 16; i++)
			disk_offer(&disk, (uint16_t)(random_next() >> 40) % RING_SIZE);
		disk_notify(&disk);
		(void)wait_outcome(3);
		/* Also a reset while something is in flight. */
		check_works("random rings");
	}
}

/* Any register of the device, at any time; then its registers are set up again. */
static void random_registers(void)
{
	for (unsigned round = 0; round < 2000; round++) {
		uint64_t at = disk.device.registers + (random_next() >> 40) % 0x4000 / 4 * 4;
		uint64_t near = (uintptr_t)disk.device.common + (random_next() >> 40) % 64 / 4 * 4;
		volatile uint32_t *word = (volatile uint32_t *)(random_next() >> 40 & 1 ? at : near);

		if (random_next() >> 40 & 1)
			*word = (uint32_t)(random_next() >> 20);
		else
			(void)*word;
	}
	check_works("random registers");
}

/* Rings that lie in each other, and are moved by the driver. */
static void rings_in_rings(void)
{
	disk_notify(&disk);
	for (unsigned i = 0; i < sizeof(disk.rings) / 2; i++)
		((volatile uint16_t *)&disk.rings)[i] = (uint16_t)(random_next() >> 40);
	disk_notify(&disk);
	(void)wait_outcome(20);
	check_works("rings full of anything");
}

void hostile_disk(void)
{
	if (!disk_find(&disk, 0)) {
		print("hostile: wrong: there is no disk\n");
		return;
	}
	check_works("the start");
	for (size_t i = 0; i < sizeof(deeds) / sizeof(deeds[0]); i++)
		run_deed(&deeds[i]);
	change_under_way();
	random_rings();
	rings_in_rings();
	random_registers();
}
