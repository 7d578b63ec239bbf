/* SPDX-License-Identifier: Apache-2.0 */
/* Disks and the virtio-blk driver, on a device made of the device side of the same queue. */
#include "test.h"

#include <string.h>

#include "virtio_device.h"

static struct disk disk;

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
		device_work();
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
