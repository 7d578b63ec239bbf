/* SPDX-License-Identifier: Apache-2.0 */
/* What programs for a guest need where there is no C library: the start, system calls, and what GCC may call for structures. */
#pragma once

#include <stddef.h>
#include <stdint.h>

/* stack: as Linux leaves it, with the count of arguments and the arguments first. */
_Noreturn void program_main(const long *stack);

__asm__(".globl _start\n_start:\n\t.option push\n\t.option norelax\n\tla gp, __global_pointer$\n\t.option pop\n"
	"\tmv a0, sp\n\tandi sp, sp, -16\n\tcall program_main\n");

void *memset(void *to, int byte, size_t size);
void *memcpy(void *restrict to, const void *restrict from, size_t size);

void *memset(void *to, int byte, size_t size)
{
	for (volatile char *p = to; size; size--)
		*p++ = (char)byte;
	return to;
}

void *memcpy(void *restrict to, const void *restrict from, size_t size)
{
	const char *source = from;

	for (volatile char *p = to; size; size--)
		*p++ = *source++;
	return to;
}

static inline long call6(long number, long a, long b, long c, long d, long e, long f)
{
	register long a7 __asm__("a7") = number;
	register long a0 __asm__("a0") = a;
	register long a1 __asm__("a1") = b;
	register long a2 __asm__("a2") = c;
	register long a3 __asm__("a3") = d;
	register long a4 __asm__("a4") = e;
	register long a5 __asm__("a5") = f;

	__asm__ volatile("ecall" : "+r"(a0) : "r"(a7), "r"(a1), "r"(a2), "r"(a3), "r"(a4), "r"(a5) : "memory");
	return a0;
}

/* Writes a number in decimal, at most 20 characters and no NUL; returns how many. */
static inline size_t put_number(char *to, uint64_t number)
{
	char digits[20];
	size_t count = 0, length = 0;

	do {
		digits[count++] = (char)('0' + number % 10);
		number /= 10;
	} while (number);
	while (count)
		to[length++] = digits[--count];
	return length;
}

/* Writes a line in one go, so that those of two programs do not mix: the name, and a text in which each '#' is the next number. */
static inline void say_line(long write, const char *name, const char *text, const uint64_t *numbers)
{
	char line[256];
	size_t length = 0;

	for (; *name; name++)
		line[length++] = *name;
	line[length++] = ':';
	line[length++] = ' ';
	for (; *text; text++) {
		if (*text == '#')
			length += put_number(line + length, *numbers++);
		else
			line[length++] = *text;
	}
	line[length++] = '\n';
	(void)call6(write, 1, (long)line, (long)length, 0, 0, 0);
}
