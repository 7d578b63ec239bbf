/* SPDX-License-Identifier: Apache-2.0 */
/* 16550A (TL16C550 data sheet). */
#include "../console.h"
#include "uart16550.h"

enum { REG_DATA, REG_IER, REG_IIR_FCR, REG_LCR, REG_MCR, REG_LSR, REG_MSR, REG_SCR };

enum {
	IER_RECEIVED = 1,
	IER_SENT = 2,
	IER_LINE = 4,
	IER_MODEM = 8,
	IIR_NONE = 1,
	IIR_MODEM = 0,
	IIR_SENT = 2,
	IIR_RECEIVED = 4,
	IIR_LINE = 6,
	IIR_TIMEOUT = 0xc,
	IIR_FIFOS = 0xc0,
	FCR_ENABLE = 1,
	FCR_CLEAR_RECEIVE = 2,
	LCR_DLAB = 0x80,
	MCR_DTR = 1,
	MCR_RTS = 2,
	MCR_OUT1 = 4,
	MCR_OUT2 = 8,
	MCR_LOOPBACK = 0x10,
	MCR_MASK = 0x1f,
	LSR_READY = 1,
	LSR_OVERRUN = 2,
	LSR_EMPTY = 0x60, /* THRE and TEMT */
	MSR_CTS = 0x10,
	MSR_DSR = 0x20,
	MSR_RI = 0x40,
	MSR_DCD = 0x80,
	MSR_DELTA_RI = 4, /* the trailing edge only */
};

/* Reads of LSR after which a guest that polls is taken to wait for input, not to send the next byte. */
#define POLLS_BEFORE_FLUSH 2u

void uart_init(struct uart *uart, struct plic *plic, unsigned irq)
{
	*uart = (struct uart){ .plic = plic, .irq = irq, .trigger = 1, .dll = 1 };
}

/* Highest source of an interrupt that is enabled, as IIR shows it. */
static uint8_t interrupt_source(const struct uart *uart)
{
	if ((uart->ier & IER_LINE) && uart->overrun)
		return IIR_LINE;
	if ((uart->ier & IER_RECEIVED) && uart->count)
		return uart->count >= uart->trigger ? IIR_RECEIVED : IIR_TIMEOUT;
	if ((uart->ier & IER_SENT) && uart->sent)
		return IIR_SENT;
	if ((uart->ier & IER_MODEM) && uart->msr_delta)
		return IIR_MODEM;
	return IIR_NONE;
}

static void update(struct uart *uart)
{
	plic_set_input(uart->plic, uart->irq, interrupt_source(uart) != IIR_NONE);
}

static unsigned capacity(const struct uart *uart)
{
	return uart->fcr & FCR_ENABLE ? UART_FIFO : 1;
}

static void receive(struct uart *uart, uint8_t byte)
{
	if (uart->count >= capacity(uart)) {
		uart->overrun = true;
		return;
	}
	uart->fifo[(uart->first + uart->count) % UART_FIFO] = byte;
	uart->count++;
}

/* A guest that does not listen here may read its input by firmware calls: the first bytes must not stay here. */
void uart_input(struct uart *uart)
{
	uint8_t byte;

	if ((uart->mcr & MCR_LOOPBACK) || !(uart->polled || (uart->ier & IER_RECEIVED)))
		return;
	while (uart->count < capacity(uart) && console_read(&byte, 1) == 1)
		receive(uart, byte);
	update(uart);
}

static uint8_t read_data(struct uart *uart)
{
	uint8_t byte = 0;

	if (uart->count) {
		byte = uart->fifo[uart->first];
		uart->first = (uint8_t)((uart->first + 1) % UART_FIFO);
		uart->count--;
	}
	if (uart->count == 0)
		console_deliver();
	update(uart);
	return byte;
}

static uint8_t modem_status(const struct uart *uart)
{
	unsigned status = MSR_CTS | MSR_DSR | MSR_DCD;

	if (uart->mcr & MCR_LOOPBACK) {
		status = (uart->mcr & MCR_RTS ? MSR_CTS : 0u) | (uart->mcr & MCR_DTR ? MSR_DSR : 0u) |
			(uart->mcr & MCR_OUT1 ? MSR_RI : 0u) | (uart->mcr & MCR_OUT2 ? MSR_DCD : 0u);
	}
	return (uint8_t)status;
}

static void write_mcr(struct uart *uart, uint8_t value)
{
	uint8_t before = modem_status(uart);
	uint8_t after, changed;

	uart->mcr = value & MCR_MASK;
	after = modem_status(uart);
	changed = (before ^ after) >> 4;
	if (!(before & MSR_RI))
		changed &= (uint8_t)~MSR_DELTA_RI;
	uart->msr_delta |= changed;
	if (!(value & MCR_LOOPBACK))
		console_deliver();
}

static void write_fcr(struct uart *uart, uint8_t value)
{
	static const uint8_t trigger[4] = { 1, 4, 8, 14 };

	if (((value ^ uart->fcr) & FCR_ENABLE) || ((value & FCR_ENABLE) && (value & FCR_CLEAR_RECEIVE)))
		uart->count = 0;
	uart->fcr = value & FCR_ENABLE;
	uart->trigger = value & FCR_ENABLE ? trigger[value >> 6] : 1;
	console_deliver();
}

static inline void write_data(struct uart *uart, uint8_t value)
{
	if (uart->lcr & LCR_DLAB) {
		uart->dll = value;
		return;
	}
	if (uart->mcr & MCR_LOOPBACK)
		receive(uart, value);
	else
		console_put(value);
	uart->polls = 0;
	uart->sent = true;
	if (uart->ier)
		update(uart);
}

static __attribute__((noinline)) void uart_write(struct uart *uart, unsigned reg, uint8_t value)
{
	console_flush();
	switch (reg) {
	case REG_IER:
		if (uart->lcr & LCR_DLAB) {
			uart->dlm = value;
			break;
		}
		if ((value & IER_SENT) && !(uart->ier & IER_SENT))
			uart->sent = true;
		uart->ier = value & 0xf;
		console_deliver();
		break;
	case REG_IIR_FCR:
		write_fcr(uart, value);
		break;
	case REG_LCR:
		uart->lcr = value;
		break;
	case REG_MCR:
		write_mcr(uart, value);
		break;
	case REG_SCR:
		uart->scr = value;
		break;
	default: /* LSR and MSR are read-only */
		break;
	}
	update(uart);
}

static uint8_t read_iir(struct uart *uart)
{
	uint8_t source = interrupt_source(uart);

	if (source == IIR_SENT) {
		uart->sent = false;
		update(uart);
	}
	return (uint8_t)(source | (uart->fcr & FCR_ENABLE ? IIR_FIFOS : 0));
}

static __attribute__((noinline)) void take_polled(struct uart *uart)
{
	uart->polled = true;
	console_deliver();
	uart->polled = false;
}

static inline uint8_t read_lsr(struct uart *uart)
{
	unsigned status = LSR_EMPTY;

	if (!uart->count && console_has_input())
		take_polled(uart);
	if (uart->count)
		status |= LSR_READY;
	if (uart->overrun) {
		status |= LSR_OVERRUN;
		uart->overrun = false;
		update(uart);
	}
	if (uart->polls < POLLS_BEFORE_FLUSH && ++uart->polls == POLLS_BEFORE_FLUSH)
		console_flush();
	return (uint8_t)status;
}

static __attribute__((noinline)) uint8_t uart_read(struct uart *uart, unsigned reg)
{
	uint8_t value;

	switch (reg) {
	case REG_DATA:
		return uart->lcr & LCR_DLAB ? uart->dll : read_data(uart);
	case REG_IER:
		return uart->lcr & LCR_DLAB ? uart->dlm : uart->ier;
	case REG_IIR_FCR:
		console_flush();
		return read_iir(uart);
	case REG_LCR:
		return uart->lcr;
	case REG_MCR:
		return uart->mcr;
	case REG_MSR:
		value = modem_status(uart) | uart->msr_delta;
		uart->msr_delta = 0;
		update(uart);
		return value;
	case REG_SCR:
		return uart->scr;
	default:
		return 0;
	}
}

/* Sending is a read of LSR and a write of the byte, each an exit: these two come first. */
__attribute__((hot)) bool uart_access(void *device, struct bus_access *access)
{
	unsigned reg = access->offset < 8 ? (unsigned)access->offset : 8;

	if (!access->write)
		access->value = reg == REG_LSR ? read_lsr(device) : uart_read(device, reg);
	else if (reg == REG_DATA)
		write_data(device, (uint8_t)access->value);
	else
		uart_write(device, reg, (uint8_t)access->value);
	return true;
}
