/* SPDX-License-Identifier: Apache-2.0 */
#include "test.h"
#include "text.h"

#include <stdlib.h>
#include <string.h>

TEST(text, reads_sizes)
{
	static const struct {
		const char *text;
		uint64_t bytes;
	} good[] = {
		{ "0", 0 }, { "17", 17 }, { "4K", 4096 }, { "128M", 128 * MIB }, { "2G", 2 * GIB }, { "007K", 7168 },
	};
	static const char *const bad[] = {
		"", "M", "-1M", "+1M", " 1M", "1 M", "1m", "1MB", "1.5M", "0x10", "99999999999999999999", "9999999999999G",
		"18446744073709551616", "9223372036854775808",
	};
	uint64_t bytes;

	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		assert_true(text_read_size(good[i].text, &bytes));
		assert_int_equal(bytes, good[i].bytes);
	}
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		bytes = 42;
		if (text_read_size(bad[i], &bytes))
			fail_msg("\"%s\" was taken for a size", bad[i]);
		assert_int_equal(bytes, 42);
	}
}

TEST(text, reads_quantities_with_their_unit)
{
	static const char *const bad[] = { "", "%", "25", "25 %", "-1%", "2.5%", "25%%", "25ms", "99999999999999999999%" };
	uint64_t number = 42;

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		if (text_read_quantity(bad[i], "%", &number))
			fail_msg("\"%s\" was taken for a percentage", bad[i]);
		assert_int_equal(number, 42);
	}
	assert_true(text_read_quantity("25%", "%", &number));
	assert_int_equal(number, 25);
	assert_true(text_read_quantity("10ms", "ms", &number));
	assert_int_equal(number, 10);
}

TEST(text, writes_sizes_that_it_reads_back)
{
	static const uint64_t sizes[] = { 0, 1, 1023, 1024, 1025, 130 * MIB, 3 * GIB, 3 * GIB + KIB, INT64_MAX };
	uint64_t bytes;
	char text[24];

	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		text_write_size(sizes[i], text);
		assert_true(text_read_size(text, &bytes));
		assert_int_equal(bytes, sizes[i]);
	}
	text_write_size(130 * MIB, text);
	assert_string_equal(text, "130M");
}

TEST(text, reads_control_keys)
{
	static const char *const bad[] = { "", "ctrl-", "ctrl-1", "ctrl-]]", "alt-a", "]", "ctrl-@", "ctrl-~", "CTRL-A" };
	uint8_t key;

	assert_true(text_read_control_key("ctrl-]", &key));
	assert_int_equal(key, 0x1d);
	assert_true(text_read_control_key("ctrl-a", &key));
	assert_int_equal(key, 1);
	assert_true(text_read_control_key("ctrl-A", &key));
	assert_int_equal(key, 1);
	assert_true(text_read_control_key("ctrl-_", &key));
	assert_int_equal(key, 0x1f);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_false(text_read_control_key(bad[i], &key));
}

TEST(text, suggests_words_that_are_near)
{
	static const char *const words[] = { "memory", "vcpus", "kernel", "initrd", "cmdline" };
	char longest[300];

	assert_string_equal(text_suggest("memroy", words, 5, sizeof(words[0])), "memory");
	assert_string_equal(text_suggest("mem", words, 5, sizeof(words[0])), "memory");
	assert_string_equal(text_suggest("kernels", words, 5, sizeof(words[0])), "kernel");
	assert_string_equal(text_suggest("initramfs", words, 5, sizeof(words[0])) ? "" : "none", "none");
	assert_null(text_suggest("", words, 5, sizeof(words[0])));
	assert_null(text_suggest("banana", words, 5, sizeof(words[0])));
	memset(longest, 'a', sizeof(longest) - 1);
	longest[sizeof(longest) - 1] = 0;
	assert_null(text_suggest(longest, words, 5, sizeof(words[0])));
}

TEST(text, joins_paths)
{
	static const char *const cases[][3] = {
		{ "a/b", "c", "a/b/c" }, { "", "c", "c" }, { "a", "/c", "/c" }, { "/", "c", "//c" },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char *joined = text_join_path(cases[i][0], cases[i][1]);

		assert_string_equal(joined, cases[i][2]);
		free(joined);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_text_reads_sizes),
		cmocka_unit_test(test_text_reads_quantities_with_their_unit),
		cmocka_unit_test(test_text_writes_sizes_that_it_reads_back),
		cmocka_unit_test(test_text_reads_control_keys),
		cmocka_unit_test(test_text_suggests_words_that_are_near),
		cmocka_unit_test(test_text_joins_paths),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
