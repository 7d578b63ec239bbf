/* SPDX-License-Identifier: Apache-2.0 */
/* Output on the serial port of QEMU's virt machine: there is no console server here. */
#include <stdarg.h>
#include <stdio.h>

#include "bench.h"

#define UART_PHYSICAL 0x10000000u
#define UART_ADDRESS 0x2000000000ull

enum { DATA = 0, LINE_STATUS = 5, STATUS_EMPTY = 1 << 5 };

static volatile uint8_t *registers;

void uart_open(void)
{
	for (uint32_t i = 0; i < bench.info->untypeds; i++) {
		const struct untyped_info *untyped = &bench.info->untyped[i];
		cptr_t frame = bench.free_slot;

		if (untyped->kind != REGION_DEVICE || untyped->base != UART_PHYSICAL)
			continue;
		must(untyped_retype(untyped->slot, OBJECT_FRAME, 12, ROOT_SLOT_CNODE, frame, 1), "frame of the UART");
		bench.free_slot++;
		bench_map(frame, ROOT_SLOT_VSPACE, UART_ADDRESS, RIGHT_READ | RIGHT_WRITE);
		registers = (volatile uint8_t *)UART_ADDRESS;
	}
}

void uart_print(const char *format, ...)
{
	char line[160];
	va_list arguments;
	int length;

	va_start(arguments, format);
	length = vsnprintf(line, sizeof(line), format, arguments);
	va_end(arguments);
	for (int i = 0; registers && i < length && i < (int)sizeof(line) - 1; i++) {
		while (!(registers[LINE_STATUS] & STATUS_EMPTY))
			;
		registers[DATA] = (uint8_t)line[i];
	}
}
