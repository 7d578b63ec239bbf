/* SPDX-License-Identifier: Apache-2.0 */
/* Whole server, from the guests' rings to disks in memory: requests and their errors. */
#include "test.h"

#include <string.h>

#include "fake.h"

static struct guest one, two; /* sessions 1, which writes, and 0 */

static int set_up(void **state)
{
	(void)state;
	fake_reset();
	fake_start();
	fake_attach(0);
	guest_init(&one, 1, 1, GUEST_FLUSH);
	guest_start(&one);
	return 0;
}

/* As set_up, with the options that are set. */
static void again(struct guest *guest, unsigned session, uint32_t queues, uint64_t features)
{
	struct attach_table table = fake.table;
	__typeof__(fake.options) options = fake.options;

	fake_reset();
	fake.options = options;
	fake.table.guest[0].epoch = table.guest[0].epoch & ~1u;
	fake_start();
	fake_attach(0);
	fake_attach(1);
	guest_init(guest, session, queues, features);
	guest_start(guest);
}

static void expect_pattern(const struct guest *guest, unsigned slot, unsigned disk, uint64_t sector, uint32_t bytes)
{
	const uint8_t *data = guest_data(guest, slot);

	for (uint32_t i = 0; i < bytes; i++)
		assert_int_equal(data[i], fake_pattern(disk, sector * 512 + i));
}

TEST(server, reads_into_guest_memory)
{
	unsigned signals = fake.signals[1];

	assert_int_equal(guest_do(&one, BLK_IN, 100, 8192), 0);
	expect_pattern(&one, 0, 1, 100, 8192);
	assert_int_equal(one.bytes, 8193);
	assert_int_equal(fake.signals[1], signals + 1);
	assert_int_equal(fake.acknowledged[1] != 0, 1);
}

TEST(server, writes_and_flushes)
{
	for (unsigned i = 0; i < 4096; i++)
		guest_data(&one, 0)[i] = (uint8_t)(i * 3);
	assert_int_equal(guest_do(&one, BLK_OUT, 8, 4096), 0);
	assert_memory_equal(fake.disk[1].data + 4096, guest_data(&one, 0), 4096);
	assert_int_equal(fake.disk[1].flushes, 0);
	assert_int_equal(guest_do(&one, BLK_FLUSH, 0, 0), 0);
	assert_int_equal(fake.disk[1].flushes, 1);
}

TEST(server, flushes_each_write_when_told_to)
{
	fake_session(1)->write_through = 1;
	assert_int_equal(guest_do(&one, BLK_OUT, 8, 512), 0);
	assert_int_equal(fake.disk[1].flushes, 1);
	fake_session(1)->write_through = 0;
	assert_int_equal(guest_do(&one, BLK_OUT, 8, 512), 0);
	assert_int_equal(fake.disk[1].flushes, 1);
	/* A driver that knows no flush. */
	guest_stop(&one);
	guest_init(&one, 1, 1, 0);
	guest_start(&one);
	assert_int_equal(guest_do(&one, BLK_OUT, 8, 512), 0);
	assert_int_equal(fake.disk[1].flushes, 2);
	assert_int_equal(guest_do(&one, BLK_IN, 8, 512), 0);
	assert_int_equal(fake.disk[1].flushes, 2);
}

TEST(server, tells_its_serial_number)
{
	memset(guest_data(&one, 0), 0xff, 64);
	assert_int_equal(guest_do(&one, BLK_GET_ID, 0, 20), 0);
	assert_memory_equal(guest_data(&one, 0), "serial-of-one\0\0\0\0\0\0\0\377", 21);
	/* Less room: as much as fits. */
	memset(guest_data(&one, 0), 0xff, 64);
	assert_int_equal(guest_do(&one, BLK_GET_ID, 0, 6), 0);
	assert_memory_equal(guest_data(&one, 0), "serial\377", 7);
}

static void put_range(unsigned index, uint64_t sector, uint32_t sectors, uint32_t flags)
{
	struct { uint64_t sector; uint32_t sectors, flags; } range = { sector, sectors, flags };

	memcpy(guest_data(&one, 0) + index * sizeof(range), &range, sizeof(range));
}

TEST(server, discards_and_writes_zeroes)
{
	put_range(0, 8, 8, 0);
	put_range(1, 64, 16, 0);
	assert_int_equal(guest_do(&one, BLK_DISCARD, 0, 32), 0);
	assert_int_equal(fake.disk[1].discards, 2);
	assert_int_equal(fake.disk[1].data[8 * 512], 0);
	assert_int_equal(fake.disk[1].data[80 * 512 - 1], 0);
	assert_int_equal(fake.disk[1].data[80 * 512], fake_pattern(1, 80 * 512));
	put_range(0, 100, 1, 1);
	assert_int_equal(guest_do(&one, BLK_WRITE_ZEROES, 0, 16), 0);
	assert_int_equal(fake.disk[1].data[100 * 512 + 5], 0);
}

TEST(server, refuses_bad_ranges)
{
	put_range(0, 8, 8, 1);
	assert_int_equal(guest_do(&one, BLK_DISCARD, 0, 16), 2);
	put_range(0, 8, 8, 2);
	assert_int_equal(guest_do(&one, BLK_WRITE_ZEROES, 0, 16), 2);
	put_range(0, FAKE_DISK_SIZE / 512 - 1, 2, 0);
	assert_int_equal(guest_do(&one, BLK_DISCARD, 0, 16), 1);
	put_range(0, UINT64_MAX, 1, 0);
	assert_int_equal(guest_do(&one, BLK_DISCARD, 0, 16), 1);
	put_range(0, 8, 0, 0);
	assert_int_equal(guest_do(&one, BLK_DISCARD, 0, 16), 1);
	put_range(0, 8, 8, 0);
	assert_int_equal(guest_do(&one, BLK_DISCARD, 0, 15), 1);
	assert_int_equal(guest_do(&one, BLK_DISCARD, 0, 0), 1);
	assert_int_equal(guest_do(&one, BLK_DISCARD, 0, 17 * 16), 1);
	/* Nothing is done if one of them is bad. */
	put_range(1, FAKE_DISK_SIZE / 512, 1, 0);
	assert_int_equal(guest_do(&one, BLK_DISCARD, 0, 32), 1);
	assert_int_equal(fake.disk[1].discards, 0);
}

TEST(server, refuses_what_is_not_on_the_disk)
{
	uint64_t end = FAKE_DISK_SIZE / 512;

	assert_int_equal(guest_do(&one, BLK_IN, end - 1, 512), 0);
	assert_int_equal(guest_do(&one, BLK_IN, end - 1, 1024), 1);
	assert_int_equal(guest_do(&one, BLK_OUT, end, 512), 1);
	assert_int_equal(guest_do(&one, BLK_IN, UINT64_MAX, 1024), 1);
	assert_int_equal(guest_do(&one, BLK_IN, UINT64_MAX / 512, 1024), 1);
	assert_int_equal(guest_do(&one, BLK_IN, 0, 511), 1);
	assert_int_equal(guest_do(&one, BLK_OUT, 0, 513), 1);
	assert_int_equal(guest_do(&one, BLK_IN, 0, 0), 1);
	assert_int_equal(guest_do(&one, 3, 0, 512), 2);
	assert_int_equal(fake_session(1)->broken, 0);
}

TEST(server, keeps_to_the_disks_blocks)
{
	fake.options.block_size = 4096;
	again(&one, 1, 1, GUEST_FLUSH);
	assert_int_equal(fake_session(1)->block_size, 4096);
	assert_int_equal(guest_do(&one, BLK_IN, 8, 4096), 0);
	assert_int_equal(guest_do(&one, BLK_IN, 1, 4096), 1);
	assert_int_equal(guest_do(&one, BLK_IN, 8, 512), 1);
}

TEST(server, keeps_read_only_disks)
{
	guest_init(&two, 0, 1, GUEST_FLUSH);
	guest_start(&two);
	assert_int_equal(guest_do(&two, BLK_IN, 4, 512), 0);
	expect_pattern(&two, 0, 0, 4, 512);
	assert_int_equal(guest_do(&two, BLK_OUT, 4, 512), 1);
	put_range(0, 8, 8, 0);
	memcpy(guest_data(&two, 0), guest_data(&one, 0), 16);
	assert_int_equal(guest_do(&two, BLK_DISCARD, 0, 16), 1);
	assert_int_equal(guest_do(&two, BLK_FLUSH, 0, 0), 0);
}

TEST(server, passes_errors_on)
{
	fake.disk[1].errors = 2;
	assert_int_equal(guest_do(&one, BLK_IN, 0, 512), 1);
	assert_int_equal(guest_do(&one, BLK_FLUSH, 0, 0), 1);
	assert_int_equal(guest_do(&one, BLK_IN, 0, 512), 0);
	fake.server_disk[1].flags = 0;
	assert_int_equal(guest_do(&one, BLK_FLUSH, 0, 0), 0);
	put_range(0, 8, 8, 0);
	assert_int_equal(guest_do(&one, BLK_DISCARD, 0, 16), 2);
}

TEST(server, serves_more_pieces_than_the_disk_takes)
{
	fake.options.segments = 5;
	again(&one, 1, 2, GUEST_INDIRECT | GUEST_EVENT_INDEX | GUEST_FLUSH);
	/* 126 pieces of 200 bytes. */
	guest_put(&one, 0, BLK_IN, 7, 25088, 200);
	guest_put(&one, 1, BLK_OUT, 2048, 4096, 150);
	for (unsigned i = 0; i < 4096; i++)
		guest_data(&one, 1)[i] = (uint8_t)(i * 5 + 1);
	guest_notify(&one);
	fake_settle();
	guest_poll(&one);
	assert_int_equal(one.done, 2);
	assert_int_equal(guest_status(&one, 0), 0);
	expect_pattern(&one, 0, 1, 7, 25088);
	assert_memory_equal(fake.disk[1].data + 2048 * 512, guest_data(&one, 1), 4096);
	/* Pieces of which five are no block. */
	guest_put(&one, 0, BLK_IN, 7, 512, 10);
	guest_notify(&one);
	fake_settle();
	guest_poll(&one);
	assert_int_equal(guest_status(&one, 0), 1);
}

TEST(server, reads_headers_in_pieces)
{
	uint64_t header[2] = { BLK_IN, 9 };

	memcpy(one.ram + one.area + 0x8000, header, 8);
	memcpy(one.ram + one.area + 0x8101, header + 1, 8);
	guest_descriptor(&one, 0, guest_address(&one, 0x8000), 8, 1, 1);
	guest_descriptor(&one, 1, guest_address(&one, 0x8101), 8, 1, 2);
	/* Data and status together. */
	guest_descriptor(&one, 2, guest_address(&one, 0x9000), 513, 2, 0);
	guest_offer(&one, 0, 0);
	guest_notify(&one);
	fake_settle();
	for (unsigned i = 0; i < 512; i++)
		assert_int_equal(one.ram[one.area + 0x9000 + i], fake_pattern(1, 9 * 512 + i));
	assert_int_equal(one.ram[one.area + 0x9200], 0);
	/* All of a write in one piece. */
	header[0] = BLK_OUT;
	memcpy(one.ram + one.area + 0x8000, header, 16);
	memset(one.ram + one.area + 0x8010, 0x5a, 1024);
	guest_descriptor(&one, 0, guest_address(&one, 0x8000), 16 + 1024, 1, 1);
	guest_descriptor(&one, 1, guest_address(&one, 0x9200), 1, 2, 0);
	guest_offer(&one, 0, 0);
	guest_notify(&one);
	fake_settle();
	assert_int_equal(one.ram[one.area + 0x9200], 0);
	assert_int_equal(fake.disk[1].data[9 * 512], 0x5a);
	assert_int_equal(fake.disk[1].data[11 * 512 - 1], 0x5a);
}

TEST(server, ends_all_in_errors_when_a_disk_fails)
{
	guest_put(&one, 0, BLK_IN, 0, 4096, 4096);
	fake.disk[1].depth = 0;
	guest_notify(&one);
	assert_int_equal(fake.disk[1].in_device, 0);
	disk_fail(&fake.server_disk[1], "it was told to");
	fake_turn(0);
	guest_poll(&one);
	assert_int_equal(one.done, 1);
	assert_int_equal(guest_status(&one, 0), 1);
	assert_int_equal(guest_do(&one, BLK_IN, 0, 512), 1);
}

TEST(server, counts_for_the_console)
{
	assert_int_equal(guest_do(&one, BLK_IN, 0, 4096), 0);
	assert_int_equal(guest_do(&one, BLK_OUT, 0, 512), 0);
	assert_int_equal(guest_do(&one, BLK_IN, UINT64_MAX, 512), 1);
	assert_true(server_deadline() <= fake.time + FAKE_HZ);
	fake.time += FAKE_HZ;
	fake_turn(0);
	assert_int_equal(fake_status()->volumes, 2);
	assert_string_equal(fake_status()->volume[1].name, "second");
	assert_int_equal(fake_status()->volume[1].reads, 1);
	assert_int_equal(fake_status()->volume[1].written_bytes, 512);
	assert_int_equal(fake_status()->session[1].requests, 3);
	assert_int_equal(fake_status()->session[1].errors, 1);
	assert_int_equal(fake_status()->session[1].bytes, 4608);
	assert_int_equal(fake_status()->session[1].serving, 1);
	assert_true(server_deadline() == DEADLINE_NEVER);
}

TEST(server, answers_commands)
{
	struct block_status *status = fake_status();

	fake.command = (struct block_command){ .sequence = 1, .operation = BLOCK_SNAPSHOT, .volume = "nothing", .name = "a" };
	fake_turn(BLOCK_SIGNAL_CONTROL);
	assert_int_equal(status->command, 1);
	assert_int_equal(status->error, 1);
	fake.command = (struct block_command){ .sequence = 2, .operation = 77, .volume = "first", .name = "a" };
	fake_turn(BLOCK_SIGNAL_CONTROL);
	assert_int_equal(status->command, 2);
	assert_int_equal(status->error, 1);
	/* A volume that is no overlay has none. */
	fake.command = (struct block_command){ .sequence = 3, .operation = BLOCK_SNAPSHOT, .volume = "first", .name = "a" };
	fake_turn(BLOCK_SIGNAL_CONTROL);
	assert_int_equal(status->command, 3);
	assert_int_equal(status->error, 1);
	fake.command = (struct block_command){ .sequence = 4, .operation = BLOCK_ROLLBACK, .volume = "first", .name = "a" };
	fake_turn(BLOCK_SIGNAL_CONTROL);
	assert_int_equal(status->command, 4);
	assert_non_null(strstr(status->answer, "running guest"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		RUN_WITH(server, reads_into_guest_memory, set_up),
		RUN_WITH(server, writes_and_flushes, set_up),
		RUN_WITH(server, flushes_each_write_when_told_to, set_up),
		RUN_WITH(server, tells_its_serial_number, set_up),
		RUN_WITH(server, discards_and_writes_zeroes, set_up),
		RUN_WITH(server, refuses_bad_ranges, set_up),
		RUN_WITH(server, refuses_what_is_not_on_the_disk, set_up),
		RUN_WITH(server, keeps_to_the_disks_blocks, set_up),
		RUN_WITH(server, keeps_read_only_disks, set_up),
		RUN_WITH(server, passes_errors_on, set_up),
		RUN_WITH(server, serves_more_pieces_than_the_disk_takes, set_up),
		RUN_WITH(server, reads_headers_in_pieces, set_up),
		RUN_WITH(server, ends_all_in_errors_when_a_disk_fails, set_up),
		RUN_WITH(server, counts_for_the_console, set_up),
		RUN_WITH(server, answers_commands, set_up),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
