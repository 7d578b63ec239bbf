/* SPDX-License-Identifier: Apache-2.0 */
/* What a user of the console sees. */
#include "fake.h"

#include <stdio.h>

#define KEY "\035"

TEST(mux, labels_boot_lines_of_both_guests)
{
	fake_print(ALPHA, "[    0.0] Linux\r\n");
	fake_print(BETA, "[    0.1] Linux too\r\n");
	fake_run();
	assert_string_equal(fake_row(2), "[alpha] [    0.0] Linux");
	assert_string_equal(fake_row(1), "[beta] [    0.1] Linux too");
	assert_string_equal(fake_row(0), "");
	assert_true(fake_sent("\033[0;32m[alpha]\033[0m "));
}

TEST(mux, adds_carriage_return_for_early_consoles)
{
	fake_print(ALPHA, "one\ntwo\n");
	fake_run();
	assert_string_equal(fake_row(2), "[alpha] one");
	assert_string_equal(fake_row(1), "[alpha] two");
}

TEST(mux, shows_progress_in_labelled_line)
{
	fake_print(ALPHA, "10%\r20%");
	fake_run();
	assert_string_equal(fake_row(0), "[alpha] 20%");
}

TEST(mux, passes_bytes_raw_once_the_user_has_typed)
{
	fake_print(ALPHA, "~ # ");
	fake_run();
	fake_type("ls\r");
	assert_string_equal(fake_typed(ALPHA), "ls\r");
	assert_int_equal(fake.signalled[ALPHA], CONSOLE_SIGNAL_INPUT);
	fake_print(ALPHA, "ls\r\nbin  etc\r\n~ # ");
	fake_forget();
	fake_run();
	assert_memory_equal(fake.out, "ls\r\nbin  etc\r\n~ # ", fake.out_length);
	assert_string_equal(fake_row(0), "~ # ");
	assert_string_equal(fake_row(1), "bin  etc");
}

TEST(mux, reprints_the_focused_line_after_another_guests_line)
{
	fake_type("x");
	fake_print(ALPHA, "~ # ls -l");
	fake_run();
	fake_print(BETA, "hello\r\n");
	fake_run();
	assert_string_equal(fake_row(1), "[beta] hello");
	assert_string_equal(fake_row(0), "~ # ls -l");
	assert_int_equal(fake.x, 9);
	fake_print(ALPHA, "\b\b\033[K-a");
	fake_run();
	assert_string_equal(fake_row(0), "~ # ls -a");
}

TEST(mux, keeps_the_cursor_inside_an_edited_line)
{
	fake_type("x");
	fake_print(ALPHA, "~ # echo abc\033[2D");
	fake_run();
	fake_print(BETA, "hello\r\n");
	fake_run();
	assert_string_equal(fake_row(0), "~ # echo abc");
	assert_int_equal(fake.x, 10);
}

TEST(mux, never_prints_inside_a_sequence)
{
	fake_type("x");
	fake_print(ALPHA, "a\033[3");
	fake_print(BETA, "hello\r\n");
	fake_run();
	fake_print(ALPHA, "1mred\033[0m \xe2\x82");
	fake_run();
	fake_print(BETA, "again\r\n");
	fake_run();
	fake_print(ALPHA, "\xac");
	fake_run();
	assert_string_equal(fake_row(0), "ared \xe2\x82\xac");
	assert_true(fake_sent("\033[31mred"));
}

TEST(mux, holds_lines_back_during_full_screen)
{
	fake_type("vi\r");
	fake_print(ALPHA, "~ # vi\r\n\033[?1049h\033[H~\r\n~\r\n");
	fake_run();
	fake_print(BETA, "one\r\ntwo\r\n");
	fake_log(SERAI, "notice\n");
	fake_wait(60000);
	assert_int_equal(fake_count("[beta]"), 0);
	fake_print(ALPHA, "\033[?1049l~ # ");
	fake_run();
	assert_string_equal(fake_row(3), "[serai] notice");
	assert_string_equal(fake_row(2), "[beta] one");
	assert_string_equal(fake_row(1), "[beta] two");
	assert_string_equal(fake_row(0), "~ # ");
}

TEST(mux, reports_many_held_lines_in_one)
{
	fake_type("vi\r");
	fake_print(ALPHA, "\033[?1049h");
	fake_run();
	for (unsigned i = 0; i < 100; i++)
		fake_print(BETA, "line\r\n");
	fake_run();
	fake_print(ALPHA, "\033[?1049l# ");
	fake_run();
	assert_int_equal(fake_count("[beta] line"), 0);
	assert_string_equal(fake_row(1), "[beta] ... 100 lines not shown; `log beta` shows them");
	assert_string_equal(fake_row(0), "# ");
}

TEST(mux, ends_cursor_addressing_after_enter_or_time)
{
	fake_type("top\r");
	fake_print(ALPHA, "\033[H\033[Jtop\r\n");
	fake_run();
	fake_print(BETA, "one\r\n");
	fake_wait(5000);
	fake_print(ALPHA, "\033[Htop\r\n");
	fake_wait(5100);
	assert_int_equal(fake_count("[beta]"), 0);
	fake_type("q");
	fake_print(ALPHA, "\r\n# ");
	fake_type("\r");
	fake_print(ALPHA, "\r\n# ");
	fake_run();
	assert_int_equal(fake_count("[beta] one"), 1);
	fake_print(ALPHA, "\033[H\033[J# ");
	fake_print(BETA, "two\r\n");
	fake_run();
	assert_int_equal(fake_count("[beta] two"), 0);
	assert_true(mux_deadline(&fake.mux) <= fake.now + 10000);
	fake_wait(10000);
	assert_int_equal(fake_count("[beta] two"), 1);
	assert_string_equal(fake_row(0), "# ");
}

TEST(mux, shows_partial_lines_of_others_after_a_while)
{
	fake_print(BETA, "beta login: ");
	fake_run();
	assert_int_equal(fake_count("login"), 0);
	assert_int_equal(mux_deadline(&fake.mux), fake.now + 100);
	fake_wait(100);
	assert_string_equal(fake_row(1), "[beta] beta login: ");
	assert_int_equal(mux_deadline(&fake.mux), MUX_NEVER);
	fake_print(BETA, "root\r\n");
	fake_run();
	assert_string_equal(fake_row(1), "[beta] root");
	fake_type(KEY "clog beta\r");
	assert_int_equal(fake_count("beta login: root"), 1);
}

TEST(mux, shows_partial_lines_of_others_that_were_drawn)
{
	fake_print(ALPHA, "~ # ");
	/* As agetty after systemd has reset the terminal. */
	fake_print(BETA, "\033[?7h\033[6n\033[32766;32766H\033[6n\r\033[J\r\nbeta login: ");
	fake_wait(1000);
	assert_int_equal(fake_count("[beta] beta login: "), 0);
	assert_true(mux_deadline(&fake.mux) <= fake.now + 10000);
	fake_wait(10000);
	assert_int_equal(fake_count("[beta] beta login: "), 1);
	assert_true(mux_deadline(&fake.mux) == MUX_NEVER);
	/* A program that has the screen to itself keeps it. */
	fake_print(BETA, "\033[?1049h\033[Htext");
	fake_wait(60000);
	assert_int_equal(fake_count("text"), 0);
}

TEST(mux, filters_control_sequences_of_others)
{
	fake_print(BETA, "a\033[2J\033[5;5Hb\033[31mc\033]0;title\a\033[6n\ad\xc2\x9b" "2Je\r\n");
	fake_run();
	fake_print(BETA, "\033cnext\033(0\r\n");
	fake_run();
	assert_false(fake_sent("\033[2J"));
	assert_false(fake_sent("\033[5;5H"));
	assert_false(fake_sent("title"));
	assert_false(fake_sent("\033[6n"));
	assert_false(fake_sent("\xc2\x9b"));
	assert_false(fake_sent("\033c"));
	assert_int_equal(fake.bells, 0);
	assert_int_equal(fake.alternate, false);
}

TEST(mux, keeps_colours_of_others_to_their_line)
{
	fake_print(BETA, "\033[1;31mred\r\n");
	fake_run();
	assert_true(fake_sent("\033[0;1;31mred\033[0m\r\n"));
	assert_string_equal(fake_row(1), "[beta] red");
}

TEST(mux, replaces_malformed_utf8_and_passes_the_rest)
{
	fake_type("x");
	fake_print(ALPHA, "gr\xc3\xbc\xc3\x9f \xff \xf0\x9f\x98\x80 \xed\xa0\x80|");
	fake_forget();
	fake_run();
	assert_true(fake_sent("gr\xc3\xbc\xc3\x9f \xef\xbf\xbd \xf0\x9f\x98\x80 "));
	assert_false(fake_sent("\xed\xa0"));
	assert_true(fake_sent("|"));
}

TEST(mux, shows_log_of_vmm_in_any_focus)
{
	fake_log(ALPHA, "a crash\nreport\n");
	fake_log(BETA, "another\n");
	fake_log(SERAI, "system\n");
	fake_run();
	assert_int_equal(fake_count("[alpha/vmm] a crash"), 1);
	assert_int_equal(fake_count("[alpha/vmm] report"), 1);
	assert_int_equal(fake_count("[beta/vmm] another"), 1);
	assert_int_equal(fake_count("[serai] system"), 1);
}

int main(void)
{
#define CASE(name) cmocka_unit_test_setup(mux_##name, fake_setup)
	const struct CMUnitTest tests[] = {
		CASE(labels_boot_lines_of_both_guests),
		CASE(adds_carriage_return_for_early_consoles),
		CASE(shows_progress_in_labelled_line),
		CASE(passes_bytes_raw_once_the_user_has_typed),
		CASE(reprints_the_focused_line_after_another_guests_line),
		CASE(keeps_the_cursor_inside_an_edited_line),
		CASE(never_prints_inside_a_sequence),
		CASE(holds_lines_back_during_full_screen),
		CASE(reports_many_held_lines_in_one),
		CASE(ends_cursor_addressing_after_enter_or_time),
		CASE(shows_partial_lines_of_others_after_a_while),
		CASE(shows_partial_lines_of_others_that_were_drawn),
		CASE(filters_control_sequences_of_others),
		CASE(keeps_colours_of_others_to_their_line),
		CASE(replaces_malformed_utf8_and_passes_the_rest),
		CASE(shows_log_of_vmm_in_any_focus),
	};

	return cmocka_run_group_tests_name("console.mux", tests, NULL, NULL);
}
