/* SPDX-License-Identifier: Apache-2.0 */
/* The command prompt as a user meets it. */
#include "fake.h"

#include <stdio.h>

#define KEY "\035"
#define PROMPT KEY "c"

TEST(command, cpu_shows_share_cap_and_use)
{
	fake_type(PROMPT "cpu\r");
	assert_int_equal(fake_count("* 1 alpha               2   100   none         83.004 s            0"), 1);
	assert_int_equal(fake_count("  2 beta                2   300    25%         83.004 s            7"), 1);
}

TEST(command, list_shows_guests)
{
	fake.shared[BETA].exits = 1234;
	fake.state[0] = GUEST_CRASHED;
	fake_type(PROMPT "list\r");
	assert_string_equal(fake_row(2), "* 1 alpha           crashed     128 MiB   712 KiB      0:01:23            0      1");
	assert_string_equal(fake_row(1), "  2 beta            running     128 MiB   712 KiB      0:01:23         1234      1");
	assert_string_equal(fake_row(0), "serai> ");
}

TEST(command, stays_open_until_left)
{
	static const char *const leave[] = {"\r", "\004", "exit\r", KEY "c", KEY KEY};

	for (unsigned i = 0; i < sizeof(leave) / sizeof(leave[0]); i++) {
		fake_type(PROMPT);
		assert_string_equal(fake_row(0), "serai> ");
		fake_type("memory\r\n");
		assert_string_equal(fake_row(0), "serai> ");
		fake_type(leave[i]);
		assert_string_equal(fake_row(0), "");
		assert_string_equal(fake_row(1), "-- focus: alpha (Ctrl-] ? for help) --");
		fake_type("t");
		assert_string_equal(fake_typed(ALPHA), "t");
	}
}

TEST(command, edits_the_line)
{
	fake_type(PROMPT "hexx\b\177lp\025" "focus xyz\027b\xc3\xa4\177");
	assert_string_equal(fake_row(0), "serai> focus b");
	fake_print(BETA, "line\r\n");
	fake_run();
	assert_string_equal(fake_row(1), "[beta] line");
	assert_string_equal(fake_row(0), "serai> focus b");
	fake_type("\003");
	assert_string_equal(fake_row(1), "serai> focus b^C");
	assert_string_equal(fake_row(0), "serai> ");
	fake_type("focus beta\n");
	assert_int_equal(fake.mux.focus, BETA);
}

TEST(command, recalls_history)
{
	fake_type(PROMPT "memory\rlist\r\033[A\033[A");
	assert_string_equal(fake_row(0), "serai> memory");
	fake_type("\033[A\033[B");
	assert_string_equal(fake_row(0), "serai> list");
	fake_type("\033[B\033[B\033[15~");
	assert_string_equal(fake_row(0), "serai> ");
	for (char i = 'a'; i < 'z'; i++)
		fake_type((char[]){i, '\r', 0});
	fake_type("\033[A\033[A\033[A\033[A\033[A\033[A\033[A\033[A\033[A\033[A");
	assert_string_equal(fake_row(0), "serai> r");
}

TEST(command, changes_guests_by_name_and_number)
{
	static const struct {
		const char *line;
		enum root_request request;
		unsigned guest;
	} cases[] = {
		{PROMPT "start beta\r", ROOT_GUEST_START, 1},
		{"stop alpha\r", ROOT_GUEST_STOP, 0},
		{"reboot 2\r", ROOT_GUEST_REBOOT, 1},
		{"kill 1\r", ROOT_VMM_KILL, 0},
		{"quit\r", ROOT_SHUTDOWN, 0},
	};

	for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		fake_type(cases[i].line);
		assert_int_equal(fake.requests, i + 1);
		assert_int_equal(fake.last, cases[i].request);
		assert_int_equal(fake.last_guest, cases[i].guest);
	}
	assert_true(fake.mux.shutdown);
	fake_log(SERAI, "powering off\n");
	fake_run();
	assert_int_equal(fake_count("[serai] powering off"), 1);
}

TEST(command, kills_servers)
{
	fake_type(PROMPT "kill serai\r");
	assert_int_equal(fake.requests, 0);
	strcpy(fake.mux.channel[SERAI].name, "net");
	fake_type("kill net\r");
	assert_int_equal(fake.last, ROOT_NET_KILL);
	assert_int_equal(fake_count("the net server is made to fault"), 1);
	strcpy(fake.mux.channel[SERAI].name, "block");
	fake_type("kill block\r");
	assert_int_equal(fake.last, ROOT_BLOCK_KILL);
	assert_int_equal(fake_count("the block server is made to fault"), 1);
	fake.answer = ROOT_WRONG_STATE;
	fake_type("kill block\r");
	assert_int_equal(fake_count("cannot kill the block server: it does not run"), 1);
}

TEST(command, says_that_the_user_stopped_a_guest)
{
	fake_type(PROMPT "stop beta\r");
	fake.state[1] = GUEST_OFF;
	mux_states(&fake.mux);
	fake_run();
	assert_int_equal(fake_count("-- beta: stopped --"), 1);
}

TEST(command, explains_errors)
{
	fake.answer = ROOT_WRONG_STATE;
	fake_type(PROMPT "start beta\r");
	assert_int_equal(fake_count("cannot start beta: it is running"), 1);
	fake.answer = ROOT_NO_MEMORY;
	fake_type("start beta\r");
	assert_int_equal(fake_count("cannot start beta: not enough memory"), 1);
	fake_type("start serai\r");
	assert_int_equal(fake_count("cannot start serai: it is no guest"), 1);
	fake_type("lits\r");
	assert_int_equal(fake_count("no command is named 'lits'; do you mean list?"), 1);
	fake_type("xyzzy\r");
	assert_int_equal(fake_count("no command is named 'xyzzy'; `help` lists them"), 1);
	fake_type("focus bata\r");
	assert_int_equal(fake_count("no guest is named 'bata'; do you mean beta?"), 1);
	fake_type("focus 9\r");
	assert_int_equal(fake_count("no guest is named '9'"), 1);
	fake_type("focus\r");
	assert_int_equal(fake_count("usage: focus NAME"), 1);
	fake_type("list all\r");
	assert_int_equal(fake_count("usage: list"), 1);
	fake_type("a b c d e\r");
	assert_int_equal(fake_count("no command is named 'a'"), 1);
	fake_type("log beta -3\r");
	assert_int_equal(fake_count("'-3' is not a number of lines"), 1);
}

TEST(command, log_shows_the_last_lines)
{
	char line[40];

	for (unsigned i = 0; i < 300; i++) {
		snprintf(line, sizeof(line), "number %u.\r\n", i);
		fake_print(BETA, line);
	}
	fake_log(BETA, "from the monitor\n");
	fake_run();
	fake_wait(1100);
	fake_type(KEY "2" PROMPT);
	memset(fake.row, 0, sizeof(fake.row));
	fake_type("log beta 2\r");
	assert_int_equal(fake_count("number "), 1);
	assert_int_equal(fake_count("[beta/vmm] from the monitor"), 1);
	assert_string_equal(fake_row(1), "-- end of log beta --");
	memset(fake.row, 0, sizeof(fake.row));
	fake_type("log beta\r");
	assert_int_equal(fake_count("number "), 199);
	memset(fake.row, 0, sizeof(fake.row));
	fake_type("log beta all\r");
	assert_int_equal(fake_count("number "), 300);
	assert_int_equal(fake_count("of 301 lines"), 1);
}

TEST(command, log_is_cancelled_and_holds_other_lines)
{
	for (unsigned i = 0; i < 100; i++)
		fake_print(BETA, "old\r\n");
	fake_run();
	fake_type(PROMPT);
	fake.room = MUX_ROOM - 1;
	fake_type("log beta\r");
	fake_print(BETA, "new\r\n");
	fake.room = MUX_ROOM;
	memset(fake.row, 0, sizeof(fake.row));
	fake_type("x\003");
	assert_false(fake.mux.job.active);
	assert_int_equal(fake_count("[beta] new"), 1);
	assert_string_equal(fake_row(0), "serai> ");
}

TEST(command, help_names_everything)
{
	static const char *const names[] = {"list", "focus", "log", "start", "stop", "reboot", "cpu", "memory", "kill", "quit",
		"exit", "help", "nets", "link", "capture"};
	char line[24];

	fake_type(PROMPT "help\r");
	for (unsigned i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		snprintf(line, sizeof(line), "  %-7s ", names[i]);
		assert_int_equal(fake_count(line), 1);
	}
	assert_int_equal(fake_count("-- after Ctrl-]: n next guest"), 1);
}

int main(void)
{
#define CASE(name) cmocka_unit_test_setup(command_##name, fake_setup)
	const struct CMUnitTest tests[] = {
		CASE(cpu_shows_share_cap_and_use),
		CASE(list_shows_guests),
		CASE(stays_open_until_left),
		CASE(edits_the_line),
		CASE(recalls_history),
		CASE(changes_guests_by_name_and_number),
		CASE(kills_servers),
		CASE(says_that_the_user_stopped_a_guest),
		CASE(explains_errors),
		CASE(log_shows_the_last_lines),
		CASE(log_is_cancelled_and_holds_other_lines),
		CASE(help_names_everything),
	};

	return cmocka_run_group_tests_name("console.command", tests, NULL, NULL);
}
