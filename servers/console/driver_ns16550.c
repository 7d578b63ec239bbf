/* SPDX-License-Identifier: Apache-2.0 */
/* ns16550a (National Semiconductor PC16550D data sheet, chapter 8). */
#include "driver_ns16550.h"

enum { RECEIVE = 0, TRANSMIT = 0, INTERRUPT_ENABLE = 1, IDENTIFICATION = 2, FIFO_CONTROL = 2, LINE_CONTROL = 3,
	MODEM_CONTROL = 4, LINE_STATUS = 5 };
enum { ENABLE_RECEIVE = 1 << 0, ENABLE_TRANSMIT = 1 << 1 };
enum { FIFO_ENABLE = 1 << 0 };
enum { EIGHT_BITS = 3 };
enum { MODEM_DTR = 1 << 0, MODEM_RTS = 1 << 1, MODEM_OUT2 = 1 << 3 };
enum { STATUS_DATA = 1 << 0, STATUS_BREAK = 1 << 4, STATUS_EMPTY = 1 << 5 };

enum { PUMP_BURSTS = 64 };

static void enable(struct uart *uart, uint8_t interrupts)
{
	if (interrupts == uart->interrupts)
		return;
	uart->interrupts = interrupts;
	uart_register_write(uart, INTERRUPT_ENABLE, interrupts);
}

void ns16550_init(struct uart *uart, volatile uint8_t *registers)
{
	uart->registers = registers;
	uart->head = uart->tail = 0;
	uart->interrupts = 0;
	uart_register_write(uart, INTERRUPT_ENABLE, 0);
	uart_register_write(uart, LINE_CONTROL, EIGHT_BITS);
	uart_register_write(uart, FIFO_CONTROL, FIFO_ENABLE);
	uart_register_write(uart, MODEM_CONTROL, MODEM_DTR | MODEM_RTS | MODEM_OUT2);
	enable(uart, ENABLE_RECEIVE);
}

size_t ns16550_room(const struct uart *uart)
{
	return UART_QUEUE_SIZE - (uart->head - uart->tail);
}

size_t ns16550_write(struct uart *uart, const void *bytes, size_t length)
{
	const uint8_t *from = bytes;
	size_t room = ns16550_room(uart), i;

	if (length > room)
		length = room;
	for (i = 0; i < length; i++)
		uart->queue[uart->head++ % UART_QUEUE_SIZE] = from[i];
	return length;
}

void ns16550_pump(struct uart *uart)
{
	unsigned burst, i;

	for (burst = 0; burst < PUMP_BURSTS && uart->head != uart->tail; burst++) {
		if (!(uart_register_read(uart, LINE_STATUS) & STATUS_EMPTY))
			break;
		for (i = 0; i < UART_FIFO_SIZE && uart->head != uart->tail; i++)
			uart_register_write(uart, TRANSMIT, uart->queue[uart->tail++ % UART_QUEUE_SIZE]);
	}
	enable(uart, (uint8_t)((uart->interrupts & ENABLE_RECEIVE) | (uart->head != uart->tail ? ENABLE_TRANSMIT : 0)));
}

size_t ns16550_receive(struct uart *uart, uint8_t *bytes, size_t length)
{
	size_t count = 0, reads;
	uint8_t status, byte;

	for (reads = 0; reads < length; reads++) {
		status = uart_register_read(uart, LINE_STATUS);
		if (!(status & STATUS_DATA))
			break;
		byte = uart_register_read(uart, RECEIVE);
		if (!(status & STATUS_BREAK))
			bytes[count++] = byte;
	}
	return count;
}

void ns16550_accept(struct uart *uart, bool on)
{
	enable(uart, (uint8_t)((uart->interrupts & ~ENABLE_RECEIVE) | (on ? ENABLE_RECEIVE : 0)));
}

void ns16550_interrupt(struct uart *uart)
{
	/* The cause THRE ends by this read; received bytes and line errors end by their own. */
	(void)uart_register_read(uart, IDENTIFICATION);
	(void)uart_register_read(uart, LINE_STATUS);
}
