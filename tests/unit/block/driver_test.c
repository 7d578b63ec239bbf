/* SPDX-License-Identifier: Apache-2.0 */
/* Disks and the virtio-blk driver, on a device made of the device side of the same queue. */
#include "test.h"

#include <stdlib.h>
#include <string.h>

#include <disk.h>
#include <libsys/log.h>
#include <libsys/syscalls.h>
#include <libsys/task.h>
#include <libsys/virtio_driver.h>
#include <libsys/virtqueue.h>

#define BUS_BASE UINT64_C(0x40000000)
#define BUS_SIZE (1u << 20)
#define DATA_OFFSET DISK_DMA_SIZE /* on the bus: the driver's memory, then data */
#define DISK_SECTORS 2048u

enum { F_SIZE_MAX = 1, F_SEG_MAX = 2, F_RO = 5, F_BLK_SIZE = 6, F_FLUSH = 9, F_TOPOLOGY = 10, F_DISCARD = 13, F_WRITE_ZEROES = 14 };
#define FEATURE(bit) ((uint64_t)1 << (bit))

static _Alignas(4096) uint8_t bus[BUS_SIZE];
static uint8_t content[DISK_SECTORS * 512];
static struct {
	uint64_t features, accepted;
	uint8_t status, config[64];
	uint16_t queue_size;
	struct virtqueue queue;
	struct guest_memory memory;
	unsigned kicks, requests, resets, pieces; /* the most data pieces of a request */
	bool mute;          /* answers nothing */
	uint8_t answer;     /* status byte of what comes */
	bool fails;         /* ... and it does nothing */
	uint32_t type;      /* of the last request */
	uint64_t sectors;   /* in all discards */
	uint64_t time;
	unsigned warnings;
} device;
static struct disk disk;
static struct task_info info = { .timebase_hz = 1000 };

void log_line(enum log_level level, const char *format, ...)
{
	(void)format;
	device.warnings += level == LOG_WARN;
}

uint64_t sys_time(void)
{
	return device.time++;
}

const struct task_info *task_info(void)
{
	return &info;
}

static uint64_t op_features(struct virtio_driver *driver)
{
	(void)driver;
	return device.features;
}

static void op_accept(struct virtio_driver *driver, uint64_t features)
{
	(void)driver;
	device.accepted = features;
}

static uint8_t op_status(struct virtio_driver *driver)
{
	(void)driver;
	return device.status;
}

static void op_set_status(struct virtio_driver *driver, uint8_t status)
{
	(void)driver;
	device.status = status;
	if (!status) {
		device.resets++;
		virtqueue_reset(&device.queue, device.queue_size);
	}
}

static uint8_t op_generation(struct virtio_driver *driver)
{
	(void)driver;
	return 0;
}

static uint32_t op_config(struct virtio_driver *driver, unsigned offset, unsigned size)
{
	uint32_t value = 0;

	(void)driver;
	memcpy(&value, device.config + offset, size);
	return value;
}

static uint16_t op_queue_size(struct virtio_driver *driver, unsigned queue)
{
	(void)driver;
	return queue ? 0 : device.queue_size;
}

static void op_queue_enable(struct virtio_driver *driver, unsigned number, uint16_t size, uint64_t descriptors, uint64_t available,
			    uint64_t used)
{
	struct virtqueue *queue = &device.queue;

	(void)driver;
	(void)number;
	virtqueue_reset(queue, device.queue_size);
	queue->size = size;
	queue->descriptors = descriptors;
	queue->available = available;
	queue->used = used;
	queue->event_index = device.accepted & VIRTIO_F_EVENT_IDX;
	queue->indirect = device.accepted & VIRTIO_F_INDIRECT_DESC;
	if (!virtqueue_enable(queue, &device.memory))
		abort();
}

/* What a device does with a request, byte by byte. */
static void perform(struct virtqueue_chain *chain)
{
	struct { uint32_t type, reserved; uint64_t sector; } header;
	struct { uint64_t sector; uint32_t sectors, flags; } range;
	struct virtqueue_segment segment[130];
	unsigned count = 0;
	uint32_t written = 1;
	uint64_t at;

	while (virtqueue_next(&device.queue, &device.memory, chain, &segment[count]))
		count++;
	if (device.queue.broken || count < 2 || segment[0].length != 16 || segment[count - 1].length != 1)
		abort();
	memcpy(&header, segment[0].data, sizeof(header));
	device.type = header.type;
	device.requests++;
	if (count - 2 > device.pieces)
		device.pieces = count - 2;
	at = header.sector * 512;
	for (unsigned i = 1; i + 1 < count && !device.fails; i++) {
		if (header.type == 8) {
			memcpy(segment[i].data, "the-serial-of-twenty", 20);
		} else if (header.type == 11 || header.type == 13) {
			memcpy(&range, segment[i].data, sizeof(range));
			device.sectors += range.sectors;
			memset(content + range.sector * 512, 0, range.sectors * 512);
		} else {
			assert_true(at + segment[i].length <= sizeof(content));
			if (header.type == 0)
				memcpy(segment[i].data, content + at, segment[i].length);
			else
				memcpy(content + at, segment[i].data, segment[i].length);
		}
		at += segment[i].length;
		written += segment[i].write ? segment[i].length : 0;
	}
	*segment[count - 1].data = device.answer;
	virtqueue_push(&device.queue, chain, written);
}

/* Does all that is in the ring. */
static void work(void)
{
	struct virtqueue_chain chain;

	while (virtqueue_pop(&device.queue, &chain))
		perform(&chain);
	virtqueue_set_notify(&device.queue, true);
}

static void op_notify(struct virtio_driver *driver, unsigned queue)
{
	(void)driver;
	(void)queue;
	device.kicks++;
	if (!device.mute)
		work();
}

static uint32_t op_interrupt(struct virtio_driver *driver)
{
	(void)driver;
	return device.status & 0x40 ? 3 : 1;
}

static const struct virtio_transport_ops ops = { op_features, op_accept, op_status, op_set_status, op_generation, op_config,
						 op_queue_size, op_queue_enable, op_notify, op_interrupt };

enum err virtio_mmio_open(struct virtio_driver *driver, volatile uint8_t *registers, size_t size)
{
	*driver = (struct virtio_driver){ .ops = &ops, .device = VIRTIO_ID_BLOCK, .registers = registers, .size = size,
					  .device_config_size = sizeof(device.config) };
	return size ? ERR_OK : ERR_INVALID_ARGUMENT;
}

enum err virtio_pci_open(struct virtio_driver *driver, volatile uint8_t *config, volatile uint8_t *registers, size_t size)
{
	enum err err = virtio_mmio_open(driver, registers, size);

	(void)config;
	driver->device = VIRTIO_ID_NET;
	return err;
}

static void set_config(unsigned offset, unsigned size, uint64_t value)
{
	memcpy(device.config + offset, &value, size);
}

static enum err open_disk(void)
{
	struct disk_resources resources = { .registers = bus, .registers_size = 4096, .dma = bus, .dma_physical = BUS_BASE,
					    .dma_size = DISK_DMA_SIZE };

	return disk_open(&disk, &resources);
}

static int set_up(void **state)
{
	(void)state;
	memset(&device, 0, sizeof(device));
	memset(bus, 0xa5, sizeof(bus));
	for (unsigned i = 0; i < sizeof(content); i++)
		content[i] = (uint8_t)(i * 3 + i / 512);
	device.memory = (struct guest_memory){ bus, BUS_BASE, BUS_SIZE };
	device.features = VIRTIO_F_VERSION_1 | VIRTIO_F_INDIRECT_DESC | VIRTIO_F_EVENT_IDX | FEATURE(F_SEG_MAX) |
		FEATURE(F_BLK_SIZE) | FEATURE(F_FLUSH) | FEATURE(F_TOPOLOGY) | FEATURE(F_DISCARD) | FEATURE(F_WRITE_ZEROES);
	device.queue_size = 256;
	set_config(0, 8, DISK_SECTORS);
	set_config(12, 4, 254);
	set_config(20, 4, 512);
	set_config(24, 1, 3);
	set_config(36, 4, 256);
	set_config(48, 4, 200);
	return 0;
}

static int set_up_and_open(void **state)
{
	set_up(state);
	assert_int_equal(open_disk(), ERR_OK);
	device.requests = device.pieces = device.kicks = 0;
	return 0;
}

/* A transfer of a test. */
struct transfer {
	struct io io;
	struct io_segment segment[140];
	unsigned done;
	enum io_status status;
};

static void transfer_done(struct io *io, enum io_status status)
{
	struct transfer *transfer = (struct transfer *)(void *)io;

	transfer->done++;
	transfer->status = status;
}

static void prepare(struct transfer *transfer, enum io_operation operation, uint64_t sector, uint32_t sectors, uint32_t piece)
{
	uint32_t left = sectors * 512, offset = DATA_OFFSET;

	memset(transfer, 0, sizeof(*transfer));
	transfer->io = (struct io){ .operation = operation, .sector = sector, .sectors = sectors, .segment = transfer->segment,
				    .done = transfer_done };
	if (operation != IO_READ && operation != IO_WRITE)
		return;
	for (; left; left -= piece < left ? piece : left, offset += piece)
		transfer->segment[transfer->io.segments++] =
			(struct io_segment){ bus + offset, BUS_BASE + offset, piece < left ? piece : left };
}

static enum io_status run(struct transfer *transfer)
{
	disk_submit(&disk, &transfer->io);
	for (unsigned i = 0; i < 100 && !transfer->done; i++) {
		disk_kick(&disk);
		disk_interrupt(&disk);
	}
	assert_int_equal(transfer->done, 1);
	return transfer->status;
}

TEST(driver, reads_what_the_device_is)
{
	assert_int_equal(open_disk(), ERR_OK);
	assert_string_equal(disk.serial, "the-serial-of-twenty");
	assert_int_equal(disk.capacity, DISK_SECTORS);
	assert_int_equal(disk.block_size, 512);
	assert_int_equal(disk.physical_block_size, 4096);
	assert_int_equal(disk.segments, 126);
	assert_int_equal(disk.sectors_max, 200);
	assert_int_equal(disk.flags, BLOCK_FLAG_FLUSH | BLOCK_FLAG_DISCARD | BLOCK_FLAG_WRITE_ZEROES);
	assert_int_equal(device.status, 15);
	assert_false(disk.failed);
}

TEST(driver, refuses_what_makes_no_sense)
{
	static const struct { unsigned offset, size; uint64_t value; } bad[] = {
		{ 20, 4, 0 }, { 20, 4, 513 }, { 20, 4, 256 }, { 20, 4, 8192 }, { 12, 4, 0 },
	};

	for (unsigned i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		uint64_t good = 0;

		memcpy(&good, device.config + bad[i].offset, bad[i].size);
		set_config(bad[i].offset, bad[i].size, bad[i].value);
		assert_int_equal(open_disk(), ERR_RANGE);
		assert_true(disk.failed);
		assert_int_equal(device.status, 0);
		set_config(bad[i].offset, bad[i].size, good);
	}
	device.features &= ~VIRTIO_F_INDIRECT_DESC;
	assert_int_equal(open_disk(), ERR_RANGE);
	device.features |= VIRTIO_F_INDIRECT_DESC;
	device.queue_size = 2;
	assert_int_equal(open_disk(), ERR_RANGE);
	device.queue_size = 256;
	/* It does not answer. */
	device.mute = true;
	assert_int_equal(open_disk(), ERR_TIMED_OUT);
	assert_int_equal(device.status, 0);
	device.mute = false;
	assert_int_equal(open_disk(), ERR_OK);
}

TEST(driver, leaves_other_devices_alone)
{
	struct disk_resources resources = { .registers = bus, .registers_size = 0 };

	assert_int_equal(disk_open(&disk, &resources), ERR_INVALID_ARGUMENT);
	resources = (struct disk_resources){ .registers = bus, .registers_size = 4096, .config = bus };
	assert_int_equal(disk_open(&disk, &resources), ERR_INVALID_ARGUMENT);
	assert_int_equal(device.resets, 0);
	/* What cannot be opened may still be asked. */
	struct transfer transfer;

	prepare(&transfer, IO_READ, 0, 1, 512);
	assert_int_equal(run(&transfer), IO_ERROR);
}

TEST(driver, knows_a_simple_device)
{
	struct transfer transfer;

	device.features = VIRTIO_F_VERSION_1 | VIRTIO_F_INDIRECT_DESC | FEATURE(F_RO);
	assert_int_equal(open_disk(), ERR_OK);
	assert_int_equal(disk.segments, 1);
	assert_int_equal(disk.flags, BLOCK_FLAG_READ_ONLY);
	prepare(&transfer, IO_READ, 9, 8, 4096);
	assert_int_equal(run(&transfer), IO_OK);
	assert_memory_equal(bus + DATA_OFFSET, content + 9 * 512, 4096);
	prepare(&transfer, IO_WRITE, 9, 8, 4096);
	assert_int_equal(run(&transfer), IO_ERROR);
	prepare(&transfer, IO_DISCARD, 9, 8, 0);
	assert_int_equal(run(&transfer), IO_UNSUPPORTED);
	prepare(&transfer, IO_FLUSH, 0, 0, 0);
	assert_int_equal(run(&transfer), IO_OK);
	prepare(&transfer, IO_READ, 9, 8, 2048);
	assert_int_equal(run(&transfer), IO_ERROR);
}

TEST(driver, transfers)
{
	struct transfer transfer;

	prepare(&transfer, IO_READ, 100, 126, 512);
	assert_int_equal(run(&transfer), IO_OK);
	assert_memory_equal(bus + DATA_OFFSET, content + 100 * 512, 126 * 512);
	assert_int_equal(device.requests, 1);
	assert_int_equal(device.kicks, 1);
	/* From within a segment, and less than all. */
	prepare(&transfer, IO_WRITE, 7, 3, 1000);
	transfer.io.skip = 24;
	transfer.segment[1].length = 4096;
	memset(bus + DATA_OFFSET, 0x11, 8192);
	bus[DATA_OFFSET + 23] = 0x22;
	content[10 * 512] = 0x33;
	assert_int_equal(run(&transfer), IO_OK);
	assert_int_equal(content[7 * 512], 0x11);
	assert_int_equal(content[10 * 512 - 1], 0x11);
	assert_int_equal(content[10 * 512], 0x33);
	prepare(&transfer, IO_FLUSH, 0, 0, 0);
	assert_int_equal(run(&transfer), IO_OK);
	assert_int_equal(device.type, 4);
	/* More than the device takes at once. */
	prepare(&transfer, IO_DISCARD, 1000, 450, 0);
	assert_int_equal(run(&transfer), IO_OK);
	assert_int_equal(device.sectors, 450);
	assert_int_equal(content[1450 * 512 - 1] | content[1000 * 512], 0);
	prepare(&transfer, IO_WRITE_ZEROES, 20, 1, 0);
	assert_int_equal(run(&transfer), IO_OK);
	assert_int_equal(device.type, 13);
}

TEST(driver, cuts_what_is_too_large_for_the_device)
{
	struct transfer transfer;

	device.features |= FEATURE(F_SIZE_MAX);
	set_config(8, 4, 700);
	set_config(12, 4, 4);
	assert_int_equal(open_disk(), ERR_OK);
	device.pieces = 0;
	prepare(&transfer, IO_READ, 33, 64, 10000);
	assert_int_equal(run(&transfer), IO_OK);
	assert_memory_equal(bus + DATA_OFFSET, content + 33 * 512, 64 * 512);
	assert_true(device.pieces <= 4);
	prepare(&transfer, IO_WRITE, 33, 33, 5000);
	for (unsigned i = 0; i < 33 * 512; i++)
		bus[DATA_OFFSET + i] = (uint8_t)(i * 11);
	assert_int_equal(run(&transfer), IO_OK);
	assert_memory_equal(bus + DATA_OFFSET, content + 33 * 512, 33 * 512);
	/* An error in a part ends it. */
	prepare(&transfer, IO_READ, 33, 64, 10000);
	device.answer = 1;
	assert_int_equal(run(&transfer), IO_ERROR);
}

TEST(driver, keeps_what_does_not_fit_in_order)
{
	static struct transfer transfer[300];

	device.mute = true;
	for (unsigned i = 0; i < 300; i++) {
		prepare(&transfer[i], IO_READ, i, 1, 512);
		disk_submit(&disk, &transfer[i].io);
	}
	disk_kick(&disk);
	assert_int_equal(disk.in_flight, 128);
	device.mute = false;
	for (unsigned i = 0; i < 3; i++) {
		work();
		disk_interrupt(&disk);
		assert_int_equal(transfer[i == 2 ? 299 : 128 * i + 127].done, 1);
		disk_kick(&disk);
	}
	for (unsigned i = 0; i < 300; i++)
		assert_true(transfer[i].done == 1 && transfer[i].status == IO_OK);
	assert_int_equal(disk.in_flight, 0);
}

TEST(driver, passes_the_devices_errors_on)
{
	struct transfer transfer;

	device.fails = true;
	device.answer = 1;
	prepare(&transfer, IO_READ, 0, 1, 512);
	assert_int_equal(run(&transfer), IO_ERROR);
	device.answer = 2;
	prepare(&transfer, IO_DISCARD, 0, 1, 0);
	assert_int_equal(run(&transfer), IO_UNSUPPORTED);
	device.answer = 77;
	prepare(&transfer, IO_FLUSH, 0, 0, 0);
	assert_int_equal(run(&transfer), IO_ERROR);
	assert_false(disk.failed);
}

TEST(driver, ends_all_after_the_reset_of_a_broken_device)
{
	static struct transfer transfer[200];
	unsigned resets = device.resets;

	for (unsigned kind = 0; kind < 2; kind++) {
		set_up_and_open(NULL);
		resets = device.resets;
		device.mute = true;
		for (unsigned i = 0; i < 200; i++) {
			prepare(&transfer[i], IO_READ, i, 1, 512);
			disk_submit(&disk, &transfer[i].io);
		}
		disk_kick(&disk);
		if (kind == 0) {
			device.status |= 0x40;
		} else {
			/* A used index far ahead. */
			device.queue.next_used = (uint16_t)(device.queue.next_used + 1000);
			virtqueue_publish(&device.queue);
		}
		disk_interrupt(&disk);
		assert_true(disk.failed);
		assert_int_equal(device.resets, resets + 1);
		assert_int_equal(device.warnings, 1);
		for (unsigned i = 0; i < 200; i++)
			assert_true(transfer[i].done == 1 && transfer[i].status == IO_ERROR);
		assert_int_equal(disk.in_flight, 0);
		prepare(&transfer[0], IO_READ, 0, 1, 512);
		assert_int_equal(run(&transfer[0]), IO_ERROR);
	}
}

TEST(disk, refuses_what_is_not_on_it)
{
	struct transfer transfer;

	prepare(&transfer, IO_READ, DISK_SECTORS, 1, 512);
	assert_int_equal(run(&transfer), IO_ERROR);
	prepare(&transfer, IO_READ, DISK_SECTORS - 1, 2, 512);
	assert_int_equal(run(&transfer), IO_ERROR);
	prepare(&transfer, IO_WRITE, UINT64_MAX, 2, 512);
	assert_int_equal(run(&transfer), IO_ERROR);
	prepare(&transfer, IO_READ, 0, 0, 512);
	assert_int_equal(run(&transfer), IO_ERROR);
	prepare(&transfer, IO_READ, 0, 127, 512);
	assert_int_equal(run(&transfer), IO_ERROR);
	prepare(&transfer, IO_READ, 0, 2, 512);
	transfer.segment[1].length = 511;
	assert_int_equal(run(&transfer), IO_ERROR);
	prepare(&transfer, IO_READ, 0, 1, 512);
	transfer.io.skip = 512;
	assert_int_equal(run(&transfer), IO_ERROR);
	assert_int_equal(device.requests, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		RUN_WITH(driver, reads_what_the_device_is, set_up),
		RUN_WITH(driver, refuses_what_makes_no_sense, set_up),
		RUN_WITH(driver, leaves_other_devices_alone, set_up),
		RUN_WITH(driver, knows_a_simple_device, set_up),
		RUN_WITH(driver, transfers, set_up_and_open),
		RUN_WITH(driver, cuts_what_is_too_large_for_the_device, set_up),
		RUN_WITH(driver, keeps_what_does_not_fit_in_order, set_up_and_open),
		RUN_WITH(driver, passes_the_devices_errors_on, set_up_and_open),
		RUN_WITH(driver, ends_all_after_the_reset_of_a_broken_device, set_up_and_open),
		RUN_WITH(disk, refuses_what_is_not_on_it, set_up_and_open),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
