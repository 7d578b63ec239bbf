/* SPDX-License-Identifier: Apache-2.0 */
/* Whole disks and partitions, and who may use a volume. */
#include "fixture.h"

#include "gpt_image.h"

#define BLOCKS 4096u
static const struct gpt_image_entry two[] = { { 100, 199, "boot" }, { 0, 0, NULL }, { 200, 1199, "root" } };

static int begin(void **state)
{
	(void)state;
	volumes_forget();
	fake_disk_make(0, BLOCKS, 512);
	fake_disk_make(1, BLOCKS, 512);
	fake_disk_make(2, BLOCKS, 512);
	return 0;
}

static int finish(void **state)
{
	(void)state;
	volumes_forget();
	for (unsigned i = 0; i < FAKE_DISKS; i++)
		fake_disk_free(i);
	return 0;
}

static void write_two(void)
{
	gpt_image_write(fake_disks[0].data, BLOCKS, 512, 128, 128, two, 3);
}

static void assert_problem(const char *text)
{
	assert_true(volumes_open_all(false));
	assert_int_equal(volumes[0].state, BLOCK_FAILED);
	assert_string_equal(volumes[0].problem, text);
}

static void assert_root(void)
{
	assert_true(volumes_open_all(false));
	assert_string_equal(volumes[0].problem, "");
	assert_int_equal(volumes[0].state, BLOCK_READY);
	assert_int_equal(volumes[0].first, 200);
	assert_int_equal(volumes[0].capacity, 1000);
}

TEST(range, whole_disk_reads_and_writes)
{
	struct volume *volume = volumes_add("all", "disk1", 0, NULL);
	uint8_t data[1024], read[1024];

	assert_true(volumes_open_all(false));
	assert_int_equal(volume->capacity, BLOCKS);
	memset(data, 0x5a, sizeof(data));
	assert_int_equal(volumes_transfer(volume, IO_WRITE, BLOCKS - 2, 2, data), IO_OK);
	assert_memory_equal(fake_disks[1].data + (BLOCKS - 2) * 512, data, 1024);
	assert_int_equal(volumes_transfer(volume, IO_READ, BLOCKS - 2, 2, read), IO_OK);
	assert_memory_equal(read, data, 1024);
	assert_int_equal(volumes_transfer(volume, IO_FLUSH, 0, 0, NULL), IO_OK);
	assert_int_equal(fake_disks[1].flushes, 1);
	assert_int_equal(volumes_transfer(volume, IO_DISCARD, 0, 8, NULL), IO_UNSUPPORTED);
	assert_int_equal(volume->reads + volume->writes + volume->flushes + volume->discards, 4);
	assert_int_equal(volume->written_bytes, 1024);
}

TEST(range, transfers_beyond_the_end_are_errors)
{
	struct volume *volume = volumes_add("root", "disk0", 0, "root");
	uint8_t data[1024] = { 0 };

	write_two();
	assert_true(volumes_open_all(false));
	assert_int_equal(volumes_transfer(volume, IO_WRITE, 998, 2, data), IO_OK);
	assert_int_equal(volumes_transfer(volume, IO_WRITE, 999, 2, data), IO_ERROR);
	assert_int_equal(volumes_transfer(volume, IO_READ, 1000, 1, data), IO_ERROR);
	assert_int_equal(volumes_transfer(volume, IO_READ, UINT64_MAX, 2, data), IO_ERROR);
	assert_int_equal(volumes_transfer(volume, IO_READ, 0, 0, data), IO_ERROR);
	assert_int_equal(fake_disks[0].writes, 1);
}

TEST(range, disk_without_cache_is_not_flushed)
{
	struct volume *volume = volumes_add("all", "disk0", 0, NULL);

	disks[0].flags = 0;
	assert_true(volumes_open_all(false));
	assert_int_equal(volumes_transfer(volume, IO_FLUSH, 0, 0, NULL), IO_OK);
	assert_int_equal(fake_disks[0].flushes, 0);
}

TEST(range, missing_disk_is_a_problem)
{
	volumes_add("v", "other", 0, NULL);
	assert_problem("disk \"other\" is not there");
}

TEST(range, names_are_unique)
{
	volumes_add("v", "disk0", 0, NULL);
	volumes_add("v", "disk1", 0, NULL);
	assert_true(volumes_open_all(false));
	assert_int_equal(volumes[0].state, BLOCK_READY);
	assert_string_equal(volumes[1].problem, "there are two volumes of this name");
	assert_ptr_equal(volume_find("v"), &volumes[0]);
	assert_null(volume_find("w"));
}

TEST(range, one_writer_or_many_readers)
{
	struct volume *whole, *root, *boot;

	whole = volumes_add("whole", "disk0", 0, NULL);
	root = volumes_add("root", "disk0", 3, NULL);
	boot = volumes_add("boot", "disk0", 0, "boot");
	boot->config.read_only = true;
	write_two();
	assert_true(volumes_open_all(false));
	assert_null(volume_attach(root, 0, false));
	assert_string_equal(volume_attach(root, 1, false), "volume \"root\" is busy: it is written to by another user");
	assert_string_equal(volume_attach(root, 1, true), "volume \"root\" is busy: it is written to by another user");
	assert_non_null(volume_attach(whole, 2, true));
	assert_string_equal(volume_attach(boot, 3, false), "volume \"boot\" can only be read");
	assert_null(volume_attach(boot, 3, true));
	assert_null(volume_attach(boot, 4, true));
	assert_int_equal(boot->sessions, 0x18);
	assert_non_null(volume_attach(whole, 2, false));
}

static char answer[120];

static void answered(struct volume *volume, const char *problem)
{
	assert_ptr_equal(volume, &volumes[0]);
	strcpy(answer, problem);
}

TEST(range, has_no_snapshots)
{
	volumes_add("v", "disk0", 0, NULL);
	assert_true(volumes_open_all(false));
	volume_snapshot(&volumes[0], BLOCK_SNAPSHOT, "s", answered);
	assert_string_equal(answer, "volume \"v\" is no overlay: only those have snapshots");
	volumes[0].config.partition = 1;
	assert_problem("disk \"disk0\" has no partition table (GPT)");
	volume_snapshot(&volumes[0], BLOCK_SNAPSHOT, "s", answered);
	assert_string_equal(answer, "disk \"disk0\" has no partition table (GPT)");
}

TEST(range, disks_that_cannot_be_used_are_problems)
{
	volumes_add("v", "disk0", 0, NULL);
	strcpy(disks[2].serial, "disk0");
	assert_problem("there is more than one disk \"disk0\"");
	strcpy(disks[2].serial, "disk2");
	disks[0].failed = true;
	assert_problem("disk \"disk0\" has failed");
	disks[0].failed = false;
	disks[0].capacity = 0;
	assert_problem("image too small: disk \"disk0\" is empty");
	disks[0].capacity = 3;
	volumes[0].config.partition = 1;
	assert_problem("disk \"disk0\" has no partition table (GPT)");
}

TEST(gpt, finds_by_label_and_number)
{
	write_two();
	volumes_add("root", "disk0", 0, "root");
	assert_root();
	volumes_forget();
	volumes_add("root", "disk0", 3, NULL);
	assert_root();
	assert_string_equal(volume_log, "");
}

TEST(gpt, blocks_of_4096_bytes)
{
	fake_disk_make(0, 4096, 4096);
	gpt_image_write(fake_disks[0].data, 512, 4096, 128, 128, (const struct gpt_image_entry[]){ { 10, 19, "root" } }, 1);
	volumes_add("root", "disk0", 1, NULL);
	assert_true(volumes_open_all(false));
	assert_int_equal(volumes[0].first, 80);
	assert_int_equal(volumes[0].capacity, 80);
}

TEST(gpt, long_arrays_of_large_entries)
{
	fake_disk_make(0, 4096, 512);
	gpt_image_write(fake_disks[0].data, 4096, 512, 1000, 512, (const struct gpt_image_entry[]){ { 1100, 1199, "root" } }, 1);
	volumes_add("root", "disk0", 0, "root");
	assert_true(volumes_open_all(false));
	assert_int_equal(volumes[0].capacity, 100);
}

TEST(gpt, missing_partition_is_a_problem)
{
	write_two();
	volumes_add("v", "disk0", 0, "roo");
	assert_problem("partition \"roo\" is not on disk \"disk0\"");
	volumes_forget();
	volumes_add("v", "disk0", 2, NULL);
	assert_problem("partition 2 is not on disk \"disk0\"");
}

TEST(gpt, disk_without_table_is_a_problem)
{
	volumes_add("v", "disk0", 1, NULL);
	assert_problem("disk \"disk0\" has no partition table (GPT)");
}

TEST(gpt, backup_is_used_if_any_byte_of_the_first_is_wrong)
{
	volumes_add("root", "disk0", 0, "root");
	for (unsigned byte = 512; byte < 34 * 512; byte += byte < 512 + 91 ? 1 : 61) {
		write_two();
		fake_disks[0].data[byte] ^= 0x10;
		assert_root();
		if (byte < 512 + 92)
			assert_non_null(strstr(volume_log, "using the partition table at its end"));
	}
}

TEST(gpt, backup_is_used_if_the_first_cannot_be_read)
{
	volumes_add("root", "disk0", 0, "root");
	write_two();
	for (unsigned operation = 1; operation <= 2; operation++) {
		fake_disks[0].operations = 0;
		fake_disks[0].fail_at = operation;
		fake_disks[0].fail_count = 1;
		assert_root();
	}
}

TEST(gpt, both_damaged_is_a_problem)
{
	write_two();
	fake_disks[0].data[2 * 512] ^= 1;
	fake_disks[0].data[(BLOCKS - 1) * 512 + 80] ^= 1;
	volumes_add("v", "disk0", 0, "root");
	assert_problem("the partition table of disk \"disk0\" is damaged in both places");
}

TEST(gpt, backup_of_a_disk_that_has_grown)
{
	volumes_add("root", "disk0", 0, "root");
	gpt_image_write(fake_disks[0].data, 2048, 512, 128, 128, two, 3);
	assert_root();
	fake_disks[0].data[2 * 512] ^= 1;
	assert_root();
	assert_non_null(strstr(volume_log, "using the partition table at the place of its backup"));
}

TEST(gpt, shrunk_image_is_a_problem)
{
	write_two();
	disks[0].capacity = 1100;
	volumes_add("v", "disk0", 0, "boot");
	assert_problem("image too small: disk \"disk0\" ends before its partitions do");
}

TEST(gpt, partitions_that_overlap_or_leave_the_disk_are_problems)
{
	static const struct gpt_image_entry overlap[] = { { 100, 199, "a" }, { 199, 299, "b" } },
					    early[] = { { 33, 199, "a" } }, turned[] = { { 300, 200, "a" } },
					    twice[] = { { 100, 199, "a" }, { 200, 299, "a" } };

	volumes_add("v", "disk0", 0, "a");
	gpt_image_write(fake_disks[0].data, BLOCKS, 512, 128, 128, overlap, 2);
	assert_problem("disk \"disk0\" has partitions that overlap");
	gpt_image_write(fake_disks[0].data, BLOCKS, 512, 128, 128, early, 1);
	assert_problem("disk \"disk0\" has a partition out of its bounds");
	gpt_image_write(fake_disks[0].data, BLOCKS, 512, 128, 128, turned, 1);
	assert_problem("disk \"disk0\" has a partition out of its bounds");
	gpt_image_write(fake_disks[0].data, BLOCKS, 512, 128, 128, twice, 2);
	assert_problem("partition \"a\" is on disk \"disk0\" more than once");
}

TEST(gpt, more_partitions_than_it_keeps_are_a_problem)
{
	static struct gpt_image_entry many[129];

	for (unsigned i = 0; i < 129; i++)
		many[i] = (struct gpt_image_entry){ 200 + i, 200 + i, "p" };
	volumes_add("v", "disk0", 1, NULL);
	gpt_image_write(fake_disks[0].data, BLOCKS, 512, 256, 128, many, 129);
	assert_problem("disk \"disk0\" has more than 128 partitions");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		RUN(range, whole_disk_reads_and_writes),
		RUN(range, transfers_beyond_the_end_are_errors),
		RUN(range, disk_without_cache_is_not_flushed),
		RUN(range, missing_disk_is_a_problem),
		RUN(range, names_are_unique),
		RUN(range, one_writer_or_many_readers),
		RUN(range, has_no_snapshots),
		RUN(range, disks_that_cannot_be_used_are_problems),
		RUN(gpt, finds_by_label_and_number),
		RUN(gpt, blocks_of_4096_bytes),
		RUN(gpt, long_arrays_of_large_entries),
		RUN(gpt, missing_partition_is_a_problem),
		RUN(gpt, disk_without_table_is_a_problem),
		RUN(gpt, backup_is_used_if_any_byte_of_the_first_is_wrong),
		RUN(gpt, backup_is_used_if_the_first_cannot_be_read),
		RUN(gpt, both_damaged_is_a_problem),
		RUN(gpt, backup_of_a_disk_that_has_grown),
		RUN(gpt, shrunk_image_is_a_problem),
		RUN(gpt, partitions_that_overlap_or_leave_the_disk_are_problems),
		RUN(gpt, more_partitions_than_it_keeps_are_a_problem),
	};
	struct CMUnitTest with[sizeof(tests) / sizeof(tests[0])];

	memcpy(with, tests, sizeof(tests));
	for (unsigned i = 0; i < sizeof(with) / sizeof(with[0]); i++) {
		with[i].setup_func = begin;
		with[i].teardown_func = finish;
	}
	return cmocka_run_group_tests(with, NULL, NULL);
}
