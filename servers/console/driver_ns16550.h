/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Driver of an ns16550a UART with a software transmit queue. It never waits for the device: what the FIFO does not take
 * stays in the queue until the interrupt "transmitter holding register empty" (THRE).
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define UART_QUEUE_SIZE 32768u /* bytes, power of two */
#define UART_FIFO_SIZE 16u

struct uart {
	volatile uint8_t *registers;
	uint32_t head, tail;       /* of the queue, modulo 2^32 */
	uint8_t interrupts;        /* what the interrupt enable register holds */
	uint8_t queue[UART_QUEUE_SIZE];
};

/* 8 data bits, FIFOs on, receive interrupt on; the divisor stays as the firmware set it. */
void ns16550_init(struct uart *uart, volatile uint8_t *registers);

/* Bytes that can be queued. */
size_t ns16550_room(const struct uart *uart);

/* Queues bytes; returns how many fitted. */
size_t ns16550_write(struct uart *uart, const void *bytes, size_t length);

/* Moves queued bytes to the device while it takes them, at most a fixed number, and turns the THRE interrupt on or off. */
void ns16550_pump(struct uart *uart);

/* Takes received bytes, at most `length`; returns how many. */
size_t ns16550_receive(struct uart *uart, uint8_t *bytes, size_t length);

/* Receive interrupt on or off: off while there is no room for input, so that the other side's flow control works. */
void ns16550_accept(struct uart *uart, bool on);

/* Clears the causes that reading the identification register clears. Call on each interrupt before the above. */
void ns16550_interrupt(struct uart *uart);

/* Access to the device: registers.c, or a model in tests. */
uint8_t uart_register_read(const struct uart *uart, unsigned number);
void uart_register_write(const struct uart *uart, unsigned number, uint8_t value);

/* Each byte in turn to the same register. */
void uart_register_write_all(const struct uart *uart, unsigned number, const uint8_t *values, size_t count);
