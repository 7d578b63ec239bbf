/* SPDX-License-Identifier: Apache-2.0 */
/* ns16550a (National Semiconductor PC16550D data sheet, chapter 8). */
#include "driver_ns16550.h"

#include <string.h>

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
	size_t room = ns16550_room(uart), at = uart->head % UART_QUEUE_SIZE, first = UART_QUEUE_SIZE - at;

	if (length > room)
		length = room;
	if (first > length)
		first = length;
	memcpy(uart->queue + at, bytes, first);
	if (length != first)
		memcpy(uart->queue, (const uint8_t *)bytes + first, length - first);
	uart->head += (uint32_t)length;
	return length;
}

static uint32_t least(uint32_t a, uint32_t b)
{
	return a < b ? a : b;
}

void ns16550_pump(struct uart *uart)
{
	uint32_t at, count;
	unsigned burst;

	for (burst = 0; burst < PUMP_BURSTS && uart->head != uart->tail; burst++) {
		if (!(uart_register_read(uart, LINE_STATUS) & STATUS_EMPTY))
			break;
		at = uart->tail % UART_QUEUE_SIZE;
		count = least(uart->head - uart->tail, least(UART_FIFO_SIZE, UART_QUEUE_SIZE - at));
		uart_register_write_all(uart, TRANSMIT, uart->queue + at, count);
		uart->tail += count;
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
