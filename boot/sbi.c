/* SPDX-License-Identifier: Apache-2.0 */
#include "sbi.h"

enum {
	EXTENSION_PUTCHAR = 1,
	EXTENSION_SHUTDOWN = 8,
	EXTENSION_SRST = 0x53525354,
	SRST_SHUTDOWN = 0,
	SRST_FAILURE = 1,
};

static void call(long extension, long argument0, long argument1)
{
	register long a0 __asm__("a0") = argument0;
	register long a1 __asm__("a1") = argument1;
	register long a6 __asm__("a6") = 0;
	register long a7 __asm__("a7") = extension;

	__asm__ volatile("ecall" : "+r"(a0), "+r"(a1) : "r"(a6), "r"(a7) : "memory");
}

void sbi_print(const char *text)
{
	for (; *text != '\0'; text++) {
		if (*text == '\n')
			call(EXTENSION_PUTCHAR, '\r', 0);
		call(EXTENSION_PUTCHAR, *text, 0);
	}
}

void sbi_fail(void)
{
	call(EXTENSION_SRST, SRST_SHUTDOWN, SRST_FAILURE);
	call(EXTENSION_SHUTDOWN, 0, 0);
	for (;;)
		__asm__ volatile("wfi");
}
