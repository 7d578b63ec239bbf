/* SPDX-License-Identifier: Apache-2.0 */
/* Access to the registers of the real UART: one byte each, next to one another. */
#include "driver_ns16550.h"

uint8_t uart_register_read(const struct uart *uart, unsigned number)
{
	return uart->registers[number];
}

void uart_register_write(const struct uart *uart, unsigned number, uint8_t value)
{
	uart->registers[number] = value;
}

void uart_register_write_all(const struct uart *uart, unsigned number, const uint8_t *values, size_t count)
{
	volatile uint8_t *to = uart->registers + number;
	const uint8_t *end = values + count;

	while (values != end)
		*to = *values++;
}
