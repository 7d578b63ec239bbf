/* SPDX-License-Identifier: Apache-2.0 */
#include "fake.h"

#include <libfdt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include <libsys/log.h>

#define TREE_SIZE 8192

__typeof__(fake) fake;
static uint8_t tree[TREE_SIZE];
static struct request requests[FAKE_SESSIONS * SESSION_REQUESTS];
static _Alignas(4096) uint8_t dma[BLOCK_DMA_VOLUMES];

void log_line(enum log_level level, const char *format, ...)
{
	(void)format;
	fake.warnings += level == LOG_WARN;
	fake.errors += level == LOG_ERROR;
}

/* Where RAM is on the bus: halves, and the second before the first. */
#define PHYSICAL(guest, half) (UINT64_C(0x100000000) * ((guest) + 1) + ((half) ? 0 : FAKE_RAM_SIZE))

static uint8_t *bus(uint64_t physical, uint32_t length)
{
	for (unsigned guest = 0; guest < FAKE_GUESTS; guest++) {
		for (unsigned half = 0; half < 2; half++) {
			uint64_t offset = physical - PHYSICAL(guest, half);

			if (offset < FAKE_RAM_SIZE / 2 && length <= FAKE_RAM_SIZE / 2 - offset)
				return fake.shared->ram[guest] + half * (FAKE_RAM_SIZE / 2) + offset;
		}
	}
	abort();
}

uint8_t fake_pattern(unsigned disk, uint64_t offset)
{
	return (uint8_t)(offset * 7 + offset / 512 * 13 + disk * 101);
}

static bool start(struct disk *disk, struct io *io)
{
	struct fake_disk *device = &fake.disk[disk - fake.server_disk];

	if (device->in_device == device->depth)
		return false;
	device->started[device->in_device++] = io;
	return true;
}

static void kick(struct disk *disk)
{
	fake.disk[disk - fake.server_disk].kicks++;
}

static void move(struct fake_disk *device, const struct io *io)
{
	uint64_t offset = io->sector << SECTOR_BITS, left = (uint64_t)io->sectors << SECTOR_BITS;
	uint32_t skip = io->skip;

	for (const struct io_segment *segment = io->segment; left; segment++) {
		uint32_t length = segment->length - skip;
		uint8_t *memory;

		if (length > left)
			length = (uint32_t)left;
		memory = bus(segment->physical + skip, length);
		if (memory != segment->data + skip)
			abort();
		if (io->operation == IO_READ)
			memcpy(memory, device->data + offset, length);
		else
			memcpy(device->data + offset, memory, length);
		offset += length;
		left -= length;
		skip = 0;
	}
}

static enum io_status perform(struct fake_disk *device, const struct io *io)
{
	if (device->errors) {
		device->errors--;
		return IO_ERROR;
	}
	switch (io->operation) {
	case IO_READ:
	case IO_WRITE:
		if (fake.transfers)
			fake.transfers(true);
		move(device, io);
		if (fake.transfers)
			fake.transfers(false);
		break;
	case IO_FLUSH:
		device->flushes++;
		break;
	case IO_DISCARD:
	case IO_WRITE_ZEROES:
		device->discards++;
		memset(device->data + (io->sector << SECTOR_BITS), 0, (size_t)io->sectors << SECTOR_BITS);
		break;
	}
	return IO_OK;
}

static void interrupt(struct disk *disk)
{
	struct fake_disk *device = &fake.disk[disk - fake.server_disk];

	for (; device->due && device->in_device; device->due--) {
		struct io *io = device->started[0];

		memmove(device->started, device->started + 1, --device->in_device * sizeof(struct io *));
		disk_done(disk, io, perform(device, io));
	}
	device->due = 0;
}

static const struct disk_driver driver = { .name = "fake", .start = start, .kick = kick, .interrupt = interrupt };

static uint64_t now(void)
{
	return fake.time;
}

static void signal_client(unsigned session)
{
	fake.signals[session]++;
}

static void acknowledge(unsigned device)
{
	fake.acknowledged[device]++;
}

static const struct port port = { .now = now, .signal = signal_client, .acknowledge = acknowledge };

static void must(int error)
{
	if (error)
		abort();
}

static void text(const char *name, const char *value)
{
	must(fdt_property(tree, name, value, (int)strlen(value) + 1));
}

static void describe_disk(unsigned session, const char *volume)
{
	const struct fake_options *options = &fake.options;

	must(fdt_begin_node(tree, session == 1 ? "1" : "0"));
	text("volume", volume);
	if (session == 1)
		text("serial", "serial-of-one");
	if (options->read_only[session])
		must(fdt_property(tree, "read-only", NULL, 0));
	if (options->bandwidth[session]) {
		must(fdt_property_u64(tree, "bandwidth", options->bandwidth[session]));
		must(fdt_property_u64(tree, "bandwidth-burst", options->bandwidth_burst));
	}
	if (options->operations[session]) {
		must(fdt_property_u32(tree, "operations", (uint32_t)options->operations[session]));
		must(fdt_property_u32(tree, "operations-burst", (uint32_t)options->operations_burst));
	}
	must(fdt_end_node(tree));
}

static void describe_volume(const char *name, const char *disk)
{
	must(fdt_begin_node(tree, name));
	text("disk", disk);
	must(fdt_end_node(tree));
}

static void describe_guest(const char *name, const char *first, const char *second)
{
	must(fdt_begin_node(tree, name));
	must(fdt_begin_node(tree, "disks"));
	describe_disk(second ? 0 : 2, first);
	if (second)
		describe_disk(1, second);
	must(fdt_end_node(tree));
	must(fdt_end_node(tree));
}

static void describe(void)
{
	must(fdt_create(tree, TREE_SIZE));
	must(fdt_finish_reservemap(tree));
	must(fdt_begin_node(tree, ""));
	text("compatible", SYSTEM_COMPATIBLE);
	must(fdt_begin_node(tree, "disks"));
	for (unsigned i = 0; i < FAKE_DISKS; i++) {
		must(fdt_begin_node(tree, i ? "two" : "one"));
		text("serial", i ? "disk-two" : "disk-one");
		must(fdt_end_node(tree));
	}
	must(fdt_end_node(tree));
	must(fdt_begin_node(tree, "volumes"));
	describe_volume("first", "one");
	describe_volume("second", "two");
	must(fdt_end_node(tree));
	must(fdt_begin_node(tree, "guests"));
	describe_guest("alpha", "first", "second");
	describe_guest("beta", "first", NULL);
	must(fdt_end_node(tree));
	must(fdt_end_node(tree));
	must(fdt_finish(tree));
}

static uint8_t patterns[FAKE_DISKS][FAKE_DISK_SIZE];
static bool patterns_made;

void fake_reset(void)
{
	struct fake_shared *shared = fake.shared;

	if (!shared)
		shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (shared == MAP_FAILED)
		abort();
	memset(&fake, 0, sizeof(fake));
	fake.shared = shared;
	memset(shared, 0, sizeof(*shared));
	fake.time = 12345;
	fake.options = (struct fake_options){ .block_size = 512, .segments = BLOCK_SEGMENTS_MAX,
					      .disk_flags = BLOCK_FLAG_FLUSH | BLOCK_FLAG_DISCARD | BLOCK_FLAG_WRITE_ZEROES };
	fake.options.read_only[0] = fake.options.read_only[2] = true;
	for (unsigned i = 0; i < FAKE_DISKS; i++) {
		fake.disk[i].depth = 128;
		for (uint64_t offset = 0; !patterns_made && offset < FAKE_DISK_SIZE; offset++)
			patterns[i][offset] = fake_pattern(i, offset);
		memcpy(fake.disk[i].data, patterns[i], FAKE_DISK_SIZE);
	}
	patterns_made = true;
	fake.table.guests = FAKE_GUESTS;
	for (unsigned guest = 0; guest < FAKE_GUESTS; guest++) {
		struct attachment *attachment = &fake.table.guest[guest];

		attachment->base = FAKE_RAM_BASE;
		attachment->size = FAKE_RAM_SIZE;
		attachment->address = (uint64_t)(uintptr_t)shared->ram[guest];
		attachment->ranges = 2;
		for (unsigned half = 0; half < 2; half++) {
			attachment->range[half].offset = half * (FAKE_RAM_SIZE / 2);
			attachment->range[half].physical = PHYSICAL(guest, half);
			attachment->range[half].size = FAKE_RAM_SIZE / 2;
		}
	}
}

void fake_start(void)
{
	struct server_resources resources = {
		.port = &port, .hz = FAKE_HZ, .tree = tree, .tree_size = TREE_SIZE, .disk = fake.server_disk, .disks = FAKE_DISKS,
		.memory = { dma, 0, sizeof(dma) }, .sessions = fake.shared->sessions[0], .recovery = fake.shared->recovery[0],
		.session_count = FAKE_SESSIONS, .request = requests, .table = &fake.table, .status = fake_status(),
		.command = &fake.command,
	};

	describe();
	memset(requests, 0, sizeof(requests));
	for (unsigned i = 0; i < FAKE_DISKS; i++) {
		fake.disk[i].in_device = 0;
		fake.server_disk[i] = (struct disk){ .driver = &driver, .capacity = FAKE_DISK_SIZE >> SECTOR_BITS,
						     .block_size = fake.options.block_size, .physical_block_size = 4096,
						     .flags = fake.options.disk_flags, .segments = fake.options.segments };
		strcpy(fake.server_disk[i].serial, i ? "disk-two" : "disk-one");
	}
	fake.table.starts++;
	if (server_start(&resources))
		abort();
}

void fake_turn(uint64_t bits)
{
	unsigned turns = 0;

	fake.more = server_turn(bits);
	while (fake.more && turns++ < 1000)
		fake.more = server_turn(0);
}

void fake_complete(unsigned disk, unsigned count)
{
	fake.disk[disk].due = count;
	fake_turn(BLOCK_SIGNAL_DEVICE(disk));
}

void fake_settle(void)
{
	while (fake.disk[0].in_device || fake.disk[1].in_device) {
		fake_complete(0, 256);
		fake_complete(1, 256);
	}
}

void fake_attach(unsigned guest)
{
	for (unsigned i = 0; i < FAKE_SESSIONS; i++) {
		if ((i == 2) == (guest == 1))
			memset(fake.shared->sessions[i], 0, BLOCK_PAGE);
	}
	memset(fake.shared->ram[guest], 0, FAKE_RAM_SIZE);
	fake.table.guest[guest].epoch++;
	fake_turn(BLOCK_SIGNAL_CONTROL);
}

void fake_detach(unsigned guest)
{
	fake.table.guest[guest].epoch++;
	fake_turn(BLOCK_SIGNAL_CONTROL);
}

struct block_session *fake_session(unsigned session)
{
	return (struct block_session *)(void *)fake.shared->sessions[session];
}

struct block_recovery *fake_recovery(unsigned session)
{
	return (struct block_recovery *)(void *)fake.shared->recovery[session];
}

struct block_status *fake_status(void)
{
	return (struct block_status *)(void *)fake.shared->status;
}
