/* SPDX-License-Identifier: Apache-2.0 */
/* Overlays when they are opened: what they stand on, and what may be wrong with it. */
#include "overlay_fixture.h"

#include <checksum.h>

static void seal(uint8_t *block, uint32_t at)
{
	uint32_t checksum;

	memset(block + at, 0, 4);
	checksum = checksum_add(CHECKSUM_CRC32C, 0, block, OVERLAY_BLOCK);
	memcpy(block + at, &checksum, 4);
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

/* Numbers of the superblock that make no sense, though their checksums are right. */
TEST(overlay, superblocks_that_make_no_sense)
{
	static const struct {
		uint32_t offset, value;
		const char *problem;
	} wrong[] = {
		{ 8, 2, "the store \"store\" is of another version of the format" },
		{ 40, 4096, "the store \"store\" is of another version of the format" },
		{ 68, 0, "the store's superblock makes no sense" },                /* layers */
		{ 68, 10, "the store's superblock makes no sense" },
		{ 68, 2, "the store's superblock makes no sense" },
		{ 72, 0x41414141, "the store's superblock makes no sense" },       /* a top with a name */
		{ 88, 0, "the store's superblock makes no sense" },                /* no id */
		{ 88, 7, "the store's superblock makes no sense" },                /* an id that is not given yet */
		{ 92, 3, "the store's superblock makes no sense" },                /* a map in the journal */
		{ 92, STORE, "the store's superblock makes no sense" },
		{ 96, 1, "the store's superblock makes no sense" },                /* the top is deleted */
		{ 4092, 1, "the store's superblock makes no sense" },
		{ 60, 0, "the base is newer than its overlay: it was written to since the overlay was made" },
	};
	uint8_t *head = fake_disks[1].data, before[OVERLAY_BLOCK];

	memcpy(before, head, sizeof(before));
	for (unsigned i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		memcpy(head, before, sizeof(before));
		memcpy(head + wrong[i].offset, &wrong[i].value, 4);
		head[16]++; /* newer than the copy */
		seal(head, 12);
		assert_failed(wrong[i].problem);
	}
	memcpy(head, before, sizeof(before));
	open_ready();
}

TEST(overlay, entries_that_make_no_sense)
{
	static const struct overlay_entry wrong[][2] = {
		{ { 10, 1, 1 } }, { { 10, 0, 0 } }, { { 0, 1, 0 } }, { { 5, 1, 0 } }, { { STORE, 1, 0 } }, { { 10, 1, 0 }, { 10, 2, 0 } },
		{ { OVERLAY_RESERVED, 1, 0 } },
	};
	uint8_t *page = fake_disks[1].data + OVERLAY_RESERVED * OVERLAY_CLUSTER;

	for (unsigned i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		memcpy(page + 32, wrong[i], sizeof(wrong[i]));
		seal(page, 4);
		assert_failed(i < 5 ? "the store's maps are damaged: entry 0 of layer 1 makes no sense" :
				      "the store's maps are damaged: a cluster is used twice");
	}
}

TEST(overlay, damaged_journal_is_a_problem)
{
	uint8_t *record = fake_disks[1].data + OVERLAY_JOURNAL_FIRST * OVERLAY_CLUSTER;

	write_ok(0, 8);
	flush_ok();
	fake_disks_run(false);
	record[OVERLAY_JOURNAL_CLUSTERS * OVERLAY_CLUSTER + 4096 + 100] ^= 1; /* the last, whose page is in its place */
	assert_failed("the store's journal is damaged");
	record[8] ^= 1;
	assert_failed("the store's journal is damaged");
}

TEST(overlay, notes_that_make_no_sense_are_a_problem)
{
	static const uint64_t names_no_index[2] = { UINT64_C(0xffffffff00000001), 0 };

	write_ok(0, 8);
	memcpy(volumes_memory() + BLOCK_DMA_VOLUMES + 4096, names_no_index, sizeof(names_no_index));
	assert_failed("the notes of the server before make no sense");
}

TEST(overlay, bad_base_or_store_is_a_problem)
{
	struct volume *base = volume_find("base"), *store = volume_find("store");

	base->config.partition = 1;
	assert_failed("base \"base\": disk \"disk0\" has no partition table (GPT)");
	base->config.partition = 0;
	store->config.read_only = true;
	assert_failed("the store \"store\" can only be read");
	store->config.read_only = false;
	volumes_add_overlay("o2", "none", "none");
	volumes_add_overlay("o3", "none", "none");
	volumes_add_overlay("o4", "none", "none");
	memcpy(volumes_add_overlay("o5", "base", "more")->config.name, "o5", 3);
	volumes_add("more", "disk1", 0, NULL);
	assert_true(volumes_open_all(false));
	assert_string_equal(volume_find("o5")->problem, "no memory for the overlay");
	assert_string_equal(volume_attach(volume_find("o5"), 0, true), "no memory for the overlay");
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

TEST(overlay, errors_of_disks_while_it_is_opened_are_problems)
{
	bool failed = true;

	write_ok(0, 8);
	flush_ok();
	for (unsigned disk = 0; disk < 2; disk++, failed = true) {
		for (uint64_t operation = 1; failed; operation++) {
			fake_disks_run(false);
			fake_disks[disk].operations = 0;
			fake_disks[disk].fail_at = operation;
			fake_disks[disk].fail_count = 1;
			assert_true(volumes_open_all(false));
			failed = fake_disks[disk].operations >= operation;
			assert_int_equal(overlay->state, failed ? BLOCK_FAILED : BLOCK_READY);
			assert_string_equal(overlay->problem, !failed ? "" : disk ? "the store cannot be read" : "the base cannot be read");
		}
		fake_disks[disk].fail_at = 0;
	}
	assert_data(0, 8, data);
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
	const struct CMUnitTest tests[] = {
		RUN_OVERLAY(overlay, base_and_store_are_kept_from_others),
		RUN_OVERLAY(overlay, on_itself_is_a_problem),
		RUN_OVERLAY(overlay, on_an_overlay),
		RUN_OVERLAY(overlay, base_that_was_written_to_is_a_problem),
		RUN_OVERLAY(overlay, other_contents_of_the_store_are_left_alone),
		RUN_OVERLAY(overlay, small_stores_are_a_problem),
		RUN_OVERLAY(overlay, damaged_superblocks),
		RUN_OVERLAY(overlay, superblocks_that_make_no_sense),
		RUN_OVERLAY(overlay, entries_that_make_no_sense),
		RUN_OVERLAY(overlay, damaged_journal_is_a_problem),
		RUN_OVERLAY(overlay, notes_that_make_no_sense_are_a_problem),
		RUN_OVERLAY(overlay, bad_base_or_store_is_a_problem),
		RUN_OVERLAY(overlay, damaged_map_is_a_problem),
		RUN_OVERLAY(overlay, errors_of_disks_while_it_is_opened_are_problems),
		RUN_OVERLAY(overlay, store_with_blocks_of_4096_bytes),
		RUN_OVERLAY(checksum, known_values),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
