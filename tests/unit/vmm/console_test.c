/* SPDX-License-Identifier: Apache-2.0 */
#include <console.h>
#include "fakes.h"
#include "test.h"

static char big[CONSOLE_OUTPUT_SIZE + 100];

static int prepare(void **state)
{
	(void)state;
	fake_reset(NULL);
	memset(big, 'x', sizeof(big));
	return 0;
}

TEST(console, signals_only_a_console_that_waits)
{
	(void)state;
	console_write("a", 1);
	assert_int_equal(fake.signals, 1);
	fake_channel.console_waits = 0;
	console_write("a", 1);
	assert_int_equal(fake.signals, 1);
}

TEST(console, signals_single_bytes_at_the_end_of_a_line)
{
	(void)state;
	console_put('a');
	console_put('b');
	assert_int_equal(fake.signals, 0);
	console_put('\n');
	assert_int_equal(fake.signals, 1);
	console_flush();
	assert_int_equal(fake.signals, 1);
	console_put('c');
	console_flush();
	assert_int_equal(fake.signals, 2);
}

TEST(console, takes_single_bytes_from_an_odd_ring)
{
	char text[8];

	(void)state;
	fake_channel.output.tail = fake_channel.output.head + 5; /* nonsense: the ring is empty from there */
	console_put('a');
	console_put('b');
	assert_int_equal(fake_output(text, sizeof(text)), 2);
	assert_string_equal(text, "ab");
	console_write(big, CONSOLE_OUTPUT_SIZE);
	console_put('c'); /* full */
	assert_int_equal(fake_channel.dropped, 1);
}

TEST(console, knows_quickly_whether_there_is_input)
{
	char byte;

	(void)state;
	assert_false(console_has_input());
	fake_type("x");
	assert_true(console_has_input());
	assert_int_equal(console_read(&byte, 1), 1);
	assert_false(console_has_input());
}

TEST(console, waits_for_room)
{
	(void)state;
	fake.wait_drains = true;
	fake.wait_answer = ERR_OK;
	fake.wait_bits = CONSOLE_SIGNAL_SPACE;
	console_write(big, sizeof(big));
	assert_int_equal(fake.waits, 1);
	assert_int_equal(fake_channel.dropped, 0);
	assert_int_equal(fake_channel.output.head - fake_channel.output.tail, 100);
	assert_int_equal(fake_channel.client_waits, 0);
	assert_false(console_pending());
}

TEST(console, drops_and_counts_when_nobody_reads)
{
	unsigned waits;

	(void)state;
	console_write(big, sizeof(big));
	waits = fake.waits;
	assert_true(waits > 0);
	assert_int_equal(fake.time, 1000 + 10000000 / 10);
	assert_int_equal(fake_channel.dropped, 100);
	console_write(big, 50); /* does not wait a second time */
	assert_int_equal(fake.waits, waits);
	assert_int_equal(fake_channel.dropped, 150);
	fake_channel.output.tail = fake_channel.output.head;
	console_write(big, sizeof(big));
	assert_int_equal(fake.waits, 2 * waits);
}

TEST(console, remembers_input_that_came_while_it_waited)
{
	(void)state;
	fake.wait_drains = true;
	fake.wait_answer = ERR_OK;
	fake.wait_bits = CONSOLE_SIGNAL_SPACE | CONSOLE_SIGNAL_INPUT;
	console_write(big, sizeof(big));
	assert_true(console_pending());
	console_signalled(0);
	assert_int_equal(fake.delivered, 1);
	assert_false(console_pending());
}

TEST(console, survives_a_console_that_writes_nonsense)
{
	(void)state;
	fake_channel.output.tail = 12345678;
	fake_channel.input.head = 99999999;
	console_write(big, sizeof(big));
	assert_int_equal(console_readable(), 0);
	assert_int_equal(console_read(big, 10), 0);
	console_deliver();
	assert_int_equal(fake.delivered, 0);
}

TEST(console, logs_whole_lines_or_nothing)
{
	(void)state;
	console_log("line\n", 5);
	assert_memory_equal(fake_channel.log_bytes, "line\n", 5);
	for (unsigned i = 0; i < CONSOLE_LOG_SIZE; i++)
		console_log("line\n", 5);
	assert_int_equal(fake_channel.log.head, CONSOLE_LOG_SIZE / 5 * 5);
}

int main(void)
{
#define RUN_PREPARED(name) cmocka_unit_test_setup(console_##name, prepare)
	const struct CMUnitTest tests[] = {
		RUN_PREPARED(signals_only_a_console_that_waits),
		RUN_PREPARED(signals_single_bytes_at_the_end_of_a_line), RUN_PREPARED(takes_single_bytes_from_an_odd_ring),
		RUN_PREPARED(knows_quickly_whether_there_is_input), RUN_PREPARED(waits_for_room),
		RUN_PREPARED(drops_and_counts_when_nobody_reads),
		RUN_PREPARED(remembers_input_that_came_while_it_waited),
		RUN_PREPARED(survives_a_console_that_writes_nonsense), RUN_PREPARED(logs_whole_lines_or_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
