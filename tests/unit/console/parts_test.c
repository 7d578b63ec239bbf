/* SPDX-License-Identifier: Apache-2.0 */
/* The parts one by one: escape key, scrollback, line model, UART driver. */
#include "fake.h"

#include <stdio.h>
#include <stdlib.h>

#include "bytes.h"
#include "driver_ns16550.h"

/* A 16550 that takes `capacity` bytes until the host reads them. */
static struct {
	uint8_t fifo[4096];
	size_t length, capacity;
	const char *received;
	uint8_t enabled;
	bool broken;
	unsigned status_reads;
} model;
static struct uart uart;

uint8_t uart_register_read(const struct uart *unused, unsigned number)
{
	(void)unused;
	if (number == 5) {
		model.status_reads++;
		return (uint8_t)((*model.received ? 1 : 0) | (model.broken ? 0x10 : 0) |
			(model.length + 16 <= model.capacity ? 0x20 : 0));
	}
	if (number == 0) {
		assert_true(*model.received);
		return (uint8_t)*model.received++;
	}
	return 1;
}

void uart_register_write(const struct uart *unused, unsigned number, uint8_t value)
{
	(void)unused;
	if (number == 1)
		model.enabled = value;
	if (number == 0) {
		assert_true(model.length < model.capacity);
		model.fifo[model.length++] = value;
	}
}

void uart_register_write_all(const struct uart *unused, unsigned number, const uint8_t *values, size_t count)
{
	while (count--)
		uart_register_write(unused, number, *values++);
}

static int setup_uart(void **state)
{
	(void)state;
	memset(&model, 0, sizeof(model));
	model.received = "";
	model.capacity = 4096;
	ns16550_init(&uart, NULL);
	return 0;
}

TEST(uart, sends_all_when_the_host_is_fast)
{
	assert_int_equal(ns16550_write(&uart, "twenty-one characters", 21), 21);
	ns16550_pump(&uart);
	assert_int_equal(model.length, 21);
	assert_memory_equal(model.fifo, "twenty-one characters", 21);
	assert_int_equal(model.enabled, 1);
}

TEST(uart, waits_for_the_interrupt_when_the_host_is_slow)
{
	model.capacity = 20;
	ns16550_write(&uart, "0123456789abcdefghijklmnopqrst", 30);
	ns16550_pump(&uart);
	assert_int_equal(model.length, 16);
	assert_int_equal(model.enabled, 3);
	assert_true(model.status_reads < 4);
	model.capacity = 100;
	ns16550_interrupt(&uart);
	ns16550_pump(&uart);
	assert_memory_equal(model.fifo, "0123456789abcdefghijklmnopqrst", 30);
	assert_int_equal(model.enabled, 1);
}

TEST(uart, bounds_one_pump_and_its_queue)
{
	static uint8_t bytes[UART_QUEUE_SIZE + 1];

	assert_int_equal(ns16550_write(&uart, bytes, sizeof(bytes)), UART_QUEUE_SIZE);
	assert_int_equal(ns16550_room(&uart), 0);
	ns16550_pump(&uart);
	assert_int_equal(model.length, 1024);
	assert_int_equal(model.enabled, 3);
	assert_int_equal(ns16550_room(&uart), 1024);
}

TEST(uart, receives_and_can_pause)
{
	uint8_t bytes[4];

	model.received = "hello";
	assert_int_equal(ns16550_receive(&uart, bytes, 4), 4);
	assert_memory_equal(bytes, "hell", 4);
	ns16550_accept(&uart, false);
	assert_int_equal(model.enabled, 0);
	ns16550_accept(&uart, true);
	assert_int_equal(model.enabled, 1);
	assert_int_equal(ns16550_receive(&uart, bytes, 4), 1);
	model.received = "x";
	model.broken = true;
	assert_int_equal(ns16550_receive(&uart, bytes, 4), 0);
}

TEST(input, names_keys)
{
	struct input input;
	char name[8];

	input_init(&input, 0x1d);
	input_escape_name(&input, name);
	assert_string_equal(name, "Ctrl-]");
	input_init(&input, 1);
	input_escape_name(&input, name);
	assert_string_equal(name, "Ctrl-A");
	input_init(&input, '~');
	input_escape_name(&input, name);
	assert_string_equal(name, "~");
}

TEST(input, tells_actions)
{
	struct input input;

	input_init(&input, 1);
	assert_int_equal(input_feed(&input, 0x1d), INPUT_PASS);
	assert_int_equal(input_feed(&input, 'n'), INPUT_PASS);
	assert_int_equal(input_feed(&input, 1), INPUT_NONE);
	assert_int_equal(input_feed(&input, 'n'), INPUT_NEXT);
	assert_int_equal(input_feed(&input, 1), INPUT_NONE);
	assert_int_equal(input_feed(&input, '4'), INPUT_SELECT);
	assert_int_equal(input.number, 4);
	assert_int_equal(input_feed(&input, 1), INPUT_NONE);
	assert_int_equal(input_feed(&input, 1), INPUT_PASS);
	assert_int_equal(input_feed(&input, 1), INPUT_NONE);
	assert_int_equal(input_feed(&input, '0'), INPUT_UNKNOWN);
	assert_int_equal(input_feed(&input, '0'), INPUT_PASS);
}

TEST(scrollback, drops_the_oldest_lines)
{
	static uint8_t bytes[SCROLLBACK_SIZE_MIN];
	struct scrollback scrollback;
	enum line_source source;
	uint64_t position;
	uint8_t out[32];
	char line[32];
	size_t length;
	unsigned i, first = 0;

	scrollback_init(&scrollback, bytes, sizeof(bytes));
	assert_int_equal(scrollback_tail(&scrollback, 5), 0);
	for (i = 0; i < 5000; i++) {
		int size = snprintf(line, sizeof(line), "line %u", i);

		scrollback_add(&scrollback, i % 3 ? LINE_OUTPUT : LINE_LOG, (uint8_t *)line, (size_t)size);
	}
	assert_in_range(scrollback.kept, 1400, 1600);
	position = scrollback_tail(&scrollback, 3);
	for (i = 4997; scrollback_next(&scrollback, &position, &source, out, sizeof(out), &length); i++) {
		snprintf(line, sizeof(line), "line %u", i);
		assert_int_equal(length, 9);
		assert_memory_equal(out, line, 9);
		assert_int_equal(source, i % 3 ? LINE_OUTPUT : LINE_LOG);
	}
	assert_int_equal(i, 5000);
	position = 0;
	while (scrollback_next(&scrollback, &position, &source, out, 4, &length))
		first++;
	assert_int_equal(first, scrollback.kept);
}

TEST(scrollback, cuts_huge_and_hostile_lines)
{
	static uint8_t bytes[SCROLLBACK_SIZE_MIN], text[SCROLLBACK_SIZE_MIN];
	struct scrollback scrollback;
	enum line_source source;
	uint64_t position = 0;
	size_t length;

	memset(text, '\n', sizeof(text));
	scrollback_init(&scrollback, bytes, sizeof(bytes));
	for (unsigned i = 0; i < 20; i++)
		scrollback_add(&scrollback, LINE_OUTPUT, text, sizeof(text));
	assert_int_equal(scrollback.kept, 3);
	assert_true(scrollback_next(&scrollback, &position, &source, text, sizeof(text), &length));
	assert_int_equal(length, SCROLLBACK_SIZE_MIN / 4);
	assert_int_equal(text[0], ' ');
}

static void feed(struct terminal *terminal, const char *text)
{
	for (; *text; text++) {
		do {
			(void)terminal_feed(terminal, (uint8_t)*text);
		} while (terminal->filter.again);
	}
}

static const char *rendered(const char *text)
{
	static uint8_t out[TERMINAL_TEXT_MAX + 1];
	static struct terminal terminal;

	terminal_reset(&terminal);
	feed(&terminal, text);
	out[terminal_render(&terminal, 0, out)] = 0;
	return (const char *)out;
}

TEST(terminal, follows_line_editing)
{
	assert_string_equal(rendered("abc\b\b\033[KX"), "aX");
	assert_string_equal(rendered("abc\rX"), "Xbc");
	assert_string_equal(rendered("abcdef\033[4D\033[2P"), "abef");
	assert_string_equal(rendered("abef\033[2D\033[2@cd"), "abcdef");
	assert_string_equal(rendered("a\tb"), "a       b");
	assert_string_equal(rendered("abc\033[2GX\033[10GY"), "aXc      Y");
	assert_string_equal(rendered("abc\033[2K\rX"), "X");
	assert_string_equal(rendered("abcd\033[2D\033[1KX"), "  Xd");
	assert_string_equal(rendered("\033[99999999999C|\033[99999999999D-\033[6000P+"), "-+");
}

TEST(terminal, keeps_styles)
{
	assert_string_equal(rendered("\033[31mr\033[1mb\033[22;39mn"), "\033[0;31mr\033[0;1;31mb\033[0mn");
	assert_string_equal(rendered("\033[38;5;9mx\033[48;5;2my\033[38;2;1;2;3;4mz\033[0m."),
		"\033[0;91mx\033[0;91;42my\033[0;4;91;42mz\033[0m.");
	assert_string_equal(rendered("\033[38;5mx\033[48mx\033[;mx"), "xxx");
}

TEST(terminal, bounds_what_it_renders)
{
	static struct terminal terminal;
	static uint8_t out[TERMINAL_TEXT_MAX];
	size_t size;

	terminal_reset(&terminal);
	for (unsigned i = 0; i < TERMINAL_CELLS - 1; i++)
		feed(&terminal, i % 2 ? "\033[1;2;3;4;5;7;97;107m\xf0\x9f\x98\x80" : "\033[0m\xf0\x9f\x98\x80");
	size = terminal_render(&terminal, 0, out);
	assert_in_range(size, 4 * (TERMINAL_CELLS - 1), TERMINAL_TEXT_MAX);
	assert_memory_equal(out + size - 8, "\xf0\x9f\x98\x80\033[0m", 8);
}

TEST(terminal, ends_open_strings)
{
	assert_string_equal(rendered("\033]0;never closed\nnext"), "next");
	assert_string_equal(rendered("\033P data \033\\x"), "x");
	assert_string_equal(rendered("\033]0;a\033[31mx"), "\033[0;31mx\033[0m");
	assert_string_equal(rendered("\033[12\030y"), "y");
	assert_string_equal(rendered("\033[1;2;3;4;5;6;7;8;9;10;11;12;13;14;15;16;17;18;31mx"),
		"\033[0;1;2;3;4;5;7mx\033[0m");
}

TEST(terminal, drops_overlong_sequences)
{
	static char text[1000];

	memset(text, ';', sizeof(text) - 4);
	memcpy(text, "\033[", 2);
	memcpy(text + sizeof(text) - 4, "31m", 4);
	assert_string_equal(rendered(text), "");
}

/* As the multiplexer does it: whole runs of characters at once where that is possible. */
static void feed_runs(struct terminal *terminal, const uint8_t *bytes, size_t length)
{
	size_t i, count;

	for (i = 0; i < length; i += count) {
		count = terminal_printable(terminal, bytes + i, length - i);
		if (count) {
			terminal_print(terminal, bytes + i, count);
			continue;
		}
		count = 1;
		do {
			enum terminal_event event = terminal_feed(terminal, bytes[i]);

			if (event == TERMINAL_LINE || event == TERMINAL_WRAP)
				terminal_clear_line(terminal);
		} while (terminal->filter.again);
	}
}

static void feed_each(struct terminal *terminal, const uint8_t *bytes, size_t length)
{
	size_t i;

	for (i = 0; i < length; i++) {
		do {
			enum terminal_event event = terminal_feed(terminal, bytes[i]);

			if (event == TERMINAL_LINE || event == TERMINAL_WRAP)
				terminal_clear_line(terminal);
		} while (terminal->filter.again);
	}
}

TEST(terminal, takes_runs_as_it_takes_bytes)
{
	static const char *const piece[] = {"plain text", "x", "~ ~", "\r", "\b\b\b", "\t", "\n", "\033[31m", "\033[m", "\033[3D",
		"\033[20C", "\033[1K", "\033[K", "\033[2K", "\033[2P", "\033[3@", "\033[7G", "\xc3\xa9", "\x7f", "\033]0;t\a",
		"\xff", "\033[12", "a line of more than eight times eight characters, so that it goes by words"};
	static struct terminal runs, each;
	static uint8_t text[4000], out[2][TERMINAL_TEXT_MAX];

	srand(1);
	for (unsigned round = 0; round < 300; round++) {
		size_t length = 0, size;

		terminal_reset(&runs);
		terminal_reset(&each);
		for (unsigned i = 0; i < 40; i++) {
			const char *next = piece[(unsigned)rand() % (sizeof(piece) / sizeof(piece[0]))];

			memcpy(text + length, next, strlen(next));
			length += strlen(next);
			feed_runs(&runs, text + length - strlen(next), strlen(next));
		}
		feed_each(&each, text, length);
		size = terminal_render(&each, 0, out[0]);
		assert_int_equal(terminal_render(&runs, 0, out[1]), size);
		assert_memory_equal(out[0], out[1], size);
		assert_int_equal(runs.cursor, each.cursor);
		assert_int_equal(runs.length, each.length);
		size = terminal_render(&each, 5, out[0]);
		assert_int_equal(terminal_render(&runs, 5, out[1]), size);
		assert_memory_equal(out[0], out[1], size);
	}
}

TEST(terminal, wraps_a_line_of_runs_at_its_end)
{
	static struct terminal terminal;
	static uint8_t text[TERMINAL_CELLS];

	memset(text, '.', sizeof(text));
	terminal_reset(&terminal);
	assert_int_equal(terminal_printable(&terminal, text, sizeof(text)), TERMINAL_CELLS - 1);
	terminal_print(&terminal, text, TERMINAL_CELLS - 1);
	assert_int_equal(terminal_printable(&terminal, text, 1), 0);
	assert_int_equal(terminal_feed(&terminal, '.'), TERMINAL_WRAP);
	assert_int_equal(terminal.length, TERMINAL_CELLS);
}

TEST(bytes, finds_what_a_loop_finds)
{
	static const uint8_t odd[] = {0, '\n', 0x1f, 0x20, 0x7e, 0x7f, 0x80, 0xa0, 0xff, 'a'};
	_Alignas(8) uint8_t text[64];

	srand(2);
	for (unsigned round = 0; round < 100000; round++) {
		size_t from = (size_t)rand() % 12, length = (size_t)rand() % 50, printable = 0, newline = 0;

		memset(text, 'x', sizeof(text));
		for (unsigned i = 0; i < round % 4; i++)
			text[(unsigned)rand() % sizeof(text)] = odd[(unsigned)rand() % sizeof(odd)];
		while (printable < length && text[from + printable] >= 0x20 && text[from + printable] < 0x7f)
			printable++;
		while (newline < length && text[from + newline] != '\n')
			newline++;
		assert_int_equal(bytes_printable(text + from, length), printable);
		assert_int_equal(bytes_newline(text + from, length), newline);
	}
}

int main(void)
{
#define UART(name) cmocka_unit_test_setup(uart_##name, setup_uart)
	const struct CMUnitTest tests[] = {
		UART(sends_all_when_the_host_is_fast),
		UART(waits_for_the_interrupt_when_the_host_is_slow),
		UART(bounds_one_pump_and_its_queue),
		UART(receives_and_can_pause),
		cmocka_unit_test(input_names_keys),
		cmocka_unit_test(input_tells_actions),
		cmocka_unit_test(scrollback_drops_the_oldest_lines),
		cmocka_unit_test(scrollback_cuts_huge_and_hostile_lines),
		cmocka_unit_test(terminal_follows_line_editing),
		cmocka_unit_test(terminal_keeps_styles),
		cmocka_unit_test(terminal_bounds_what_it_renders),
		cmocka_unit_test(terminal_ends_open_strings),
		cmocka_unit_test(terminal_drops_overlong_sequences),
		cmocka_unit_test(terminal_takes_runs_as_it_takes_bytes),
		cmocka_unit_test(terminal_wraps_a_line_of_runs_at_its_end),
		cmocka_unit_test(bytes_finds_what_a_loop_finds),
	};

	return cmocka_run_group_tests_name("console.parts", tests, NULL, NULL);
}
