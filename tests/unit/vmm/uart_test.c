/* SPDX-License-Identifier: Apache-2.0 */
#include <devices/uart16550.h>
#include "console.h"
#include "fakes.h"
#include "test.h"

static struct plic plic;
static struct uart uart;
static uint64_t line;

enum { DATA, IER, IIR, LCR, MCR, LSR, MSR, SCR };
enum { FCR = IIR };

static uint8_t load(unsigned reg)
{
	struct bus_access access = { .offset = reg, .size = 1, .value = 0xbad };

	assert_true(uart_access(&uart, &access));
	return (uint8_t)access.value;
}

static void store(unsigned reg, uint8_t value)
{
	struct bus_access access = { .offset = reg, .size = 1, .value = value, .write = true };

	assert_true(uart_access(&uart, &access));
}

static bool interrupt(void)
{
	return plic.level >> 10 & 1;
}

static void deliver(void)
{
	uart_input(&uart);
}

static int prepare(void **state)
{
	(void)state;
	fake_reset(deliver);
	memset(&plic, 0, sizeof(plic));
	assert_int_equal(plic_add_context(&plic, fake_line, &line), ERR_OK);
	uart_init(&uart, &plic, 10);
	return 0;
}

TEST(uart, sends_and_tells_the_console_once_per_line)
{
	char text[16];

	(void)state;
	for (const char *c = "hello\n"; *c; c++) {
		assert_int_equal(load(LSR) & 0x60, 0x60);
		store(DATA, (uint8_t)*c);
	}
	assert_int_equal(fake_output(text, sizeof(text)), 6);
	assert_string_equal(text, "hello\n");
	assert_int_equal(fake.signals, 1);
}

TEST(uart, shows_a_prompt_when_the_guest_polls_for_input)
{
	(void)state;
	store(DATA, '>');
	assert_int_equal(fake.signals, 0);
	load(LSR);
	load(LSR);
	assert_int_equal(fake.signals, 1);
	load(LSR);
	assert_int_equal(fake.signals, 1);
}

TEST(uart, raises_the_transmitter_interrupt)
{
	(void)state;
	assert_int_equal(load(IIR), 1);
	store(IER, 2);
	assert_true(interrupt());
	assert_int_equal(load(IIR), 2);
	assert_false(interrupt());
	assert_int_equal(load(IIR), 1);
	store(DATA, 'a');
	assert_int_equal(load(IIR), 2);
	store(IER, 0);
	store(IER, 2); /* setting the bit again raises it again: drivers test for that */
	assert_int_equal(load(IIR), 2);
}

TEST(uart, receives_one_byte_without_fifo)
{
	(void)state;
	store(IER, 1);
	fake_type("ab");
	uart_input(&uart);
	assert_true(interrupt());
	assert_int_equal(load(IIR), 4);
	assert_int_equal(load(LSR), 0x61);
	assert_int_equal(load(DATA), 'a');
	assert_int_equal(load(DATA), 'b'); /* the next byte came from the terminal at once */
	assert_false(interrupt());
	assert_int_equal(load(DATA), 0);
}

TEST(uart, leaves_input_until_the_guest_looks_for_it)
{
	(void)state;
	fake_type("ab");
	uart_input(&uart);
	assert_int_equal(console_readable(), 2);
	assert_int_equal(load(LSR), 0x61);
	assert_int_equal(console_readable(), 1);
	assert_int_equal(load(DATA), 'a');
	uart_input(&uart);
	assert_int_equal(console_readable(), 1);
	store(IER, 1);
	assert_int_equal(console_readable(), 0);
	assert_true(interrupt());
}

TEST(uart, receives_by_fifo_with_trigger_and_timeout)
{
	(void)state;
	store(FCR, 0xc1);
	assert_int_equal(load(IIR), 0xc1);
	store(IER, 1);
	fake_type("0123456789abcdefXYZ");
	uart_input(&uart);
	assert_int_equal(load(IIR), 0xc4);
	for (unsigned i = 0; i < 16; i++)
		assert_int_equal(load(DATA), "0123456789abcdef"[i]);
	assert_int_equal(load(IIR), 0xcc); /* three bytes, below the trigger: timeout */
	store(FCR, 0xc3);
	assert_int_equal(load(IIR), 0xc1);
	assert_int_equal(load(LSR), 0x60);
}

TEST(uart, loops_back_data_and_modem_lines)
{
	char text[4];

	(void)state;
	store(MCR, 0x10);
	assert_int_equal(load(MSR) & 0xf0, 0);
	store(MCR, 0x1a);
	assert_int_equal(load(MSR) & 0xf0, 0x90); /* RTS and OUT2 come back as CTS and DCD */
	store(FCR, 1);
	for (unsigned i = 0; i < 17; i++)
		store(DATA, (uint8_t)i);
	assert_int_equal(fake_output(text, sizeof(text)), 0);
	assert_int_equal(load(LSR), 0x63); /* the 17th was too much */
	assert_int_equal(load(LSR), 0x61);
	assert_int_equal(load(DATA), 0);
	assert_int_equal(load(DATA), 1);
	store(MCR, 0);
	assert_int_equal(load(MSR) & 0xf0, 0xb0);
}

TEST(uart, tells_changes_of_the_modem_lines)
{
	(void)state;
	store(MCR, 0x10);
	load(MSR);
	store(IER, 8);
	assert_false(interrupt());
	store(MCR, 0x14); /* RI rises: only its trailing edge counts */
	assert_int_equal(load(MSR), 0x40);
	store(MCR, 0x11);
	assert_true(interrupt());
	assert_int_equal(load(IIR), 0);
	assert_int_equal(load(MSR), 0x26);
	assert_false(interrupt());
}

TEST(uart, keeps_scratch_and_divisor)
{
	(void)state;
	store(SCR, 0x5a);
	assert_int_equal(load(SCR), 0x5a);
	store(LCR, 0x83);
	store(DATA, 12);
	store(IER, 1);
	assert_int_equal(load(DATA), 12);
	assert_int_equal(load(IER), 1);
	store(LCR, 3);
	assert_int_equal(load(IER), 0);
	assert_int_equal(load(LCR), 3);
	assert_int_equal(load(9), 0);
}

int main(void)
{
#define RUN_PREPARED(name) cmocka_unit_test_setup(uart_##name, prepare)
	const struct CMUnitTest tests[] = {
		RUN_PREPARED(sends_and_tells_the_console_once_per_line),
		RUN_PREPARED(shows_a_prompt_when_the_guest_polls_for_input),
		RUN_PREPARED(raises_the_transmitter_interrupt), RUN_PREPARED(receives_one_byte_without_fifo),
		RUN_PREPARED(leaves_input_until_the_guest_looks_for_it),
		RUN_PREPARED(receives_by_fifo_with_trigger_and_timeout),
		RUN_PREPARED(loops_back_data_and_modem_lines), RUN_PREPARED(tells_changes_of_the_modem_lines),
		RUN_PREPARED(keeps_scratch_and_divisor),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
