/* SPDX-License-Identifier: Apache-2.0 */
/* System descriptions, right and wrong: each wrong one must be found, at its line, with a suggestion. */
#include "fixture.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const struct wrong_text wrong[] = {
	/* syntax */
	{ "[guest.a\n", 1, "t.toml:1:", "", "toml.io" },
	{ "x = \n", 1, "t.toml:1:", "", "toml.io" },
	{ "\n\nx = \"abc\n", 1, "t.toml:3:", "", "toml.io" },
	{ "a = 1\na = 2\n", 1, "t.toml:2:", "", "may stand once" },
	{ GUEST("a") GUEST("a"), 1, "t.toml:4:", "", "name of its own" },
	/* unknown keys */
	{ "[machin]\nmemory = \"512M\"\n" GUEST("a"), 1, "t.toml:1:", "has no key \"machin\"", "did you mean \"machine\"?" },
	{ "[machine]\nmemroy = \"512M\"\n" GUEST("a"), 1, "t.toml:2:", "[machine] has no key", "did you mean \"memory\"?" },
	{ "[console]\nfont = 1\n" GUEST("a"), 1, "t.toml:2:", "[console] has no key", "known keys: escape, scrollback" },
	{ GUEST("a") "colour = \"red\"\n", 1, "t.toml:4:", "guest a has no key", "did you mean \"color\"?" },
	{ GUEST("a") "cpus = 1\n", 1, "t.toml:4:", "has no key \"cpus\"", "did you mean \"vcpus\"?" },
	{ GUEST("a") "kernel.path = \"x\"\n", 1, "t.toml:4:", "redefine", "may stand once" },
	/* types */
	{ "machine = 1\n" GUEST("a"), 1, "t.toml:1:", "machine of the system description must be a table, not a number", "[machine]" },
	{ "guest = \"a\"\n", 1, "t.toml:1:", "must be a table, not a string", "[guest.NAME]" },
	{ "[guest]\na = 1\n", 1, "t.toml:2:", "guest.a is not a table", "below [guest.NAME]" },
	{ "[machine]\nmemory = 512\n" GUEST("a"), 1, "t.toml:2:", "must be a string, not a number", "memory = \"512M\"" },
	{ "[machine]\nharts = \"1\"\n" GUEST("a"), 1, "t.toml:2:", "must be a number, not a string", "harts = 1" },
	{ GUEST("a") "autostart = \"yes\"\n", 1, "t.toml:4:", "must be true or false", "autostart = true" },
	{ GUEST("a") "vcpus = 1.0\n", 1, "t.toml:4:", "must be a number, not a value of another type", "vcpus = 1" },
	{ GUEST("a") "initrd = [\"image\"]\n", 1, "t.toml:4:", "must be a string", "initrd = " },
	{ GUEST("a") "cmdline = \"a\\u0000b\"\n", 1, "t.toml:4:", "NUL", "" },
	/* sizes */
	{ "[machine]\nmemory = \"lots\"\n" GUEST("a"), 1, "t.toml:2:", "is not a size", "K, M or G" },
	{ "[machine]\nmemory = \"32M\"\n" GUEST("a"), 1, "t.toml:2:", "outside of 64M to 64G", "\"64M\"" },
	{ "[machine]\nmemory = \"65G\"\n" GUEST("a"), 1, "t.toml:2:", "outside of", "\"64G\"" },
	{ "[machine]\nmemory = \"513M\"\n" GUEST("a"), 1, "t.toml:2:", "not a multiple of 2M", "\"514M\"" },
	{ "[guest.a]\nmemory = \"8M\"\nkernel = \"image\"\n", 1, "t.toml:2:", "outside of 16M", "\"16M\"" },
	{ "[guest.a]\nmemory = \"33M\"\nkernel = \"image\"\n", 1, "t.toml:2:", "multiple", "\"34M\"" },
	{ "[guest.a]\nmemory = \"-32M\"\nkernel = \"image\"\n", 1, "t.toml:2:", "not a size", "" },
	{ "[guest.a]\nmemory = \"16M\"\nkernel = \"image\"\n", 1, "t.toml:1:", "too small for its kernel", "memory = \"18M\"" },
	{ "[console]\nscrollback = \"4K\"\n" GUEST("a"), 1, "t.toml:2:", "outside of 256K to 16M", "\"256K\"" },
	{ "[machine]\nmemory = \"64M\"\n" GUEST("a") GUEST("b"), 1, "t.toml:1:", "too small: guests have 64M", "[machine]" },
	/* numbers */
	{ "[machine]\nharts = 0\n" GUEST("a"), 1, "t.toml:2:", "harts: 0 is outside of 1 to 8", "harts = 1" },
	{ "[machine]\nharts = 9223372036854775807\n" GUEST("a"), 1, "t.toml:2:", "outside of 1 to 8", "harts = 8" },
	{ GUEST("a") "vcpus = 9\n", 1, "t.toml:4:", "vcpus: 9 is outside of 1 to 8", "vcpus = 8" },
	{ GUEST("a") "vcpus = -1\n", 1, "t.toml:4:", "vcpus: -1", "" },
	/* lists */
	{ GUEST("a") "affinity = 0\n", 1, "t.toml:4:", "must be a list, not a number", "affinity = [0]" },
	{ GUEST("a") "vcpus = 2\naffinity = [0]\n", 1, "t.toml:5:", "1 numbers for 2 vCPUs", "affinity = [0, ...]" },
	{ GUEST("a") "affinity = []\n", 1, "t.toml:4:", "0 numbers for 1 vCPU", "affinity = [0]" },
	{ GUEST("a") "affinity = [1]\n", 1, "t.toml:4:", "number 1 of the list is not a number from 0 to 0", "whole numbers" },
	{ "[machine]\nharts = 2\n" GUEST("a") "vcpus = 2\naffinity = [1,\n2]\n", 1, "t.toml:8:", "number 2 of the list", "" },
	{ GUEST("a") "affinity = [\"0\"]\n", 1, "t.toml:4:", "not a number", "" },
	{ GUEST("a") "affinity = [[0]]\n", 1, "t.toml:4:", "not a number", "" },
	{ GUEST("a") "affinity = [{ a = 1 }]\n", 1, "t.toml:4:", "not a number", "" },
	{ GUEST("a") "affinity = [-1]\n", 1, "t.toml:4:", "not a number from", "" },
	/* CPU time */
	{ GUEST("a") "cpu = \"50%\"\n", 1, "t.toml:4:", "cpu of guest a must be a table, not a string", "cpu.cap = " },
	{ GUEST("a") "cpu.weight = 1\n", 1, "t.toml:4:", "cpu of guest a has no key \"weight\"", "known keys: share, cap, period" },
	{ GUEST("a") "cpu.share = 9\n", 1, "t.toml:4:", "share: 9 is outside of 10 to 1000", "share = 10" },
	{ GUEST("a") "cpu.share = \"50%\"\n", 1, "t.toml:4:", "must be a number", "cpu.share = 100" },
	{ GUEST("a") "cpu.cap = 50\n", 1, "t.toml:4:", "must be a string", "cpu.cap = \"50%\"" },
	{ GUEST("a") "cpu.cap = \"50\"\n", 1, "t.toml:4:", "cpu.cap: \"50\" is not a whole number with %", "\"100%\"" },
	{ GUEST("a") "cpu.cap = \"0%\"\n", 1, "t.toml:4:", "outside of 1% to 100%", "\"1%\"" },
	{ GUEST("a") "cpu.cap = \"101%\"\n", 1, "t.toml:4:", "outside of 1% to 100%", "\"100%\"" },
	{ GUEST("a") "cpu.cap = \"50%\"\ncpu.period = \"2s\"\n", 1, "t.toml:5:", "not a whole number with ms", "\"1000ms\"" },
	{ GUEST("a") "cpu.cap = \"50%\"\ncpu.period = \"0ms\"\n", 1, "t.toml:5:", "outside of 1ms to 1000ms", "\"1ms\"" },
	{ GUEST("a") "cpu.period = \"10ms\"\n", 1, "t.toml:4:", "no meaning without cpu.cap", "add cpu.cap" },
	/* choices */
	{ GUEST("a") "color = \"gren\"\n", 1, "t.toml:4:", "color: \"gren\"", "did you mean \"green\"?" },
	{ GUEST("a") "color = \"#00ff00\"\n", 1, "t.toml:4:", "not one of its values", "\"red\", \"green\"" },
	{ GUEST("a") "color = \"black\"\n", 1, "t.toml:4:", "would not be seen", "another" },
	{ GUEST("a") "restart = \"always\"\n", 1, "t.toml:4:", "restart: \"always\"", "\"never\", \"on-crash\"" },
	{ "[console]\nescape = \"f1\"\n" GUEST("a"), 1, "t.toml:2:", "is not a control key", "ctrl-]" },
	{ "[console]\nescape = \"ctrl-m\"\n" GUEST("a"), 1, "t.toml:2:", "Tab, Enter or Esc", "ctrl-]" },
	{ "[console]\nescape = \"ctrl-[\"\n" GUEST("a"), 1, "t.toml:2:", "Tab, Enter or Esc", "" },
	/* names */
	{ GUEST("Alpha"), 1, "t.toml:1:", "\"Alpha\" is not possible", "a to z" },
	{ GUEST("\"a b\""), 1, "t.toml:1:", "is not possible", "a to z" },
	{ GUEST("1a"), 1, "t.toml:1:", "is not possible", "" },
	{ GUEST("\"\""), 1, "t.toml:1:", "0 characters", "1 to 15" },
	{ GUEST("abcdefghijklmnop"), 1, "t.toml:1:", "16 characters", "1 to 15" },
	{ GUEST("serai"), 1, "t.toml:1:", "\"serai\" is the system's own", "another name" },
	{ GUEST("block"), 1, "t.toml:1:", "\"block\" is the system's own", "another name" },
	{ GUEST("uplink"), 1, "t.toml:1:", "\"uplink\" is the system's own", "another name" },
	{ GUEST("net"), 1, "t.toml:1:", "\"net\" is the system's own", "another name" },
	/* guests */
	{ "", 1, "t.toml: error:", "there is no guest", "[guest.NAME]" },
	{ "[guest]\n", 1, "t.toml:1:", "there is no guest", "[guest.NAME]" },
	{ "[guest.a]\n", 2, "t.toml:1:", "guest a has no memory", "memory = " },
	{ "[guest.a]\nmemory = \"32M\"\n", 1, "t.toml:1:", "guest a has no kernel", "kernel = " },
	{ "[machine]\nmemory = \"1G\"\n" GUEST("a") GUEST("b") GUEST("c") GUEST("d") GUEST("e") GUEST("f") GUEST("g") GUEST("h") GUEST("i"),
		1, "t.toml:27:", "too many guests: at most 8", "remove [guest.i]" },
	/* files */
	{ "[guest.a]\nmemory = \"32M\"\nkernel = \"missing\"\n", 1, "t.toml:3:", "missing: No such file", "relative to" },
	{ "[guest.a]\nmemory = \"32M\"\nkernel = \"@missing\"\n", 1, "t.toml:3:", "missing: No such file", "@debian/linux" },
	{ "[guest.a]\nmemory = \"32M\"\nkernel = \".\"\n", 1, "t.toml:3:", "Is a directory", "" },
	{ "[guest.a]\nmemory = \"32M\"\nkernel = \"empty\"\n", 1, "t.toml:3:", "is empty", "another file" },
	{ "[guest.a]\nmemory = \"32M\"\nkernel = \"noise\"\n", 1, "t.toml:3:", "not a flat RISC-V Linux image", "Image" },
	{ "[guest.a]\nmemory = \"32M\"\nkernel = \"gzip\"\n", 1, "t.toml:3:", "not a flat", "gunzip" },
	{ "[guest.a]\nmemory = \"32M\"\nkernel = \"huge\"\n", 1, "t.toml:3:", "impossible size", "damaged" },
	{ GUEST("a") "initrd = \"missing\"\n", 1, "t.toml:4:", "initrd: ", "relative" },
	/* command line */
	{ GUEST("a") "cmdline = \"a\\tb\"\n", 1, "t.toml:4:", "not printable", "plain letters" },
	{ GUEST("a") "cmdline = \"\xc3\xa9\"\n", 1, "t.toml:4:", "not printable", "" },
	/* several at once */
	{ "[machine]\nharts = 9\nmemory = \"1K\"\n[guest.A]\nmemory = 1\n[guest.b]\nkernel = \"missing\"\n", 7, "t.toml:7:",
		"missing", "" },
};

TEST(description, names_line_and_remedy_of_each_error)
{
	check_wrong(wrong, sizeof(wrong) / sizeof(wrong[0]));
}

TEST(description, reads_what_a_right_file_says)
{
	static const char text[] = "[machine]\nmemory = \"1G\"\nharts = 4\n[console]\nescape = \"ctrl-t\"\nscrollback = \"512K\"\n"
		"[guest.zeta]\nmemory = \"64M\"\nvcpus = 3\naffinity = [0, 3, 1]\nkernel = \"@image\"\ninitrd = \"noise\"\ncmdline = \"quiet\"\n"
		"cpu = { share = 300, cap = \"25%\", period = \"20ms\" }\n"
		"color = \"magenta\"\nautostart = false\nrestart = \"on-crash\"\n" GUEST("alpha");
	const struct guest_description *zeta;
	struct system_description system;

	assert_int_equal(read_text(text, sizeof(text) - 1, &system), 0);
	assert_string_equal(messages, "");
	assert_int_equal(system.memory, GIB);
	assert_int_equal(system.harts, 4);
	assert_int_equal(system.escape, 'T' & 0x1f);
	assert_int_equal(system.scrollback, 512 * KIB);
	assert_int_equal(system.guests, 2);
	zeta = &system.guest[0];
	assert_string_equal(zeta->name, "zeta");
	assert_int_equal(zeta->memory, 64 * MIB);
	assert_string_equal(zeta->cmdline, "quiet serai.host=zeta");
	assert_int_equal(zeta->vcpus, 3);
	assert_true(zeta->has_affinity);
	assert_int_equal(zeta->affinity[1], 3);
	assert_int_equal(zeta->affinity[2], 1);
	assert_int_equal(zeta->cpu_share, 300);
	assert_int_equal(zeta->cpu_cap, 25);
	assert_int_equal(zeta->cpu_period, 20);
	assert_int_equal(zeta->color, 5);
	assert_false(zeta->autostart);
	assert_int_equal(zeta->restart, RESTART_ON_CRASH);
	assert_int_equal(zeta->initrd_size, 8192);
	assert_string_equal(system.guest[1].name, "alpha");
	assert_int_equal(system.guest[1].vcpus, 1);
	assert_false(system.guest[1].has_affinity);
	assert_int_equal(system.guest[1].cpu_share, 100);
	assert_int_equal(system.guest[1].cpu_cap, 0);
	assert_true(system.guest[1].autostart);
	assert_null(system.guest[1].initrd);
	assert_int_equal(system.guest[1].color, 3);
	assert_string_equal(system.guest[1].cmdline, "serai.host=alpha");
	description_free(&system);
}

TEST(description, has_defaults)
{
	struct system_description system;

	assert_int_equal(read_text(GUEST("a"), strlen(GUEST("a")), &system), 0);
	assert_int_equal(system.memory, 512 * MIB);
	assert_int_equal(system.harts, 1);
	assert_int_equal(system.escape, 0x1d);
	assert_int_equal(system.scrollback, 512 * KIB);
	assert_int_equal(system.disks, 0);
	assert_int_equal(system.guest[0].disks, 0);
	description_free(&system);
}

TEST(description, takes_the_longest_command_line_and_no_longer_one)
{
	char text[2 * SYSTEM_CMDLINE_MAX];
	size_t room = SYSTEM_CMDLINE_MAX - strlen(" serai.host=a");

	for (size_t more = 0; more < 2; more++) {
		size_t length = (size_t)snprintf(text, sizeof(text), "%scmdline = \"", GUEST("a"));

		memset(text + length, 'x', room + more);
		snprintf(text + length + room + more, sizeof(text) - length - room - more, "\"\n");
		assert_int_equal(count_errors(text), more);
	}
	assert_non_null(strstr(messages, "t.toml:4: error: cmdline is too long"));
}

TEST(description, needs_the_folder_of_provided_files)
{
	static const char text[] = "[guest.a]\nmemory = \"32M\"\nkernel = \"@image\"\n";
	struct report report = { .file = "t.toml", .stream = fopen("/dev/null", "w") };
	struct system_description system;

	write_file("t.toml", text, sizeof(text) - 1);
	assert_false(description_read(toml_path, NULL, &report, &system));
	assert_int_equal(report.errors, 1);
	fclose(report.stream);
	description_free(&system);
}

TEST(description, reports_a_file_that_cannot_be_read)
{
	struct report report = { .file = "t.toml", .stream = fopen("/dev/null", "w") };
	struct system_description system;

	assert_false(description_read("/nonexistent.toml", folder, &report, &system));
	assert_false(description_read(folder, folder, &report, &system));
	assert_int_equal(report.errors, 2);
	fclose(report.stream);
}

/* Bytes that are no text at all, and every cut of a right file: an error or not, but never a crash. */
TEST(description, survives_noise)
{
	static const char text[] = "[machine]\nmemory = \"1G\"\n" GUEST("a") "cmdline = '''x'''\ncolor = \"red\"\n";
	struct system_description system;
	char noise[512];

	for (size_t length = 0; length < sizeof(text); length++) {
		read_text(text, length, &system);
		description_free(&system);
	}
	srand(1);
	for (int round = 0; round < 200; round++) {
		for (size_t i = 0; i < sizeof(noise); i++)
			noise[i] = (char)rand();
		assert_true(read_text(noise, sizeof(noise), &system) > 0);
		description_free(&system);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_description_names_line_and_remedy_of_each_error),
		cmocka_unit_test(test_description_reads_what_a_right_file_says),
		cmocka_unit_test(test_description_has_defaults),
		cmocka_unit_test(test_description_takes_the_longest_command_line_and_no_longer_one),
		cmocka_unit_test(test_description_needs_the_folder_of_provided_files),
		cmocka_unit_test(test_description_reports_a_file_that_cannot_be_read),
		cmocka_unit_test(test_description_survives_noise),
	};
	int failed;

	if (!mkdtemp(folder))
		return 1;
	snprintf(toml_path, sizeof(toml_path), "%s/t.toml", folder);
	make_files();
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	remove_files();
	return failed;
}
