/* SPDX-License-Identifier: Apache-2.0 */
/* The kernel's printf, and panic. */
#include "test.h"

#include <kernel.h>

static const char *printed(void)
{
	host.console[host.console_length] = 0;
	host.console_length = 0;
	return host.console;
}

TEST(print, formats_every_conversion)
{
	kprintf("%s %c %u %d %x %%", "text", 'c', 4000000000u, -5, 0xbeefu);
	assert_string_equal(printed(), "text c 4000000000 -5 beef %");
	kprintf("%lu %ld %lx", UINT64_MAX, INT64_MIN, 0x123456789abcdeful);
	assert_string_equal(printed(), "18446744073709551615 -9223372036854775808 123456789abcdef");
	kprintf("%d %u %x", 0, 0u, 0u);
	assert_string_equal(printed(), "0 0 0");
	kprintf("%d", INT32_MIN);
	assert_string_equal(printed(), "-2147483648");
	kprintf("%p", (void *)0x1000);
	assert_string_equal(printed(), "1000");
}

/* A format that the compiler must not see. */
static void print_raw(const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	kvprintf(format, arguments);
	va_end(arguments);
}

TEST(print, stops_when_the_format_ends_in_a_conversion)
{
	print_raw("half %");
	assert_string_equal(printed(), "half ");
	print_raw("half %l");
	assert_string_equal(printed(), "half ");
}

TEST(print, panic_tells_why_and_halts)
{
	jmp_buf stop;

	host.stop = &stop;
	if (setjmp(stop) == 0) {
		panic("reason %u", 7u);
		fail();
	}
	assert_non_null(strstr(printed(), "kernel panic: reason 7"));
}

TEST(print, assertion_panics_in_debug_builds)
{
	jmp_buf stop;
	volatile int one = 1;

	host.stop = &stop;
	if (setjmp(stop) == 0) {
		assert(one == 1);
		assert(one == 2);
		fail();
	}
	assert_non_null(strstr(printed(), "one == 2"));
}
