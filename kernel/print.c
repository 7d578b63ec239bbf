/* SPDX-License-Identifier: Apache-2.0 */
#include <arch/arch.h>

#include "kernel.h"

static void put_string(const char *text)
{
	while (*text)
		arch_putchar(*text++);
}

static void put_number(uint64_t value, unsigned base)
{
	char digits[21];
	unsigned at = sizeof(digits);

	digits[--at] = 0;
	do {
		digits[--at] = "0123456789abcdef"[value % base];
		value /= base;
	} while (value);
	put_string(&digits[at]);
}

static void put_signed(int64_t value)
{
	if (value < 0)
		arch_putchar('-');
	put_number(value < 0 ? -(uint64_t)value : (uint64_t)value, 10);
}

void kvprintf(const char *format, va_list arguments)
{
	for (; *format; format++) {
		if (*format != '%') {
			arch_putchar(*format);
			continue;
		}
		bool is_long = *++format == 'l';

		format += is_long;
		switch (*format) {
		case 's':
			put_string(va_arg(arguments, const char *));
			break;
		case 'c':
			arch_putchar((char)va_arg(arguments, int));
			break;
		case 'd':
			put_signed(is_long ? va_arg(arguments, long) : va_arg(arguments, int));
			break;
		case 'u':
			put_number(is_long ? va_arg(arguments, unsigned long) : va_arg(arguments, unsigned), 10);
			break;
		case 'x':
			put_number(is_long ? va_arg(arguments, unsigned long) : va_arg(arguments, unsigned), 16);
			break;
		case 'p':
			put_number((uint64_t)va_arg(arguments, void *), 16);
			break;
		case 0:
			return;
		default:
			arch_putchar(*format);
			break;
		}
	}
}

void kprintf(const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	kvprintf(format, arguments);
	va_end(arguments);
}

_Noreturn void panic(const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	kprintf("\r\nserai: kernel panic: ");
	kvprintf(format, arguments);
	kprintf("\r\n");
	va_end(arguments);
	arch_shutdown(true);
}
