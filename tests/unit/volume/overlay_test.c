/* SPDX-License-Identifier: Apache-2.0 */
/* Overlays: what a guest and a user see of them, and what they cost. Crashes are model_test.c's. */
#include "fixture.h"

#include <stdio.h>
#include <stdlib.h>

#include <proto/overlay.h>

#include <checksum.h>

#define CLUSTER 128u /* sectors */
#define BASE (1000u * CLUSTER + 5) /* two pages of a map */
#define STORE 200u                 /* clusters */

static struct volume *overlay;
static uint8_t data[4u << 20], read_data[4u << 20];
static char answer[120];

static void answered(struct volume *volume, const char *problem)
{
	(void)volume;
	(void)snprintf(answer, sizeof(answer), "%s", problem ? problem : "");
}

static const char *operate(enum block_operation operation, const char *name)
{
	(void)snprintf(answer, sizeof(answer), "no answer");
	volume_snapshot(overlay, operation, name, answered);
	fake_disks_run(false);
	return answer;
}

static void open_ready(void)
{
	fake_disks_run(false);
	assert_true(volumes_open_all(false));
	assert_string_equal(overlay->problem, "");
	assert_int_equal(overlay->state, BLOCK_READY);
}

static void assert_failed(const char *problem)
{
	fake_disks_run(false);
	assert_true(volumes_open_all(false));
	assert_string_equal(overlay->problem, problem);
	assert_int_equal(overlay->state, BLOCK_FAILED);
}

static int begin(void **state)
{
	(void)state;
	volumes_forget();
	fake_seed(1);
	fake_disk_make(0, BASE, 512);
	fake_disk_make(1, STORE * CLUSTER, 512);
	for (uint32_t i = 0; i < BASE * 512; i += 512)
		memcpy(fake_disks[0].data + i, &i, 4);
	volumes_add("base", "disk0", 0, NULL);
	volumes_add("store", "disk1", 0, NULL);
	overlay = volumes_add_overlay("overlay", "base", "store");
	for (unsigned i = 0; i < sizeof(data); i++)
		data[i] = (uint8_t)(i * 7 + i / 512);
	open_ready();
	return 0;
}

static int finish(void **state)
{
	(void)state;
	fake_disks_run(false);
	volumes_forget();
	for (unsigned i = 0; i < FAKE_DISKS; i++)
		fake_disk_free(i);
	return 0;
}

static void write_ok(uint64_t sector, uint32_t sectors)
{
	assert_int_equal(volumes_transfer(overlay, IO_WRITE, sector, sectors, data), IO_OK);
}

static void flush_ok(void)
{
	assert_int_equal(volumes_transfer(overlay, IO_FLUSH, 0, 0, NULL), IO_OK);
}

static void assert_data(uint64_t sector, uint32_t sectors, const void *expected)
{
	memset(read_data, 0xee, (size_t)sectors * 512);
	assert_int_equal(volumes_transfer(overlay, IO_READ, sector, sectors, read_data), IO_OK);
	assert_memory_equal(read_data, expected, (size_t)sectors * 512);
}

static void assert_zero(uint64_t sector, uint32_t sectors)
{
	static const uint8_t zero[64 * 512];

	assert_data(sector, sectors, zero);
}

static void assert_base(uint64_t sector, uint32_t sectors)
{
	assert_data(sector, sectors, fake_disks[0].data + sector * 512);
}

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

TEST(overlay, base_and_store_are_kept_from_others)
{
	assert_non_null(volume_attach(volume_find("base"), 0, false));
	assert_null(volume_attach(volume_find("base"), 0, true));
	assert_non_null(volume_attach(volume_find("store"), 1, true));
	assert_non_null(volume_attach(volume_find("store"), 1, false));
	assert_null(volume_attach(overlay, 2, false));
	assert_non_null(volume_attach(overlay, 3, false));
}

TEST(overlay, on_itself_is_a_problem)
{
	volumes_add_overlay("a", "b", "store");
	volumes_add_overlay("b", "a", "store");
	volumes_add_overlay("c", "base", "base");
	volumes_add_overlay("d", "none", "base");
	assert_true(volumes_open_all(false));
	assert_string_equal(volume_find("a")->problem, "the overlay stands on itself: base \"b\", store \"store\"");
	assert_string_equal(volume_find("c")->problem, "volume \"base\" is busy: it is the base of an overlay");
	assert_string_equal(volume_find("d")->problem, "there is no volume \"none\"");
}

TEST(overlay, on_an_overlay)
{
	struct volume *second;

	write_ok(0, 8);
	flush_ok();
	fake_disk_make(2, STORE * CLUSTER, 512);
	volumes_add("store2", "disk2", 0, NULL);
	overlay->config.read_only = true;
	second = volumes_add_overlay("second", "overlay", "store2");
	open_ready();
	assert_int_equal(second->state, BLOCK_READY);
	overlay = second;
	write_ok(8, 8);
	assert_data(0, 8, data);
	assert_data(8, 8, data);
	assert_base(16, 8);
}

TEST(overlay, base_that_was_written_to_is_a_problem)
{
	fake_disks[0].data[1030] ^= 1;
	assert_failed("the base is newer than its overlay: it was written to since the overlay was made");
	fake_disks[0].data[1030] ^= 1;
	fake_disks[0].data[BASE * 512 - 1] ^= 1;
	assert_failed("the base is newer than its overlay: it was written to since the overlay was made");
	fake_disks[0].data[BASE * 512 - 1] ^= 1;
	disks[0].capacity -= 8;
	assert_failed("the base has become smaller than when the overlay was made");
	disks[0].capacity += 8;
	disks[1].capacity /= 2;
	assert_failed("image too small: the store was 12 MiB, now it is 6 MiB");
	disks[1].capacity *= 2;
	open_ready();
}

TEST(overlay, other_contents_of_the_store_are_left_alone)
{
	memset(fake_disks[1].data, 0, STORE * CLUSTER * 512);
	fake_disks[1].data[1080] = 0x53;
	assert_failed("the store \"store\" is neither blank nor an overlay's");
	assert_int_equal(fake_disks[1].data[1080], 0x53);
}

TEST(overlay, small_stores_are_a_problem)
{
	fake_disk_make(1, 20 * CLUSTER, 512);
	assert_failed("image too small: the store has 1280 KiB, an overlay of this base needs at least 1664");
	fake_disk_make(1, 8, 512);
	assert_failed("image too small: the store has only 4 KiB");
}

TEST(overlay, damaged_superblocks)
{
	write_ok(0, 8);
	flush_ok();
	fake_disks_run(false);
	fake_disks[1].data[20] ^= 1;
	open_ready();
	assert_data(0, 8, data);
	fake_disks[1].data[OVERLAY_SUPERBLOCK_COPY + 20] ^= 1; /* the first was written again */
	open_ready();
	fake_disks[1].data[20] ^= 1;
	fake_disks[1].data[OVERLAY_SUPERBLOCK_COPY + 21] ^= 1;
	assert_failed("both superblocks of the store \"store\" are damaged");
}

TEST(overlay, damaged_map_is_a_problem)
{
	write_ok(0, 8);
	flush_ok();
	write_ok(600 * CLUSTER, 8);
	flush_ok();
	fake_disks_run(false);
	fake_disks[1].data[OVERLAY_RESERVED * OVERLAY_CLUSTER + 50] ^= 1;
	assert_failed("page 0 of the map of layer 1 is damaged");
	fake_disks[1].data[OVERLAY_RESERVED * OVERLAY_CLUSTER + 50] ^= 1;
	fake_disks[1].data[OVERLAY_RESERVED * OVERLAY_CLUSTER + 4096 + 50] ^= 1; /* the journal still has this one */
	open_ready();
	assert_data(600 * CLUSTER, 8, data);
}

TEST(overlay, store_with_blocks_of_4096_bytes)
{
	fake_disk_make(0, 100 * CLUSTER, 512);
	fake_disk_make(1, STORE * CLUSTER, 4096);
	open_ready();
	assert_int_equal(overlay->block_size, 4096);
	write_ok(8, 800);
	assert_data(8, 800, data);
	assert_int_equal(volumes_transfer(overlay, IO_WRITE, 3, 5, data), IO_ERROR);
}

TEST(checksum, known_values)
{
	assert_int_equal(checksum_add(CHECKSUM_CRC32, 0, "123456789", 9), 0xcbf43926);
	assert_int_equal(checksum_add(CHECKSUM_CRC32C, 0, "123456789", 9), 0xe3069283);
	assert_int_equal(checksum_add(CHECKSUM_CRC32C, checksum_add(CHECKSUM_CRC32C, 0, "1234", 4), "56789", 5), 0xe3069283);
}

int main(void)
{
	struct CMUnitTest tests[] = {
		RUN(overlay, reads_its_base_until_it_is_written),
		RUN(overlay, flushed_writes_outlive_the_machine),
		RUN(overlay, acknowledged_writes_outlive_the_server),
		RUN(overlay, discarded_blocks_are_zero_and_their_clusters_are_free_again),
		RUN(overlay, parts_of_blocks_keep_the_rest),
		RUN(overlay, full_store_fails_writes_that_need_room_and_no_others),
		RUN(overlay, steady_transfers_are_one_transfer_of_the_store),
		RUN(overlay, flush_costs_one_flush_unless_maps_have_changed),
		RUN(overlay, more_transfers_than_it_has_requests),
		RUN(overlay, disk_that_ends_transfers_at_once),
		RUN(overlay, snapshots_keep_what_was),
		RUN(overlay, deleted_snapshots_give_their_room_back),
		RUN(overlay, bad_operations_on_snapshots_say_why),
		RUN(overlay, base_and_store_are_kept_from_others),
		RUN(overlay, on_itself_is_a_problem),
		RUN(overlay, on_an_overlay),
		RUN(overlay, base_that_was_written_to_is_a_problem),
		RUN(overlay, other_contents_of_the_store_are_left_alone),
		RUN(overlay, small_stores_are_a_problem),
		RUN(overlay, damaged_superblocks),
		RUN(overlay, damaged_map_is_a_problem),
		RUN(overlay, store_with_blocks_of_4096_bytes),
		RUN(checksum, known_values),
	};

	for (unsigned i = 0; i < sizeof(tests) / sizeof(tests[0]); i++) {
		tests[i].setup_func = begin;
		tests[i].teardown_func = finish;
	}
	return cmocka_run_group_tests(tests, NULL, NULL);
}
