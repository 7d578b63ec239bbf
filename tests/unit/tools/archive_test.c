/* SPDX-License-Identifier: Apache-2.0 */
#include "archive.h"
#include "device_tree.h"
#include "file.h"
#include "test.h"
#include "text.h"

#include <libfdt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define LARGE (2u << 20)

static char path[] = "/tmp/serai-archive-XXXXXX";

static uint8_t *filled(size_t size, uint8_t byte)
{
	return memset(memory_allocate(size), byte, size);
}

/* Three files, one of them large; the whole archive as bytes. */
static uint8_t *make_archive(size_t *size)
{
	struct archive archive = { .files = 0 };
	uint8_t *data;

	assert_true(archive_add(&archive, "kernel", filled(5000, 1), 5000));
	assert_true(archive_add(&archive, "file.1", filled(MIB, 2), MIB));
	assert_true(archive_add(&archive, "empty", filled(0, 0), 0));
	assert_true(archive_write(&archive, path));
	archive_free(&archive);
	assert_true(file_read(path, GIB, &data, size));
	return data;
}

static unsigned inspect(const uint8_t *data, size_t size)
{
	FILE *sink = fopen("/dev/null", "w");
	unsigned faults = archive_inspect(data, size, sink, sink);

	fclose(sink);
	return faults;
}

TEST(archive, checksum_is_crc32)
{
	/* The check value of CRC-32/ISO-HDLC, and lengths around the step of eight. */
	assert_int_equal(archive_checksum((const uint8_t *)"123456789", 9), 0xcbf43926);
	assert_int_equal(archive_checksum((const uint8_t *)"", 0), 0);
	assert_int_equal(archive_checksum((const uint8_t *)"a", 1), 0xe8b7be43);
	assert_int_equal(archive_checksum((const uint8_t *)"abcdefghijklmnopqrstuvwxyz", 26), 0x4c2750bd);
}

TEST(archive, places_files_as_the_format_says)
{
	const struct archive_header *header;
	size_t size;
	uint8_t *data = make_archive(&size);

	header = (const void *)data;
	assert_int_equal(header->magic, ARCHIVE_MAGIC);
	assert_int_equal(header->entries, 3);
	assert_int_equal(header->size, size);
	assert_int_equal(size, 2 * LARGE);
	assert_int_equal(header->entry[0].offset, 4096);
	assert_int_equal(header->entry[0].alignment, 4096);
	assert_int_equal(header->entry[1].offset, LARGE);
	assert_int_equal(header->entry[1].alignment, LARGE);
	assert_int_equal(header->entry[2].size, 0);
	assert_string_equal(header->entry[1].name, "file.1");
	assert_int_equal(data[4096 + 4999], 1);
	assert_int_equal(data[4096 + 5000], 0);
	assert_int_equal(inspect(data, size), 0);
	free(data);
}

TEST(archive, refuses_names_taken_long_or_too_many)
{
	char name[ARCHIVE_NAME_MAX + 1];
	struct archive archive = { .files = 0 };
	uint8_t byte = 0;

	memset(name, 'a', sizeof(name));
	name[ARCHIVE_NAME_MAX] = 0;
	assert_false(archive_add(&archive, name, &byte, 1));
	assert_false(archive_add(&archive, "", &byte, 1));
	for (unsigned i = 0; i < ARCHIVE_ENTRIES_MAX; i++) {
		snprintf(name, sizeof(name), "file.%u", i);
		assert_true(archive_add(&archive, name, filled(1, (uint8_t)i), 1));
		assert_false(archive_add(&archive, name, &byte, 1));
	}
	assert_false(archive_add(&archive, "more", &byte, 1));
	archive_free(&archive);
}

TEST(archive, finds_equal_content)
{
	struct archive archive = { .files = 0 };
	uint8_t same[3] = { 7, 7, 7 }, other[3] = { 7, 7, 8 };

	assert_true(archive_add(&archive, "x", filled(3, 7), 3));
	assert_string_equal(archive_find_content(&archive, same, 3), "x");
	assert_null(archive_find_content(&archive, same, 2));
	assert_null(archive_find_content(&archive, other, 3));
	archive_free(&archive);
}

TEST(archive, inspect_finds_every_damage)
{
	struct archive_header *header;
	size_t size;
	uint8_t *data = make_archive(&size), *copy = memory_allocate(size);

#define DAMAGE(change)                          \
	do {                                    \
		memcpy(copy, data, size);       \
		header = (void *)copy;          \
		change;                         \
		assert_true(inspect(copy, size)); \
	} while (0)
	DAMAGE(header->magic++);
	DAMAGE(header->version++);
	DAMAGE(header->reserved = 1);
	DAMAGE(header->reserved1 = 1);
	DAMAGE(header->entries = ARCHIVE_ENTRIES_MAX + 1);
	DAMAGE(header->entries = UINT32_MAX);
	DAMAGE(header->size += LARGE);
	DAMAGE(header->entry[0].offset = 0);
	DAMAGE(header->entry[0].offset += 1);
	DAMAGE(header->entry[0].offset = UINT64_MAX - 4095);
	DAMAGE(header->entry[1].size = UINT64_MAX);
	DAMAGE(header->entry[1].alignment = 4096);
	DAMAGE(header->entry[1].alignment = 0);
	DAMAGE(header->entry[1].offset = 4096);
	DAMAGE(header->entry[1].name[0] = 0);
	DAMAGE(memset(header->entry[1].name, 'x', ARCHIVE_NAME_MAX));
	DAMAGE(memcpy(header->entry[1].name, "kernel", 7));
	DAMAGE(copy[LARGE + 12345] ^= 1);
	DAMAGE(header->entry[2].checksum ^= 1);
#undef DAMAGE
	assert_true(inspect(data, 0));
	assert_true(inspect(data, 31));
	assert_true(inspect(data, size - LARGE));
	free(copy);
	free(data);
}

TEST(archive, write_leaves_nothing_behind_when_it_fails)
{
	struct archive archive = { .files = 0 };

	assert_false(archive_write(&archive, "/nonexistent-folder/archive"));
}

TEST(device_tree, says_what_the_description_says)
{
	struct system_description system = { .escape = 0x1d, .scrollback = 256 * KIB, .guests = 2 };
	const struct guest_files files[] = { { "file.4", "file.5" }, { "file.4", NULL } };
	uint8_t *tree = memory_allocate(DEVICE_TREE_MAX);
	const fdt32_t *affinity;
	int alpha, beta, length;

	system.guest[0] = (struct guest_description){ .name = "alpha", .cmdline = "console=hvc0", .memory = 5 * GIB, .vcpus = 2,
		.has_affinity = true, .affinity = { 3, 1 }, .color = 2, .autostart = true };
	system.guest[1] = (struct guest_description){ .name = "beta", .memory = 128 * MIB, .vcpus = 1, .color = 6,
		.restart = RESTART_ON_CRASH };
	assert_true(device_tree_write(&system, files, tree) > 0);
	assert_int_equal(fdt_check_full(tree, fdt_totalsize(tree)), 0);
	assert_int_equal(fdt_node_check_compatible(tree, 0, SYSTEM_COMPATIBLE), 0);
	alpha = fdt_path_offset(tree, "/guests/alpha");
	beta = fdt_path_offset(tree, "/guests/beta");
	assert_true(alpha > 0 && beta > alpha);
	assert_int_equal(fdt64_ld(fdt_getprop(tree, alpha, "memory", &length)), 5 * GIB);
	assert_int_equal(length, 8);
	assert_int_equal(fdt32_ld(fdt_getprop(tree, alpha, "vcpus", NULL)), 2);
	affinity = fdt_getprop(tree, alpha, "affinity", &length);
	assert_int_equal(length, 8);
	assert_int_equal(fdt32_ld(affinity), 3);
	assert_int_equal(fdt32_ld(affinity + 1), 1);
	assert_null(fdt_getprop(tree, beta, "affinity", NULL));
	assert_string_equal(fdt_getprop(tree, alpha, "initrd", NULL), "file.5");
	assert_string_equal(fdt_getprop(tree, alpha, "cmdline", NULL), "console=hvc0");
	assert_non_null(fdt_getprop(tree, alpha, "autostart", NULL));
	assert_null(fdt_getprop(tree, beta, "autostart", NULL));
	assert_null(fdt_getprop(tree, beta, "initrd", NULL));
	assert_int_equal(fdt32_ld(fdt_getprop(tree, beta, "restart", NULL)), 1);
	assert_int_equal(fdt32_ld(fdt_getprop(tree, beta, "color", NULL)), 6);
	assert_int_equal(fdt64_ld(fdt_getprop(tree, fdt_path_offset(tree, "/console"), "scrollback", NULL)), 256 * KIB);
	free(tree);
}

TEST(device_tree, of_the_largest_description_fits)
{
	struct system_description system = { .guests = SYSTEM_GUESTS_MAX };
	struct guest_files files[SYSTEM_GUESTS_MAX];
	uint8_t *tree = memory_allocate(DEVICE_TREE_MAX);

	for (unsigned i = 0; i < SYSTEM_GUESTS_MAX; i++) {
		struct guest_description *guest = &system.guest[i];

		files[i] = (struct guest_files){ "a-name-of-thirty-nine-characters-at-most", "file.99" };
		memset(guest->name, 'a', SYSTEM_NAME_MAX);
		guest->name[0] = (char)('a' + i);
		memset(guest->cmdline, 'x', SYSTEM_CMDLINE_MAX);
	}
	assert_true(device_tree_write(&system, files, tree) > (int)(SYSTEM_GUESTS_MAX * SYSTEM_CMDLINE_MAX));
	free(tree);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_archive_checksum_is_crc32),
		cmocka_unit_test(test_archive_places_files_as_the_format_says),
		cmocka_unit_test(test_archive_refuses_names_taken_long_or_too_many),
		cmocka_unit_test(test_archive_finds_equal_content),
		cmocka_unit_test(test_archive_inspect_finds_every_damage),
		cmocka_unit_test(test_archive_write_leaves_nothing_behind_when_it_fails),
		cmocka_unit_test(test_device_tree_says_what_the_description_says),
		cmocka_unit_test(test_device_tree_of_the_largest_description_fits),
	};
	int file = mkstemp(path), failed;

	if (file < 0)
		return 1;
	close(file);
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	unlink(path);
	return failed;
}
