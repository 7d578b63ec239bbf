/* SPDX-License-Identifier: Apache-2.0 */
#include "payload.h"

#include <stdarg.h>
#include <string.h>

enum { UART_DATA = 0, UART_STATUS = 5, UART_STATUS_READY = 1, UART_STATUS_EMPTY = 32 };
enum { DBCN_WRITE = 0, DBCN_READ = 1 };

static enum output { OUTPUT_UNKNOWN, OUTPUT_DBCN, OUTPUT_LEGACY, OUTPUT_UART } output;

bool sbi_has(uint64_t extension)
{
	struct sbi_result result = sbi(SBI_BASE, 3, extension, 0, 0, 0);

	return result.error == 0 && result.value != 0;
}

static void choose_output(void)
{
	if (sbi_has(SBI_DBCN))
		output = OUTPUT_DBCN;
	else if (sbi_has(SBI_LEGACY_PUTCHAR))
		output = OUTPUT_LEGACY;
	else
		output = OUTPUT_UART;
}

static void print_byte(char byte)
{
	if (output == OUTPUT_LEGACY) {
		sbi(SBI_LEGACY_PUTCHAR, 0, (uint8_t)byte, 0, 0, 0);
		return;
	}
	while ((mmio_read8(UART_BASE + UART_STATUS) & UART_STATUS_EMPTY) == 0)
		;
	mmio_write8(UART_BASE + UART_DATA, (uint8_t)byte);
}

void print_bytes(const char *bytes, size_t count)
{
	if (output == OUTPUT_UNKNOWN)
		choose_output();
	if (output != OUTPUT_DBCN) {
		while (count-- > 0)
			print_byte(*bytes++);
		return;
	}
	while (count > 0) {
		struct sbi_result result = sbi(SBI_DBCN, DBCN_WRITE, count, (uintptr_t)bytes, 0, 0);

		if (result.error != 0 || result.value > count)
			return;
		bytes += result.value;
		count -= result.value;
	}
}

struct line {
	char text[256];
	size_t length;
};

static void add(struct line *line, char byte)
{
	if (line->length == sizeof(line->text)) {
		print_bytes(line->text, line->length);
		line->length = 0;
	}
	line->text[line->length++] = byte;
}

static void add_number(struct line *line, uint64_t value, unsigned base)
{
	char digits[20];
	unsigned count = 0;

	do {
		digits[count++] = "0123456789abcdef"[value % base];
		value /= base;
	} while (value != 0);
	while (count > 0)
		add(line, digits[--count]);
}

static void add_text(struct line *line, const char *text)
{
	while (*text != '\0')
		add(line, *text++);
}

void print(const char *format, ...)
{
	struct line line = { .length = 0 };
	va_list arguments;

	va_start(arguments, format);
	for (; *format != '\0'; format++) {
		if (*format == '\n')
			add(&line, '\r');
		if (*format != '%') {
			add(&line, *format);
			continue;
		}
		switch (*++format) {
		case 's':
			add_text(&line, va_arg(arguments, const char *));
			break;
		case 'u':
			add_number(&line, va_arg(arguments, uint64_t), 10);
			break;
		case 'x':
			add_number(&line, va_arg(arguments, uint64_t), 16);
			break;
		case 'c':
			add(&line, (char)va_arg(arguments, int));
			break;
		default:
			add(&line, *format);
			break;
		}
	}
	va_end(arguments);
	print_bytes(line.text, line.length);
}

int console_read(void)
{
	static uint8_t byte;
	struct sbi_result result;

	if (output == OUTPUT_UNKNOWN)
		choose_output();
	/* Never two sources at once: bytes would come out of order. */
	if (output == OUTPUT_DBCN) {
		result = sbi(SBI_DBCN, DBCN_READ, 1, (uintptr_t)&byte, 0, 0);
		return result.error == 0 && result.value == 1 ? byte : -1;
	}
	if (output == OUTPUT_LEGACY) {
		result = sbi(SBI_LEGACY_GETCHAR, 0, 0, 0, 0, 0);
		return result.error >= 0 ? (int)(result.error & 255) : -1;
	}
	if ((mmio_read8(UART_BASE + UART_STATUS) & UART_STATUS_READY) != 0)
		return mmio_read8(UART_BASE + UART_DATA);
	return -1;
}
