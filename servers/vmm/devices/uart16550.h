/* SPDX-License-Identifier: Apache-2.0 */
/* 16550A serial port with FIFOs; registers one byte apart. Sends at once, receives from the guest's terminal. */
#pragma once

#include "../bus.h"
#include "plic.h"

#define UART_FIFO 16u

struct uart {
	struct plic *plic;
	unsigned irq;
	uint8_t fifo[UART_FIFO]; /* received */
	uint8_t first, count;
	uint8_t trigger;         /* bytes that raise the receive interrupt */
	uint8_t ier, fcr, lcr, mcr, msr_delta, scr, dll, dlm;
	bool overrun;
	bool sent;               /* the transmitter-empty interrupt is due */
	bool polled;             /* the guest looks for input just now */
	uint8_t polls;           /* reads of LSR since the last byte sent */
};

void uart_init(struct uart *uart, struct plic *plic, unsigned irq);

/* Takes typed bytes from the terminal while there is room and the guest listens: by interrupt, or by reading LSR. */
void uart_input(struct uart *uart);

/* Takes accesses of any size; all but the first byte of a wide one read as 0. */
bool uart_access(void *device, struct bus_access *access);
