/* SPDX-License-Identifier: Apache-2.0 */
/* Overlays: what a guest and a user see of them, and what they cost. Crashes are model_test.c's. */
#include "overlay_fixture.h"

#include <stdio.h>

TEST(overlay, reads_its_base_until_it_is_written)
{
	assert_int_equal(overlay->capacity, BASE);
	assert_base(0, 1000);
	assert_base(BASE - 5, 5);
	write_ok(8, 16);
	assert_data(8, 16, data);
	assert_base(0, 8);
	assert_base(24, 8);
	assert_int_equal(fake_disks[0].writes, 0);
	assert_int_equal(overlay->flags & BLOCK_FLAG_READ_ONLY, 0);
}

TEST(overlay, flushed_writes_outlive_the_machine)
{
	write_ok(508 * CLUSTER - 40, 100);
	write_ok(BASE - 3, 3);
	flush_ok();
	fake_disks_crash();
	volumes_forget_memory();
	open_ready();
	assert_data(508 * CLUSTER - 40, 100, data);
	assert_data(BASE - 3, 3, data);
	assert_base(BASE - 8, 5);
}

TEST(overlay, acknowledged_writes_outlive_the_server)
{
	write_ok(100, 3000);
	assert_int_equal(volumes_transfer(overlay, IO_DISCARD, 1024, 64, NULL), IO_OK);
	fake_disks_restart();
	open_ready();
	assert_data(100, 924, data);
	assert_zero(1024, 64);
	flush_ok();
	fake_disks_crash();
	volumes_forget_memory();
	open_ready();
	assert_data(100, 924, data);
	assert_zero(1024, 64);
}

TEST(overlay, discarded_blocks_are_zero_and_their_clusters_are_free_again)
{
	struct block_volume_status before, status;

	flush_ok();
	volume_status(overlay, &before);
	write_ok(0, 1024);
	volume_status(overlay, &status);
	assert_int_equal(status.store_used - before.store_used, 512 * 1024);
	assert_int_equal(volumes_transfer(overlay, IO_DISCARD, 4, 1020, NULL), IO_OK);
	assert_data(0, 8, data);
	assert_zero(8, 64);
	assert_int_equal(volumes_transfer(overlay, IO_WRITE_ZEROES, 2, 70, NULL), IO_OK);
	assert_data(0, 2, data);
	assert_zero(2, 64);
	flush_ok();
	volume_status(overlay, &status);
	assert_int_equal(status.store_used - before.store_used, OVERLAY_CLUSTER);
}

TEST(overlay, parts_of_blocks_keep_the_rest)
{
	uint8_t expected[24 * 512];

	memcpy(expected, fake_disks[0].data, sizeof(expected));
	write_ok(3, 10);
	memcpy(expected + 3 * 512, data, 10 * 512);
	assert_data(0, 24, expected);
	assert_int_equal(volumes_transfer(overlay, IO_WRITE, 15, 2, data + 5), IO_OK);
	memcpy(expected + 15 * 512, data + 5, 2 * 512);
	assert_data(0, 24, expected);
}

TEST(overlay, full_store_fails_writes_that_need_room_and_no_others)
{
	uint64_t sector = 0;

	while (volumes_transfer(overlay, IO_WRITE, sector, CLUSTER, data) == IO_OK)
		sector += CLUSTER;
	assert_in_range(sector / CLUSTER, STORE - 20, STORE);
	assert_base(sector, CLUSTER);
	write_ok(0, CLUSTER);
	flush_ok();
	assert_int_equal(volumes_transfer(overlay, IO_DISCARD, 0, 2 * CLUSTER, NULL), IO_OK);
	assert_int_equal(volumes_transfer(overlay, IO_WRITE, sector, 2 * CLUSTER, data), IO_OK);
	assert_data(sector, 2 * CLUSTER, data);
	assert_int_equal(volumes_transfer(overlay, IO_WRITE, sector + 2 * CLUSTER, CLUSTER, data), IO_ERROR);
}

TEST(overlay, steady_transfers_are_one_transfer_of_the_store)
{
	uint64_t reads, writes;

	write_ok(0, 8192); /* 4 MiB in a row: the store has it in a row */
	reads = fake_disks[1].reads;
	writes = fake_disks[1].writes;
	assert_data(0, 8192, data);
	write_ok(1024, 2048);
	assert_int_equal(fake_disks[1].reads, reads + 1);
	assert_int_equal(fake_disks[1].writes, writes + 1);
	assert_int_equal(fake_disks[1].largest, 8192);
	assert_base(8192, 4096);
	assert_int_equal(fake_disks[1].reads, reads + 1);
}

TEST(overlay, flush_costs_one_flush_unless_maps_have_changed)
{
	uint64_t flushes, writes;

	write_ok(0, 8);
	flush_ok();
	fake_disks_run(false);
	flushes = fake_disks[1].flushes;
	writes = fake_disks[1].writes;
	write_ok(0, 8);
	flush_ok();
	assert_int_equal(fake_disks[1].flushes, flushes + 1);
	assert_int_equal(fake_disks[1].writes, writes + 1);
	write_ok(8, 8);
	flush_ok();
	fake_disks_run(false);
	assert_int_equal(fake_disks[1].flushes, flushes + 3);
	assert_int_equal(fake_disks[1].writes, writes + 4); /* data, journal, and the page */
}

static void many_done(struct io *io, enum io_status status)
{
	assert_int_equal(status, IO_OK);
	++*(unsigned *)io->owner;
}

TEST(overlay, more_transfers_than_it_has_requests)
{
	static struct io io[600];
	static struct io_segment segment[600];
	unsigned done = 0;

	for (unsigned i = 0; i < 600; i++) {
		segment[i] = (struct io_segment){ data + i * 1024, 0, 4096 };
		io[i] = (struct io){ .operation = i % 50 ? IO_WRITE : IO_FLUSH, .sectors = i % 50 ? 8 : 0, .sector = i % 50 ? i * 8 : 0,
				     .segment = &segment[i], .segments = 1, .done = many_done, .owner = &done };
		volume_submit(overlay, &io[i]);
	}
	fake_disks_run(true);
	assert_int_equal(done, 600);
	for (unsigned i = 0; i < 600; i++)
		if (i % 50)
			assert_data(i * 8, 8, data + i * 1024);
}

TEST(overlay, reads_in_more_pieces_than_it_has)
{
	static uint8_t expected[4096 * 512];

	memcpy(expected, fake_disks[0].data, sizeof(expected));
	for (unsigned sector = 0; sector < 4096; sector += 16) {
		write_ok(sector, 8);
		memcpy(expected + (size_t)sector * 512, data, 4096);
	}
	assert_data(0, 4096, expected);
	assert_int_equal(volumes_transfer(overlay, IO_DISCARD, 8, 2000, NULL), IO_OK);
	memset(expected + 4096, 0, 2000 * 512);
	assert_data(0, 4096, expected);
}

TEST(overlay, disk_that_ends_transfers_at_once)
{
	fake_disks[0].at_once = fake_disks[1].at_once = true;
	write_ok(3, 4000);
	assert_data(3, 4000, data);
	assert_int_equal(volumes_transfer(overlay, IO_DISCARD, 0, 100000, NULL), IO_OK);
	assert_string_equal(operate(BLOCK_SNAPSHOT, "one"), "");
	write_ok(3, 40);
	flush_ok();
	assert_string_equal(operate(BLOCK_DELETE_SNAPSHOT, "one"), "");
	open_ready();
	assert_data(3, 40, data);
}

TEST(overlay, snapshots_keep_what_was)
{
	struct block_volume_status status;

	write_ok(0, 64);
	assert_string_equal(operate(BLOCK_SNAPSHOT, "one"), "");
	assert_int_equal(volumes_transfer(overlay, IO_WRITE_ZEROES, 0, 32, NULL), IO_OK);
	assert_string_equal(operate(BLOCK_SNAPSHOT, "two"), "");
	write_ok(8, 8);
	volume_status(overlay, &status);
	assert_int_equal(status.snapshots, 2);
	assert_string_equal(status.snapshot[0], "one");
	assert_string_equal(status.snapshot[1], "two");
	assert_string_equal(operate(BLOCK_ROLLBACK, "two"), "");
	assert_zero(0, 32);
	assert_data(32, 32, data + 32 * 512);
	assert_string_equal(operate(BLOCK_ROLLBACK, "one"), "");
	assert_data(0, 64, data);
	volume_status(overlay, &status);
	assert_int_equal(status.snapshots, 1);
}

TEST(overlay, deleted_snapshots_give_their_room_back)
{
	struct block_volume_status before, status;

	write_ok(0, 1024);
	flush_ok();
	volume_status(overlay, &before);
	for (unsigned round = 0; round < 3; round++) {
		assert_string_equal(operate(BLOCK_SNAPSHOT, "s"), "");
		write_ok(0, 512);
		write_ok(600, 8);
		assert_string_equal(operate(BLOCK_DELETE_SNAPSHOT, "s"), "");
		assert_data(0, 512, data);
		assert_data(512, 88, data + 512 * 512);
		assert_data(600, 8, data);
		assert_data(608, 416, data + 608 * 512);
	}
	volume_status(overlay, &status);
	assert_int_equal(status.snapshots, 0);
	assert_int_equal(status.store_used, before.store_used);
	open_ready();
	volume_status(overlay, &status);
	assert_int_equal(status.store_used, before.store_used);
}

TEST(overlay, deletion_that_failed_goes_on_later)
{
	struct block_volume_status status;

	write_ok(0, 128);
	assert_string_equal(operate(BLOCK_SNAPSHOT, "one"), "");
	write_ok(8, 8);
	assert_string_equal(operate(BLOCK_SNAPSHOT, "two"), "");
	flush_ok();
	fake_disks_run(false);
	fake_disks[1].fail_at = fake_disks[1].operations + 6; /* after a flush, the head and its copy with theirs: a block is moved */
	fake_disks[1].fail_count = 1;
	assert_string_equal(operate(BLOCK_DELETE_SNAPSHOT, "one"), "the store's disk failed");
	assert_string_equal(operate(BLOCK_DELETE_SNAPSHOT, "two"), "a snapshot is being deleted: try again");
	volume_status(overlay, &status);
	assert_int_equal(status.snapshots, 1);
	assert_string_equal(operate(BLOCK_DELETE_SNAPSHOT, "two"), "");
	volume_status(overlay, &status);
	assert_int_equal(status.snapshots, 0);
	open_ready();
	assert_data(16, 112, data + 16 * 512);
}

TEST(overlay, bad_operations_on_snapshots_say_why)
{
	char name[4];

	assert_string_equal(operate(BLOCK_ROLLBACK, "one"), "there is no snapshot \"one\"");
	assert_string_equal(operate(BLOCK_DELETE_SNAPSHOT, "one"), "there is no snapshot \"one\"");
	assert_string_equal(operate(BLOCK_SNAPSHOT, ""), "a snapshot's name has 1 to 15 letters, without spaces");
	assert_string_equal(operate(BLOCK_SNAPSHOT, "a b"), "a snapshot's name has 1 to 15 letters, without spaces");
	assert_string_equal(operate(BLOCK_SNAPSHOT, "0123456789abcdef"), "a snapshot's name has 1 to 15 letters, without spaces");
	assert_string_equal(operate((enum block_operation)9, "one"), "there is no such operation");
	for (unsigned i = 0; i < BLOCK_SNAPSHOTS_MAX; i++) {
		(void)snprintf(name, sizeof(name), "s%u", i);
		assert_string_equal(operate(BLOCK_SNAPSHOT, name), "");
	}
	assert_string_equal(operate(BLOCK_SNAPSHOT, "s3"), "there is a snapshot \"s3\" already");
	assert_string_equal(operate(BLOCK_SNAPSHOT, "one"), "a volume has at most 8 snapshots");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		RUN_OVERLAY(overlay, reads_its_base_until_it_is_written),
		RUN_OVERLAY(overlay, flushed_writes_outlive_the_machine),
		RUN_OVERLAY(overlay, acknowledged_writes_outlive_the_server),
		RUN_OVERLAY(overlay, discarded_blocks_are_zero_and_their_clusters_are_free_again),
		RUN_OVERLAY(overlay, parts_of_blocks_keep_the_rest),
		RUN_OVERLAY(overlay, full_store_fails_writes_that_need_room_and_no_others),
		RUN_OVERLAY(overlay, steady_transfers_are_one_transfer_of_the_store),
		RUN_OVERLAY(overlay, flush_costs_one_flush_unless_maps_have_changed),
		RUN_OVERLAY(overlay, more_transfers_than_it_has_requests),
		RUN_OVERLAY(overlay, reads_in_more_pieces_than_it_has),
		RUN_OVERLAY(overlay, disk_that_ends_transfers_at_once),
		RUN_OVERLAY(overlay, snapshots_keep_what_was),
		RUN_OVERLAY(overlay, deleted_snapshots_give_their_room_back),
		RUN_OVERLAY(overlay, deletion_that_failed_goes_on_later),
		RUN_OVERLAY(overlay, bad_operations_on_snapshots_say_why),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
