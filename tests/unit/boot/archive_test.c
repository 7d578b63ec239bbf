/* SPDX-License-Identifier: Apache-2.0 */
/* The archive's check: each field wrong in turn. */
#include "test.h"

#include "archive.h"

#define SIZE (2u << 20)

static union {
	struct archive_header header;
	uint8_t bytes[SIZE];
} memory __attribute__((aligned(8)));

static struct archive_header *proper(void)
{
	struct archive_header *header = &memory.header;

	memset(&memory, 0, sizeof(memory));
	*header = (struct archive_header){ .magic = ARCHIVE_MAGIC, .version = SERAI_ABI_VERSION, .entries = 2, .size = SIZE };
	header->entry[0] = (struct archive_entry){ .name = "kernel", .offset = 4096, .size = 10, .alignment = 4096 };
	header->entry[1] = (struct archive_entry){ .name = "root", .offset = SIZE - 4096, .size = 4096, .alignment = 4096 };
	return header;
}

TEST(archive, is_accepted_when_proper)
{
	assert_null(archive_check(proper(), SIZE));
	assert_ptr_equal(archive_find(&memory.header, "root"), &memory.header.entry[1]);
	assert_null(archive_find(&memory.header, "roo"));
}

TEST(archive, is_refused_when_header_is_wrong)
{
	proper()->magic++;
	assert_non_null(archive_check(&memory.header, SIZE));
	proper()->version++;
	assert_non_null(archive_check(&memory.header, SIZE));
	proper()->entries = ARCHIVE_ENTRIES_MAX + 1;
	assert_non_null(archive_check(&memory.header, SIZE));
	proper()->reserved = 1;
	assert_non_null(archive_check(&memory.header, SIZE));
	proper()->reserved1 = 1;
	assert_non_null(archive_check(&memory.header, SIZE));
	proper()->size = SIZE + 4096;
	assert_non_null(archive_check(&memory.header, SIZE));
	proper()->size = 0;
	assert_non_null(archive_check(&memory.header, SIZE));
	assert_non_null(archive_check(proper(), SIZE - 1));
	assert_non_null(archive_check(proper(), 31));
}

TEST(archive, is_refused_when_an_entry_is_wrong)
{
	memset(proper()->entry[1].name, 'a', ARCHIVE_NAME_MAX);
	assert_non_null(archive_check(&memory.header, SIZE));
	proper()->entry[1].name[0] = '\0';
	assert_non_null(archive_check(&memory.header, SIZE));
	proper()->entry[1].size = 4097;
	assert_non_null(archive_check(&memory.header, SIZE));
	proper()->entry[1].size = UINT64_MAX;
	assert_non_null(archive_check(&memory.header, SIZE));
	proper()->entry[1].offset = UINT64_MAX & ~4095ull;
	assert_non_null(archive_check(&memory.header, SIZE));
	proper()->entry[0].offset = 4100;
	assert_non_null(archive_check(&memory.header, SIZE));
	proper()->entry[0].offset = 0;
	assert_non_null(archive_check(&memory.header, SIZE));
	proper()->entry[0].alignment = 2048;
	assert_non_null(archive_check(&memory.header, SIZE));
	proper()->entry[0].alignment = 4096 + 8192;
	assert_non_null(archive_check(&memory.header, SIZE));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(archive_is_accepted_when_proper),
		cmocka_unit_test(archive_is_refused_when_header_is_wrong),
		cmocka_unit_test(archive_is_refused_when_an_entry_is_wrong),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
