/* SPDX-License-Identifier: Apache-2.0 */
/* What a user of the console sees under load: floods, slow terminals and guests, changes of focus, ends. */
#include "fake.h"

#include <stdio.h>

#define KEY "\035"

TEST(mux, limits_a_flood_and_keeps_it_in_the_scrollback)
{
	char line[32];
	unsigned sent = 0, shown;

	for (unsigned ms = 0; ms < 3000; ms += 10) {
		while (ring_writable(&fake.output[BETA]) > sizeof(line)) {
			snprintf(line, sizeof(line), "flood %u\r\n", sent++);
			fake_print(BETA, line);
		}
		fake_wait(10);
	}
	shown = fake_count("[beta] flood");
	assert_in_range(shown, 500, 600);
	assert_in_range(sent, 20000, 100000);
	assert_true(fake_count("lines not shown; `log beta`") >= 2);
	fake_wait(1000);
	fake_wait(1000);
	assert_int_equal(mux_deadline(&fake.mux), MUX_NEVER);
	fake_print(BETA, "calm\r\n");
	fake_run();
	assert_string_equal(fake_row(1), "[beta] calm");
	fake_type(KEY "clog beta all\r");
	snprintf(line, sizeof(line), "flood %u", sent - 1);
	assert_int_equal(fake_count(line), 1);
}

TEST(mux, serves_the_focused_guest_during_a_flood)
{
	char block[4096];

	memset(block, 'y', sizeof(block));
	for (unsigned i = 15; i < sizeof(block); i += 16)
		block[i] = '\n';
	ring_write(&fake.output[BETA], block, sizeof(block));
	fake_print(ALPHA, "prompt");
	mux_turn(&fake.mux);
	assert_true(fake_sent("prompt"));
	assert_true(ring_readable(&fake.mux.channel[BETA].output) > 0);
}

TEST(mux, leaves_bytes_in_the_ring_when_the_terminal_is_slow)
{
	fake.room = MUX_ROOM - 1;
	fake_print(ALPHA, "waits\r\n");
	fake.shared[ALPHA].client_waits = 1;
	assert_false(mux_turn(&fake.mux));
	assert_true(mux_prepare_wait(&fake.mux));
	assert_int_equal(fake.shared[ALPHA].console_waits, 0);
	assert_int_equal(mux_deadline(&fake.mux), MUX_NEVER);
	fake.room = MUX_ROOM;
	assert_false(mux_prepare_wait(&fake.mux));
	fake_run();
	assert_int_equal(fake.shared[ALPHA].console_waits, 1);
	assert_int_equal(fake.shared[ALPHA].client_waits, 0);
	assert_int_equal(fake.signalled[ALPHA], CONSOLE_SIGNAL_SPACE);
	assert_int_equal(fake_count("waits"), 1);
}

TEST(mux, survives_nonsense_in_the_rings)
{
	fake.shared[BETA].output.head = 0x80000000u;
	fake.shared[BETA].log.head = 0xfffffff0u;
	fake.shared[BETA].output.tail = 77;
	fake.shared[BETA].input.tail = 0x12345678;
	fake_run();
	ring_reset_producer(&fake.output[BETA]);
	ring_reset_producer(&fake.log[BETA]);
	ring_reset_consumer(&fake.input[BETA]);
	fake_print(BETA, "back\r\n");
	fake_run();
	assert_int_equal(fake_count("[beta] back"), 1);
	fake_type(KEY "2");
	fake_type("abc");
	assert_string_equal(fake_typed(BETA), "abc");
}

TEST(mux, changes_focus_and_shows_the_guests_prompt)
{
	fake_type("x");
	fake_print(ALPHA, "alpha # ");
	fake_print(BETA, "beta # ");
	fake_wait(200);
	fake_type(KEY "n");
	assert_string_equal(fake_row(1), "-- focus: beta (Ctrl-] ? for help) --");
	assert_string_equal(fake_row(0), "beta # ");
	fake_typed(ALPHA);
	fake_type("id\r" KEY KEY);
	assert_string_equal(fake_typed(BETA), "id\r\035");
	assert_string_equal(fake_typed(ALPHA), "");
	fake_type(KEY "1");
	assert_string_equal(fake_row(0), "alpha # ");
	assert_string_equal(fake_row(1), "-- focus: alpha (Ctrl-] ? for help) --");
	fake_type(KEY "7");
	assert_string_equal(fake_row(1), "-- there is no guest of this number --");
	fake_type(KEY "x");
	assert_int_equal(fake_count("no such key"), 1);
	assert_string_equal(fake_row(0), "alpha # ");
}

TEST(mux, puts_the_terminal_back_when_leaving_a_full_screen_program)
{
	fake_type("vi\r");
	fake_print(ALPHA, "\033[?1049h\033[?25l\033[2;1Htext");
	fake_run();
	assert_true(fake.alternate);
	fake_type(KEY "n");
	assert_false(fake.alternate);
	assert_true(fake_sent("\033[?25h"));
	fake_print(ALPHA, "\033[3;1Hmore");
	fake_wait(200);
	assert_int_equal(fake_count("[alpha] "), 0);
	fake_type(KEY "n");
	assert_true(fake.alternate);
	assert_int_equal(fake_count("Ctrl-L"), 1);
}

TEST(mux, reports_states_and_starts_sessions_anew)
{
	fake_type("x");
	fake_print(ALPHA, "\033[?1049h");
	fake_run();
	fake.state[0] = GUEST_CRASHED;
	fake_log(ALPHA, "report\n");
	fake_run();
	mux_states(&fake.mux);
	fake_run();
	assert_false(fake.alternate);
	assert_int_equal(fake_count("[alpha/vmm] report"), 1);
	assert_int_equal(fake_count("-- alpha: crashed; `log alpha` shows the report, `start alpha` starts it again --"), 1);
	fake_typed(ALPHA);
	fake_type("lost");
	assert_string_equal(fake_typed(ALPHA), "");
	assert_int_equal(fake_count("-- alpha is crashed;"), 1);
	fake.state[0] = GUEST_RUNNING;
	fake.starts[0] = 2;
	mux_states(&fake.mux);
	mux_states(&fake.mux);
	fake_print(ALPHA, "boots\r\n");
	fake_run();
	assert_int_equal(fake_count("-- alpha: started again --"), 1);
	assert_int_equal(fake_count("[alpha] boots"), 1);
	fake.state[1] = GUEST_OFF;
	mux_states(&fake.mux);
	fake_run();
	assert_int_equal(fake_count("-- beta: powered off --"), 1);
}

TEST(mux, drops_input_that_a_guest_never_takes)
{
	for (unsigned i = 0; i < CONSOLE_INPUT_SIZE + MUX_PENDING_MAX; i++) {
		if (i % 64 == 0)
			fake_run();
		mux_input(&fake.mux, 'x');
	}
	fake_run();
	assert_int_equal(mux_input_room(&fake.mux), 0);
	assert_true(mux_deadline(&fake.mux) <= fake.now + 10);
	fake_wait(999);
	assert_int_equal(mux_input_room(&fake.mux), 0);
	fake_wait(1);
	assert_int_equal(mux_input_room(&fake.mux), MUX_PENDING_MAX);
	assert_int_equal(fake.bells, 1);
	fake_typed(ALPHA);
	fake_type("y");
	assert_string_equal(fake_typed(ALPHA), "y");
}

TEST(mux, keeps_input_for_a_slow_guest)
{
	unsigned got = 0;

	for (unsigned i = 0; i < 20000; i++) {
		if (!mux_input_room(&fake.mux))
			got += (unsigned)strlen(fake_typed(ALPHA));
		fake_run();
		mux_input(&fake.mux, 'x');
	}
	for (unsigned i = 0; i < 4; i++) {
		fake_run();
		got += (unsigned)strlen(fake_typed(ALPHA));
	}
	assert_int_equal(got, 20000);
}

TEST(mux, splits_endless_lines)
{
	static char line[3 * TERMINAL_CELLS + 1];
	struct scrollback *scrollback = &fake.mux.channel[BETA].scrollback;

	/* The terminal here is narrow: a full-screen program keeps the lines away from it. */
	fake_type("vi\r");
	fake_print(ALPHA, "\033[?1049h");
	fake_run();
	memset(line, 'z', 3 * TERMINAL_CELLS);
	fake_print(BETA, line);
	fake_run();
	assert_int_equal(scrollback->kept, 3);
	assert_int_equal(fake.mux.channel[BETA].terminal.length, 0);
}

TEST(mux, asks_for_signals_only_while_it_waits)
{
	const uint32_t *waits = &fake.shared[ALPHA].console_waits;

	assert_int_equal(*waits, 1);
	assert_false(mux_readable(&fake.mux));
	mux_hold_signals(&fake.mux);
	assert_int_equal(*waits, 0);
	fake_print(ALPHA, "more\n");
	assert_true(mux_readable(&fake.mux));
	fake_run();
	assert_int_equal(*waits, 1);
	fake_log(BETA, "a report\n");
	assert_true(mux_readable(&fake.mux));
}

TEST(mux, takes_what_a_guest_left_before_its_session_ends)
{
	static char line[64];
	struct scrollback *scrollback = &fake.mux.channel[BETA].scrollback;
	unsigned lines = 0;

	while (fake.mux.channel[BETA].credit >= 128) {
		fake_print(BETA, "a flood that uses up what it may print in so short a time\n");
		fake_run();
	}
	fake_print(BETA, "begin ");
	for (; lines < 400; lines++) {
		snprintf(line, sizeof(line), "%u\nthe last lines of a flood ", lines);
		fake_print(BETA, line);
	}
	fake_log(BETA, "report\n");
	fake.state[1] = GUEST_CRASHED;
	mux_states(&fake.mux);
	assert_false(mux_readable(&fake.mux));
	assert_int_equal(fake.mux.channel[BETA].terminal.length, 0);
	for (uint64_t position = scrollback->tail;;) {
		enum line_source source;
		uint8_t text[128] = "";
		size_t length;

		if (!scrollback_next(scrollback, &position, &source, text, sizeof(text) - 1, &length))
			break;
		text[length] = 0;
		assert_true(strncmp((char *)text, "begin 0", 8) == 0 || strncmp((char *)text, "a flood ", 8) == 0 ||
			strncmp((char *)text, "the last lines ", 15) == 0 || strcmp((char *)text, "report") == 0);
	}
}

TEST(mux, hears_of_output_after_all_credit_is_used)
{
	static char line[129];

	memset(line, 'z', 127);
	line[127] = '\n';
	while (fake.mux.channel[BETA].credit >= 128) {
		fake_print(BETA, line);
		fake_run();
	}
	assert_int_equal(fake.shared[BETA].console_waits, 1);
	fake_print(BETA, "after the flood\n");
	fake_run();
	assert_int_equal(fake.shared[BETA].console_waits, 0);
	assert_true(mux_deadline(&fake.mux) <= fake.now + 10);
	fake_wait(1100);
	assert_false(mux_readable(&fake.mux));
}

TEST(mux, shows_what_was_held_back_as_soon_as_a_full_screen_program_ends)
{
	fake_type("vi\r");
	fake_print(ALPHA, "\033[?1049h");
	fake_run();
	fake_print(BETA, "news\n");
	fake_run();
	assert_int_equal(fake_count("news"), 0);
	fake_print(ALPHA, "\033[?1049l");
	fake_run();
	assert_int_equal(fake_count("news"), 1);
}

int main(void)
{
#define CASE(name) cmocka_unit_test_setup(mux_##name, fake_setup)
	const struct CMUnitTest tests[] = {
		CASE(limits_a_flood_and_keeps_it_in_the_scrollback),
		CASE(serves_the_focused_guest_during_a_flood),
		CASE(leaves_bytes_in_the_ring_when_the_terminal_is_slow),
		CASE(survives_nonsense_in_the_rings),
		CASE(changes_focus_and_shows_the_guests_prompt),
		CASE(puts_the_terminal_back_when_leaving_a_full_screen_program),
		CASE(reports_states_and_starts_sessions_anew),
		CASE(drops_input_that_a_guest_never_takes),
		CASE(keeps_input_for_a_slow_guest),
		CASE(splits_endless_lines),
		CASE(asks_for_signals_only_while_it_waits),
		CASE(takes_what_a_guest_left_before_its_session_ends),
		CASE(hears_of_output_after_all_credit_is_used),
		CASE(shows_what_was_held_back_as_soon_as_a_full_screen_program_ends),
	};

	return cmocka_run_group_tests_name("console.load", tests, NULL, NULL);
}
