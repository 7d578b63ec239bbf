/* SPDX-License-Identifier: Apache-2.0 */
/* What picolibc needs from its system: memory for malloc, and stdout and stderr as log lines. */
#include <libsys/entry.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <libsys/log.h>

static char *heap_next, *heap_end;

void heap_set(uint64_t address, uint64_t size)
{
	heap_next = (char *)(uintptr_t)address;
	heap_end = heap_next + size;
}

void *sbrk(ptrdiff_t increment)
{
	char *start = heap_next;

	if (increment > heap_end - heap_next) {
		errno = ENOMEM;
		return (void *)-1;
	}
	heap_next += increment;
	return start;
}

static char line[160];
static size_t line_length;

static int put(char c, FILE *file)
{
	(void)file;
	if (c != '\n')
		line[line_length++] = c;
	if (c == '\n' || line_length == sizeof(line)) {
		log_info("%.*s", (int)line_length, line);
		line_length = 0;
	}
	return (unsigned char)c;
}

static FILE output = FDEV_SETUP_STREAM(put, NULL, NULL, _FDEV_SETUP_WRITE);

FILE *const stdout = &output;
FILE *const stderr = &output;

_Noreturn void _exit(int status)
{
	log_error("exit(%d)", status);
	__builtin_trap();
}
