/* SPDX-License-Identifier: Apache-2.0 */
/* UART: any accesses, and input at any time. */
#include <console.h>
#include <devices/uart16550.h>
#include <fakes.h>
#include "vmm_fuzz.h"

static struct plic plic;
static struct uart uart;
static uint64_t line;

static void deliver(void)
{
	uart_input(&uart);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input input = { data, size };

	fake_reset(deliver);
	memset(&plic, 0, sizeof(plic));
	CHECK(plic_add_context(&plic, fake_line, &line) == ERR_OK);
	uart_init(&uart, &plic, 10);
	while (input.left) {
		uint8_t action = (uint8_t)input_take(&input, 1);
		struct bus_access access = { .size = (uint8_t)(1u << (action >> 6)), .write = action & 1 };

		if (action & 2) {
			fake_type("some");
			console_signalled(CONSOLE_SIGNAL_INPUT);
		} else {
			access.offset = (action >> 2 & 15) & ~(access.size - 1u);
			access.value = input_take(&input, 1);
			CHECK(uart_access(&uart, &access));
			CHECK(access.write || access.value <= 0xff);
		}
		CHECK(uart.count <= UART_FIFO && uart.first < UART_FIFO);
		fake_channel.output.tail = fake_channel.output.head;
	}
	CHECK(fake.log_errors == 0);
	return 0;
}
